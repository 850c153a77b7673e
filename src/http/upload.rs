//! A file on its way to a vendor: the one part of a form (`multipart/form-data`), read in pieces while it is sent, so
//! that its size does not matter. Not for bodies that are put together in memory.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::exit::Exit;

/// How much is read at a time.
const PIECE: usize = 256 * 1024;

/// A file to be sent.
#[derive(Debug)]
pub struct Upload {
    path: PathBuf,
    part: &'static str,
    size: u64,
    boundary: String,
}

impl Upload {
    /// Looks at a file that is to be sent as the part of that name.
    ///
    /// # Errors
    /// Exit 2 for what cannot be read, or is no file whose size is known.
    pub fn new(part: &'static str, path: &Path) -> Result<Self> {
        let cannot = |why: &dyn std::fmt::Display| Error::usage(format!("cannot read {}: {why}", path.display()));
        let known = File::open(path).and_then(|file| file.metadata()).map_err(|problem| cannot(&problem))?;
        if !known.is_file() {
            return Err(cannot(&"it is no regular file"));
        }
        let boundary = format!("scanctl-{:032x}", fastrand::u128(..));
        Ok(Self { path: path.to_path_buf(), part, size: known.len(), boundary })
    }

    /// How many bytes the file has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file's name as it is sent: what could end the name or the line is left out.
    fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.chars().map(|sign| if sign.is_control() || matches!(sign, '"' | '\\') { '_' } else { sign }).collect()
    }

    fn head(&self) -> String {
        format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.boundary,
            self.part,
            self.name()
        )
    }

    fn foot(&self) -> String {
        format!("\r\n--{}--\r\n", self.boundary)
    }

    pub(super) fn content_type(&self) -> Result<HeaderValue> {
        HeaderValue::from_str(&format!("multipart/form-data; boundary={}", self.boundary))
            .map_err(|_invalid| Error::new(Exit::Internal, "a boundary is no header value"))
    }

    /// The length of the whole body.
    pub(super) fn length(&self) -> u64 {
        self.size + (self.head().len() + self.foot().len()) as u64
    }

    /// What a dry run says of it.
    pub(super) fn plan(&self) -> Value {
        json!({ self.part: { "file": self.name(), "bytes": self.size } })
    }

    /// The body from the file's beginning, and a sign of its moving.
    pub(super) fn body(&self) -> Result<(reqwest::Body, Moved)> {
        let file = File::open(&self.path)
            .map_err(|problem| Error::usage(format!("cannot read {}: {problem}", self.path.display())))?;
        let moved = Moved::default();
        let count = moved.clone();
        let pieces = stream::unfold(Some((file, self.size)), |state| async move {
            let (file, left) = state?;
            if left == 0 {
                return None;
            }
            // A disk may take its time, and there is only one thread for everything else.
            let read = tokio::task::spawn_blocking(move || piece(file, left)).await;
            match read.unwrap_or_else(|ended| Err(std::io::Error::other(ended))) {
                Ok((file, piece)) => {
                    let left = left - piece.len() as u64;
                    Some((Ok(piece), Some((file, left))))
                }
                Err(problem) => Some((Err(problem), None)),
            }
        });
        let head = stream::iter([Ok(Bytes::from(self.head()))]);
        let foot = stream::iter([Ok(Bytes::from(self.foot()))]);
        let whole = head.chain(pieces).chain(foot).inspect(move |_| count.note());
        Ok((reqwest::Body::wrap_stream(whole), moved))
    }
}

/// The next piece of a file, never more than was declared.
fn piece(mut file: File, left: u64) -> std::io::Result<(File, Bytes)> {
    let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
    let length = file.read(&mut piece)?;
    if length == 0 {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file was cut short while it was sent"));
    }
    piece.truncate(length);
    Ok((file, piece.into()))
}

/// Counts pieces that were taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Moved(Arc<AtomicU64>);

impl Moved {
    fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Works on until it is done, or until for a whole span nothing was taken; then none.
    pub(super) async fn while_it_moves<T>(&self, span: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            let before = self.0.load(Ordering::Relaxed);
            match tokio::time::timeout(span, &mut work).await {
                Ok(done) => return Some(done),
                Err(_elapsed) if self.0.load(Ordering::Relaxed) == before => return None,
                Err(_elapsed) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Upload;

    #[test]
    fn a_file_is_one_part_whose_length_is_known_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd \" name\n.nessus");
        std::fs::write(&path, "content").unwrap();
        let upload = Upload::new("Filedata", &path).unwrap();
        assert_eq!(upload.name(), "odd _ name_.nessus");
        assert_eq!(upload.plan(), serde_json::json!({"Filedata": {"file": "odd _ name_.nessus", "bytes": 7}}));
        let whole = upload.head() + "content" + &upload.foot();
        assert_eq!(upload.length(), whole.len() as u64);
        assert!(Upload::new("Filedata", folder.path()).is_err());
        assert!(Upload::new("Filedata", &folder.path().join("absent")).is_err());
    }
}
