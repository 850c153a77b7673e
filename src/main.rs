//! Temporary driver of the sandbox.
use scanctl as _;
fn main() {}
