//! scanctl: one set of lifecycle verbs over scanners that have nothing in common.
//!
//! # Architecture
//!
//! Data flows one way. A **command** (`commands`) says what it needs and holds the flow. A **backend** (`backends`)
//! knows one vendor's paths, states and bodies. **`http`** knows how to send, repeat and keep secrets. **`output`**
//! turns rows into a format. **`ui`** is the only printer. **`findings`** reads a vendor's report as findings. `model`,
//! `error` and `exit` lie below all of them. The **`sandbox`** simulates the vendors and shares nothing with the
//! backends.
//!
//! ```text
//! commands ──▶ context ──▶ backends ──▶ http
//!    │            └──▶ config, ui
//!    ├──▶ wait ──▶ backends (the trait only)
//!    └──▶ output ──▶ ui
//! ```
//!
//! These directions are checked by `tests/it/architecture.rs`, and the lints in `clippy.toml` keep HTTP, the
//! environment, printing and waiting in the one module that may do each.

pub mod backends;
pub mod cli;
pub mod commands;
pub mod config;
pub mod context;
pub mod error;
pub mod exit;
pub mod findings;
pub mod http;
pub mod interrupt;
pub mod model;
pub mod output;
pub mod poll;
pub mod sandbox;
pub mod secret;
pub mod text;
pub mod ui;
pub mod wait;
