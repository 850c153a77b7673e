//! A report that is named where a file is possible too: a side of a comparison.
//!
//! Files are `./x`, `../x`, `/x` or `file:x`; anything else is an address.

use std::path::Path;
use std::rc::Rc;

use super::{Ask, End, Opened, open_address, pump};
use crate::backends::Backend;
use crate::cli;
use crate::commands::targets::{self, Job};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::FindingSink;
use crate::model::Verb;
use crate::output::rows::Subject;
use crate::ui::{Progress, Ui};

/// A file or an address, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A file's name.
    File(String),
    /// An address, unread.
    Address(String),
}

impl Named {
    /// Tells which it is.
    ///
    /// # Errors
    /// Exit 2 where an address is typed that is the name of a file.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(file) = text.strip_prefix("file:") {
            return Ok(Self::File(file.to_owned()));
        }
        if text.starts_with('/') || text.starts_with("./") || text.starts_with("../") {
            return Ok(Self::File(text.to_owned()));
        }
        if text == "-" {
            return Err(Error::usage("`-` is no address").hint("stdin is written `file:-` here"));
        }
        // No id has the look of a file that is there; an address of that name can be written with its profile.
        if Path::new(text).extension().is_some() && !text.starts_with("name:") && Path::new(text).is_file() {
            return Err(Error::usage(format!("`{text}` is read as an address, and there is a file of that name"))
                .hint(format!("name the file as ./{text}")));
        }
        Ok(Self::Address(text.to_owned()))
    }
}

/// A report that can be read: a file that is open, or an address with its backend.
pub enum Side<'b> {
    /// A file.
    File(Box<Opened<'static>>),
    /// The result behind an address.
    Address(Job, &'b Rc<dyn Backend>),
}

impl std::fmt::Debug for Side<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Side").field(&self.name()).finish()
    }
}

impl<'b> Side<'b> {
    /// What the user calls it.
    pub fn name(&self) -> String {
        match self {
            Self::File(opened) => opened.about.address.clone(),
            Self::Address(job, _) => job.full(),
        }
    }

    /// What tells of its failures under the name of the command.
    pub fn teller(&self, verb: Verb) -> impl Fn(&Ui, Error) -> Exit + use<> {
        let (name, address) = match self {
            Self::File(opened) => (opened.about.address.clone(), None),
            Self::Address(job, backend) => (job.full(), Some((job.clone(), backend.spec().id))),
        };
        move |ui, error| match &address {
            Some((job, backend)) => targets::concluded(ui, job, backend, verb, Err(error)),
            None => {
                let subject = Subject { verb: Some(verb.name()), address: Some(&name), ..Subject::default() };
                cli::report(ui, &error.clone().prefix(&name), subject);
                error.exit()
            }
        }
    }

    /// The same once more, to be read after this has been; `None` where it comes once.
    ///
    /// # Errors
    /// Exit 1 when the system allows no more open files.
    pub fn again(&self) -> Result<Option<Opened<'static>>> {
        match self {
            Self::File(opened) => opened.again(),
            Self::Address(..) => Ok(None),
        }
    }

    /// Opens it, up to its first byte.
    ///
    /// # Errors
    /// The backend's, and the signal's.
    pub async fn open(self, context: &Context, ask: Ask) -> Result<(Opened<'b>, Option<Progress>)> {
        match self {
            Self::File(opened) => Ok((*opened, None)),
            Self::Address(job, backend) => {
                let progress = context.ui.progress(&job.full());
                let opened = open_address(context, backend, &job, ask, &progress).await.map_err(|problem| {
                    match problem.exit() {
                        // What the backend advises, to take a part, leads nowhere here.
                        Exit::InvalidState => problem.hint("only whole results can be compared: name another run"),
                        _ => problem,
                    }
                })?;
                Ok((opened, Some(progress)))
            }
        }
    }

    /// Reads the whole of it, and tells the full address of what that was. Of what is not whole nobody could say what it lacks.
    ///
    /// # Errors
    /// What keeps it from being whole; the signal's.
    pub async fn read_whole<S: FindingSink + 'static>(
        self,
        context: &Context,
        ask: Ask,
        sink: S,
    ) -> Result<(S, String)> {
        let (opened, progress) = self.open(context, ask).await?;
        if let Some(part) = opened.incomplete {
            return Err(part);
        }
        let address = opened.about.address.clone();
        let (sink, problem) = match opened.read(context, progress.as_ref(), sink).await? {
            End::Decoded(sink, decoded) => (sink, decoded.problem),
            End::Enough(sink, problem) => (sink, Some(problem)),
            End::Abandoned => return Err(pump::abandoned(context)),
        };
        // Why is the problem's own to say: it may be cut off, or be no report at all.
        problem.map_or(Ok((sink, address)), |problem| Err(problem.context("nothing can be compared with it")))
    }
}

#[cfg(test)]
mod tests {
    use super::Named;

    #[test]
    fn files_and_addresses_are_told_apart_by_how_they_are_written() {
        for (text, file) in
            [("./x", "./x"), ("/x", "/x"), ("../x/y", "../x/y"), ("file:x", "x"), ("file:io/219", "io/219")]
        {
            assert_eq!(Named::parse(text).unwrap(), Named::File(file.to_owned()));
        }
        for text in ["219", "io/219", "io/219@latest~1", "sc/@8", "name:x.nessus", "absent.nessus"] {
            assert_eq!(Named::parse(text).unwrap(), Named::Address(text.to_owned()));
        }
        assert_eq!(Named::parse("-").unwrap_err().hint_text(), Some("stdin is written `file:-` here"));
        assert_eq!(Named::parse("Cargo.toml").unwrap_err().hint_text(), Some("name the file as ./Cargo.toml"));
    }
}
