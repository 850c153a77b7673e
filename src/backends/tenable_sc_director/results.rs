//! The result of a run: Director's own file of its copy, else the instance's.
//!
//! That Director has a download is known from its paths alone; what it answers is not. So where it refuses, has no file,
//! or answers with something that is none, the instance is the second way, once it shows the same run. Where that way
//! cannot be taken, what Director said stands.

use super::{COPY, Director, run_of};
use crate::backends::Target;
use crate::backends::report::{self, Decoder, ExportOrder, Fetch, Report};
use crate::backends::sc_rest::download::{self, no_file};
use crate::backends::sc_rest::result::ScanResult;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::Source;
use crate::http::download::Download;
use crate::model::{Address, ExportFormat, Run, RunId};

impl Director {
    /// The result as findings, or as the file that `order` asks for.
    pub(super) async fn fetched<'a>(
        &'a self,
        target: &Target,
        order: Option<&ExportOrder>,
        fetch: &Fetch<'_>,
    ) -> Result<Report<'a>> {
        let id = run_of(target)?;
        let (copied, read, _) = self.copied_with(id, &download::fields()).await?;
        let run = Run { scan: target.scan.clone(), ..read };
        let address = Address::full(&self.profile, run.scan.as_ref(), run.run.as_ref());
        let incomplete = report::settled(&address, &run, fetch.partial)?;
        let none = match self.own_file(id, &copied.result, &address).await {
            Ok(download) => {
                return Ok(Report {
                    run,
                    source: Source::Tenable,
                    decoder: Some(Decoder::Nessus),
                    download,
                    incomplete,
                    notes: vec![COPY.to_owned()],
                });
            }
            Err(none) => none,
        };
        // What was lost on the way says nothing about Director's file.
        if !(none.refused() || matches!(none.exit(), Exit::BadData | Exit::InvalidState)) {
            return Err(none);
        }
        if self.instances.is_empty() {
            return Err(none.hint(
                "`instances = { \"SCI-ID\" = \"PROFILE\" }` maps Director's instances to profiles that can be asked instead",
            ));
        }
        let stands = |none: Error, problem: &Error| {
            none.because(format!("the instance was not asked instead: {}", problem.one_line()))
        };
        let mut there = match self.bridge(id, &copied, run.clone()) {
            Ok(there) => there,
            Err(problem) => return Err(stands(none, &problem)),
        };
        match self.compare(&mut there).await {
            Ok(()) => {}
            Err(another) if another.exit() == Exit::Config => return Err(another),
            Err(problem) => return Err(stands(none, &problem)),
        }
        let fetched = match order {
            Some(order) => there.backend.export(&there.target, order, fetch).await,
            None => there.backend.results(&there.target, fetch).await,
        };
        let mut report =
            fetched.map_err(|problem| problem.because(format!("Director has no file: {}", none.one_line())))?;
        let address = Address::full(there.profile, there.target.scan.as_ref(), there.target.run.as_ref());
        report
            .notes
            .push(format!("Director has no file of it ({}); read from the instance, `{address}`", none.one_line()));
        // Ids in what is written are Director's, as in the address that was asked for. The instance's state is the newer.
        let state = std::mem::take(&mut report.run);
        report.run = Run { scan: run.scan, run: run.run, ..state };
        Ok(report)
    }

    async fn own_file(&self, id: &RunId, copy: &ScanResult, address: &str) -> Result<Download<'static>> {
        if copy.has_no_file() {
            return Err(no_file(address));
        }
        let request = self.http.post(["mgmt", "scanResult", id.as_str(), "download"]);
        download::download(request, ExportFormat::V2).await
    }
}
