//! A home of its own for the real program: temporary folders, a cleared environment, a config, a deadline.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::vendor::{PATIENCE, Vendor};

/// Part of every secret that [`Env`] writes. No output may ever have it.
pub const CANARY: &str = "canary";
/// The access key of every profile that [`Env`] writes.
pub const ACCESS_KEY: &str = "canary-access-key";
/// The secret key of every profile that [`Env`] writes.
pub const SECRET_KEY: &str = "canary-secret-key";
/// The token of every profile that [`Env`] writes.
pub const TOKEN: &str = "canary-token-0123456789";
/// The `X-ApiKeys` value that Tenable VM profiles of [`Env`] send.
pub const IO_KEYS: &str = "accessKey=canary-access-key;secretKey=canary-secret-key";
/// The account of every Cloudflare profile that [`Env`] writes.
pub const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";

/// A home of its own.
pub struct Env {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl Env {
    /// An empty home without a config file.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("scanctl-test-").tempdir().expect("a temporary folder");
        let mut env = Self { folder, variables: BTreeMap::new() };
        for (name, place) in [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_RUNTIME_DIR", "run"),
            ("TMPDIR", "tmp"),
        ] {
            let place = env.path(place);
            fs::create_dir_all(&place).expect("a folder in the temporary folder");
            env.set(name, place.to_str().expect("temporary folders have plain names"));
        }
        env.set("PATH", "/usr/local/bin:/usr/bin:/bin");
        env.set("TZ", "UTC");
        env.set("LC_ALL", "C.UTF-8");
        env.set("__SCANCTL_TEST_NO_DELAY", "1");
        env
    }

    /// The folder that everything is in, and the program's working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the folder with this mode.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder in the temporary folder");
        fs::write(&path, content).expect("a file in the temporary folder");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("an own file");
        path
    }

    /// What a file in the folder holds, if it is there.
    pub fn read(&self, name: &str) -> Option<String> {
        fs::read(self.path(name)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Where the config file is expected.
    pub fn config_path(&self) -> PathBuf {
        self.path("config/scanctl/config.toml")
    }

    /// Replaces the config file; its owner alone can read it.
    pub fn config(&self, text: &str) -> &Self {
        self.file("config/scanctl/config.toml", text, 0o600);
        self
    }

    /// Appends to the config file. What belongs to the top level must come before the first table.
    pub fn add_config(&self, text: &str) -> &Self {
        let before = self.read("config/scanctl/config.toml").unwrap_or_default();
        self.config(&format!("{before}{text}\n"))
    }

    /// Adds a profile of a backend that talks to `origin`, with canary secrets and these other lines.
    pub fn profile(&self, name: &str, backend: &str, origin: &str, more: &str) -> &Self {
        let secrets = match backend {
            "juniper" => format!("token = \"{TOKEN}\""),
            "cloudflare" => format!("token = \"{TOKEN}\"\naccount_id = \"{ACCOUNT}\""),
            _ => format!("access_key = \"{ACCESS_KEY}\"\nsecret_key = \"{SECRET_KEY}\""),
        };
        self.add_config(&format!(
            "[profiles.{name}]\nbackend = \"{backend}\"\nbase_url = \"{origin}\"\n{secrets}\n{more}"
        ))
    }

    /// Adds the Tenable VM profile `io` that talks to a mock.
    pub fn tenable_io(&self, vendor: &Vendor) -> &Self {
        self.profile("io", "tenable-io", &vendor.url(), "")
    }

    /// Sets an environment variable of the program.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Removes one: `__SCANCTL_TEST_NO_DELAY` for instance, where pauses are what is tested.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.remove(name);
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanctl"));
        command.args(arguments).env_clear().envs(&self.variables).current_dir(self.folder());
        command
    }

    /// Runs the program to its end, nothing on stdin.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.spawn(arguments).wait()
    }

    /// Starts the program, nothing on stdin.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        self.spawn_from(arguments, Stdio::null())
    }

    /// Starts the program as the leader of a group of processes, as a shell does; see [`Running::interrupt_group`].
    pub fn spawn_group(&self, arguments: &[&str]) -> Running {
        self.started(self.command(arguments).process_group(0).stdin(Stdio::null()))
    }

    /// Runs the program with stdin and stderr on a terminal and stdout in a pipe, and types `input`.
    pub fn run_on_terminal(&self, arguments: &[&str], input: &str) -> Output {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).expect("a terminal");
        unlockpt(&controller).expect("a terminal");
        let name = ptsname(&controller, Vec::new()).expect("a terminal has a name");
        let open = || {
            let path = name.to_str().expect("a terminal has a plain name");
            OpenOptions::new().read(true).write(true).open(path).expect("the other end of the terminal")
        };
        let mut command = self.command(arguments);
        command.stdin(open()).stderr(open()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // Its handles keep the terminal open, which then never ends.
        drop(command);
        let mut controller = File::from(controller);
        controller.write_all(input.as_bytes()).expect("the terminal takes input");
        let stdout = child.stdout.take().map(collect).expect("stdout is a pipe");
        Running::new(child, stdout, collect(controller)).wait()
    }

    /// Runs the program with everything on a terminal of this width; what it prints is on stdout, stderr included.
    pub fn run_in_terminal(&self, arguments: &[&str], columns: u16) -> Output {
        self.spawn_in_terminal(arguments, columns).0.wait()
    }

    /// The same of a program under way, and where to type.
    pub fn spawn_in_terminal(&self, arguments: &[&str], columns: u16) -> (Running, File) {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        use rustix::termios::{OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize};
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).expect("a terminal");
        unlockpt(&controller).expect("a terminal");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).expect("a terminal has a size");
        let name = ptsname(&controller, Vec::new()).expect("a terminal has a name");
        let path = name.to_str().expect("a terminal has a plain name");
        let other_end = OpenOptions::new().read(true).write(true).open(path).expect("the other end of the terminal");
        let mut modes = tcgetattr(&other_end).expect("a terminal has modes");
        modes.output_modes.remove(OutputModes::OPOST);
        tcsetattr(&other_end, OptionalActions::Now, &modes).expect("a terminal has modes");
        let copy = || other_end.try_clone().expect("a handle of the terminal");
        let mut command = self.command(arguments);
        command.stdin(copy()).stderr(copy()).stdout(copy());
        let child = command.spawn().expect("the program starts");
        // Its handles keep the terminal open, which then never ends.
        drop((command, other_end));
        let controller = File::from(controller);
        let keyboard = controller.try_clone().expect("a handle of the terminal");
        (Running::new(child, collect(controller), collect(std::io::empty())), keyboard)
    }

    /// Starts the program with stdout going to this, stderr in a pipe and nothing on stdin.
    pub fn spawn_into(&self, arguments: &[&str], stdout: impl Into<Stdio>) -> Running {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stderr = child.stderr.take().map(collect).expect("stderr is a pipe");
        Running::new(child, collect(std::io::empty()), stderr)
    }

    /// Starts the program with stdin coming from this, stdout and stderr in pipes.
    pub fn spawn_from(&self, arguments: &[&str], stdin: impl Into<Stdio>) -> Running {
        self.started(self.command(arguments).stdin(stdin))
    }

    fn started(&self, command: &mut Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stdout = child.stdout.take().map(collect).expect("stdout is a pipe");
        let stderr = child.stderr.take().map(collect).expect("stderr is a pipe");
        Running::new(child, stdout, stderr)
    }

    /// What varies from run to run, as snapshots must not have it.
    pub fn snapshot_settings(&self) -> insta::Settings {
        let mut settings = insta::Settings::clone_current();
        let folder = regex_literal(self.folder().to_str().expect("temporary folders have plain names"));
        settings.add_filter(&folder, "[HOME]");
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]");
        settings.add_filter(r"\b\d+(\.\d+)?(e-\d+)? ?(ms|µs)\b", "[TIME]");
        settings.add_filter(concat!(r"scanctl[ /]", env!("CARGO_PKG_VERSION")), "scanctl [VERSION]");
        settings
    }
}

fn regex_literal(text: &str) -> String {
    let mut out = String::new();
    for symbol in text.chars() {
        if !symbol.is_alphanumeric() {
            out.push('\\');
        }
        out.push(symbol);
    }
    out
}

/// Compares exit code, stdout and stderr of an [`Output`] with an inline snapshot, without what varies.
macro_rules! assert_output {
    ($env:expr, $output:expr, @$expected:literal) => {{
        let output = &$output;
        $env.snapshot_settings().bind(|| insta::assert_snapshot!(output.to_string(), @$expected));
    }};
}

/// Everything that came out of a stream so far.
#[derive(Default)]
struct Collected {
    state: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

impl Collected {
    fn change(&self, change: impl FnOnce(&mut (Vec<u8>, bool))) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Blocks until the text has come or the stream has ended; whether it came.
    fn until(&self, text: &str) -> bool {
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |(bytes, ended)| !has(bytes) && !*ended);
        let (state, _timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        has(&state.0)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.state.lock().unwrap_or_else(PoisonError::into_inner).0).into_owned()
    }
}

/// A stream that is read by a thread of its own.
struct Stream {
    collected: Arc<Collected>,
    reading: JoinHandle<()>,
}

fn collect(mut from: impl Read + Send + 'static) -> Stream {
    let collected = Arc::new(Collected::default());
    let reading = {
        let collected = Arc::clone(&collected);
        std::thread::spawn(move || {
            let mut part = [0; 8192];
            // A terminal ends with an error when its last user is gone.
            while let Ok(count @ 1..) = from.read(&mut part) {
                collected.change(|(bytes, _)| bytes.extend_from_slice(&part[..count]));
            }
            collected.change(|(_, ended)| *ended = true);
        })
    };
    Stream { collected, reading }
}

/// The program under way.
pub struct Running {
    pid: Pid,
    ended: Receiver<ExitStatus>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    waited: bool,
}

impl Running {
    fn new(mut child: Child, stdout: Stream, stderr: Stream) -> Self {
        let pid = Pid::from_child(&child);
        let (send, ended) = channel();
        std::thread::spawn(move || {
            if let Ok(status) = child.wait() {
                // Nobody listens any more when the test has failed.
                let _nobody = send.send(status);
            }
        });
        Self { pid, ended, stdout: Some(stdout), stderr: Some(stderr), waited: false }
    }

    /// Sends what Ctrl-C sends.
    pub fn interrupt(&self) {
        kill_process(self.pid, Signal::INT).expect("the program runs");
    }

    /// Sends what Ctrl-C sends to the whole group, as a terminal does.
    pub fn interrupt_group(&self) {
        kill_process_group(self.pid, Signal::INT).expect("the group runs");
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        kill_process(self.pid, Signal::TERM).expect("the program runs");
    }

    /// Blocks until the program has printed this on stdout. Fails if it ends without.
    pub fn until_stdout(&self, text: &str) {
        Self::until(self.stdout.as_ref(), text);
    }

    /// Blocks until the program has printed this on stderr. Fails if it ends without.
    pub fn until_stderr(&self, text: &str) {
        Self::until(self.stderr.as_ref(), text);
    }

    fn until(stream: Option<&Stream>, text: &str) {
        let collected = &stream.expect("it was not waited for yet").collected;
        assert!(collected.until(text), "{text:?} never came; what came is\n{}", collected.text());
    }

    /// Waits for the end. A program that does not end is killed and fails the test.
    pub fn wait(mut self) -> Output {
        let status = self.ended.recv_timeout(PATIENCE);
        self.waited = true;
        if status.is_err() {
            let _gone = kill_process(self.pid, Signal::KILL);
        }
        let text = |stream: Option<Stream>| {
            let bytes = stream.map_or_else(Vec::new, |stream| {
                stream.reading.join().expect("reading does not panic");
                let mut state = stream.collected.state.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut state.0)
            });
            (String::from_utf8_lossy(&bytes).into_owned(), bytes)
        };
        let (stdout, stdout_bytes) = text(self.stdout.take());
        let (stderr, _) = text(self.stderr.take());
        let Ok(status) = status else {
            panic!("the program did not end within {PATIENCE:?}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        };
        let output = Output { status, stdout, stdout_bytes, stderr };
        assert!(!output.stdout.contains(CANARY), "a secret on stdout\n{output}");
        assert!(!output.stderr.contains(CANARY), "a secret on stderr\n{output}");
        let wrong = super::schema::wrong_in_output(&output.stdout, &output.stderr);
        assert!(wrong.is_empty(), "not what `scanctl schema` says: {wrong:#?}\n{output}");
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.waited {
            let _gone = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// How the program ended and what it said.
#[derive(Debug)]
pub struct Output {
    status: ExitStatus,
    pub stdout: String,
    pub stdout_bytes: Vec<u8>,
    pub stderr: String,
}

impl Output {
    /// The exit code; none where a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails with everything it said unless it ended with this code.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "another exit code than expected\n{self}");
        self
    }

    /// stdout as one JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|problem| panic!("stdout is no JSON: {problem}\n{self}"))
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code() {
            Some(code) => writeln!(formatter, "exit code: {code}")?,
            None => writeln!(formatter, "ended by a signal: {:?}", self.status)?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(formatter, "----- {name} -----\n{}", text.trim_end_matches('\n'))?;
            }
        }
        Ok(())
    }
}
