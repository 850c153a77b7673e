//! What a finding is: plain data, borrowed from the decoder's block wherever the text stands there as it is.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::identity::FindingId;
use crate::error::Error;

/// Text that is borrowed where it needed no unescaping.
pub type Text<'a> = Cow<'a, str>;

/// How bad a finding is, in the order of badness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing, no weakness.
    Info,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// Every severity, the mildest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word on the command line and in every format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// 0 for info up to 4 for critical, as Tenable numbers them.
    pub const fn rank(self) -> usize {
        self as usize
    }

    /// The severity of Tenable's number.
    pub fn from_rank(rank: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(rank).ok()?).copied()
    }

    /// The word that the CVSS specification has for a score since version 3; info for none and for 0.
    pub fn of_score(score: f64) -> Self {
        match score {
            9.0.. => Self::Critical,
            7.0.. => Self::High,
            4.0.. => Self::Medium,
            score if score > 0.0 => Self::Low,
            _ => Self::Info,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name() == text)
            .ok_or_else(|| Error::usage(format!("unknown severity `{text}`")).hint(SEVERITY_HINT))
    }
}

const SEVERITY_HINT: &str = "the severities are critical, high, medium, low, info";

/// Who says how bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeveritySource {
    /// The vendor, in so many words.
    #[default]
    Vendor,
    /// This program, from a score.
    Derived,
}

impl SeveritySource {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Vendor, Self::Derived];

    /// The word in every format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Derived => "derived",
        }
    }
}

/// Whose numbering of checks a finding follows. Part of its id, so that the same problem keeps its id whether it came
/// from a file or from any API of the same maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// Anything of Tenable's.
    #[default]
    Tenable,
    /// Juniper Secure Analytics.
    Jsa,
    /// Cloudflare.
    Cloudflare,
}

impl Source {
    /// The word that goes into the id.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenable => "tenable",
            Self::Jsa => "jsa",
            Self::Cloudflare => "cloudflare",
        }
    }
}

/// Where a report comes from: the same for each of its findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Whose checks.
    pub source: Source,
    /// The profile; none for a local file.
    pub profile: Option<String>,
    /// The backend; none for a local file.
    pub backend: Option<String>,
    /// The scan's id.
    pub scan: Option<String>,
    /// The run's id.
    pub run: Option<String>,
}

/// One row of a result, with all that is known around it.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    /// Stable from run to run, and from file to API.
    pub id: FindingId,
    /// Its report.
    pub origin: &'a Origin,
    /// Where it was found.
    pub host: &'a Host<'a>,
    /// The number of that host in its report, from 0 in the order in which hosts first come; see
    /// [`HostSet`](super::HostSet). Hosts are one where their ids' keys are.
    pub host_number: u32,
    /// What was found.
    pub details: &'a Details<'a>,
}

impl Finding<'_> {
    /// Whether a later report without this finding tells that it is gone. A check that ran again and found nothing does;
    /// that an open port is no longer listed, in a list that never says what was looked at, does not.
    pub fn is_gone_when_absent(&self) -> bool {
        self.details.plugin_id.is_some() || self.details.plugin_name.as_deref() != Some(super::OPEN_PORT)
    }
}

/// A scanned host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Host<'a> {
    /// What the report calls it: the target as the scan was told of it.
    pub name: Text<'a>,
    /// Full name, where it resolved.
    pub fqdn: Option<Text<'a>>,
    /// Address.
    pub ip: Option<Text<'a>>,
    /// Hardware addresses.
    pub macs: Vec<Text<'a>>,
    /// NetBIOS name.
    pub netbios: Option<Text<'a>>,
    /// Operating system, as guessed by the scanner; may be several lines.
    pub os: Option<Text<'a>>,
    /// The vendor's id of the asset.
    pub uuid: Option<Text<'a>>,
    /// When the scan of this host began, where the report gives an instant and not only a local time.
    pub started_at: Option<Timestamp>,
    /// When the scan of this host ended.
    pub ended_at: Option<Timestamp>,
    /// Everything else that the report says of the host, name and value, in the report's order.
    pub properties: Vec<(Text<'a>, Text<'a>)>,
}

impl Host<'_> {
    /// The name to show: full name, else address, else the report's name.
    pub fn label(&self) -> &str {
        self.fqdn.as_deref().or(self.ip.as_deref()).unwrap_or(&self.name)
    }
}

/// What was found, apart from where.
#[derive(Debug, Clone, PartialEq)]
pub struct Details<'a> {
    /// Port; 0 where the finding concerns the host as a whole.
    pub port: Option<u16>,
    /// `tcp`, `udp`, `icmp`.
    pub protocol: Option<Text<'a>>,
    /// Service, as the scanner guessed it.
    pub service: Option<Text<'a>>,
    /// The check's id.
    pub plugin_id: Option<Text<'a>>,
    /// The check's name.
    pub plugin_name: Option<Text<'a>>,
    /// The check's family.
    pub plugin_family: Option<Text<'a>>,
    /// How the check looks: `remote`, `local`, …
    pub plugin_type: Option<Text<'a>>,
    /// How bad.
    pub severity: Severity,
    /// Who says so.
    pub severity_source: SeveritySource,
    /// The check's own risk word, which the scan's policy may have overruled.
    pub risk_factor: Option<Text<'a>>,
    /// CVSS version 2.
    pub cvss2: Option<Cvss<'a>>,
    /// CVSS version 3.
    pub cvss3: Option<Cvss<'a>>,
    /// CVSS version 4.
    pub cvss4: Option<Cvss<'a>>,
    /// Vulnerability priority rating.
    pub vpr: Option<f64>,
    /// Exploit prediction score.
    pub epss: Option<f64>,
    /// CVE ids.
    pub cves: Vec<Text<'a>>,
    /// CWE numbers.
    pub cwes: Vec<Text<'a>>,
    /// Other references, as `SOURCE:ID`.
    pub xrefs: Vec<Text<'a>>,
    /// One sentence.
    pub synopsis: Option<Text<'a>>,
    /// What it is about.
    pub description: Option<Text<'a>>,
    /// What to do.
    pub solution: Option<Text<'a>>,
    /// Links.
    pub see_also: Vec<Text<'a>>,
    /// What was seen on this host.
    pub output: Option<Text<'a>>,
    /// What is known of exploits.
    pub exploit: Exploit<'a>,
    /// Dates as the vendor writes them.
    pub dates: Dates<'a>,
    /// Set on a row of a compliance audit.
    pub compliance: Option<Box<Compliance<'a>>>,
    /// Files that belong to the row.
    pub attachments: Vec<Attachment<'a>>,
    /// When this was first seen on this host.
    pub first_seen: Option<Timestamp>,
    /// When this was last seen on this host.
    pub last_seen: Option<Timestamp>,
    /// The vendor's word for its state.
    pub state: Option<Text<'a>>,
    /// Everything else that the row says, element name and text, in the report's order.
    pub other: Vec<(Text<'a>, Text<'a>)>,
}

impl Default for Details<'_> {
    fn default() -> Self {
        Self {
            port: None,
            protocol: None,
            service: None,
            plugin_id: None,
            plugin_name: None,
            plugin_family: None,
            plugin_type: None,
            severity: Severity::Info,
            severity_source: SeveritySource::Vendor,
            risk_factor: None,
            cvss2: None,
            cvss3: None,
            cvss4: None,
            vpr: None,
            epss: None,
            cves: Vec::new(),
            cwes: Vec::new(),
            xrefs: Vec::new(),
            synopsis: None,
            description: None,
            solution: None,
            see_also: Vec::new(),
            output: None,
            exploit: Exploit::default(),
            dates: Dates::default(),
            compliance: None,
            attachments: Vec::new(),
            first_seen: None,
            last_seen: None,
            state: None,
            other: Vec::new(),
        }
    }
}

/// Scores and vectors of one CVSS version.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cvss<'a> {
    /// Base score.
    pub base_score: Option<f64>,
    /// Base vector as written, prefix included.
    pub vector: Option<Text<'a>>,
    /// Temporal score; of version 4 the threat score.
    pub temporal_score: Option<f64>,
    /// Temporal vector; of version 4 the threat vector.
    pub temporal_vector: Option<Text<'a>>,
}

/// What is known of exploits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exploit<'a> {
    /// Whether one is known to exist.
    pub available: Option<bool>,
    /// In words.
    pub ease: Option<Text<'a>>,
    /// The maturity word of the priority rating.
    pub code_maturity: Option<Text<'a>>,
    /// Whether malware uses it.
    pub by_malware: Option<bool>,
    /// Whether the scanner itself did exploit it.
    pub by_scanner: Option<bool>,
    /// When the agency CISA wants it mended, as the vendor writes the date: it is known to be exploited.
    pub cisa_known: Option<Text<'a>>,
    /// Frameworks that have one: `core`, `metasploit`, `canvas`, …
    pub frameworks: Vec<&'static str>,
}

/// Dates as the vendor writes them, `YYYY/MM/DD`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dates<'a> {
    /// The check was published.
    pub plugin_published: Option<Text<'a>>,
    /// The check was changed.
    pub plugin_modified: Option<Text<'a>>,
    /// The vulnerability was published.
    pub vulnerability_published: Option<Text<'a>>,
    /// A patch was published.
    pub patch_published: Option<Text<'a>>,
}

/// A row of a compliance audit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compliance<'a> {
    /// Id of the check.
    pub check_id: Option<Text<'a>>,
    /// Name of the check, its number in the benchmark included.
    pub check_name: Option<Text<'a>>,
    /// `PASSED`, `FAILED`, `WARNING`, `ERROR`.
    pub result: Option<Text<'a>>,
    /// Value on the host.
    pub actual_value: Option<Text<'a>>,
    /// Value that the policy wants.
    pub policy_value: Option<Text<'a>>,
    /// Rationale.
    pub info: Option<Text<'a>>,
    /// How to comply.
    pub solution: Option<Text<'a>>,
    /// Audit file.
    pub audit_file: Option<Text<'a>>,
    /// References as written, `STANDARD|ID` separated by commas.
    pub reference: Option<Text<'a>>,
    /// Link to the benchmark.
    pub see_also: Option<Text<'a>>,
    /// Why the check could not tell, or not for sure.
    pub error: Option<Text<'a>>,
}

/// A file that belongs to a row. What is in it is not read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attachment<'a> {
    /// Its name. The vendor's text: never a path to write to.
    pub name: Text<'a>,
    /// Its media type.
    pub media_type: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_words_numbers_and_an_order() {
        for severity in Severity::ALL {
            assert_eq!(severity.name().parse::<Severity>().unwrap(), severity);
            assert_eq!(Severity::from_rank(severity.rank() as u64), Some(severity));
        }
        assert!(Severity::Critical > Severity::High && Severity::Low > Severity::Info);
        assert_eq!(Severity::from_rank(5), None);
        let scores = [0.0, 0.1, 3.9, 4.0, 6.9, 7.0, 8.9, 9.0, 10.0, f64::NAN].map(Severity::of_score);
        use Severity::{Critical, High, Info, Low, Medium};
        assert_eq!(scores, [Info, Low, Low, Medium, Medium, High, High, Critical, Critical, Info]);
        assert_eq!("urgent".parse::<Severity>().unwrap_err().hint_text(), Some(SEVERITY_HINT));
    }
}
