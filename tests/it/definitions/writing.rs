//! Templates, files and flags.

use std::fmt::Write as _;

use scanctl::model::Operation;

use super::{PROFILES, does, five};
use crate::common::{Env, Vendor};

#[test]
fn every_backend_prints_a_template_without_a_config_and_takes_it_back() {
    let empty = Env::new();
    let vendor = Vendor::start();
    let env = five(&vendor);
    for (profile, backend) in PROFILES {
        let template = empty.run(&["scans", "create", &format!("--example={backend}")]).expect_code(0);
        assert_eq!(template.stderr, "");
        if !does(profile, Operation::ScansCreate) {
            env.run(&["scans", "create", "-p", profile, "--example"]).expect_code(7);
            continue;
        }
        let of_profile = env.run(&["scans", "create", "-p", profile, "--example"]).expect_code(0);
        assert_eq!(template.stdout, of_profile.stdout);
        env.file("scan.toml", &template.stdout, 0o600);
        // The definition is fine, so the next thing that is wrong is told: the secret that is not there.
        let output = env.run(&["scans", "create", "-p", profile, "--file", "scan.toml"]).expect_code(3);
        assert!(output.stderr.contains("NOT_SET"), "{output}");
    }
    assert_eq!(vendor.connections(), 0);
    empty.run(&["scans", "create", "--example"]).expect_code(3);
    empty.run(&["scans", "create", "--example=nessus"]).expect_code(2);
}

#[test]
fn the_template_of_a_backend() {
    let output = Env::new().run(&["scans", "create", "--example=cloudflare"]).expect_code(0);
    insta::assert_snapshot!(output.stdout, @r#"
    # A scan of Cloudflare Cloudforce One, for `scanctl scans create --file FILE`.
    # Lines that begin with `#` are optional, and their values are examples.
    # A config has no name. All three are always sent, so that nothing hangs on a default.

    # What to scan from outside: addresses and blocks, at most 5,000 addresses in all. No host names.
    # A list of texts; required; the vendor's `ips`.
    targets = ["198.51.100.7", "2001:db8::/120"]

    # Ports and ranges, or `default` (the hundred that are open most often), or `all`.
    # A list of texts; default: `default`.
    # ports = ["1-1024", "8443"]

    # Days between scans; 0 for one scan. When the first one starts is not documented.
    # A whole number from 0 to 36500; default: 0.
    # frequency = 7
    "#);
}

#[test]
fn what_is_wrong_with_a_definition_is_told_with_what_would_be_right() {
    let vendor = Vendor::start();
    let env = five(&vendor);
    env.file("typo.toml", "name = 'Weekly'\nrepositry = 1\n", 0o600);
    env.file("broken.toml", "name = 'Weekly'\npolicy = \n", 0o600);
    env.file("scan.json", r#"{"name": "Weekly", "maxScanTime": 60}"#, 0o600);
    let all_are_done = [
        ("sc", Operation::ScansCreate),
        ("cf", Operation::ScansCreate),
        ("io", Operation::ScansCreate),
        ("jsa", Operation::ScansCreate),
        ("sc", Operation::ScansUpdate),
        ("io", Operation::ScansUpdate),
        ("io", Operation::ScansCopy),
        ("sc", Operation::RunsImport),
    ];
    if let Some((profile, operation)) = all_are_done.into_iter().find(|(profile, operation)| !does(profile, *operation))
    {
        eprintln!("`{profile}` does not {} yet", operation.describe());
        return;
    }
    let mut all = String::new();
    for (arguments, code) in [
        (&["scans", "create", "-p", "sc", "--file", "typo.toml"][..], 2),
        (&["scans", "create", "-p", "sc", "--file", "broken.toml"], 2),
        (&["scans", "create", "-p", "sc", "--file", "scan.json"], 2),
        (&["scans", "create", "-p", "sc", "--file", "absent.toml"], 2),
        (&["scans", "create", "-p", "sc", "--name", "Weekly", "--policy", "1"], 2),
        (&["scans", "create", "-p", "sc", "--set", "scedule.type=ical"], 2),
        (&["scans", "create", "-p", "sc", "--set", "name"], 2),
        (&["scans", "create", "-p", "cf", "--targets", "192.0.2.1", "--frequency", "weekly"], 2),
        (&["scans", "create", "-p", "io", "--name", "n", "--set", "name=m"], 2),
        (&["scans", "create", "-p", "jsa", "--frequency", "7"], 7),
        (&["scans", "update", "sc/34"], 2),
        (&["scans", "update", "io/219", "--template", "basic"], 7),
        (&["scans", "copy", "io/219", "--user", "5"], 7),
        (&["runs", "import", "-p", "sc", "scan.json"], 2),
    ] {
        let output = env.run(arguments).expect_code(code);
        assert_eq!(output.stdout, "", "{arguments:?}");
        writeln!(all, "$ {}\n{}\n", arguments.join(" "), output.stderr.trim_end()).unwrap();
    }
    insta::assert_snapshot!(all, @r#"
    $ scans create -p sc --file typo.toml
    error: typo.toml: unknown key `repositry`

    hint: did you mean `repository`?

    $ scans create -p sc --file broken.toml
    error: broken.toml:2: no TOML: string values must be quoted, expected literal string

    $ scans create -p sc --file scan.json
    error: scan.json: `maxScanTime` must be seconds from 3600 to 432000, or a text such as "2h30m", or "unlimited", not 60

    hint: How long a run may take. The vendor counts in seconds.

    $ scans create -p sc --file absent.toml
    error: cannot read absent.toml: No such file or directory (os error 2)

    $ scans create -p sc --name Weekly --policy 1
    error: missing: `repository`, one of `targets`, `assets`

    hint: `scanctl scans create --example=tenable-sc` prints everything that can be set

    $ scans create -p sc --set scedule.type=ical
    error: --set: unknown key `scedule.type`

    hint: did you mean `schedule.type`?

    $ scans create -p sc --set name
    error: `--set name`: what is the value?

    hint: it is `--set KEY=VALUE`

    $ scans create -p cf --targets 192.0.2.1 --frequency weekly
    error: --frequency must be a whole number from 0 to 36500, not "weekly"

    hint: Days between scans; 0 for one scan. When the first one starts is not documented.

    $ scans create -p io --name n --set name=m
    error: `--name` and `--set name` are given twice

    $ scans create -p jsa --frequency 7
    error: backend `juniper` has nothing for `--frequency` to set

    hint: what can be set here: name, targets, description

    $ scans update sc/34
    error: what is to be changed?

    hint: what can be changed here: name, policy, repository, targets, assets, zone, credentials, reports, description, max_scan_time, inactivity_timeout, timeout_action, rollover_type, host_tracking, virtual_hosts, mitigate_after, email_on_launch, email_on_finish, schedule.type, schedule.repeat, schedule.start, schedule.timezone, schedule.enabled, schedule.after

    $ scans update io/219 --template basic
    error: backend `tenable-io` cannot change `template` of a scan

    hint: what can be changed here: name, policy, targets, target_groups, tag_targets, agent_groups, scanner, network, folder, description, emails, scan_time_window, schedule.enabled, schedule.repeat, schedule.start, schedule.timezone

    $ scans copy io/219 --user 5
    error: backend `tenable-io` has nothing for `--user` to set

    hint: what can be set here: name, folder

    $ runs import -p sc scan.json
    error: missing: `repository`

    hint: The repository that the result goes to, by its id. `--repository …`
    "#);
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn targets_may_stand_in_a_file() {
    let vendor = Vendor::start();
    let env = five(&vendor);
    env.file("edge.txt", "# the edge\n192.0.2.1, 192.0.2.2\n192.0.2.3 # the last\n", 0o600);
    let fine = ["scans", "create", "-p", "cf", "--targets", "@edge.txt", "--ports", "1-1024", "--frequency", "7"];
    let able = does("cf", Operation::ScansCreate);
    env.run(&fine).expect_code(if able { 3 } else { 7 });
    env.file("edge.txt", "# nothing\n", 0o600);
    env.run(&fine).expect_code(if able { 2 } else { 7 });
}
