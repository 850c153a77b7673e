//! What does not change in this sandbox: users, groups, policies, repositories, zones, scanners, credentials, assets.
//! Each has an id on the instance and another on Director. Not for scans and their runs.

use serde_json::{Value, json};

use super::wire::{Object, flag, uuid};

/// Name spaces of [`uuid`], so that user 1 and policy 1 differ.
pub(in crate::sandbox) mod space {
    /// Scan definitions.
    pub(in crate::sandbox) const SCAN: u64 = 1;
    /// Policies.
    pub(in crate::sandbox) const POLICY: u64 = 2;
    /// Repositories.
    pub(in crate::sandbox) const REPOSITORY: u64 = 3;
    /// Users.
    pub(in crate::sandbox) const USER: u64 = 4;
    /// Scan zones.
    pub(in crate::sandbox) const ZONE: u64 = 5;
    /// Hosts of results.
    pub(in crate::sandbox) const HOST: u64 = 6;
    /// The broken instance's objects.
    pub(in crate::sandbox) const ELSEWHERE: u64 = 9;
}

/// A user of the instance's one organization.
pub(in crate::sandbox) struct User {
    /// On the instance.
    pub(in crate::sandbox) id: u64,
    /// On Director.
    pub(in crate::sandbox) director_id: u64,
    /// Login name.
    pub(in crate::sandbox) username: &'static str,
    /// First name.
    pub(in crate::sandbox) first: &'static str,
    /// Last name.
    pub(in crate::sandbox) last: &'static str,
    /// Role id and name.
    pub(in crate::sandbox) role: (u64, &'static str),
}

/// The user that the accepted keys and password belong to.
pub(in crate::sandbox) const SELF: u64 = 2;

/// Users, by the instance's ids.
pub(in crate::sandbox) const USERS: &[User] = &[
    User { id: 1, director_id: 4, username: "mara", first: "Mara", last: "Olsen", role: (2, "Security Manager") },
    User {
        id: SELF,
        director_id: 5,
        username: super::super::accepted::USER,
        first: "Api",
        last: "User",
        role: (2, "Security Manager"),
    },
    User { id: 4, director_id: 2, username: "tomas", first: "Tomas", last: "Reyes", role: (3, "Security Analyst") },
];

impl User {
    /// The user with that id.
    pub(in crate::sandbox) fn find(id: u64) -> Option<&'static Self> {
        USERS.iter().find(|user| user.id == id)
    }

    /// The same user under every roof.
    pub(in crate::sandbox) fn uuid(&self) -> String {
        uuid(space::USER, self.id)
    }

    /// As other objects mention him.
    pub(in crate::sandbox) fn brief(id: u64) -> Value {
        match Self::find(id) {
            Some(user) => json!({
                "id": user.id.to_string(),
                "username": user.username,
                "firstname": user.first,
                "lastname": user.last,
                "uuid": user.uuid(),
            }),
            None => json!({"id": -1, "username": "", "firstname": "", "lastname": ""}),
        }
    }

    /// In full.
    pub(super) fn wire(&self, now: f64) -> Object {
        object(json!({
            "id": self.id.to_string(),
            "uuid": self.uuid(),
            "username": self.username,
            "firstname": self.first,
            "lastname": self.last,
            "status": "0",
            "title": "",
            "email": format!("{}@corp.example", self.username),
            "role": {"id": self.role.0.to_string(), "name": self.role.1, "description": ""},
            "organization": organization(),
            "group": {"id": "0", "name": "Full Access", "description": "Full Access group"},
            "authType": "tns",
            "locked": "false",
            "failedLogins": "0",
            "lastLogin": super::wire::epoch(Some(now)),
            "lastLoginIP": "127.0.0.1",
            "mustChangePassword": "false",
            "createdTime": super::wire::epoch(Some(now - 300.0 * 86_400.0)),
            "modifiedTime": super::wire::epoch(Some(now - 200.0 * 86_400.0)),
            "canUse": "true",
            "canManage": flag(self.id != SELF),
        }))
    }
}

/// The one organization, as other objects mention it.
pub(super) fn organization() -> Value {
    json!({"id": "1", "name": "Corp", "description": "All sites"})
}

/// Group 0, as other objects mention it.
pub(super) fn full_access() -> Value {
    json!({"id": "0", "name": "Full Access", "description": "Full Access group"})
}

/// What is only named here: a policy, a repository, a zone, a credential, an asset list, a scanner.
pub(in crate::sandbox) struct Named {
    /// On the instance.
    pub(in crate::sandbox) id: u64,
    /// On Director.
    pub(in crate::sandbox) director_id: u64,
    /// Its name.
    pub(in crate::sandbox) name: &'static str,
    /// Its description.
    pub(in crate::sandbox) description: &'static str,
    /// Addresses: the range of a repository or zone, the members of an asset list, a scanner's own.
    pub(in crate::sandbox) addresses: &'static str,
}

impl Named {
    /// As other objects mention it.
    pub(in crate::sandbox) fn brief(&self) -> Object {
        object(json!({"id": self.id.to_string(), "name": self.name, "description": self.description}))
    }
}

/// The object with that id in a list.
pub(in crate::sandbox) fn find(list: &'static [Named], id: u64) -> Option<&'static Named> {
    list.iter().find(|named| named.id == id)
}

const fn named(
    id: u64,
    director_id: u64,
    name: &'static str,
    description: &'static str,
    addresses: &'static str,
) -> Named {
    Named { id, director_id, name, description, addresses }
}

/// Scan policies.
pub(in crate::sandbox) const POLICIES: &[Named] = &[
    named(1_000_001, 3, "Full Safe Scan", "", ""),
    named(1_000_002, 4, "Credentialed Patch Audit", "Needs credentials", ""),
    named(1_000_003, 5, "CIS Linux Benchmark", "Results can be had as SCAP", ""),
];

/// The policy whose results are SCAP results too.
pub(super) const SCAP_POLICY: u64 = 1_000_003;

/// Repositories; the second one takes the addresses of one network alone.
pub(in crate::sandbox) const REPOSITORIES: &[Named] =
    &[named(1, 2, "Default", "", "0.0.0.0/0"), named(2, 1, "DMZ", "Public servers", "198.51.100.0/24")];

/// Scan zones.
pub(in crate::sandbox) const ZONES: &[Named] = &[
    named(1, 3, "Head office", "", "10.0.0.0/8,192.0.2.0/24"),
    named(2, 1, "Perimeter", "Seen from outside", "198.51.100.0/24"),
];

/// Scanners.
pub(in crate::sandbox) const SCANNERS: &[Named] =
    &[named(1, 2, "Internal Scanner", "", "10.0.0.4"), named(2, 1, "DMZ Scanner", "", "198.51.100.4")];

/// Credentials.
pub(super) const CREDENTIALS: &[Named] = &[named(1_000_001, 0, "Linux audit account", "", "")];

/// Asset lists.
pub(super) const ASSETS: &[Named] =
    &[named(1, 0, "All Defined Ranges", "", "0.0.0.0/0"), named(2, 0, "Linux Servers", "", "10.20.0.11-10.20.0.14")];

/// Keeps the object of a JSON value.
pub(super) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

/// Names of the password preferences in a policy; their values are ciphertext.
const SECRET_PREFERENCES: &[&str] = &[
    "adsi",
    "altiris",
    "ftp",
    "http",
    "ibm_iseries",
    "ibm_tem",
    "imap",
    "ipmi",
    "k1000",
    "mongodb",
    "nntp",
    "panos",
    "pop2",
    "pop3",
    "rhev",
    "satellite",
    "satellite_6",
    "sccm",
    "snmp",
    "snmpv3",
    "ssh",
    "telnet",
    "vcenter",
    "vmware",
    "windows",
    "wsus",
    "x509",
    "xenserver",
];

/// `policyPrefs` of a scan: long, and of no use to anyone who reads it.
pub(super) fn policy_preferences(policy: u64) -> Value {
    use base64::Engine as _;
    let mut random = fastrand::Rng::with_seed(policy);
    let mut secret = || {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    ["[authPref]", "[certPref]", "[keyPref]", "[tokenPref]"]
        .iter()
        .flat_map(|prefix| SECRET_PREFERENCES.iter().map(move |name| format!("{prefix}{name}")))
        .map(|name| json!({"name": name, "value": secret()}))
        .collect()
}
