//! The result of a run: as the product's own file, or row by row through its analysis. Not for what the bytes say.

use super::{SPEC, TenableSc, analysis, run_of};
use crate::backends::Target;
use crate::backends::report::{self, Decoder, Fetch, Report};
use crate::backends::sc_rest::download::{self, no_file};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::Source;
use crate::model::{Address, ExportFormat, Run};

const NOTE: &str = "an analysis names no services, and no compliance checks: rows of such checks have other ids than in \
                    the report";

/// A run that was read before its result is asked for.
struct Read {
    run: Run,
    address: String,
    /// Why its result is not whole.
    incomplete: Option<String>,
    /// The vendor says that it has no file of it.
    has_no_file: bool,
}

impl TenableSc {
    /// The result as the report of the run's scanners.
    pub(super) async fn downloaded<'a>(&'a self, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        let by_rows = |problem: Error, address: &str| {
            match problem.exit() {
            Exit::InvalidState => problem.hint(format!(
                "`scanctl results --via analysis{} '{address}'` reads the findings that were imported of it, if there are any",
                if fetch.partial { " --partial" } else { "" }
            )),
            _ => problem,
        }
        };
        let read = self.read(target, fetch.partial).await?;
        let address = read.address.clone();
        self.file(read, ExportFormat::V2).await.map_err(|problem| by_rows(problem, &address))
    }

    /// The result as a file of the vendor's making.
    pub(super) async fn exported<'a>(
        &'a self,
        target: &Target,
        format: ExportFormat,
        fetch: &Fetch<'_>,
    ) -> Result<Report<'a>> {
        SPEC.export_format(Some(format))?;
        let read = self.read(target, fetch.partial).await?;
        self.file(read, format).await.map_err(|problem| match (problem.exit(), format) {
            (Exit::InvalidState, ExportFormat::Scap12) => {
                problem.hint("only a run of a SCAP policy has such a file; `--as v2` is what every other run has")
            }
            _ => problem,
        })
    }

    /// The result row by row.
    pub(super) async fn analysed<'a>(&'a self, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        let Read { run, address, incomplete, .. } = self.read(target, fetch.partial).await?;
        let id = run_of(target)?;
        let pages = analysis::pages(&self.http, &self.profile, id, incomplete.is_none()).await;
        let download = pages.map_err(|problem| match problem.exit() {
            Exit::InvalidState => problem.hint(format!(
                "only what was imported can be analysed; `scanctl results '{address}'` reads the report of the run"
            )),
            _ => problem,
        })?;
        Ok(Report {
            run,
            source: Source::Tenable,
            decoder: Some(Decoder::Pages(analysis::reader())),
            download,
            incomplete,
            notes: vec![NOTE.to_owned()],
        })
    }

    async fn read(&self, target: &Target, partial: bool) -> Result<Read> {
        let id = run_of(target)?;
        let (result, run, _) = self.result_with(id, &download::fields()).await?;
        let run = Run { scan: run.scan.or_else(|| target.scan.clone()), ..run };
        let address = Address::full(&self.profile, run.scan.as_ref(), run.run.as_ref());
        let incomplete = report::settled(&address, &run, partial)?;
        Ok(Read { run, address, incomplete, has_no_file: result.has_no_file() })
    }

    async fn file<'a>(&'a self, read: Read, format: ExportFormat) -> Result<Report<'a>> {
        let Read { run, address, incomplete, has_no_file } = read;
        if has_no_file {
            return Err(no_file(&address));
        }
        let id = run.run.as_ref().map_or("", |run| run.as_str());
        let download = download::download(self.http.post(["scanResult", id, "download"]), format).await?;
        Ok(Report {
            run,
            source: Source::Tenable,
            decoder: (format == ExportFormat::V2).then_some(Decoder::Nessus),
            download,
            incomplete,
            notes: Vec::new(),
        })
    }
}
