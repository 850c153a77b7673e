//! All integration tests in one binary: it links once, and helpers are compiled once.
#![cfg(test)]

#[macro_use]
mod common;

mod architecture;
mod commands;
mod config;
mod conformance;
mod control;
mod definitions;
mod findings;
mod formats;
mod fuzz;
mod harness;
mod http;
mod launch;
mod output;
mod recorded;
mod schemas;
mod secrets;
mod signals;
mod sources;
mod surface;
mod waiting;
