//! All integration tests in one binary: it links once, and helpers are compiled once.
#![cfg(test)]

#[macro_use]
mod common;

mod architecture;
mod config;
mod findings;
mod harness;
mod http;
mod recorded;
mod surface;
