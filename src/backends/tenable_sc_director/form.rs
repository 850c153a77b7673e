//! What is written for Director: every parameter that its page documents, with the default documented there.
//!
//! Vendor page: <https://docs.tenable.com/security-center/api/Director-Scan.htm> (POST). Users, policies, repositories
//! and zones are named by uuid, instances and asset lists by number. There is no call that changes a scan.

use crate::backends::definition::{Form, Forms, Key, Kind};

/// Everything that is written for Director.
pub static FORMS: Forms = Forms {
    scan: Form {
        about: &[
            "Instance, owner and policy are looked up before anything is sent; repository, zone and asset lists cannot be: no \
             list of them is documented.",
            "Nothing here starts the scan; `scanctl launch` does.",
        ],
        keys: &[
            Key::new("name", Kind::Text, "\"Weekly DMZ\"", "The scan's name.").required().fixed(),
            Key::new("type", Kind::Word(&["policy"]), "\"policy\"", "The kind of scan.").default("policy").fixed(),
            Key::new("description", Kind::Text, "\"\"", "A description.").default("empty").fixed(),
            Key::new("sci", Kind::Id, "3", "The instance that scans, by Director's number of it.")
                .vendor("sciID")
                .required()
                .fixed(),
            Key::new(
                "owner",
                Kind::Text,
                "\"F7791B94-A722-4C77-A722-7529CF19D68D\"",
                "The owner, by uuid; the scan is of the owner's organization.",
            )
            .vendor("userUUID")
            .required()
            .fixed(),
            Key::new("policy", Kind::Text, "\"91E02A57-505A-4BF6-95B0-AA4C5CCBFBDC\"", "The scan policy, by uuid.")
                .vendor("policyUUID")
                .required()
                .fixed(),
            Key::new(
                "repository",
                Kind::Text,
                "\"6ED5492E-0D90-401B-892D-D1DAF28EAC12\"",
                "The repository that results go to, by uuid.",
            )
            .vendor("repositoryUUID")
            .required()
            .fixed(),
            Key::new("zone", Kind::Text, "\"\"", "The scan zone, by uuid.").vendor("zoneUUID").default("empty").fixed(),
            Key::new("targets", Kind::List, "[\"192.0.2.0/24\"]", "What to scan: addresses, ranges, blocks, host names.")
                .vendor("ipList")
                .default("empty")
                .fixed(),
            Key::new("assets", Kind::List, "[2]", "Asset lists to scan, by number; whose number is not documented.")
                .default("none")
                .fixed(),
            Key::new("host_tracking", Kind::Flag, "false", "Whether hosts are told apart by name, for DHCP networks.")
                .vendor("dhcpTracking")
                .default("false")
                .fixed(),
            Key::new(
                "mitigate_after",
                Kind::Number { least: 0, most: i64::MAX },
                "30",
                "After how many days a finding that is not seen any more counts as mitigated.",
            )
            .vendor("classifyMitigatedAge")
            .default("0")
            .fixed(),
            Key::new("email_on_launch", Kind::Flag, "false", "Whether the owner is told of a start.")
                .vendor("emailOnLaunch")
                .default("false")
                .fixed(),
            Key::new("email_on_finish", Kind::Flag, "false", "Whether the owner is told of an end.")
                .vendor("emailOnFinish")
                .default("false")
                .fixed(),
            Key::new(
                "timeout_action",
                Kind::Word(&["discard", "import", "rollover"]),
                "\"import\"",
                "What becomes of the result of a run that took too long.",
            )
            .vendor("timeoutAction")
            .default("import")
            .fixed(),
            Key::new("virtual_hosts", Kind::Flag, "false", "Whether virtual hosts are scanned as hosts.")
                .vendor("scanningVirtualHosts")
                .default("false")
                .fixed(),
            Key::new(
                "rollover_type",
                Kind::Word(&["nextDay", "template"]),
                "\"template\"",
                "How what was left over is scanned.",
            )
            .vendor("rolloverType")
            .default("template")
            .fixed(),
            Key::new(
                "max_scan_time",
                Kind::Seconds { least: 3600, most: 432_000, words: &["unlimited"] },
                "\"12h\"",
                "How long a run may take. The vendor counts in seconds.",
            )
            .vendor("maxScanTime")
            .default("3600")
            .fixed(),
            Key::new(
                "schedule.type",
                Kind::Word(&["dependent", "ical", "never", "rollover", "template"]),
                "\"ical\"",
                "How it is started: `ical` by the clock, `template` by a launch. `dependent` needs a scan to follow, and \
                 no key for it is documented.",
            )
            .default("template, and ical with `schedule.repeat` or `schedule.start`")
            .fixed(),
            Key::new(
                "schedule.start",
                Kind::Text,
                "\"20260105T200000\"",
                "The first start, as YYYYMMDDTHHMMSS in `schedule.timezone`, or whole as TZID=ZONE:YYYYMMDDTHHMMSS. It \
                 cannot be read back.",
            )
            .fixed(),
            Key::new("schedule.timezone", Kind::Text, "\"Europe/Berlin\"", "The time zone of `schedule.start`.").fixed(),
            Key::new(
                "schedule.repeat",
                Kind::Text,
                "\"FREQ=WEEKLY;INTERVAL=1;BYDAY=MO\"",
                "When it recurs, as a rule after RFC 5545.",
            )
            .vendor("schedule.repeatRule")
            .fixed(),
            Key::new("schedule.enabled", Kind::Flag, "true", "Whether the schedule is on.").default("true").fixed(),
        ],
        one_of: &[&["targets", "assets"]],
    },
    copy: Form::NONE,
    import: Form::NONE,
    reimport: Form::NONE,
};
