//! What tests share: a mock vendor, a home for the real program, certificates.

pub mod certificate;
#[macro_use]
pub mod env;
pub mod exchange;
pub mod schema;
pub mod tenable_vm;
pub mod vendor;

pub use certificate::Authority;
pub use env::Env;
pub use exchange::{Exchange, Received, Reply, close_before_reading, delete, get, patch, post, put};
pub use vendor::Vendor;
