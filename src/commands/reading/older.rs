//! A report that is named where a file is possible too: the older one of a comparison.
//!
//! Files are `./x`, `../x`, `/x` or `file:x`; anything else is an address.

use std::path::Path;

use super::{End, Opened};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::findings::FindingSink;
use crate::ui::Progress;

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
        // No id has the look of a file that is there; an address of that name can be written with its profile.
        if Path::new(text).extension().is_some() && !text.starts_with("name:") && Path::new(text).is_file() {
            return Err(Error::usage(format!("`{text}` is read as an address, and there is a file of that name"))
                .hint(format!("name the file as ./{text}")));
        }
        Ok(Self::Address(text.to_owned()))
    }
}

/// Reads a report that must be whole.
///
/// # Errors
/// What keeps it from being whole, with the report named; the signal's.
pub async fn read_whole<S: FindingSink + 'static>(
    context: &Context,
    opened: Opened<'_>,
    progress: Option<&Progress>,
    sink: S,
) -> Result<S> {
    let name = opened.about.address.clone();
    let whole = async {
        if let Some(part) = &opened.incomplete {
            return Err(part.clone());
        }
        match opened.read(context, progress, sink).await? {
            End::Decoded(_, decoded) if decoded.problem.is_some() => Err(decoded.problem.unwrap_or_else(stopped)),
            End::Decoded(sink, _) => Ok(sink),
            End::Enough(_, problem) => Err(problem),
            End::Abandoned => Err(context.interrupt.received().map_or_else(stopped, super::pump::interruption)),
        }
    };
    whole.await.map_err(|problem| problem.context(format!("{name} cannot be compared with")))
}

fn stopped() -> Error {
    Error::bad_data("it was not read to its end")
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
        assert_eq!(Named::parse("Cargo.toml").unwrap_err().hint_text(), Some("name the file as ./Cargo.toml"));
    }
}
