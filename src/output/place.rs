//! Files that data is written to: opened before anything is done, and there only when they are whole.
//!
//! A regular file is written beside its place and renamed at the end; anything else (a FIFO, `/dev/null`) is written in
//! place, and so is a file that this program was started with, behind `/dev/fd`.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::exit::Exit;

/// A symbolic link leads through no more others than the system follows.
const MOST_LINKS: usize = 40;

/// An open file that is not at its place yet. Where it goes may be decided while another thread writes it.
#[derive(Debug)]
pub struct Target {
    file: File,
    /// Where it is until it is whole, and where the user wants it; none once that is decided.
    rename: Mutex<Option<(PathBuf, PathBuf)>>,
    name: PathBuf,
}

impl Target {
    /// Opens a file for writing; what is there stays until [`Target::keep`].
    ///
    /// # Errors
    /// Exit 2 when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let fail =
            |problem: &dyn std::fmt::Display| Error::usage(format!("cannot write {}: {problem}", path.display()));
        let place = behind_links(path).map_err(|problem| fail(&problem))?;
        let in_place = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(fail(&"it is a directory")),
            Ok(metadata) => !metadata.is_file() || is_descriptor(&place),
            Err(_absent) => false,
        };
        if in_place {
            // What others have written to an open file stays before what comes now.
            let file = File::options().append(true).open(path).map_err(|problem| fail(&problem))?;
            return Ok(Self { file, rename: Mutex::default(), name: path.to_path_buf() });
        }
        if place.is_file() {
            // Renaming asks nobody whether the file may be written.
            File::options().write(true).open(&place).map_err(|problem| fail(&problem))?;
        }
        let name = place.file_name().ok_or_else(|| fail(&"it has no name"))?.to_string_lossy().into_owned();
        // Nobody can know the name beforehand, and what is there already is never written to.
        let beside = place.with_file_name(format!(".{name}.{:016x}.tmp", fastrand::u64(..)));
        let file =
            File::options().read(true).write(true).create_new(true).open(&beside).map_err(|problem| fail(&problem))?;
        if let Ok(before) = std::fs::metadata(&place) {
            // A file that others could not read stays so. Where that cannot be set, writing is still what was asked.
            drop(file.set_permissions(before.permissions()));
        }
        Ok(Self { file, rename: Mutex::new(Some((beside, place))), name: path.to_path_buf() })
    }

    fn rename(&self) -> MutexGuard<'_, Option<(PathBuf, PathBuf)>> {
        self.rename.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name that the user gave.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Writes more.
    ///
    /// # Errors
    /// Exit 1.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        (&self.file).write_all(bytes).map_err(|problem| self.fail(&problem))
    }

    /// Writes some of it, as [`io::Write::write`] does.
    ///
    /// # Errors
    /// The system's.
    pub fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.file).write(bytes)
    }

    /// Everything that was written, from the beginning; `None` for what was written in place.
    ///
    /// # Errors
    /// Exit 1.
    pub fn read_back(&self) -> Result<Option<&File>> {
        if self.rename().is_none() {
            return Ok(None);
        }
        (&self.file).rewind().map_err(|problem| self.fail(&problem))?;
        Ok(Some(&self.file))
    }

    /// Puts the whole file at its place.
    ///
    /// # Errors
    /// Exit 1.
    pub fn keep(&self) -> Result<()> {
        self.put().map(drop)
    }

    /// Puts the whole file at its place. A part that an earlier call has left beside it says nothing any more.
    ///
    /// # Errors
    /// Exit 1.
    pub fn keep_instead_of_part(&self) -> Result<()> {
        if let Some(place) = self.put()? {
            for part in [with_suffix(&self.name), with_suffix(&place)] {
                drop(std::fs::remove_file(part));
            }
        }
        Ok(())
    }

    /// The file's place, unless it is written there from the beginning.
    fn put(&self) -> Result<Option<PathBuf>> {
        if self.rename().is_none() {
            return Ok(None);
        }
        // This may take long, and is no reason not to decide otherwise meanwhile.
        self.file.sync_all().map_err(|problem| self.fail(&problem))?;
        let mut rename = self.rename();
        let Some((beside, place)) = &*rename else { return Ok(None) };
        std::fs::rename(beside, place).map_err(|problem| self.fail(&problem))?;
        Ok(rename.take().map(|(_, place)| place))
    }

    /// Keeps what there is of the file under its name with `.partial` behind it, and leaves the place alone. The name
    /// that it has now; `None` where it was written in place.
    ///
    /// # Errors
    /// Exit 1.
    pub fn keep_partial(&self) -> Result<Option<PathBuf>> {
        let mut rename = self.rename();
        let Some((beside, place)) = &*rename else { return Ok(None) };
        let mut partial = with_suffix(&self.name);
        if let Err(problem) = std::fs::rename(beside, &partial) {
            // Behind a symbolic link the place may be on another disk.
            partial = with_suffix(place);
            std::fs::rename(beside, &partial).map_err(|_again| self.fail(&problem))?;
        }
        *rename = None;
        Ok(Some(partial))
    }

    /// Removes what was written, unless it is kept: what the user had stays as it was.
    pub fn discard(&self) {
        if let Some((beside, _)) = self.rename().take() {
            drop(std::fs::remove_file(beside));
        }
    }

    /// Whether this file would be replaced, or removed as a part.
    pub fn replaces(&self, path: &Path) -> bool {
        let Ok(path) = std::fs::canonicalize(path) else { return false };
        self.places().is_some_and(|places| places.contains(&path))
    }

    /// Whether the other one would replace the same file, or one of them the part of the other.
    pub fn is_same(&self, other: &Self) -> bool {
        let (Some(mine), Some(others)) = (self.places(), other.places()) else { return false };
        mine[0] == others[0] || mine[1..].contains(&others[0]) || others[1..].contains(&mine[0])
    }

    /// Where the whole file goes, and where a part of it would; `None` where it is written in place.
    fn places(&self) -> Option<[PathBuf; 3]> {
        let rename = self.rename();
        let (_, place) = rename.as_ref()?;
        Some([place.clone(), in_its_folder(&with_suffix(&self.name)), with_suffix(place)])
    }

    /// The error of a write that failed.
    pub fn fail(&self, problem: &io::Error) -> Error {
        Error::new(Exit::Internal, format!("cannot write {}: {problem}", self.name.display()))
    }
}

/// Where a file is, or would be: a symbolic link keeps pointing where it points, also where nothing is yet.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut place = in_its_folder(path);
    for _ in 0..MOST_LINKS {
        if is_descriptor(&place) {
            return Ok(place);
        }
        match (std::fs::read_link(&place), place.parent()) {
            (Ok(to), Some(folder)) => place = in_its_folder(&folder.join(to)),
            _ => return Ok(place),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Whether a path in the one form that its folder has stands for something that this program has open already.
fn is_descriptor(place: &Path) -> bool {
    let Some(folder) = place.parent() else { return false };
    folder == Path::new("/dev/fd") || (folder.starts_with("/proc") && folder.ends_with("fd"))
}

/// A file's name in the one form that its folder has.
fn in_its_folder(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (std::fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}

fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

impl Drop for Target {
    fn drop(&mut self) {
        self.discard();
    }
}
