//! The keys of a finding one by one, as columns of CSV and table.

use std::fmt::Write as _;
use std::str::FromStr;

use jiff::Timestamp;

use super::facts;
use super::out::time;
use crate::error::{Error, Result, nearest};
use crate::findings::{Compliance, Cvss, Finding, FindingId, Needs, Text};

/// A key of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named as the keys are, whose documentation is the schema's")]
pub enum Column {
    Id,
    Profile,
    Backend,
    Scan,
    Run,
    Host,
    Ip,
    Port,
    Protocol,
    Service,
    PluginId,
    PluginName,
    PluginFamily,
    Severity,
    SeveritySource,
    Cvss2,
    Cvss3,
    Cvss4,
    Vpr,
    Epss,
    Cves,
    Cwes,
    Synopsis,
    Description,
    Solution,
    SeeAlso,
    Output,
    ExploitAvailable,
    Compliance,
    FirstSeen,
    LastSeen,
    State,
}

/// What stands in a column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// Not known.
    Nothing,
    /// An id.
    Id(FindingId),
    /// Text, perhaps of strangers.
    Text(&'a str),
    /// A port.
    Port(u16),
    /// A score.
    Score(f64),
    /// A word of this program's own.
    Word(&'static str),
    /// Texts; none is empty.
    List(&'a [Text<'a>]),
    /// An instant.
    Time(Timestamp),
    /// A check of an audit.
    Check(&'a Compliance<'a>),
}

/// What stands between the texts of a list: nothing that stands inside of one.
const BETWEEN: &str = "; ";

impl Column {
    /// Every key, in the order of the documentation.
    pub const ALL: [Self; 32] = [
        Self::Id,
        Self::Profile,
        Self::Backend,
        Self::Scan,
        Self::Run,
        Self::Host,
        Self::Ip,
        Self::Port,
        Self::Protocol,
        Self::Service,
        Self::PluginId,
        Self::PluginName,
        Self::PluginFamily,
        Self::Severity,
        Self::SeveritySource,
        Self::Cvss2,
        Self::Cvss3,
        Self::Cvss4,
        Self::Vpr,
        Self::Epss,
        Self::Cves,
        Self::Cwes,
        Self::Synopsis,
        Self::Description,
        Self::Solution,
        Self::SeeAlso,
        Self::Output,
        Self::ExploitAvailable,
        Self::Compliance,
        Self::FirstSeen,
        Self::LastSeen,
        Self::State,
    ];

    /// The key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Profile => "profile",
            Self::Backend => "backend",
            Self::Scan => "scan",
            Self::Run => "run",
            Self::Host => "host",
            Self::Ip => "ip",
            Self::Port => "port",
            Self::Protocol => "protocol",
            Self::Service => "service",
            Self::PluginId => "plugin_id",
            Self::PluginName => "plugin_name",
            Self::PluginFamily => "plugin_family",
            Self::Severity => "severity",
            Self::SeveritySource => "severity_source",
            Self::Cvss2 => "cvss2",
            Self::Cvss3 => "cvss3",
            Self::Cvss4 => "cvss4",
            Self::Vpr => "vpr",
            Self::Epss => "epss",
            Self::Cves => "cves",
            Self::Cwes => "cwes",
            Self::Synopsis => "synopsis",
            Self::Description => "description",
            Self::Solution => "solution",
            Self::SeeAlso => "see_also",
            Self::Output => "output",
            Self::ExploitAvailable => "exploit_available",
            Self::Compliance => "compliance",
            Self::FirstSeen => "first_seen",
            Self::LastSeen => "last_seen",
            Self::State => "state",
        }
    }

    /// How much of a row it looks at.
    pub(super) const fn needs(self) -> Needs {
        match self {
            Self::Id
            | Self::Profile
            | Self::Backend
            | Self::Scan
            | Self::Run
            | Self::Host
            | Self::Ip
            | Self::Port
            | Self::Protocol
            | Self::Service
            | Self::PluginId
            | Self::PluginName
            | Self::PluginFamily
            | Self::Severity
            | Self::SeveritySource => Needs::Core,
            Self::Cvss2
            | Self::Cvss3
            | Self::Cvss4
            | Self::Vpr
            | Self::Epss
            | Self::Cves
            | Self::Cwes
            | Self::ExploitAvailable
            | Self::Compliance
            | Self::FirstSeen
            | Self::LastSeen
            | Self::State => Needs::Facts,
            Self::Synopsis | Self::Description | Self::Solution | Self::SeeAlso | Self::Output => Needs::All,
        }
    }

    /// What stands there.
    pub(super) fn value<'a>(self, finding: &Finding<'a>) -> Value<'a> {
        let Finding { id, origin, host, host_number: _, details } = *finding;
        let number = |number: Option<f64>| number.map_or(Value::Nothing, Value::Score);
        let base = |cvss: &'a Option<Cvss<'a>>| number(cvss.as_ref().and_then(facts::base));
        let instant = |instant| time(instant).map_or(Value::Nothing, Value::Time);
        match self {
            Self::Id => Value::Id(id),
            Self::Profile => text(origin.profile.as_deref()),
            Self::Backend => text(origin.backend.as_deref()),
            Self::Scan => text(origin.scan.as_deref()),
            Self::Run => text(origin.run.as_deref()),
            Self::Host => Value::Text(host.label()),
            Self::Ip => text(host.ip.as_deref()),
            Self::Port => details.port.map_or(Value::Nothing, Value::Port),
            Self::Protocol => text(details.protocol.as_deref()),
            Self::Service => text(details.service.as_deref()),
            Self::PluginId => text(details.plugin_id.as_deref()),
            Self::PluginName => text(details.plugin_name.as_deref()),
            Self::PluginFamily => text(details.plugin_family.as_deref()),
            Self::Severity => Value::Word(details.severity.name()),
            Self::SeveritySource => Value::Word(details.severity_source.name()),
            Self::Cvss2 => base(&details.cvss2),
            Self::Cvss3 => base(&details.cvss3),
            Self::Cvss4 => base(&details.cvss4),
            Self::Vpr => number(facts::vpr(details)),
            Self::Epss => number(facts::epss(details)),
            Self::Cves => Value::List(&details.cves),
            Self::Cwes => Value::List(&details.cwes),
            Self::Synopsis => text(details.synopsis.as_deref()),
            Self::Description => text(details.description.as_deref()),
            Self::Solution => text(details.solution.as_deref()),
            Self::SeeAlso => Value::List(&details.see_also),
            Self::Output => text(details.output.as_deref()),
            Self::ExploitAvailable => match details.exploit.available {
                Some(true) => Value::Word("true"),
                Some(false) => Value::Word("false"),
                None => Value::Nothing,
            },
            Self::Compliance => details.compliance.as_deref().map_or(Value::Nothing, Value::Check),
            Self::FirstSeen => instant(details.first_seen),
            Self::LastSeen => instant(details.last_seen),
            Self::State => text(details.state.as_deref()),
        }
    }
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Nothing, Value::Text)
}

impl Value<'_> {
    /// Adds it to a text: lists joined, a check as `RESULT: NAME`.
    pub(super) fn add_to(self, text: &mut String) {
        // Writing to memory cannot fail.
        let _infallible = match self {
            Self::Nothing => Ok(()),
            Self::Id(id) => write!(text, "{id}"),
            Self::Text(part) => text.write_str(part),
            Self::Port(port) => write!(text, "{port}"),
            Self::Score(score) => write!(text, "{score}"),
            Self::Word(word) => text.write_str(word),
            Self::List(list) => {
                for (at, part) in list.iter().enumerate() {
                    text.push_str(if at > 0 { BETWEEN } else { "" });
                    text.push_str(part);
                }
                Ok(())
            }
            Self::Time(time) => write!(text, "{time}"),
            Self::Check(check) => {
                let parts = [&check.result, &check.check_name].into_iter().flatten();
                for (at, part) in parts.enumerate() {
                    text.push_str(if at > 0 { ": " } else { "" });
                    text.push_str(part);
                }
                Ok(())
            }
        };
    }
}

/// Columns, none of them twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Vec<Column>);

impl Columns {
    /// Those that need no more than this of each row.
    fn within(needs: Needs) -> Self {
        Self(Column::ALL.into_iter().filter(|column| column.needs() <= needs).collect())
    }

    /// Every key.
    pub fn all() -> Self {
        Self::within(Needs::All)
    }

    /// The columns in their order.
    pub fn as_slice(&self) -> &[Column] {
        &self.0
    }

    /// How much of each row they look at.
    pub fn needs(&self) -> Needs {
        self.0.iter().map(|column| column.needs()).max().unwrap_or(Needs::Core)
    }
}

impl FromStr for Columns {
    type Err = Error;

    /// Keys and sets of them, separated by commas: `core` is what tells findings apart, `facts` everything but long text,
    /// `all` every key. A key that a set named before has stays where it is.
    fn from_str(words: &str) -> Result<Self> {
        let (mut columns, mut named) = (Vec::new(), Vec::new());
        for word in words.split(',').map(str::trim) {
            if named.contains(&word) {
                return Err(Error::usage(format!("column `{word}` is named twice")));
            }
            named.push(word);
            let meant = match word {
                "core" => Self::within(Needs::Core),
                "facts" => Self::within(Needs::Facts),
                "all" => Self::all(),
                _ => Self(vec![column(word)?]),
            };
            for column in meant.0 {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
        Ok(Self(columns))
    }
}

/// The column of a key.
fn column(word: &str) -> Result<Column> {
    Column::ALL.into_iter().find(|column| column.name() == word).ok_or_else(|| {
        let error = Error::usage(format!("unknown column `{word}`"));
        let names = Column::ALL.map(Column::name);
        match nearest(word, names.into_iter().chain(["core", "facts", "all"])) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the columns are {}; or core, facts, all", names.join(", "))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_in_sets_or_one_by_one() {
        let columns = |words: &str| words.parse::<Columns>().unwrap();
        let names = |columns: &Columns| columns.as_slice().iter().map(|column| column.name()).collect::<Vec<_>>();
        assert_eq!(columns("all").as_slice(), Column::ALL);
        assert_eq!(columns("all").needs(), Needs::All);
        let core = columns("core");
        assert_eq!(core.needs(), Needs::Core);
        assert_eq!(
            names(&core).join(" "),
            "id profile backend scan run host ip port protocol service plugin_id plugin_name plugin_family severity \
             severity_source"
        );
        let facts = columns("facts");
        assert_eq!((facts.needs(), facts.as_slice().len()), (Needs::Facts, Column::ALL.len() - 5));
        let few = columns("host, cves,severity");
        assert_eq!((names(&few), few.needs()), (vec!["host", "cves", "severity"], Needs::Facts));
        let mixed = columns("host,core,compliance");
        assert_eq!((mixed.as_slice().len(), mixed.needs()), (core.as_slice().len() + 1, Needs::Facts));
        assert_eq!(names(&mixed)[..2], ["host", "id"]);
        assert_eq!(names(&mixed).last(), Some(&"compliance"));
        let hint = |words: &str| words.parse::<Columns>().unwrap_err();
        assert_eq!(hint("host,plugin").hint_text(), Some("did you mean `plugin_id`?"));
        assert_eq!(hint("cor").hint_text(), Some("did you mean `core`?"));
        assert_eq!(hint("host,host").message(), "column `host` is named twice");
        assert_eq!(hint("").message(), "unknown column ``");
    }
}
