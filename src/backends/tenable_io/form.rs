//! What is written for Tenable VM.
//!
//! Vendor pages: <https://developer.tenable.com/reference/scans-create>, `scans-configure`, `scans-copy`,
//! `scans-import`. The API applies none of the defaults that a template has in the vendor's own pages.

use crate::backends::definition::{Form, Forms, Key, Kind};

/// Everything that is written for Tenable VM.
pub static FORMS: Forms = Forms {
    scan: Form {
        about: &[
            "What is left out stays unset: the API does not apply the defaults that the vendor's own pages show.",
            "Nothing here starts the scan; `scanctl launch` does.",
        ],
        keys: &[
            Key::new("name", Kind::Text, "\"Weekly DMZ\"", "The scan's name.").required(),
            Key::new(
                "template",
                Kind::Text,
                "\"basic\"",
                "The template, by its name, its title or its uuid; `basic` is the Basic Network Scan.",
            )
            .vendor("uuid")
            .fixed(),
            Key::new("policy", Kind::Id, "16", "A stored policy, by its id; its template is then the scan's.")
                .vendor("policy_id"),
            Key::new(
                "targets",
                Kind::List,
                "[\"192.0.2.0/24\", \"host.example\"]",
                "What to scan: addresses, ranges, blocks, host names. The vendor stores them unchecked.",
            )
            .vendor("text_targets"),
            Key::new("target_groups", Kind::List, "[12]", "Target groups to scan, by id."),
            Key::new("tag_targets", Kind::List, "[\"3f2504e0-4f89-11d3-9a0c-0305e82c3301\"]", "Tags to scan, by uuid."),
            Key::new("agent_groups", Kind::List, "[\"f35c8fbe-19d3-4f3f-8e2c-6c1f2d5a9b10\"]", "Agent groups to scan.")
                .vendor("agent_group_id"),
            Key::new(
                "scanner",
                Kind::Text,
                "\"AUTO-ROUTED\"",
                "The scanner, by its name, id or uuid, or AUTO-ROUTED. An update without it keeps the scanner the scan has.",
            )
            .vendor("scanner_id")
            .default("the vendor's cloud scanner"),
            Key::new(
                "network",
                Kind::Text,
                "\"00000000-0000-0000-0000-000000000000\"",
                "The network that the results belong to, by its uuid; it counts only where the scanner is AUTO-ROUTED.",
            )
            .vendor("target_network_uuid")
            .default("the default network, where the scanner is AUTO-ROUTED"),
            Key::new("folder", Kind::Id, "9", "The folder, by its id.").vendor("folder_id"),
            Key::new("description", Kind::Text, "\"\"", "A description."),
            Key::new("emails", Kind::List, "[\"soc@example.org\"]", "Who is told when a run ends."),
            Key::new(
                "scan_time_window",
                Kind::Number { least: 0, most: i64::MAX },
                "180",
                "Minutes that agents have to send their results, or after which a scan by a scanner stops by itself.",
            )
            .default("180 for agents; 0 for scanners, which never stop by themselves"),
            Key::new("schedule.enabled", Kind::Flag, "true", "Whether the schedule is on.")
                .vendor("enabled")
                .default("on as soon as `schedule.repeat` or `schedule.start` is written"),
            Key::new(
                "schedule.repeat",
                Kind::Text,
                "\"FREQ=WEEKLY;INTERVAL=1;BYDAY=MO\"",
                "When it recurs, as a rule after RFC 5545; FREQ is ONETIME, DAILY, WEEKLY, MONTHLY or YEARLY.",
            )
            .vendor("rrules")
            .default("once, where only `schedule.start` is written"),
            Key::new("schedule.start", Kind::Text, "\"20260105T200000\"", "The first start, as YYYYMMDDTHHMMSS; it must lie in the future.")
                .vendor("starttime"),
            Key::new("schedule.timezone", Kind::Text, "\"Europe/Berlin\"", "The time zone of the schedule.")
                .vendor("timezone"),
        ],
        one_of: &[&["template", "policy"], &["targets", "target_groups", "tag_targets", "agent_groups"]],
    },
    copy: Form {
        about: &[],
        keys: &[
            Key::new("name", Kind::Text, "\"Weekly DMZ, copy\"", "The new scan's name.")
                .default("`Copy of` and the old name"),
            Key::new("folder", Kind::Id, "9", "The folder, by its id.").vendor("folder_id"),
        ],
        one_of: &[],
    },
    import: Form {
        about: &[],
        keys: &[Key::new("folder", Kind::Id, "9", "The folder, by its id.").vendor("folder_id")],
        one_of: &[],
    },
    reimport: Form::NONE,
};
