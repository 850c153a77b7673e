//! What is written for Cloudflare.
//!
//! Vendor page: <https://developers.cloudflare.com/api/resources/cloudforce_one/subresources/scans/subresources/config/methods/create/>.
//! A config has no name and no other setting.

use crate::backends::definition::{Form, Forms, Key, Kind};

/// Everything that is written for Cloudflare.
pub static FORMS: Forms = Forms {
    scan: Form {
        about: &["A config has no name. All three are always sent, so that nothing hangs on a default."],
        keys: &[
            Key::new(
                "targets",
                Kind::List,
                "[\"198.51.100.7\", \"2001:db8::/120\"]",
                "What to scan from outside: addresses and blocks, at most 5,000 addresses in all. No host names.",
            )
            .vendor("ips")
            .required(),
            Key::new(
                "ports",
                Kind::List,
                "[\"1-1024\", \"8443\"]",
                "Ports and ranges, or `default` (the hundred that are open most often), or `all`.",
            )
            .default("`default`"),
            Key::new(
                "frequency",
                Kind::Number { least: 0, most: 36_500 },
                "7",
                "Days between scans; 0 for one scan. When the first one starts is not documented.",
            )
            .default("0"),
        ],
        one_of: &[],
    },
    copy: Form::NONE,
    import: Form::NONE,
    reimport: Form::NONE,
};
