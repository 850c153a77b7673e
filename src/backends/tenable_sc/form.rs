//! What is written for Tenable.sc.
//!
//! Vendor pages: <https://docs.tenable.com/security-center/api/Scan.htm> (POST, PATCH, copy) and
//! <https://docs.tenable.com/security-center/api/Scan-Result.htm> (import).

use crate::backends::definition::{Form, Forms, Key, Kind};

/// An hour and five days: what `maxScanTime` may be, in seconds.
const LONGEST: Kind = Kind::Seconds { least: 3600, most: 432_000, words: &["unlimited"] };

/// Everything that is written for Tenable.sc.
pub static FORMS: Forms = Forms {
    scan: Form {
        about: &["Nothing here starts the scan; `scanctl launch` does."],
        keys: &[
            Key::new("name", Kind::Text, "\"Weekly DMZ\"", "The scan's name.").required(),
            Key::new("policy", Kind::Id, "1000002", "The scan policy, by its id.").required(),
            Key::new("repository", Kind::Id, "1", "The repository that results go to, by its id.").required(),
            Key::new(
                "targets",
                Kind::List,
                "[\"192.0.2.0/24\", \"host.example\"]",
                "What to scan: addresses, ranges, blocks, host names.",
            )
            .vendor("ipList"),
            Key::new("assets", Kind::List, "[2]", "Asset lists to scan, by id.").default("none"),
            Key::new("zone", Kind::Id, "1", "The scan zone, by its id; 0 lets the product choose.").default("none"),
            Key::new("credentials", Kind::List, "[3]", "Credentials to scan with, by id.").default("none"),
            Key::new(
                "reports",
                Kind::List,
                "[\"12:individual\"]",
                "Reports to make after a run, as ID:SOURCE; the source is cumulative, patched, individual, lce, archive \
                 or mobile.",
            )
            .default("none"),
            Key::new("description", Kind::Text, "\"\"", "A description."),
            Key::new(
                "max_scan_time",
                LONGEST,
                "\"12h\"",
                "How long a run may take. The vendor counts in seconds.",
            )
            .vendor("maxScanTime")
            .default("3600"),
            Key::new(
                "inactivity_timeout",
                Kind::Seconds { least: 3600, most: 432_000, words: &[] },
                "\"6h\"",
                "When a run that does nothing is given up; at most `max_scan_time`. Sent with every new scan: the \
                 product's own choice may be longer than `max_scan_time`, and is then refused.",
            )
            .vendor("inactivityTimeout")
            .default("`max_scan_time`, and at most 12 hours"),
            Key::new(
                "timeout_action",
                Kind::Word(&["discard", "import", "rollover"]),
                "\"import\"",
                "What becomes of the result of a run that took too long.",
            )
            .vendor("timeoutAction")
            .default("import"),
            Key::new(
                "rollover_type",
                Kind::Word(&["nextDay", "template"]),
                "\"template\"",
                "How what was left over is scanned.",
            )
            .vendor("rolloverType")
            .default("template"),
            Key::new("host_tracking", Kind::Flag, "false", "Whether hosts are told apart by name, for DHCP networks.")
                .vendor("dhcpTracking")
                .default("false"),
            Key::new("virtual_hosts", Kind::Flag, "false", "Whether virtual hosts are scanned as hosts.")
                .vendor("scanningVirtualHosts")
                .default("false"),
            Key::new(
                "mitigate_after",
                Kind::Number { least: 0, most: i64::MAX },
                "30",
                "After how many days a finding that is not seen any more counts as mitigated.",
            )
            .vendor("classifyMitigatedAge")
            .default("0"),
            Key::new("email_on_launch", Kind::Flag, "false", "Whether the owner is told of a start.")
                .vendor("emailOnLaunch")
                .default("false"),
            Key::new("email_on_finish", Kind::Flag, "false", "Whether the owner is told of an end.")
                .vendor("emailOnFinish")
                .default("false"),
            Key::new(
                "schedule.type",
                Kind::Word(&["ical", "dependent", "never", "rollover", "template"]),
                "\"ical\"",
                "How it is started: `ical` by the clock, `dependent` after another scan, `template` by a launch.",
            )
            .default("ical with `schedule.repeat` or `schedule.start`, dependent with `schedule.after`, else template"),
            Key::new(
                "schedule.repeat",
                Kind::Text,
                "\"FREQ=WEEKLY;INTERVAL=1;BYDAY=MO\"",
                "When it recurs, as a rule after RFC 5545; empty for once.",
            )
            .vendor("schedule.repeatRule"),
            Key::new(
                "schedule.start",
                Kind::Text,
                "\"20260105T200000\"",
                "The first start, as YYYYMMDDTHHMMSS in `schedule.timezone`, or whole as TZID=ZONE:YYYYMMDDTHHMMSS.",
            ),
            Key::new("schedule.timezone", Kind::Text, "\"Europe/Berlin\"", "The time zone of `schedule.start`."),
            Key::new("schedule.enabled", Kind::Flag, "true", "Whether the schedule is on."),
            Key::new("schedule.after", Kind::Id, "34", "The scan it follows, by its id.")
                .vendor("schedule.dependentID"),
        ],
        one_of: &[&["targets", "assets"]],
    },
    copy: Form {
        about: &[],
        keys: &[
            Key::new("name", Kind::Text, "\"Weekly DMZ, copy\"", "The new scan's name.")
                .default("`Copy of` and the old name"),
            Key::new("user", Kind::Id, "5", "The new scan's owner, by the user's id.")
                .vendor("targetUser")
                .default("the profile's own user"),
        ],
        one_of: &[],
    },
    import: Form {
        about: &[],
        keys: &[
            Key::new("repository", Kind::Id, "1", "The repository that the result goes to, by its id.").required(),
            MITIGATE_AFTER,
            HOST_TRACKING,
            VIRTUAL_HOSTS,
        ],
        one_of: &[],
    },
    reimport: Form { about: &[], keys: &[MITIGATE_AFTER, HOST_TRACKING, VIRTUAL_HOSTS], one_of: &[] },
};

const MITIGATE_AFTER: Key = Key::new(
    "mitigate_after",
    Kind::Number { least: 0, most: i64::MAX },
    "30",
    "After how many days a finding that is not seen any more counts as mitigated.",
)
.vendor("classifyMitigatedAge");
const HOST_TRACKING: Key =
    Key::new("host_tracking", Kind::Flag, "true", "Whether hosts are told apart by name, for DHCP networks.")
        .vendor("dhcpTracking");
const VIRTUAL_HOSTS: Key = Key::new("virtual_hosts", Kind::Flag, "true", "Whether virtual hosts count as hosts.")
    .vendor("scanningVirtualHosts");
