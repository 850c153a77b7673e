//! Stored scans as users write them: templates, files and flags, what is refused and in which order, before anything is
//! sent. What each vendor is sent is in the conformance suite.

mod asking;
mod hints;
mod order;
mod writing;

use scanctl::backends::REGISTRY;
use scanctl::model::{Operation, Support};

use crate::common::{Env, Vendor};

/// The profiles of [`five`], each with its backend.
const PROFILES: [(&str, &str); 5] = [
    ("io", "tenable-io"),
    ("sc", "tenable-sc"),
    ("director", "tenable-sc-director"),
    ("jsa", "juniper"),
    ("cf", "cloudflare"),
];

/// Whether the backend of a profile does an operation. What it does not do is said before what is wrong otherwise.
fn does(profile: &str, operation: Operation) -> bool {
    let (_, backend) = PROFILES.into_iter().find(|(name, _)| *name == profile).unwrap();
    let spec = REGISTRY.iter().find(|spec| spec.id == backend).unwrap();
    !matches!((spec.support)(operation, None), Support::No(_))
}

/// One profile of each backend, all at this origin, none with a secret that can be read.
fn five(vendor: &Vendor) -> Env {
    let env = Env::new();
    let origin = vendor.url();
    let keys = "access_key = { env = 'NOT_SET' }\nsecret_key = { env = 'NOT_SET' }";
    let token = "token = { env = 'NOT_SET' }";
    for (name, backend) in PROFILES {
        let more = match name {
            "jsa" => token.to_owned(),
            "cf" => format!("{token}\naccount_id = '0123456789abcdef0123456789abcdef'"),
            _ => keys.to_owned(),
        };
        env.add_config(&format!("[profiles.{name}]\nbackend = '{backend}'\nbase_url = '{origin}'\n{more}\n"));
    }
    env
}
