//! Mistakes in the config file, and which file, profile and setting counts.

use crate::common::{Env, Vendor, get};

/// A profile that is right, whose secrets must never be seen.
const RIGHT: &str = "[profiles.io]\nbackend = \"tenable-io\"\nbase_url = \"https://127.0.0.1:1\"\n\
                     access_key = \"canary-access\"\nsecret_key = \"canary-secret\"\n";

/// What the program says of a config when it is asked for the profile `io`.
fn told(config: impl AsRef<[u8]>) -> String {
    let env = Env::new();
    let path = env.file("config.toml", config, 0o600);
    let output = env.run(&["profiles", "show", "io", "--config", path.to_str().unwrap()]);
    let said = output.stderr.replace(env.folder().to_str().unwrap(), "HOME");
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    format!("{} {}", output.code().unwrap(), lines.join(" / "))
}

/// Every one of these, with what is said of it.
fn each<'a>(cases: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<String> =
        cases.into_iter().map(|config| format!("{}\n    {}", config.replace('\n', "⏎"), told(config))).collect();
    lines.join("\n")
}

/// Every one of these lines at the end of the right profile.
fn each_line<'a>(cases: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<String> = cases
        .into_iter()
        .map(|line| format!("{}\n    {}", line.replace('\n', "⏎"), told(format!("{RIGHT}{line}\n"))))
        .collect();
    lines.join("\n")
}

#[test]
fn what_is_no_toml_is_told_by_its_place_alone() {
    insta::assert_snapshot!(
        each_line([
            "token = canary",
            "token = \"canary",
            "token = 'canary\ncanary'",
            "token = \"canary\" canary",
            "token = \"canary\\q\"",
            "token = \"canary\\u12\"",
            "token = [\"canary\", \"canary\"",
            "token = { env = \"canary\"",
            "token = 0xcanary",
            "token = 1canary",
            "token = 2026-13-99T00:00:00Z",
            "token = \"canary\u{1}\"",
            "token",
            "token =",
            "= \"canary\"",
            "\"canary = 1",
            "secret_key = \"canary\"",
            "secret_key.x = \"canary\"",
            "[profiles.io]\ntoken = \"canary\"",
            "[profiles.io",
            "[[profiles.io]]",
            "canary canary canary",
        ]),
        @r#"
    token = canary
        3 error: HOME/config.toml:6:9: string values must be quoted, expected literal string
    token = "canary
        3 error: HOME/config.toml:6:16: invalid basic string, expected `"`
    token = 'canary⏎canary'
        3 error: HOME/config.toml:7:8: key with no value, expected `=`
    token = "canary" canary
        3 error: HOME/config.toml:6:18: unexpected key or value, expected newline, `#`
    token = "canary\q"
        3 error: HOME/config.toml:6:17: missing escaped value, expected `b`, `e`, `f`, `n`, `r`, `\`, `"`, `x`, `u`, `U`
    token = "canary\u12"
        3 error: HOME/config.toml:6:20: too few unicode value digits, expected unicode hexadecimal value
    token = ["canary", "canary"
        3 error: HOME/config.toml:6:28: unclosed array, expected `]`
    token = { env = "canary"
        3 error: HOME/config.toml:6:25: unclosed inline table, expected `}`
    token = 0xcanary
        3 error: HOME/config.toml:6:13: invalid hexadecimal number
    token = 1canary
        3 error: HOME/config.toml:6:9: string values must be quoted, expected literal string
    token = 2026-13-99T00:00:00Z
        3 error: HOME/config.toml:6:9: invalid date, expected month between 01 and 12
    token = "canary"
        3 error: HOME/config.toml:6:16: invalid basic string, expected non-double-quote visible characters, `\`
    token
        3 error: HOME/config.toml:6:6: key with no value, expected `=`
    token =
        3 error: HOME/config.toml:6:8: string values must be quoted, expected literal string
    = "canary"
        3 error: HOME/config.toml:6:1: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`
    "canary = 1
        3 error: HOME/config.toml:6:12: key with no value, expected `=`
    secret_key = "canary"
        3 error: HOME/config.toml:6:1: duplicate key
    secret_key.x = "canary"
        3 error: HOME/config.toml:6:1: cannot extend value of type string with a dotted key
    [profiles.io]⏎token = "canary"
        3 error: HOME/config.toml:6:11: duplicate key
    [profiles.io
        3 error: HOME/config.toml:6:13: unclosed table, expected `]`
    [[profiles.io]]
        3 error: HOME/config.toml:6:12: duplicate key
    canary canary canary
        3 error: HOME/config.toml:6:8: key with no value, expected `=`
    "#
    );
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    assert!(told(b"token = \"\xff\xfe\"\n").starts_with("3 error: cannot read HOME/config.toml"));
    assert!(told(b"\xef\xbb\xbf[profiles.io]\nbackend = \"tenable-io\"\n").contains("`access_key` is missing"));
    assert_eq!(told(""), "3 error: no profile or group `io` in HOME/config.toml / hint: the file has no profiles");
}

#[test]
fn mistakes_outside_of_profiles() {
    insta::assert_snapshot!(
        each([
            "default_profle = \"canary\"",
            "profile = \"canary\"",
            "[profile.io]\nbackend = \"canary\"",
            "[group]\nx = [\"canary\"]",
            "unlike_anything = \"canary\"",
            "default_profile = 31337",
            "default_profile = [\"canary\"]",
            "profiles = \"canary\"",
            "[[profiles]]\nbackend = \"canary\"",
            "[profiles]\nio = \"canary\"",
            "groups = \"canary\"",
            "[groups]\nprod = 31337",
            "[groups]\nprod = [\"io\", 31337]",
            "[groups]\nprod = { io = \"canary\" }",
            "[groups]\n\"Prod uct\" = [\"io\"]",
            "[groups]\nio = [\"io\"]\n[profiles.io]\nbackend = \"tenable-io\"",
            "[profiles.IO]\nbackend = \"tenable-io\"",
            "[profiles.\"a b\"]\nbackend = \"tenable-io\"",
            "[profiles.\"\"]\nbackend = \"tenable-io\"",
            "[profiles.io-eu]\nbackend = \"tenable-io\"",
            "[profiles.io]",
            "[profiles.io]\nbackend = 31337",
            "[profiles.io]\nbackend = \"tenable-oi\"",
            "[profiles.io]\nbackend = \"nessus\"",
            "[profiles.io]\nbackend = \"Tenable-IO\"",
        ]),
        @r#"
    default_profle = "canary"
        3 error: HOME/config.toml:1:1: unknown key `default_profle`; did you mean `default_profile`?
    profile = "canary"
        3 error: HOME/config.toml:1:1: unknown key `profile`; did you mean `profiles`?
    [profile.io]⏎backend = "canary"
        3 error: HOME/config.toml:1:2: unknown key `profile`; did you mean `profiles`?
    [group]⏎x = ["canary"]
        3 error: HOME/config.toml:1:2: unknown key `group`; did you mean `groups`?
    unlike_anything = "canary"
        3 error: HOME/config.toml:1:1: unknown key `unlike_anything`
    default_profile = 31337
        3 error: HOME/config.toml:1:19: `default_profile` must be a string, not an integer
    default_profile = ["canary"]
        3 error: HOME/config.toml:1:19: `default_profile` must be a string, not an array
    profiles = "canary"
        3 error: HOME/config.toml:1:12: `profiles` must be a table, not a string
    [[profiles]]⏎backend = "canary"
        3 error: HOME/config.toml:1:1: `profiles` must be a table, not an array
    [profiles]⏎io = "canary"
        3 error: HOME/config.toml:2:6: profile `io` must be a table, not a string
    groups = "canary"
        3 error: HOME/config.toml:1:10: `groups` must be a table, not a string
    [groups]⏎prod = 31337
        3 error: HOME/config.toml:2:8: group `prod` must be a list of profile names
    [groups]⏎prod = ["io", 31337]
        3 error: HOME/config.toml:2:8: group `prod` must be a list of profile names
    [groups]⏎prod = { io = "canary" }
        3 error: HOME/config.toml:2:8: group `prod` must be a list of profile names
    [groups]⏎"Prod uct" = ["io"]
        3 error: HOME/config.toml:2:14: group `Prod uct`: a name is lower-case letters, digits and dashes
    [groups]⏎io = ["io"]⏎[profiles.io]⏎backend = "tenable-io"
        3 error: HOME/config.toml:2:6: group `io`: a profile has that name too
    [profiles.IO]⏎backend = "tenable-io"
        3 error: HOME/config.toml:1:1: profile `IO`: a name is lower-case letters, digits and dashes
    [profiles."a b"]⏎backend = "tenable-io"
        3 error: HOME/config.toml:1:1: profile `a b`: a name is lower-case letters, digits and dashes
    [profiles.""]⏎backend = "tenable-io"
        3 error: HOME/config.toml:1:1: profile ``: a name is lower-case letters, digits and dashes
    [profiles.io-eu]⏎backend = "tenable-io"
        3 error: no profile or group `io` in HOME/config.toml / hint: did you mean `io-eu`?
    [profiles.io]
        3 error: HOME/config.toml:1:1: profile `io`: `backend` is missing
    [profiles.io]⏎backend = 31337
        3 error: HOME/config.toml:2:11: profile `io`: `backend` must be a string, not an integer
    [profiles.io]⏎backend = "tenable-oi"
        3 error: HOME/config.toml:2:11: profile `io`: unknown backend `tenable-oi` / hint: did you mean `tenable-io`?
    [profiles.io]⏎backend = "nessus"
        3 error: HOME/config.toml:2:11: profile `io`: unknown backend `nessus` / hint: the backends are tenable-io, tenable-sc, tenable-sc-director, juniper, cloudflare
    [profiles.io]⏎backend = "Tenable-IO"
        3 error: HOME/config.toml:2:11: profile `io`: unknown backend `Tenable-IO` / hint: the backends are tenable-io, tenable-sc, tenable-sc-director, juniper, cloudflare
    "#
    );
}

#[test]
fn mistakes_in_a_profile() {
    insta::assert_snapshot!(
        each_line([
            "secret_kye = \"canary\"",
            "Timeout = \"canary\"",
            "unlike_anything = \"canary\"",
            "token = \"canary\"",
            "instances = { \"1\" = \"canary\" }",
            "labels = \"canary\"",
            "labels = { team = 31337 }",
            "timeout = 31337",
            "timeout = \"canary\"",
            "timeout = \"-5s\"",
            "timeout = \"0s\"",
            "connect_timeout = \"0s\"",
            "connect_timeout = true",
            "max_concurrency = 0",
            "max_concurrency = -31337",
            "max_concurrency = 1.5",
            "max_concurrency = \"canary\"",
            "max_concurrency = 9223372036854775807",
            "max_concurrency = 99999999999999999999",
            "insecure = \"canary\"",
            "ca_only = true",
            "ca_file = 31337",
            "client_cert = \"canary.pem\"",
            "client_key = \"canary.pem\"",
            "connect_to = \"canary\"",
            "connect_to = \"127.0.0.2\"",
            "proxy = 31337",
            "user_agent_suffix = 31337",
        ]),
        @r#"
    secret_kye = "canary"
        3 error: HOME/config.toml:6:1: profile `io`: unknown key `secret_kye`; did you mean `secret_key`?
    Timeout = "canary"
        3 error: HOME/config.toml:6:1: profile `io`: unknown key `Timeout`; did you mean `timeout`?
    unlike_anything = "canary"
        3 error: HOME/config.toml:6:1: profile `io`: unknown key `unlike_anything`
    token = "canary"
        3 error: HOME/config.toml:6:1: profile `io`: unknown key `token`; only `juniper`, `cloudflare` profiles have it
    instances = { "1" = "canary" }
        3 error: HOME/config.toml:6:1: profile `io`: unknown key `instances`; only a `tenable-sc-director` profile has it
    labels = "canary"
        3 error: HOME/config.toml:6:10: profile `io`: `labels` must be a table of strings, not a string
    labels = { team = 31337 }
        3 error: HOME/config.toml:6:19: profile `io`: `labels` must be a table of strings, not an integer
    timeout = 31337
        3 error: HOME/config.toml:6:11: profile `io`: `timeout` must be a string, not an integer
    timeout = "canary"
        3 error: HOME/config.toml:6:11: profile `io`: `timeout` must be a duration such as "30s" or "2h30m"
    timeout = "-5s"
        3 error: HOME/config.toml:6:11: profile `io`: `timeout` must be a duration such as "30s" or "2h30m"
    timeout = "0s"
        3 error: HOME/config.toml:6:11: profile `io`: `timeout` must be more than nothing
    connect_timeout = "0s"
        3 error: HOME/config.toml:6:19: profile `io`: `connect_timeout` must be more than nothing
    connect_timeout = true
        3 error: HOME/config.toml:6:19: profile `io`: `connect_timeout` must be a string, not a boolean
    max_concurrency = 0
        3 error: HOME/config.toml:6:19: profile `io`: `max_concurrency` must be at least 1
    max_concurrency = -31337
        3 error: HOME/config.toml:6:19: profile `io`: `max_concurrency` must be at least 1
    max_concurrency = 1.5
        3 error: HOME/config.toml:6:19: profile `io`: `max_concurrency` must be an integer, not a number with a fraction
    max_concurrency = "canary"
        3 error: HOME/config.toml:6:19: profile `io`: `max_concurrency` must be an integer, not a string
    max_concurrency = 9223372036854775807
        0 
    max_concurrency = 99999999999999999999
        3 error: HOME/config.toml:6:19: profile `io`: `max_concurrency` must be an integer, not a number out of range
    insecure = "canary"
        3 error: HOME/config.toml:6:12: profile `io`: `insecure` must be true or false, not a string
    ca_only = true
        3 error: HOME/config.toml:6:11: profile `io`: `ca_only` needs a `ca_file`
    ca_file = 31337
        3 error: HOME/config.toml:6:11: profile `io`: `ca_file` must be a string, not an integer
    client_cert = "canary.pem"
        3 error: HOME/config.toml:6:15: profile `io`: `client_cert` and `client_key` go together
    client_key = "canary.pem"
        3 error: HOME/config.toml:1:1: profile `io`: `client_cert` and `client_key` go together
    connect_to = "canary"
        3 error: HOME/config.toml:6:14: profile `io`: `connect_to` must be an IP address
    connect_to = "127.0.0.2"
        3 error: HOME/config.toml:6:14: profile `io`: `connect_to` needs a host name in `base_url`, the one that the certificate has
    proxy = 31337
        3 error: HOME/config.toml:6:9: profile `io`: `proxy` must be { env = … }, { file = … }, { command = [ … ] } or a string, not an integer
    user_agent_suffix = 31337
        3 error: HOME/config.toml:6:21: profile `io`: `user_agent_suffix` must be a string, not an integer
    "#
    );
}

#[test]
fn a_public_cloud_is_never_trusted_without_a_check() {
    for (backend, origin) in [
        ("tenable-io", ""),
        ("tenable-io", "base_url = \"https://eu.cloud.tenable.com\""),
        ("cloudflare", "account_id = \"0123456789abcdef0123456789abcdef\""),
    ] {
        let keys = if backend == "cloudflare" { "token = 'x'" } else { "access_key = 'x'\nsecret_key = 'x'" };
        let text = format!("[profiles.io]\nbackend = \"{backend}\"\n{origin}\n{keys}\ninsecure = true\n");
        let said = told(text);
        assert!(said.contains("`insecure` is refused for a public cloud"), "{said}");
    }
    let own = "[profiles.io]\nbackend = \"tenable-io\"\nbase_url = \"https://nessus.example.org:8834\"\naccess_key = 'x'\nsecret_key = 'x'\ninsecure = true\n";
    assert!(!told(own).contains("refused"));
}

#[test]
fn mistakes_in_the_base_url() {
    let profile = |url: &str| format!("[profiles.io]\nbackend = \"tenable-io\"\nbase_url = {url}\n");
    let urls = [
        "31337",
        "\"\"",
        "\"canary\"",
        "\"https://\"",
        "\"https://exa mple.org\"",
        "\"https://host:canary\"",
        "\"http://10.0.0.1\"",
        "\"http://localhost.example.org\"",
        "\"http://127.0.0.1.example.org\"",
        "\"ftp://127.0.0.1\"",
        "\"https://user:canary@example.org\"",
        "\"https://canary@example.org\"",
        "\"https://example.org/?key=canary\"",
        "\"https://example.org/#canary\"",
        "\"data:text/plain,canary\"",
    ];
    let lines: Vec<String> = urls.iter().map(|url| format!("{url}\n    {}", told(profile(url)))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    31337
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must be a string, not an integer
    ""
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` is no URL: relative URL without a base
    "canary"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` is no URL: relative URL without a base
    "https://"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` is no URL: empty host
    "https://exa mple.org"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` is no URL: invalid international domain name
    "https://host:canary"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` is no URL: invalid port number
    "http://10.0.0.1"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must begin with https://; http:// is accepted only for this machine
    "http://localhost.example.org"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must begin with https://; http:// is accepted only for this machine
    "http://127.0.0.1.example.org"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must begin with https://; http:// is accepted only for this machine
    "ftp://127.0.0.1"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must begin with https://
    "https://user:canary@example.org"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must not carry a user name or password
    "https://canary@example.org"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must not carry a user name or password
    "https://example.org/?key=canary"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must not carry a query or fragment
    "https://example.org/#canary"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must not carry a query or fragment
    "data:text/plain,canary"
        3 error: HOME/config.toml:3:12: profile `io`: `base_url` must begin with https://
    "#);
    for loopback in
        ["http://127.0.0.1:8080/", "http://localhost", "http://[::1]:1", "http://127.8.9.1", "HTTP://LOCALHOST"]
    {
        let said = told(profile(&format!("{loopback:?}")));
        assert!(said.contains("`access_key` is missing"), "{loopback}: {said}");
    }
}

#[test]
fn mistakes_in_a_secret_s_source() {
    insta::assert_snapshot!(
        each(
            [
                "31337",
                "true",
                "[\"canary\"]",
                "{}",
                "{ env = \"canary\", file = \"canary\" }",
                "{ evn = \"canary\" }",
                "{ unlike = \"canary\" }",
                "{ env = 31337 }",
                "{ env = [\"canary\"] }",
                "{ file = 31337 }",
                "{ command = 31337 }",
                "{ command = [] }",
                "{ command = [\"pass\", 31337] }",
                "{ command = { pass = \"canary\" } }",
            ]
            .map(|source| RIGHT.replace("\"canary-secret\"", source))
            .each_ref()
            .map(String::as_str)
        ),
        @r#"
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = 31337⏎
        3 error: HOME/config.toml:5:14: profile `io`: `secret_key` must be { env = … }, { file = … }, { command = [ … ] } or a string, not an integer
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = true⏎
        3 error: HOME/config.toml:5:14: profile `io`: `secret_key` must be { env = … }, { file = … }, { command = [ … ] } or a string, not a boolean
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = ["canary"]⏎
        3 error: HOME/config.toml:5:14: profile `io`: `secret_key` must be { env = … }, { file = … }, { command = [ … ] } or a string, not an array
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = {}⏎
        3 error: HOME/config.toml:5:14: profile `io`: `secret_key` must be { env = … }, { file = … }, { command = [ … ] } or a string, not a table
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { env = "canary", file = "canary" }⏎
        3 error: HOME/config.toml:5:14: profile `io`: `secret_key` must be { env = … }, { file = … }, { command = [ … ] } or a string, not a table
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { evn = "canary" }⏎
        3 error: HOME/config.toml:5:16: profile `io`: unknown source `evn` in `secret_key`; known are `env`, `file`, `command`
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { unlike = "canary" }⏎
        3 error: HOME/config.toml:5:16: profile `io`: unknown source `unlike` in `secret_key`; known are `env`, `file`, `command`
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { env = 31337 }⏎
        3 error: HOME/config.toml:5:22: profile `io`: `secret_key` must be a string in its source, not an integer
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { env = ["canary"] }⏎
        3 error: HOME/config.toml:5:22: profile `io`: `secret_key` must be a string in its source, not an array
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { file = 31337 }⏎
        3 error: HOME/config.toml:5:23: profile `io`: `secret_key` must be a string in its source, not an integer
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { command = 31337 }⏎
        3 error: HOME/config.toml:5:26: profile `io`: `secret_key` must be a list of words in `command`, not an integer
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { command = [] }⏎
        3 error: HOME/config.toml:5:26: profile `io`: `secret_key` must be a list of words in `command`, not an array
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { command = ["pass", 31337] }⏎
        3 error: HOME/config.toml:5:26: profile `io`: `secret_key` must be a list of words in `command`, not an array
    [profiles.io]⏎backend = "tenable-io"⏎base_url = "https://127.0.0.1:1"⏎access_key = "canary-access"⏎secret_key = { command = { pass = "canary" } }⏎
        3 error: HOME/config.toml:5:26: profile `io`: `secret_key` must be a list of words in `command`, not a table
    "#
    );
}

#[test]
fn without_any_config_there_is_a_hint_and_what_needs_none_works() {
    let env = Env::new();
    assert_output!(env, env.run(&["status", "219"]), @r"
    exit code: 3
    ----- stderr -----
    error: no config file at [HOME]/config/scanctl/config.toml

    hint: start from config.example.toml, name another file with --config, or try without an account: `scanctl sandbox -- scanctl profiles list`
    ");
    for arguments in [&["backends"][..], &["--help"], &["--version"], &["launch", "--help"], &["completions", "bash"]] {
        env.run(arguments).expect_code(0);
    }
    // Grammar comes before the config.
    env.run(&["status", "219@"]).expect_code(2);
    env.run(&["status", "--config", "nowhere.toml", "219"]).expect_code(3);
}

#[test]
fn the_file_is_that_of_the_flag_else_of_the_environment_else_the_platform_s() {
    let mut env = Env::new();
    let profile = |name: &str| format!("[profiles.{name}]\nbackend = \"tenable-io\"\n");
    env.config(&profile("platform"));
    let variable = env.file("variable.toml", profile("variable"), 0o600);
    env.file("flag.toml", profile("flag"), 0o600);
    let listed = |env: &Env, arguments: &[&str]| {
        let output = env.run(&[&["profiles", "list", "-f", "json"], arguments].concat()).expect_code(0);
        output.json()["items"][0]["profile"].as_str().unwrap().to_owned()
    };
    assert_eq!(listed(&env, &[]), "platform");
    env.set("SCANCTL_CONFIG", variable.to_str().unwrap());
    assert_eq!(listed(&env, &[]), "variable");
    // Relative to the working directory.
    assert_eq!(listed(&env, &["--config", "flag.toml"]), "flag");
    env.set("SCANCTL_CONFIG", "");
    assert_eq!(listed(&env, &[]), "platform");
}

#[test]
fn the_profile_is_that_of_the_address_else_flag_else_environment_else_default_else_the_only_one() {
    let mut env = Env::new();
    let vendors: Vec<Vendor> = (0..4).map(|_| Vendor::start()).collect();
    let names = ["address", "flag", "variable", "default"];
    env.add_config("default_profile = \"default\"");
    for (name, vendor) in names.iter().zip(&vendors) {
        env.profile(name, "tenable-io", &vendor.url(), "");
    }
    let asked = |env: &Env, arguments: &[&str]| {
        for vendor in &vendors {
            vendor.expect(get("/scans/219").reply(crate::common::Reply::empty(404)).any_number());
        }
        let before: Vec<usize> = vendors.iter().map(|vendor| vendor.requests().len()).collect();
        env.run(&[&["status"], arguments].concat()).expect_code(5);
        let after = vendors.iter().map(|vendor| vendor.requests().len());
        let grown: Vec<&str> = names
            .iter()
            .zip(before.iter().zip(after))
            .filter(|(_, (old, new))| *old < new)
            .map(|(name, _)| *name)
            .collect();
        grown.join(" ")
    };
    assert_eq!(asked(&env, &["219"]), "default");
    env.set("SCANCTL_PROFILE", "variable");
    assert_eq!(asked(&env, &["219"]), "variable");
    assert_eq!(asked(&env, &["-p", "flag", "219"]), "flag");
    assert_eq!(asked(&env, &["-p", "flag", "address/219"]), "address");
    env.set("SCANCTL_PROFILE", "variable,flag");
    assert_output!(env, env.run(&["status", "219"]), @r"
    exit code: 2
    ----- stderr -----
    error: `219` means something else on each of the selected profiles

    hint: put the profile before it: `flag/219`
    ");
    env.set("SCANCTL_PROFILE", "nobody");
    assert_output!(env, env.run(&["status", "219"]), @r"
    exit code: 3
    ----- stderr -----
    error: no profile or group `nobody` in [HOME]/config/scanctl/config.toml

    hint: it has address, default, flag, variable
    ");
}

#[test]
fn profiles_are_chosen_by_name_group_and_glob() {
    let env = Env::new();
    for name in ["sc-eu", "sc-us", "io"] {
        env.profile(name, "tenable-io", "http://127.0.0.1:1", "");
    }
    env.add_config("[groups]\nprod = [\"io\", \"sc-us\"]\nbroken = [\"io\", \"sc-ue\"]\nempty = []\nsingle = \"io\"");
    let mut said = Vec::new();
    for words in
        ["io", "prod", "sc-*", "?o", "prod,io", "single", "sc-*;prod", "nothing-*", "broken", "empty", "prdo", ""]
    {
        let mut arguments = vec!["profiles", "list", "-f", "ndjson"];
        for word in words.split(';') {
            arguments.extend(["-p", word]);
        }
        let output = env.run(&arguments);
        let names: Vec<String> = output
            .stdout
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["profile"].as_str().unwrap().to_owned()
            })
            .collect();
        let stderr = output.stderr.replace(env.folder().to_str().unwrap(), "HOME");
        said.push(format!("{words:?}: {} {}{}", output.code().unwrap(), names.join(" "), stderr.trim_end()));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    "io": 0 io
    "prod": 0 io sc-us
    "sc-*": 0 sc-eu sc-us
    "?o": 0 io
    "prod,io": 3 {"error":{"kind":"config","message":"no profile or group `prod,io` in HOME/config/scanctl/config.toml","hint":"did you mean `prod`?","profile":null,"backend":null,"verb":null,"address":null,"http_status":null,"vendor_code":null,"request_id":null,"retryable":false}}
    "single": 0 io
    "sc-*;prod": 0 sc-eu sc-us io
    "nothing-*": 3 {"error":{"kind":"config","message":"no profile or group `nothing-*` in HOME/config/scanctl/config.toml","hint":"it has io, sc-eu, sc-us, broken, empty, prod, single","profile":null,"backend":null,"verb":null,"address":null,"http_status":null,"vendor_code":null,"request_id":null,"retryable":false}}
    "broken": 3 {"error":{"kind":"config","message":"group `broken` cannot be used: no profile or group `sc-ue` in HOME/config/scanctl/config.toml","hint":"did you mean `sc-eu`?","profile":null,"backend":null,"verb":null,"address":null,"http_status":null,"vendor_code":null,"request_id":null,"retryable":false}}
    "empty": 3 {"error":{"kind":"config","message":"group `empty` has no members in HOME/config/scanctl/config.toml","hint":null,"profile":null,"backend":null,"verb":null,"address":null,"http_status":null,"vendor_code":null,"request_id":null,"retryable":false}}
    "prdo": 3 {"error":{"kind":"config","message":"no profile or group `prdo` in HOME/config/scanctl/config.toml","hint":"did you mean `prod`?","profile":null,"backend":null,"verb":null,"address":null,"http_status":null,"vendor_code":null,"request_id":null,"retryable":false}}
    "": 3 {"error":{"kind":"config","message":"no profile or group `` in HOME/config/scanctl/config.toml","hint":"it has io, sc-eu, sc-us, broken, empty, prod, single","profile":null,"backend":null,"verb":null,"address":null,"http_status":null,"vendor_code":null,"request_id":null,"retryable":false}}
    "#);
}

#[test]
fn without_a_choice_among_several_profiles_nothing_is_asked() {
    let env = Env::new();
    env.profile("io", "tenable-io", "http://127.0.0.1:1", "").profile("sc", "tenable-io", "http://127.0.0.1:1", "");
    assert_output!(env, env.run(&["status", "219"]), @r"
    exit code: 2
    ----- stderr -----
    error: which profile? several are configured and there is no default_profile

    hint: name one with --profile, or in the address: io, sc
    ");
    let env = Env::new();
    env.add_config("default_profile = \"oi\"").profile("io", "tenable-io", "http://127.0.0.1:1", "");
    assert_output!(env, env.run(&["status", "219"]), @r"
    exit code: 3
    ----- stderr -----
    error: `default_profile` cannot be used
      caused by: no profile or group `oi` in [HOME]/config/scanctl/config.toml

    hint: did you mean `io`?
    ");
    let env = Env::new();
    env.config("");
    assert_output!(env, env.run(&["status", "219"]), @r"
    exit code: 3
    ----- stderr -----
    error: [HOME]/config/scanctl/config.toml has no profiles

    hint: add a [profiles.NAME] table; config.example.toml has one for each backend
    ");
}

/// One broken profile does not keep the others from working.
#[test]
fn a_broken_profile_breaks_only_itself() {
    let env = Env::new();
    let vendor = Vendor::start();
    vendor.expect(get("/scans/219").reply(crate::common::Reply::empty(404)));
    env.tenable_io(&vendor).add_config("[profiles.broken]\nbackend = \"tenable-io\"\nsecret_kye = \"canary\"");
    env.run(&["status", "io/219"]).expect_code(5);
    assert_output!(env, env.run(&["profiles", "list"]), @r"
    exit code: 0
    ----- stdout -----
    PROFILE  BACKEND     BASE URL                 MESSAGE
    broken   tenable-io  -                        [HOME]/config/scanctl/config.toml:9:1: profile `broken`: unknown key `secret_kye`; did you mean `secret_key`?
    io       tenable-io  http://127.0.0.1:[PORT]/  -
    ");
}

#[test]
fn the_example_file_is_right_for_every_backend() {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    let text = std::fs::read_to_string(&example).unwrap();
    for spec in scanctl::backends::REGISTRY {
        assert!(text.contains(&format!("backend = \"{}\"", spec.id)), "{} has no example", spec.id);
    }
    let env = Env::new();
    let output =
        env.run(&["profiles", "show", "*", "-f", "json", "--config", example.to_str().unwrap()]).expect_code(0);
    let shown: Vec<String> = output.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["backend"].as_str().unwrap().to_owned())
        .collect();
    for spec in scanctl::backends::REGISTRY {
        assert!(shown.iter().any(|backend| backend == spec.id), "{}: {output}", spec.id);
    }
}
