//! Where secrets come from, when they are read, and that they never show.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;

use crate::common::env::{CANARY, IO_KEYS};
use crate::common::{Env, Exchange, Reply, Vendor, get};

/// What `profiles check` reads.
fn session() -> Exchange {
    get("/session").reply(Reply::json(200, &json!({"username": "ann", "permissions": 64})))
}

/// A home whose profile `io` takes its secret key from `source`.
fn env(vendor: &Vendor, source: &str) -> Env {
    let env = Env::new();
    env.config(&format!(
        "[profiles.io]\nbackend = \"tenable-io\"\nbase_url = \"{}\"\n\
         access_key = {{ file = \"access\" }}\nsecret_key = {source}\n",
        vendor.url()
    ));
    env.file("config/scanctl/access", "canary-access-key\n", 0o600);
    env
}

/// The key goes out from this source, and is not seen otherwise.
fn goes_out(prepare: impl FnOnce(&mut Env), source: &str) {
    let vendor = Vendor::start();
    vendor.expect(session().header("x-apikeys", IO_KEYS));
    let mut env = env(&vendor, source);
    prepare(&mut env);
    env.run(&["profiles", "check", "io", "-vvv"]).expect_code(0);
}

/// What is said of this source; nothing is sent.
fn refused(prepare: impl FnOnce(&mut Env), source: &str) -> String {
    let vendor = Vendor::start();
    let mut env = env(&vendor, source);
    prepare(&mut env);
    let output = env.run(&["status", "io/219"]).expect_code(3);
    assert_eq!(vendor.connections(), 0);
    let said = output.stderr.replace(env.folder().to_str().unwrap(), "HOME");
    said.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
}

#[test]
fn every_source_yields_the_key() {
    goes_out(|env| _ = env.set("IO_KEY", "canary-secret-key"), "{ env = \"IO_KEY\" }");
    goes_out(|env| _ = env.set("IO_KEY", "canary-secret-key\n"), "{ env = \"IO_KEY\" }");
    goes_out(|_| (), "{ command = [\"printf\", \"%s-%s-%s\\r\\n\", \"canary\", \"secret\", \"key\"] }");
    goes_out(|env| drop(env.file("key", "echo canary-secret-key", 0o600)), "{ command = [\"sh\", \"key\"] }");
    goes_out(|env| drop(env.file("config/scanctl/key", "canary-secret-key\r\n", 0o644)), "{ file = \"key\" }");
    goes_out(|env| drop(env.file("home/key", "canary-secret-key", 0o600)), "{ file = \"~/key\" }");
    goes_out(|_| (), "\"canary-secret-key\"");
}

#[test]
fn what_cannot_be_read_is_told_without_its_content() {
    let mut said = Vec::new();
    let mut case = |name: &str, prepare: &dyn Fn(&mut Env), source: &str| {
        said.push(format!("{name}\n    {}", refused(|env| prepare(env), source)));
    };
    case("not set", &|_| (), "{ env = \"IO_KEY\" }");
    case("empty variable", &|env| _ = env.set("IO_KEY", ""), "{ env = \"IO_KEY\" }");
    case("line break", &|env| _ = env.set("IO_KEY", "canary\ncanary"), "{ env = \"IO_KEY\" }");
    case("no such file", &|_| (), "{ file = \"key\" }");
    case("a folder", &|env| fs::create_dir_all(env.path("config/scanctl/key")).unwrap(), "{ file = \"key\" }");
    case("empty file", &|env| drop(env.file("config/scanctl/key", "\n", 0o600)), "{ file = \"key\" }");
    case("no text", &|env| drop(env.file("config/scanctl/key", b"canary\xff", 0o600)), "{ file = \"key\" }");
    case("two lines", &|env| drop(env.file("config/scanctl/key", "canary\ncanary\n", 0o600)), "{ file = \"key\" }");
    case("no such command", &|_| (), "{ command = [\"no-such-command\", \"canary\"] }");
    case("failing command", &|_| (), "{ command = [\"sh\", \"-c\", \"echo canary; exit 3\"] }");
    case("killed command", &|_| (), "{ command = [\"sh\", \"-c\", \"kill -9 $$\"] }");
    case("silent command", &|_| (), "{ command = \"true\" }");
    case("command without text", &|_| (), "{ command = [\"printf\", \"canary\\\\377\"] }");
    case("empty literal", &|_| (), "\"\"");
    insta::assert_snapshot!(said.join("\n"), @r"
    not set
        error: profile `io`: `secret_key`: environment variable `IO_KEY` is not set
    empty variable
        error: profile `io`: `secret_key`: environment variable IO_KEY is empty
    line break
        error: profile `io`: `secret_key`: environment variable IO_KEY has a line break or control character in it
    no such file
        error: profile `io`: `secret_key`: cannot read HOME/config/scanctl/key: No such file or directory (os error 2)
    a folder
        error: profile `io`: `secret_key`: cannot read HOME/config/scanctl/key: Is a directory (os error 21)
    empty file
        error: profile `io`: `secret_key`: file HOME/config/scanctl/key is empty
    no text
        error: profile `io`: `secret_key`: cannot read HOME/config/scanctl/key: stream did not contain valid UTF-8
    two lines
        error: profile `io`: `secret_key`: file HOME/config/scanctl/key has a line break or control character in it
    no such command
        error: profile `io`: `secret_key`: cannot run `no-such-command`: No such file or directory (os error 2)
    failing command
        error: profile `io`: `secret_key`: `sh` failed (exit status: 3)
    killed command
        error: profile `io`: `secret_key`: `sh` failed (signal: 9 (SIGKILL))
    silent command
        error: profile `io`: `secret_key`: command true is empty
    command without text
        error: profile `io`: `secret_key`: the output of `printf` is not valid UTF-8
    empty literal
        error: profile `io`: `secret_key`: literal in HOME/config/scanctl/config.toml is empty
    ");
}

#[test]
fn a_literal_needs_a_file_for_its_owner_alone() {
    for mode in [0o600, 0o400, 0o700] {
        goes_out(
            |env| fs::set_permissions(env.config_path(), fs::Permissions::from_mode(mode)).unwrap(),
            "\"canary-secret-key\"",
        );
    }
    let mut said = Vec::new();
    for mode in [0o644, 0o640, 0o604, 0o660, 0o610, 0o601] {
        let open = |env: &mut Env| fs::set_permissions(env.config_path(), fs::Permissions::from_mode(mode)).unwrap();
        said.push(refused(open, "\"canary-secret-key\""));
    }
    assert_eq!(said.len(), 6);
    insta::assert_snapshot!(said[0], @"error: profile `io`: `secret_key`: a literal secret in a file that others can read (HOME/config/scanctl/config.toml, mode 644) / hint: chmod 600 HOME/config/scanctl/config.toml, or take the secret from { env = … }, { file = … } or { command = … }");
    // Behind a link it is the file that counts.
    let linked = |env: &mut Env| {
        fs::rename(env.config_path(), env.path("real.toml")).unwrap();
        fs::set_permissions(env.path("real.toml"), fs::Permissions::from_mode(0o644)).unwrap();
        symlink(env.path("real.toml"), env.config_path()).unwrap();
    };
    assert!(refused(linked, "\"canary-secret-key\"").contains("others can read"));
    // A file that names its sources may be read by anybody.
    goes_out(
        |env| {
            env.set("IO_KEY", "canary-secret-key");
            fs::set_permissions(env.config_path(), fs::Permissions::from_mode(0o644)).unwrap();
        },
        "{ env = \"IO_KEY\" }",
    );
}

/// A password manager may ask, which must be seen, and its answer must not.
#[test]
fn a_command_keeps_its_own_stderr_and_gets_no_say_on_stdout() {
    let vendor = Vendor::start();
    vendor.expect(session().header("x-apikeys", IO_KEYS));
    let script = "echo unlocked >&2; echo canary-secret-key";
    let env = env(&vendor, &format!("{{ command = [\"sh\", \"-c\", \"{script}\"] }}"));
    let output = env.run(&["profiles", "check", "io"]).expect_code(0);
    assert!(output.stderr.contains("unlocked") && !output.stdout.contains("unlocked"), "{output}");
}

/// 7 comes before secrets are read; see the order of checks.
#[test]
fn what_is_unsupported_reads_no_secret() {
    let env = Env::new();
    let marker = env.path("read");
    let command = format!("{{ command = [\"sh\", \"-c\", \"touch {}; echo x\"] }}", marker.display());
    env.config(&format!(
        "[profiles.cf]\nbackend = \"cloudflare\"\nbase_url = \"http://127.0.0.1:1\"\n\
         account_id = \"0123456789abcdef0123456789abcdef\"\ntoken = {command}\n"
    ));
    env.run(&["pause", "cf/1"]).expect_code(7);
    env.run(&["profiles", "list"]).expect_code(0);
    env.run(&["profiles", "show", "cf"]).expect_code(0);
    env.run(&["status", "cf/1", "cf/@"]).expect_code(2);
    assert!(!marker.exists());
}

#[test]
fn profiles_show_their_sources_and_no_secret() {
    let vendor = Vendor::start();
    let env = env(&vendor, "\"canary-secret-key\"");
    env.add_config(
        "[profiles.two]\nbackend = \"tenable-io\"\naccess_key = { env = \"A\" }\nsecret_key = { command = [\"pass\", \"canary\"] }",
    );
    for format in ["table", "json", "ndjson", "csv"] {
        env.run(&["profiles", "show", "io", "two", "-f", format]).expect_code(0);
    }
    assert_output!(env, env.run(&["profiles", "show", "two", "-f", "json"]), @r#"
    exit code: 0
    ----- stdout -----
    {
      "schema_version": 1,
      "kind": "profiles",
      "complete": true,
      "items": [
        {
          "profile": "two",
          "backend": "tenable-io",
          "base_url": "https://cloud.tenable.com/",
          "default": false,
          "groups": [],
          "ok": null,
          "user": null,
          "message": null,
          "details": {
            "access_key": "environment variable A",
            "insecure": "false",
            "max_concurrency": "1",
            "secret_key": "command pass",
            "timeout": "30s"
          }
        }
      ]
    }
    "#);
}

/// What a vendor says may hold the keys, in any encoding of its own; none of it is shown at any level.
#[test]
fn a_vendor_that_echoes_everything_shows_no_key() {
    let echo = |request: &crate::common::Received| {
        let headers: Vec<String> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        Reply::json(401, &json!({"error": headers.join("; ")}))
    };
    for log in [&["-vvv"][..], &["-vvv", "--log-format", "json"], &["-f", "json"], &[]] {
        let vendor = Vendor::start();
        vendor.expect(get("/scans/219").reply_with(echo).repeatedly());
        vendor.expect(session().reply_with(echo).any_number());
        let mut env = env(&vendor, "\"canary-secret-key\"");
        for level in ["", "trace", "hyper=trace,reqwest=trace,rustls=trace", "scanctl=trace"] {
            env.set("SCANCTL_LOG", level);
            let output = env.run(&[&["status", "io/219"], log].concat()).expect_code(4);
            assert!(output.stderr.contains("(redacted)"), "{output}");
            env.run(&[&["profiles", "check"], log].concat()).expect_code(4);
        }
    }
    assert!(IO_KEYS.contains(CANARY));
}
