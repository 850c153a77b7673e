//! Findings to every place at once: stdout and files, each in its own format, in one pass over the report.
//!
//! A file appears under its name only when every report was read whole; otherwise what was written is kept beside it, as
//! `FILE.partial`.
//!
//! Not for: what is written (the writers of [`super::findings`]), places that fail ([`super::pipe`]), or which findings
//! are wanted.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::findings::{About, Options, ReportWriter};
use super::pipe::{Delivered, Files, Pipe};
use super::wanted::{FormatWord, Wanted};
use crate::error::{Error, Result};
use crate::findings::baseline::{Change, Match};
use crate::findings::{Decoded, Finding, Needs};
use crate::ui::Ui;

/// What is held back for writers that hand on less at once. Those of findings hand on more, which then is not copied again.
const BUFFER: usize = 16 * 1024;

/// All places of one call's findings.
pub struct Delivery {
    outlets: Vec<Outlet>,
    options: Options,
    /// A report has begun: from here on there are documents.
    begun: bool,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Delivery").field("outlets", &self.outlets.len()).finish_non_exhaustive()
    }
}

/// One place with the writer of its format.
struct Outlet {
    make: Make,
    /// For people.
    is_table: bool,
    pipe: Pipe,
    writer: Option<Box<dyn ReportWriter>>,
    /// Why nothing more is written, where the writer itself failed.
    failure: Option<Error>,
}

/// Makes the writer of a place.
type Make = Box<dyn Fn(Box<dyn Write + Send>, &Options) -> Box<dyn ReportWriter> + Send>;

/// Makes the writer of a format.
type MakeWriter<F> = fn(F, Box<dyn Write + Send>, &Options) -> Box<dyn ReportWriter>;

impl Delivery {
    /// Reads what is wanted and opens every file; `make` makes the writer of a format.
    ///
    /// # Errors
    /// Exit 2 for an unknown format, a file without one, or a file that cannot be opened.
    pub fn open<F: FormatWord + Send + 'static>(
        wanted: &Wanted,
        mut options: Options,
        ui: &Ui,
        make: MakeWriter<F>,
    ) -> Result<Self> {
        let (formats, places): (Vec<F>, Vec<_>) = wanted.places::<F>()?.into_iter().unzip();
        let outlets = formats.into_iter().zip(Pipe::open_all(places, ui)?).map(|(format, pipe)| Outlet {
            make: Box::new(move |out, options| make(format, out, options)),
            is_table: format == F::USUAL,
            pipe,
            writer: None,
            failure: None,
        });
        let outlets = outlets.collect();
        options.width = ui.width();
        options.color = ui.stdout_color();
        Ok(Self { outlets, options, begun: false })
    }

    /// Refuses to replace a file that is read.
    ///
    /// # Errors
    /// Exit 2.
    pub fn spare(&self, path: &Path) -> Result<()> {
        if self.outlets.iter().any(|outlet| outlet.pipe.replaces(path)) {
            return Err(Error::usage(format!("{} is read, and would be replaced", path.display()))
                .hint("write to another file"));
        }
        Ok(())
    }

    /// The filter that findings have passed, in the user's words.
    pub fn filter(&self) -> Option<&str> {
        self.options.filter.as_deref()
    }

    /// Whether a document for people goes to stdout.
    pub fn is_table_on_stdout(&self) -> bool {
        self.outlets.iter().any(|outlet| outlet.pipe.is_stdout() && outlet.is_table)
    }

    /// Whether nothing that is written reaches anybody any more.
    pub fn is_unheard(&self) -> bool {
        self.outlets.iter().all(Outlet::is_silent)
    }

    /// The files, for when this is lost.
    pub fn files(&self) -> Files {
        Files::of(self.outlets.iter().map(|outlet| &outlet.pipe))
    }

    /// Whether a report has begun.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// How much of each finding is written. Known once a report has begun.
    pub fn needs(&self) -> Needs {
        let needs = self.outlets.iter().filter_map(|outlet| outlet.writer.as_ref()).map(|writer| writer.needs());
        needs.max().unwrap_or(Needs::Core)
    }

    /// A report begins.
    pub fn begin(&mut self, about: &About) {
        self.begun = true;
        for outlet in &mut self.outlets {
            if outlet.writer.is_none() && outlet.failure.is_none() {
                // What a table may know of the terminal is no business of a file.
                let options = if outlet.pipe.is_stdout() {
                    self.options.clone()
                } else {
                    Options { width: None, color: false, ..self.options.clone() }
                };
                let out = Box::new(BufWriter::with_capacity(BUFFER, outlet.pipe.clone()));
                outlet.writer = Some((outlet.make)(out, &options));
            }
        }
        self.each(|writer| writer.begin(about));
    }

    /// The next finding, and what became of it where there is an older report.
    pub fn finding(&mut self, finding: &Finding<'_>, compared: Option<Match>) {
        self.each(|writer| match compared {
            None => writer.finding(finding),
            Some(Match { change, before, marked: _ }) => writer.compared(finding, change, before),
        });
    }

    /// A finding of the older report that is not in this one.
    pub fn missing(&mut self, finding: &Finding<'_>) {
        let change = if finding.is_gone_when_absent() { Change::Fixed } else { Change::Unseen };
        self.each(|writer| writer.compared(finding, change, Some(finding.details.severity)));
    }

    /// The report has ended.
    pub fn end(&mut self, decoded: &Decoded, complete: bool) {
        self.each(|writer| writer.end(decoded, complete));
    }

    /// Everything has ended. Where no report has begun, nothing is written anywhere.
    pub fn finish(mut self, complete: bool) -> Delivered {
        let mut delivered = Delivered::default();
        if !self.begun {
            return delivered;
        }
        self.each(|writer| writer.finish(complete));
        for outlet in self.outlets {
            let Outlet { pipe, writer, failure, .. } = outlet;
            if let Some(writer) = writer {
                delivered.notes.extend(writer.notes().into_iter().map(|note| match pipe.file() {
                    Some(file) => format!("{}: {note}", file.display()),
                    None => note,
                }));
                // What is still in its buffer goes out.
                drop(writer);
            }
            delivered.take(pipe.finish(complete && failure.is_none()));
            delivered.failures.extend(failure);
        }
        delivered
    }

    fn each(&mut self, mut act: impl FnMut(&mut (dyn ReportWriter + 'static)) -> Result<()>) {
        for outlet in &mut self.outlets {
            if outlet.is_silent() {
                continue;
            }
            if let Some(Err(problem)) = outlet.writer.as_deref_mut().map(&mut act) {
                outlet.failure = Some(problem);
            }
        }
    }
}

impl Outlet {
    fn is_silent(&self) -> bool {
        self.failure.is_some() || self.pipe.is_silent()
    }
}
