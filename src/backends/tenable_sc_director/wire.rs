//! Director's scans and copies on the wire, and what they tell of an instance's own numbers.
//!
//! No reply of a Director was ever seen outside the vendor's documentation, and there the names asked for are not always
//! those answered. So both are read under several names, in any case.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::backends::sc_rest::choice::Kinship;
use crate::backends::sc_rest::result::ScanResult;
use crate::backends::sc_rest::{Reference, reference};
use crate::backends::wire::Loose;
use crate::model::{Run, RunId, Scan, ScanId};

/// Names of the instance an object is on.
const INSTANCE: [&str; 2] = ["sci", "sciid"];
/// Names of a scan's number on its instance.
const SCAN_THERE: [&str; 2] = ["sciscanid", "sciscan"];
/// Names of a result's number on its instance.
const RUN_THERE: [&str; 4] = ["sciscanresult", "sciscanresultid", "sciresult", "sciresultid"];

/// A scan of one of the instances, as Director shows it.
#[derive(Debug)]
pub struct StoredScan {
    /// Director's number.
    pub id: Loose,
    /// Its name.
    pub name: Loose,
    /// The instance it is on.
    pub instance: Reference,
    /// Its number there.
    pub there: Option<ScanId>,
    /// All of it, as it came.
    pub object: Value,
    ip_list: Loose,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PlainScan {
    id: Loose,
    name: Loose,
    #[serde(rename = "ipList")]
    ip_list: Loose,
}

impl<'de> Deserialize<'de> for StoredScan {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let (instance, there) = (bridge(&value, &INSTANCE), bridge(&value, &SCAN_THERE));
        let PlainScan { id, name, ip_list } = PlainScan::deserialize(&value).map_err(serde::de::Error::custom)?;
        Ok(Self { id, name, instance, there: there.id.map(ScanId::new), object: value, ip_list })
    }
}

impl StoredScan {
    /// The scan, as far as Director shows it.
    pub fn scan(&self) -> Option<Scan> {
        let listed = self.ip_list.text().unwrap_or_default().split([',', '\n']).map(str::trim);
        let targets: Vec<String> = listed.filter(|target| !target.is_empty()).map(str::to_owned).collect();
        Some(Scan {
            scan: ScanId::new(self.id.text()?),
            name: self.name.owned(),
            // Neither schedule nor asset lists can be read back.
            enabled: None,
            schedule: None,
            targets: (!targets.is_empty()).then_some(targets),
            last_run: None,
            fields: None,
        })
    }
}

/// Director's copy of one result.
#[derive(Debug)]
pub struct Copied {
    /// What it has in common with a result.
    pub result: ScanResult,
    /// The instance that it was copied from.
    pub instance: Reference,
    /// Its number there.
    pub there: Option<RunId>,
    /// All of it, as it came.
    pub object: Value,
}

impl<'de> Deserialize<'de> for Copied {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let (instance, there) = (bridge(&value, &INSTANCE), bridge(&value, &RUN_THERE));
        let result = ScanResult::deserialize(&value).map_err(serde::de::Error::custom)?;
        Ok(Self { result, instance, there: there.id.map(RunId::new), object: value })
    }
}

/// An instance, a user or a policy, as a list of them shows it.
#[derive(Debug)]
pub struct Known {
    /// Director's number.
    pub id: Loose,
    /// What a scan names it by; instances have none.
    pub uuid: Loose,
    /// Its name; of a user the login.
    pub name: Option<String>,
    /// An instance's health.
    pub status: Loose,
    /// The instance it is of.
    pub instance: Reference,
    /// A user's organization.
    pub organization: Reference,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PlainKnown {
    id: Loose,
    uuid: Loose,
    name: Loose,
    username: Loose,
    status: Loose,
    organization: Reference,
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let instance = bridge(&value, &INSTANCE);
        let PlainKnown { id, uuid, name, username, status, organization } =
            PlainKnown::deserialize(value).map_err(serde::de::Error::custom)?;
        let name = name.owned().or_else(|| username.owned());
        Ok(Self { id, uuid, name, status, instance, organization })
    }
}

/// The first member that says something, under any of these names in any case.
fn bridge(object: &Value, names: &[&str]) -> Reference {
    let members = object.as_object().into_iter().flatten();
    let named = members.filter(|(name, _)| names.contains(&name.to_ascii_lowercase().as_str()));
    named.map(|(_, value)| reference(Some(value))).find(|reference| reference.id.is_some()).unwrap_or_default()
}

impl Copied {
    /// The run. Its scan is left open: no page says whose number stands there, Director's or the instance's.
    pub fn run(&self, now: Option<Timestamp>) -> Run {
        Run { scan: None, ..self.result.run(now) }
    }

    /// Whether it is known to be of another instance than a scan.
    pub fn is_elsewhere(&self, scan: &StoredScan) -> bool {
        matches!((&self.instance.id, &scan.instance.id), (Some(own), Some(other)) if own != other)
    }

    /// What it says about a scan of Director. A number counts only together with instance and name.
    pub fn kinship(&self, scan: &StoredScan) -> Kinship {
        let name = scan.name.text();
        let same_name = name.is_some() && (self.result.name.text() == name || self.result.scan.name.as_deref() == name);
        if !same_name || self.is_elsewhere(scan) {
            return Kinship::None;
        }
        match self.result.scan() {
            None => Kinship::Unsure,
            Some(number) if Some(number.as_str()) == scan.id.text() || Some(&number) == scan.there.as_ref() => {
                if self.instance.id.is_some() { Kinship::Own } else { Kinship::Unsure }
            }
            Some(_) => Kinship::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Copied, StoredScan};
    use crate::backends::sc_rest::choice::Kinship;

    fn copied(value: Value) -> Copied {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn bridges_are_found_under_every_likely_name() {
        for (instance, there) in [
            (json!({"SCI": {"id": "4", "name": "SCI 3"}}), json!({"sciScanResultID": "8"})),
            (json!({"sci": {"id": 4}}), json!({"sciScanResult": {"id": "8", "name": "x"}})),
            (json!({"sciID": "4"}), json!({"sciScanResult": 8})),
            (json!({"SCI": [], "sci": {"id": "4"}}), json!({"sciScanResult": {"id": -1}, "sciScanResultId": "8"})),
        ] {
            let mut value = json!({"id": "70", "status": "Running"});
            for part in [instance, there] {
                value.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
            }
            let copied = copied(value.clone());
            assert_eq!(copied.instance.id.as_deref(), Some("4"), "{value}");
            assert_eq!(copied.there.as_ref().map(|run| run.as_str()), Some("8"), "{value}");
        }
        let bare = copied(json!({"id": "70", "SCI": {"id": -1, "name": ""}, "sciScanResultID": "-1"}));
        assert!(bare.instance.id.is_none() && bare.there.is_none());
    }

    #[test]
    fn the_documented_scan_is_read() {
        let scan: StoredScan = serde_json::from_value(json!({
            "id": "43", "uuid": "B0DD6E59-850B-421B-9498-74DE0177CF64", "name": "Basic Scan", "sciScanID": "1", "zoneUUID": "",
            "ipList": "192.26.28.0/24", "pluginID": "-1", "maxScanTime": "unlimited", "status": "0",
            "SCI": {"id": "4", "name": "SCI 3", "description": ""},
        }))
        .unwrap();
        assert_eq!((scan.id.text(), scan.there.as_ref().map(|there| there.as_str())), (Some("43"), Some("1")));
        assert_eq!((scan.instance.id.as_deref(), scan.instance.name.as_deref()), (Some("4"), Some("SCI 3")));
        assert_eq!(scan.scan().unwrap().targets.unwrap(), ["192.26.28.0/24"]);
    }

    #[test]
    fn a_number_counts_only_together_with_instance_and_name() {
        let scan: StoredScan =
            serde_json::from_value(json!({"id": "43", "name": "Basic", "sciScanID": "1", "SCI": {"id": "4"}})).unwrap();
        for (copy, expected) in [
            (json!({"name": "Basic", "scan": {"id": "43"}, "SCI": {"id": "4"}}), Kinship::Own),
            (json!({"name": "Basic", "scan": {"id": "1"}, "SCI": {"id": "4"}}), Kinship::Own),
            (json!({"name": "Old", "scan": {"id": "1", "name": "Basic"}, "SCI": {"id": "4"}}), Kinship::Own),
            (json!({"name": "Basic", "scan": {"id": "1"}, "SCI": {"id": "5"}}), Kinship::None),
            (json!({"name": "Other", "scan": {"id": "43"}, "SCI": {"id": "4"}}), Kinship::None),
            (json!({"name": "Basic", "scan": {"id": "2"}, "SCI": {"id": "4"}}), Kinship::None),
            (json!({"name": "Basic", "scan": {"id": -1}, "SCI": {"id": "4"}}), Kinship::Unsure),
            (json!({"name": "Basic", "SCI": {"id": "4"}}), Kinship::Unsure),
            (json!({"name": "Basic", "scan": {"id": "43"}}), Kinship::Unsure),
            (json!({"SCI": {"id": "4"}}), Kinship::None),
        ] {
            assert_eq!(copied(copy.clone()).kinship(&scan), expected, "{copy}");
        }
    }
}
