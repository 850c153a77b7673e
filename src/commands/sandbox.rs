//! `scanctl sandbox`: the simulated vendors, on their own or around one command.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::process::Child;

use super::waiting::parse_duration;
use crate::cli::Global;
use crate::config::env;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::sandbox::faults::Fault;
use crate::sandbox::{Options, Sandbox, accepted};

/// Simulate all five vendors on this machine
///
/// Rehearse cron jobs and CI scripts without an account and without touching a network. The profiles are io, sc,
/// director, jsa and cf; the credentials are worth nothing elsewhere. With a command, the sandbox lives as long as the
/// command, which finds a ready config in SCANCTL_CONFIG and the variables that the vendors' own clients read; the exit
/// code is the command's. Without one, it runs until Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl sandbox -- scanctl profiles check
  scanctl sandbox --fault launch:reset=1 -- scanctl launch io/219
  scanctl sandbox --speed 600 -- ./nightly.sh
  scanctl sandbox --port 9000")]
pub struct Args {
    /// Divide how long states last: at 60, a minute takes a second
    #[arg(long, value_name = "FACTOR", default_value_t = 60.0)]
    pub speed: f64,

    /// Let things go wrong: 429=0.1, 500=0.05, reset=0.02, slow=0.1:3s, truncate=0.05 (repeatable, or a comma list)
    #[arg(long = "fault", value_name = "FAULT", value_delimiter = ',', value_parser = parse_fault)]
    pub faults: Vec<Fault>,

    /// Make the chances of faults repeatable
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,

    /// Listen on five ports from this one, instead of on free ones
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=i64::from(u16::MAX) - 4))]
    pub port: Option<u16>,

    /// Add this to every answer
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub latency: Option<Duration>,

    /// The command to run, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

fn parse_fault(text: &str) -> Result<Fault, String> {
    text.trim().parse().map_err(|problem| format!("{problem}"))
}

/// Runs the command.
///
/// # Errors
/// When the sandbox or the command cannot be started.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<ExitCode> {
    let Args { speed, faults, seed, port, latency, command } = args;
    global.no_document("sandbox")?;
    if !(speed.is_finite() && speed > 0.0) {
        return Err(Error::usage("`--speed` must be a number above 0").into());
    }
    let mut options = Options { speed, faults, seed, ports: port, latency: latency.unwrap_or_default(), log: None };
    if global.verbose > 0 {
        options.log = Some(Arc::new(|exchange| {
            let (profile, method, target, status) =
                (exchange.profile, exchange.method, exchange.target, exchange.status);
            tracing::debug!(profile, method, target, status, fault = ?exchange.fault, "sandbox");
        }));
    }
    let sandbox = Sandbox::start(options).context("cannot start the sandbox")?;
    let place = Place::new(&sandbox)?;
    if command.is_empty() {
        serve(&sandbox, &place, context).await?;
        return Ok(ExitCode::SUCCESS);
    }
    around(&command, &sandbox, &place, context).await
}

/// Where a sandbox keeps its config and state; gone when it is dropped.
pub(super) struct Place {
    _folder: TempDir,
    /// The config of the sandbox.
    pub config: PathBuf,
    state: PathBuf,
}

impl Place {
    /// Writes the config, readable by its owner alone, since it holds literal secrets.
    pub fn new(sandbox: &Sandbox) -> anyhow::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("scanctl-sandbox-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir().context("cannot make a folder for the config")?;
        let config = folder.path().join("config.toml");
        write_private(&config, &sandbox.config()).context("cannot write the config")?;
        let state = folder.path().join("state");
        Ok(Self { _folder: folder, config, state })
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Serves until a signal.
async fn serve(sandbox: &Sandbox, place: &Place, context: &Context) -> anyhow::Result<()> {
    let mut text = String::from("the sandbox listens on\n");
    for (profile, origin) in sandbox.origins() {
        writeln!(text, "  {profile:<9} {origin}")?;
    }
    for line in text.lines() {
        context.ui.status(line);
    }
    context.ui.status("use it from another terminal with the line below; end it with Ctrl-C");
    context.ui.data(format!("export {}={}\n", env::CONFIG, place.config.display()).as_bytes())?;
    context.interrupt.first().await;
    Ok(())
}

/// The command in the sandbox's surroundings: this program's config, and the variables of the vendors' own clients.
pub(super) fn child(program: &OsString, sandbox: &Sandbox, place: &Place) -> tokio::process::Command {
    let mut child = tokio::process::Command::new(own_program(program));
    child.env(env::CONFIG, &place.config).env(env::STATE_DIR, &place.state).env_remove(env::PROFILE);
    for name in OTHER_CREDENTIALS {
        child.env_remove(name);
    }
    for name in ["no_proxy", "NO_PROXY"] {
        child.env(name, unproxied(env::read(name).as_deref()));
    }
    for (profile, origin) in sandbox.origins() {
        match *profile {
            "io" => {
                child.env("TIO_URL", origin).env("TIO_ACCESS_KEY", accepted::ACCESS_KEY);
                child.env("TIO_SECRET_KEY", accepted::SECRET_KEY);
            }
            "sc" => {
                child.env("TSC_URL", origin).env("TSC_ACCESS_KEY", accepted::ACCESS_KEY);
                child.env("TSC_SECRET_KEY", accepted::SECRET_KEY);
            }
            "cf" => {
                child.env("CLOUDFLARE_BASE_URL", format!("{origin}/client/v4"));
                child.env("CLOUDFLARE_API_TOKEN", accepted::TOKEN).env("CLOUDFLARE_ACCOUNT_ID", accepted::ACCOUNT_ID);
            }
            _ => {}
        }
    }
    child
}

/// Variables in which the vendors' own clients look for further credentials. The user's real ones must not be sent
/// along with, or instead of, those of the sandbox.
const OTHER_CREDENTIALS: [&str; 7] = [
    "CLOUDFLARE_API_KEY",
    "CLOUDFLARE_EMAIL",
    "CLOUDFLARE_API_USER_SERVICE_KEY",
    "TIO_USERNAME",
    "TIO_PASSWORD",
    "TSC_USERNAME",
    "TSC_PASSWORD",
];

/// `NO_PROXY` with the loopback address added: a proxy elsewhere cannot reach the sandbox, and is not to see its traffic.
fn unproxied(given: Option<&str>) -> String {
    let mut list = given.map(str::trim).unwrap_or_default().to_owned();
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str("127.0.0.1,localhost");
    list
}

/// `scanctl` is this very program, installed or not.
fn own_program(program: &OsString) -> OsString {
    if program == "scanctl"
        && let Ok(own) = std::env::current_exe()
    {
        return own.into_os_string();
    }
    program.clone()
}

async fn around(command: &[OsString], sandbox: &Sandbox, place: &Place, context: &Context) -> anyhow::Result<ExitCode> {
    let Some((program, arguments)) = command.split_first() else { return Ok(ExitCode::SUCCESS) };
    let mut child = child(program, sandbox, place)
        .args(arguments)
        .kill_on_drop(true)
        .spawn()
        .map_err(|problem| Error::usage(format!("cannot run `{}`: {problem}", program.to_string_lossy())))?;
    Ok(ExitCode::from(code(ended(&mut child, context).await?)))
}

/// Waits for a command. Ctrl-C reaches it by itself; the sandbox stays for its last requests.
pub(super) async fn ended(child: &mut Child, context: &Context) -> std::io::Result<ExitStatus> {
    loop {
        tokio::select! {
            biased;
            status = child.wait() => return status,
            signal = context.interrupt.first(), if context.interrupt.received().is_none() => {
                if signal == Exit::Terminated {
                    terminate(child);
                }
            }
        }
    }
}

/// Passes SIGTERM on, since it was sent to the sandbox alone.
fn terminate(child: &Child) {
    #[cfg(unix)]
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
        // A child that is gone already needs no signal.
        let _sent = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    #[cfg(not(unix))]
    let _ends_by_itself = child;
}

/// The code that a shell would show.
pub(super) fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Args, unproxied};

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn read(words: &[&str]) -> Result<Args, clap::Error> {
        Line::try_parse_from(std::iter::once("sandbox").chain(words.iter().copied())).map(|line| line.args)
    }

    #[test]
    fn faults_are_read_from_a_list_and_from_repeated_flags_alike() {
        let list = read(&["--fault", "429=0.1, io:launch:lost=1x"]).unwrap();
        let repeated = read(&["--fault", "429=0.1", "--fault", "io:launch:lost=1x"]).unwrap();
        assert_eq!(list.faults.len(), 2);
        assert_eq!(list.faults, repeated.faults);
        assert!(read(&["--fault", "429=0.1,nonsense"]).unwrap_err().to_string().contains("no amount"));
    }

    #[test]
    fn five_ports_have_to_fit() {
        assert_eq!(read(&["--port", "65531"]).unwrap().port, Some(65531));
        assert!(read(&["--port", "65532"]).is_err());
        assert!(read(&["--port", "0"]).is_err());
    }

    #[test]
    fn the_loopback_address_is_added_to_the_users_exceptions() {
        assert_eq!(unproxied(None), "127.0.0.1,localhost");
        assert_eq!(unproxied(Some(" ")), "127.0.0.1,localhost");
        assert_eq!(unproxied(Some("corp.example")), "corp.example,127.0.0.1,localhost");
    }
}
