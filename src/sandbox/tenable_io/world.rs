//! What the simulated container holds: scans with their runs, folders, policies, uploads, exports.

use serde_json::{Map, Value};

use super::run::{Fate, Run, State, whole};
use crate::sandbox::accepted;

/// UUID of the network that a container has from the start.
pub const DEFAULT_NETWORK: &str = "00000000-0000-0000-0000-000000000000";
/// The cloud scanner that every container has; its id is no RFC UUID.
pub const CLOUD_SCANNER: &str = "00000000-0000-0000-0000-00000000000000000000000000001";
/// The container's one scanner of its own, which is online.
pub const OWN_SCANNER: &str = "f5b4c1d2-7a3e-4b8c-9d0e-21c4a6b8d0f25b7e9a1c3d5f7a8b";
/// A scanner whose site has lost power: what is sent to it stays pending.
pub const DARK_SCANNER: &str = "0a9b8c7d-6e5f-4a3b-8c2d-10f2e4d6c8ba9075634122130e1f";
/// Active scans a container may have.
pub const MOST_ACTIVE: usize = 25;
/// Scans a container may have.
pub const MOST_SCANS: usize = 10_000;
/// Mail address of the user whose keys are accepted, and owner of nearly everything.
pub const OWNER: &str = "user@example.org";
/// The other user of the container.
pub const COLLEAGUE: &str = "colleague@example.org";
/// The user's id.
pub const OWNER_ID: u64 = 2;
/// The user's UUID.
pub const OWNER_UUID: &str = "5c1f0c1e-3b0a-4f57-9a54-7b8a3c2d1e0f";
/// The container's UUID.
pub const CONTAINER: &str = "2b7d9e4f-6a1c-4d3e-8f5b-0c9a8b7d6e5f";

/// Templates of scans and policies: name, title, UUID, whether for agents.
pub const TEMPLATES: [(&str, &str, &str, bool); 8] = [
    ("basic", "Basic Network Scan", "731a8e52-3ea6-a291-ec0a-d2ff0619c19d7bd788d6be818b65", false),
    ("advanced", "Advanced Network Scan", "ad629e16-03b6-8c1d-cef6-ef8c9dd3c658d24bd260ef5f9e66", false),
    ("discovery", "Host Discovery", "bbd4f805-3966-d464-b2d1-0079eb89d69708c3a05ec2812bcf", false),
    ("patch_audit", "Credentialed Patch Audit", "0625147c-30fe-d79f-e54f-ce7ccd7523e9b63d84cb81c23c2f", false),
    ("compliance", "Policy Compliance Auditing", "40345bfc-48be-37bc-9bce-526bdce37582e8fee83bcefdc746", false),
    ("pci", "Internal PCI Network Scan", "e460ea7c-7916-d001-51dc-e43ef3168e6e20f1d97bdebf4a49", false),
    ("agent_basic", "Basic Agent Scan", "e785b26c-5b4d-5da8-6643-007ea1f8ee1c8f23937a4bd45a1d", true),
    ("agent_advanced", "Advanced Agent Scan", "549a08c1-e5fd-c0e9-fb8f-c4336582d50ec8ffa8e5034e8da2", true),
];

/// Template of web application scans, which has an editor entry for scans alone.
pub const WEB_TEMPLATE: (&str, &str, &str) =
    ("was_scan", "Web App Scan", "09805055-a034-4088-8986-aac5e1c57d5f0d44f09d736969bf");

/// One stored scan.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Small integer.
    pub id: u64,
    /// 52 characters, with `template-` before them unless copied or imported.
    pub schedule_uuid: String,
    /// UUID of the template; imports have none.
    pub template: Option<String>,
    /// The policy that the service keeps with each scan; imports have none.
    pub policy_id: Option<u64>,
    /// Mail address.
    pub owner: String,
    /// The user's permission on it: 16 view, 32 control, 64 edit, 128 owner.
    pub permissions: u64,
    /// Folder id.
    pub folder: u64,
    /// Settings as they were sent.
    pub settings: Map<String, Value>,
    /// Credentials that belong to this scan alone: id, category, type, settings.
    pub credentials: Vec<(u64, String, String, Value)>,
    /// Unix seconds.
    pub created: i64,
    /// Unix seconds.
    pub modified: i64,
    /// Whether the user has seen the latest results.
    pub read: bool,
    /// Whether the service lets nobody launch it any more.
    pub disabled: bool,
    /// Made by the remediation endpoint, and listed there alone.
    pub remediation: bool,
    /// A web application scan, whose exports need to be told so.
    pub web: bool,
    /// What becomes of its runs.
    pub fate: Fate,
    /// Oldest first.
    pub runs: Vec<Run>,
}

impl Scan {
    /// A setting that is text and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The scan's name.
    pub fn name(&self) -> &str {
        self.text("name").unwrap_or_default()
    }

    /// The scanner it runs on.
    pub fn scanner(&self) -> &str {
        self.text("scanner_id").unwrap_or(CLOUD_SCANNER)
    }

    /// Whether its schedule is on. That says nothing about launching by hand.
    pub fn enabled(&self) -> bool {
        !self.imported() && self.settings.get("enabled").and_then(Value::as_bool).unwrap_or(true)
    }

    /// Results from a file, never launchable.
    pub fn imported(&self) -> bool {
        self.template.is_none()
    }

    /// Whether it runs on agents.
    pub fn agents(&self) -> bool {
        TEMPLATES.iter().any(|template| template.3 && self.template.as_deref() == Some(template.2))
    }

    /// Whether it can be launched and stopped at all.
    pub fn control(&self) -> bool {
        !self.imported() && !self.disabled
    }

    /// The latest run.
    pub fn latest(&self) -> Option<&Run> {
        self.runs.last()
    }

    /// The native word for the scan as a whole: that of the latest run.
    pub fn status(&self) -> &'static str {
        self.latest().map_or("empty", |run| run.state.word())
    }

    /// Whether its latest run is active.
    pub fn active(&self) -> bool {
        self.latest().is_some_and(|run| run.state.active())
    }

    /// Where its runs take place, in the words of the list.
    pub fn kind(&self) -> Option<&'static str> {
        match () {
            () if self.web => Some("webapp"),
            () if self.imported() => None,
            () if self.agents() => Some("agent"),
            () if self.scanner() == CLOUD_SCANNER || self.scanner() == "AUTO-ROUTED" => Some("ps"),
            () => Some("remote"),
        }
    }

    /// Finds a run by UUID or history id.
    pub fn run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.uuid == id || run.history_id.to_string() == id)
    }
}

/// One folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Small integer of the same sequence as scans.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `trash`, `main` or `custom`.
    pub kind: &'static str,
}

/// A policy that somebody made.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Small integer of the same sequence as scans.
    pub id: u64,
    /// Template UUID.
    pub template: String,
    /// The whole document as sent.
    pub document: Map<String, Value>,
    /// Unix seconds.
    pub created: i64,
    /// Unix seconds.
    pub modified: i64,
}

impl Policy {
    /// Its name.
    pub fn name(&self) -> &str {
        self.setting("name").unwrap_or_default()
    }

    /// A setting that is text.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.document.get("settings").and_then(|settings| settings.get(name)).and_then(Value::as_str)
    }
}

/// An export that was asked for.
#[derive(Debug, Clone)]
pub struct Export {
    /// File id.
    pub file: String,
    /// The scan.
    pub scan: u64,
    /// UUID of the run.
    pub run: String,
    /// `nessus`, `csv`, `html`, `pdf`, `db`.
    pub format: String,
    /// Chapters as sent.
    pub chapters: String,
    /// Unix seconds of the request.
    pub created: f64,
    /// Unix seconds from which it is ready.
    pub ready: f64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Everything.
#[derive(Debug)]
pub struct World {
    /// Divides the durations of states.
    pub speed: f64,
    /// Makes ids.
    pub random: fastrand::Rng,
    /// Stored scans by id.
    pub scans: Vec<Scan>,
    /// Folders by id.
    pub folders: Vec<Folder>,
    /// Policies by id.
    pub policies: Vec<Policy>,
    /// Uploaded files by name.
    pub uploads: Vec<(String, Vec<u8>)>,
    /// Exports, oldest first.
    pub exports: Vec<Export>,
    /// Open session tokens.
    pub sessions: Vec<String>,
    /// Name and mail address of the user as edited.
    pub user: (String, String),
    /// Permissions of scanners as edited, by scanner number.
    pub scanner_acls: Vec<(u64, Value)>,
    next_id: u64,
    next_history: u64,
}

impl World {
    /// An empty container with its two folders.
    pub fn new(speed: f64) -> Self {
        let folder = |id, name: &str, kind| Folder { id, name: name.to_owned(), kind };
        Self {
            speed,
            random: fastrand::Rng::with_seed(0x5ca9_c7e5),
            scans: Vec::new(),
            folders: vec![folder(2, "Trash", "trash"), folder(3, "My Scans", "main")],
            policies: Vec::new(),
            uploads: Vec::new(),
            exports: Vec::new(),
            sessions: Vec::new(),
            user: (accepted::USER.to_owned(), OWNER.to_owned()),
            scanner_acls: Vec::new(),
            next_id: 216,
            next_history: 11_063_918,
        }
    }

    /// The next number: scans, policies and folders share one sequence.
    pub fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Random hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits).filter_map(|_| char::from_digit(self.random.u32(0..16), 16)).collect()
    }

    /// An ordinary UUID of version 4.
    pub fn uuid(&mut self) -> String {
        let (a, b, c, d, e) = (self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12));
        format!("{a}-{b}-4{c}-a{d}-{e}")
    }

    /// The vendor's longer kind of UUID: five groups, the last of 28 digits, 52 characters in all.
    pub fn long_uuid(&mut self) -> String {
        let (a, b, c, d, e) = (self.hex(8), self.hex(4), self.hex(4), self.hex(4), self.hex(28));
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    /// Lets every run move on.
    pub fn advance(&mut self, now: f64) {
        for run in self.scans.iter_mut().flat_map(|scan| &mut scan.runs) {
            run.advance(now);
        }
    }

    /// Finds a scan by id or schedule UUID, as the path of nearly every call has it.
    pub fn scan(&self, id: &str) -> Option<&Scan> {
        self.scans.iter().find(|scan| scan.schedule_uuid == id || scan.id.to_string() == id)
    }

    /// Finds a scan to change it.
    pub fn scan_mut(&mut self, id: &str) -> Option<&mut Scan> {
        self.scans.iter_mut().find(|scan| scan.schedule_uuid == id || scan.id.to_string() == id)
    }

    /// How many scans are active.
    pub fn active(&self) -> usize {
        self.scans.iter().filter(|scan| scan.active()).count()
    }

    /// Adds a scan that was never run and gives its place.
    pub fn add(&mut self, template: Option<&str>, settings: Map<String, Value>, now: f64) -> usize {
        let policy_id = template.map(|_| self.id());
        let id = self.id();
        let uuid = self.long_uuid();
        let folder = settings.get("folder_id").and_then(Value::as_u64).unwrap_or(3);
        let fate = Fate::Completes;
        self.scans.push(Scan {
            id,
            schedule_uuid: if template.is_some() { format!("template-{uuid}") } else { uuid },
            template: template.map(str::to_owned),
            policy_id,
            owner: OWNER.to_owned(),
            permissions: 128,
            folder,
            settings,
            credentials: Vec::new(),
            created: whole(now),
            modified: whole(now),
            read: true,
            disabled: false,
            remediation: false,
            web: false,
            fate,
            runs: Vec::new(),
        });
        self.scans.len() - 1
    }

    /// Launches a scan, whatever its state, and gives the UUID of the run.
    pub fn launch(&mut self, place: usize, alternative: Option<String>, scheduled: bool, now: f64) -> String {
        let uuid = self.uuid();
        let history_id = self.next_history;
        self.next_history += self.random.u64(1..40);
        let speed = self.speed;
        let Some(scan) = self.scans.get(place) else { return uuid };
        let configured = self.targets(scan);
        let fate = if scan.scanner() == DARK_SCANNER { Fate::Waits } else { scan.fate };
        let run = Run {
            uuid: uuid.clone(),
            history_id,
            ordinal: u32::try_from(scan.runs.len()).unwrap_or(u32::MAX).saturating_add(1),
            custom_targets: alternative.is_some(),
            targets: alternative.unwrap_or(configured),
            kind: scan.kind(),
            scheduled,
            launched: now,
            state: State::Initializing,
            since: now,
            worked: 0.0,
            fate,
            upload: None,
            speed,
        };
        if let Some(scan) = self.scans.get_mut(place) {
            // The dates of a scan become those of its first and latest launch.
            if scan.runs.is_empty() {
                scan.created = whole(now);
            }
            scan.modified = whole(now);
            scan.read = false;
            scan.runs.push(run);
        }
        uuid
    }

    /// What a scan is configured to look at. Groups, tags and agents stand for a small fixed network.
    pub fn targets(&self, scan: &Scan) -> String {
        if let Some(text) = scan.text("text_targets") {
            return text.to_owned();
        }
        if let Some(file) = scan.text("file_targets")
            && let Some((_, bytes)) = self.uploads.iter().find(|(name, _)| name == file)
        {
            return String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(",");
        }
        if scan.agents() { "laptop-17.example.org,laptop-23.example.org" } else { "192.0.2.12-192.0.2.14" }.to_owned()
    }

    /// The next history id without launching anything, for imports.
    pub fn history_id(&mut self) -> u64 {
        self.next_history += 1;
        self.next_history - 1
    }
}
