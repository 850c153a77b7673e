//! Every environment variable the program reads for itself, in one place.

#![expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]

/// Which profiles, comma-separated; the same as `--profile`.
pub const PROFILE: &str = "SCANCTL_PROFILE";
/// The config file; the same as `--config`.
pub const CONFIG: &str = "SCANCTL_CONFIG";
/// The state directory; the same as `--state-dir`.
pub const STATE_DIR: &str = "SCANCTL_STATE_DIR";
/// The format of stdout; the same as `--format`.
pub const FORMAT: &str = "SCANCTL_FORMAT";
/// What is logged, for example `debug` or `scanctl::http=trace`.
pub const LOG: &str = "SCANCTL_LOG";
/// No colour, whatever its value (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";
/// Colour even without a terminal, unless 0.
pub const CLICOLOR_FORCE: &str = "CLICOLOR_FORCE";
/// Tests only: pauses between retries and polls take no time.
pub const TEST_NO_DELAY: &str = "__SCANCTL_TEST_NO_DELAY";

/// One variable, if it is set and not empty.
pub fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
