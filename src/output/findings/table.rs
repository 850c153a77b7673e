//! Findings as table.

use std::io::Write;

use super::{About, Options, ReportWriter};
use crate::error::Result;
use crate::findings::{Decoded, Finding, FindingSink};

/// A writer.
pub(super) fn open(out: Box<dyn Write + Send>, _options: &Options) -> Box<dyn ReportWriter> {
    Box::new(Writer { out })
}

struct Writer {
    out: Box<dyn Write + Send>,
}

impl FindingSink for Writer {
    fn finding(&mut self, _finding: &Finding<'_>) -> Result<()> {
        Ok(())
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
        drop(self.out.flush());
        Ok(())
    }
}
