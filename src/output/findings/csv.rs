//! Findings as CSV (RFC 4180), safe for spreadsheets.
//!
//! A header of finding keys, then a row a finding; lines end with CRLF, line breaks inside a cell are line feeds. Absent
//! knowledge is an empty cell, lists are joined with `; `, a score stands without its vector, `compliance` is
//! `RESULT: NAME`. A cell that a spreadsheet would run begins with an apostrophe.
//!
//! Without long text (`core`, `facts`) most of a report is only stepped over.

use std::io::Write;

use super::columns::{Columns, Value};
use super::out::Out;
use super::{About, Options, ReportWriter};
use crate::error::Result;
use crate::findings::{Decoded, Finding, FindingSink, Needs};

/// A writer.
pub(super) fn open(out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    let columns = options.columns.clone().unwrap_or_else(Columns::all);
    let mut out = Out::new(out);
    for (at, column) in columns.as_slice().iter().enumerate() {
        out.push(if at > 0 { b"," } else { b"" });
        out.push(column.name().as_bytes());
    }
    out.push(b"\r\n");
    Box::new(Writer { out, columns, joined: String::new() })
}

struct Writer {
    out: Out,
    columns: Columns,
    /// Room for cells that are put together.
    joined: String,
}

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let Self { out, columns, joined } = self;
        for (at, column) in columns.as_slice().iter().enumerate() {
            if at > 0 {
                out.push(b",");
            }
            match column.value(finding) {
                Value::Nothing => {}
                Value::Text(text) => out.cell(text),
                Value::Word(word) => out.push(word.as_bytes()),
                Value::Port(port) => out.number(port),
                Value::Id(id) => out.plain(id),
                Value::List([]) => {}
                value @ (Value::Score(_) | Value::List(_) | Value::Time(_) | Value::Check(_)) => {
                    joined.clear();
                    value.add_to(joined);
                    out.cell(joined);
                }
            }
        }
        out.push(b"\r\n");
        out.settle()
    }

    fn needs(&self) -> Needs {
        self.columns.needs()
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, _about: &About) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, _decoded: &Decoded, _complete: bool) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _complete: bool) -> Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{HOSTILE, about, check, document, library, says, web};
    use super::super::{FindingFormat, Options};
    use crate::findings::{Details, Host};

    fn written(columns: Option<&str>, hosts: &[(Host<'_>, Vec<Details<'_>>)]) -> String {
        let options = Options { columns: columns.map(|columns| columns.parse().unwrap()), ..Options::default() };
        document(FindingFormat::Csv, &options, &about(), hosts)
    }

    #[test]
    fn rows_have_the_wanted_columns() {
        let hosts = [(web(), vec![library(), check()])];
        let all = written(None, &hosts);
        let mut lines = all.split("\r\n");
        assert_eq!(
            lines.next().unwrap(),
            "id,profile,backend,scan,run,host,ip,port,protocol,service,plugin_id,plugin_name,plugin_family,severity,\
             severity_source,cvss2,cvss3,cvss4,vpr,epss,cves,cwes,synopsis,description,solution,see_also,output,\
             exploit_available,compliance,first_seen,last_seen,state"
        );
        assert_eq!(
            lines.next().unwrap(),
            "169824bb50736817698918c71c47e5e3,io,tenable-io,219,9f2c,web01.example.org,192.0.2.10,443,tcp,www,156032,\
             Example Library Multiple Vulnerabilities,CGI abuses,critical,vendor,7.5,9.8,,9.2,0.94,\
             CVE-2021-0001; CVE-2021-0002,502,A library is old.,\
             The remote host runs a version of the library with known flaws.,Update the library.,\
             https://example.org/a; https://example.org/b?c=d,\"  Installed version : 1.0\n  Fixed version : 1.1\",\
             true,,2026-10-01T00:00:00Z,2026-11-20T01:40:00Z,active"
        );
        let few = written(Some("severity,host,port,compliance,output"), &hosts);
        assert_eq!(
            few,
            "severity,host,port,compliance,output\r\n\
             critical,web01.example.org,443,,\"  Installed version : 1.0\n  Fixed version : 1.1\"\r\n\
             high,web01.example.org,0,FAILED: 1.1.1 Ensure that it is so,\r\n"
        );
        assert_eq!(written(Some("host,port"), &[]), "host,port\r\n");
    }

    #[test]
    fn hostile_text_stays_in_its_cell_and_does_not_run() {
        for text in HOSTILE {
            let (host, details) = says(text);
            let written = written(None, &[(host, vec![details])]);
            let cells = cells(&written);
            assert_eq!(cells.len(), 2, "{written}");
            assert_eq!(cells[1].len(), 32, "{written}");
            for cell in &cells[1] {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
                assert!(
                    !cell.chars().any(|symbol| crate::text::has_power(symbol) && !"\n\t".contains(symbol)),
                    "{cell:?}"
                );
            }
        }
    }

    /// Rows by RFC 4180.
    fn cells(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
        let mut symbols = text.chars().peekable();
        while let Some(symbol) = symbols.next() {
            match symbol {
                '"' if quoted && symbols.next_if_eq(&'"').is_some() => cell.push('"'),
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\r' if !quoted => {
                    assert_eq!(symbols.next(), Some('\n'));
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                symbol => cell.push(symbol),
            }
        }
        assert!(!quoted && cell.is_empty() && row.is_empty());
        rows
    }
}
