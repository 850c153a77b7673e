//! Stored scans as users write them: templates, files and flags, what is refused and in which order, before anything is
//! sent. What each vendor is sent is in the conformance suite.

mod order;
mod writing;

use crate::common::{Env, Vendor};

/// One profile of each backend, all at this origin, none with a secret that can be read.
fn five(vendor: &Vendor) -> Env {
    let env = Env::new();
    let origin = vendor.url();
    let keys = "access_key = { env = 'NOT_SET' }\nsecret_key = { env = 'NOT_SET' }";
    let token = "token = { env = 'NOT_SET' }";
    for (name, backend, more) in [
        ("io", "tenable-io", keys.to_owned()),
        ("sc", "tenable-sc", keys.to_owned()),
        ("director", "tenable-sc-director", keys.to_owned()),
        ("jsa", "juniper", token.to_owned()),
        ("cf", "cloudflare", format!("{token}\naccount_id = '0123456789abcdef0123456789abcdef'")),
    ] {
        env.add_config(&format!("[profiles.{name}]\nbackend = '{backend}'\nbase_url = '{origin}'\n{more}\n"));
    }
    env
}
