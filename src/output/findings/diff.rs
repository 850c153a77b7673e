//! What differs from an older report, in the formats that have words for it.
//!
//! ```json
//! {"schema_version":1,"kind":"diff","items":[
//! {"change":"new","severity_before":null,"finding":{"id":"1698…","profile":"io",…}},
//! {"change":"changed","severity_before":"medium","finding":{…,"severity":"high",…}},
//! {"change":"unchanged","severity_before":"low","finding":{…}},
//! {"change":"fixed","severity_before":"high","finding":{…}},
//! {"change":"unseen","severity_before":"info","finding":{…}}
//! ],"complete":true}
//! ```
//!
//! `change` is `new`, `changed`, `unchanged`, `fixed` or `unseen`; `severity_before` is that of the older report, null
//! where it has no such finding; `finding` is what `results` prints, of the newer report, for `fixed` and `unseen` of the
//! older one. `unseen` is an open port that is not listed any more: the list never says what was looked at, so that this
//! does not tell that it is closed. Lines are the items alone, and end with `{"kind":"end","complete":false}` if they are
//! not complete. The table has no row for what is unchanged. SARIF, Markdown and HTML are those of `results`, with what
//! became of each finding.

use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use super::json::{Items, object};
use super::{About, Change, FindingFormat, Options, ReportWriter, table};
use crate::error::{Error, Result};
use crate::findings::{Decoded, Finding, FindingSink, Severity};
use crate::output::wanted::FormatWord;

/// A format of differences: one of findings that has words for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffFormat(FindingFormat);

/// Whether a format of findings has words for what differs.
const fn has_words(format: FindingFormat) -> bool {
    use FindingFormat::{Csv, Defectdojo, Ocsf, OcsfArray};
    !matches!(format, Csv | Ocsf | OcsfArray | Defectdojo)
}

impl DiffFormat {
    /// The words of every such format.
    pub fn names() -> Vec<&'static str> {
        FindingFormat::ALL.into_iter().filter(|format| has_words(*format)).map(FindingFormat::name).collect()
    }
}

impl FromStr for DiffFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let format: FindingFormat = text.parse()?;
        if has_words(format) {
            return Ok(Self(format));
        }
        Err(Error::usage(format!("`{text}` has no words for what differs"))
            .hint(format!("the formats of differences are {}", Self::names().join(", "))))
    }
}

impl FormatWord for DiffFormat {
    const USUAL: Self = Self(FindingFormat::Table);
    const RAW: Self = Self(FindingFormat::Json);

    fn name(self) -> &'static str {
        self.0.name()
    }

    fn of_extension(path: &Path) -> Option<Self> {
        FindingFormat::of_extension(path).filter(|format| has_words(*format)).map(Self)
    }

    fn of_environment(text: &str) -> Result<Option<Self>> {
        let format: FindingFormat = text.parse()?;
        Ok(has_words(format).then_some(Self(format)))
    }
}

/// A writer of a format.
pub fn open(format: DiffFormat, out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    match format.0 {
        FindingFormat::Table => table::comparing(out, options),
        FindingFormat::Json => {
            Box::new(Writer(Items::document(out, "{\"schema_version\":1,\"kind\":\"diff\",\"items\":[")))
        }
        FindingFormat::Ndjson => Box::new(Writer(Items::lines(out))),
        other => super::open(other, out, options),
    }
}

/// JSON: one document, or one object a line.
struct Writer(Items);

impl Writer {
    fn item(&mut self, change: Change, before: Option<Severity>, finding: &Finding<'_>) -> Result<()> {
        self.0.item(|out| {
            out.push(b"{\"change\":");
            out.json(change.name());
            out.push(b",\"severity_before\":");
            match before {
                Some(before) => out.json(before.name()),
                None => out.push(b"null"),
            }
            out.push(b",\"finding\":");
            object(out, finding);
            out.push(b"}");
        })
    }
}

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.item(Change::New, None, finding)
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, _about: &About) -> Result<()> {
        Ok(())
    }

    fn compared(&mut self, finding: &Finding<'_>, change: Change, before: Option<Severity>) -> Result<()> {
        self.item(change, before, finding)
    }

    fn end(&mut self, _decoded: &Decoded, complete: bool) -> Result<()> {
        self.0.end(complete);
        Ok(())
    }

    fn finish(&mut self, complete: bool) -> Result<()> {
        self.0.finish(complete)
    }
}
