//! What flags and environment say about output: which formats, and where to.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Format;
use crate::error::{Error, Result};

/// What flags and environment say about output.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// `--format`.
    pub format: Option<String>,
    /// `SCANCTL_FORMAT`.
    pub default_format: Option<String>,
    /// `--output`, as typed.
    pub outputs: Vec<String>,
    /// `--raw`.
    pub raw: bool,
}

/// A kind of data's formats.
pub trait FormatWord: Copy + PartialEq + FromStr<Err = Error> {
    /// The format where nothing is said.
    const USUAL: Self;
    /// The format that stands for the vendor's bytes, where a file's name tells none.
    const RAW: Self;

    /// The word on the command line.
    fn name(self) -> &'static str;

    /// The format that a file's extension tells.
    fn of_extension(path: &Path) -> Option<Self>;

    /// The format that the environment asks for; `None` where it is one of another kind of data.
    ///
    /// # Errors
    /// Exit 2 for a word that is no format at all.
    fn of_environment(text: &str) -> Result<Option<Self>>;
}

/// Where a document goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// To stdout.
    Stdout,
    /// To a file.
    File(PathBuf),
}

impl Wanted {
    /// Whether what is wanted of rows can be understood; opens nothing.
    ///
    /// # Errors
    /// Exit 2 for an unknown format.
    pub fn check(&self) -> Result<()> {
        self.formats::<Format>().map(|_| ())
    }

    /// The format of the flag, and that of the environment.
    fn formats<F: FormatWord>(&self) -> Result<(Option<F>, Option<F>)> {
        let flag = self.format.as_deref().map(F::from_str).transpose()?;
        let default = self.default_format.as_deref().map(F::of_environment).transpose()?.flatten();
        if self.raw && flag.is_some() {
            return Err(Error::usage("`--raw` and `--format` exclude each other"));
        }
        Ok((flag, default))
    }

    /// Every place with its format, in the order of the call; opens nothing.
    ///
    /// # Errors
    /// Exit 2 for an unknown format, or a file without one.
    pub fn places<F: FormatWord>(&self) -> Result<Vec<(F, Where)>> {
        let (flag, default) = self.formats::<F>()?;
        let on_stdout = flag.or(default).unwrap_or(F::USUAL);
        if self.outputs.is_empty() {
            return Ok(vec![(on_stdout, Where::Stdout)]);
        }
        let mut places = Vec::new();
        for typed in &self.outputs {
            let (named, path) = match parse::<F>(typed)? {
                (named, Where::Stdout) => {
                    places.push((named.unwrap_or(on_stdout), Where::Stdout));
                    continue;
                }
                (named, Where::File(path)) => (named, path),
            };
            let format = named.or_else(|| F::of_extension(&path)).or(flag).or(default);
            let Some(format) = format.or(self.raw.then_some(F::RAW)) else {
                return Err(Error::usage(format!("which format for {}?", path.display()))
                    .hint(format!("name it: -o json={}", path.display())));
            };
            places.push((format, Where::File(path)));
        }
        Ok(places)
    }
}

/// What one `--output` says: the format, if it names one, and the place. Other names of stdout are stdout: opened as a
/// file, what stands before and behind the document there would be written over.
///
/// # Errors
/// Those of a format that is none.
pub fn parse<F: FromStr<Err = Error>>(typed: &str) -> Result<(Option<F>, Where)> {
    let (named, path) = match typed.split_once('=') {
        // A path may have an equals sign; a format is one plain word.
        Some((word, path)) if is_format::<F>(word) => (Some(F::from_str(word)?), path),
        _ => (None, typed),
    };
    let is_stdout = matches!(path, "-" | "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1");
    Ok((named, if is_stdout { Where::Stdout } else { Where::File(PathBuf::from(path)) }))
}

fn is_format<F: FromStr<Err = Error>>(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric()) || F::from_str(word).is_ok()
}

/// The error of a file that two documents would replace.
pub fn named_twice(path: &Path) -> Error {
    Error::usage(format!("{} is named twice as output", path.display()))
}

/// The error of raw bytes that a terminal would obey.
pub fn raw_on_terminal() -> Error {
    Error::usage("the vendor's raw bytes are not written to a terminal")
        .hint("redirect them, or name a file with -o FILE")
}
