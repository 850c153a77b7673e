//! scanctl.
pub mod sandbox;
