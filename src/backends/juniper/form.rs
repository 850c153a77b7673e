//! What is written for JSA.
//!
//! Vendor pages: `POST /scanner/scanprofiles` (17.0: `name`, `hosts`, `description`), `POST /scanner/profiles/create` (the
//! old form: `name`, `ips`), `POST /scanner/scanprofiles/{profileid}` (`name`, `description`, `ips`). The API sets nothing
//! else: no policy, scanner, port, credential, schedule or exclusion.

use crate::backends::definition::{Form, Forms, Key, Kind};

/// Everything that is written for JSA.
pub static FORMS: Forms = Forms {
    scan: Form {
        about: &[
            "The API sets nothing but these three: policy, scanner, ports and schedule are set in the console.",
        ],
        keys: &[
            Key::new(
                "name",
                Kind::Text,
                "\"Weekly DMZ\"",
                "The scan profile's name. No other profile may have it: the answer has no id, and the name finds the new one.",
            )
            .required(),
            Key::new(
                "targets",
                Kind::List,
                "[\"192.0.2.1\", \"192.0.2.10-192.0.2.20\"]",
                "What to scan: addresses and ranges. Blocks such as 192.0.2.0/24 are not supported. They cannot be read \
                 back, and whether an update replaces them or adds to them is not documented.",
            )
            .vendor("hosts")
            .required(),
            Key::new("description", Kind::Text, "\"\"", "A description."),
        ],
        one_of: &[],
    },
    copy: Form::NONE,
    import: Form::NONE,
    reimport: Form::NONE,
};
