//! Where a report is written: standard output, or a file that appears under its name only when it is
//! complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Where a report is written.
#[derive(Debug)]
pub(super) enum Target {
    /// Standard output.
    Stdout(BufWriter<io::Stdout>),
    /// A file beside the one that is wanted.
    File(Partial),
}

/// A file that is not complete. Removed when it is dropped.
#[derive(Debug)]
pub(super) struct Partial {
    file: BufWriter<File>,
    path: PathBuf,
    wanted: PathBuf,
    is_complete: bool,
}

impl Target {
    /// Opens the file's temporary neighbour, or standard output (`None`).
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(wanted) = path else {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        };
        let name = wanted
            .file_name()
            .filter(|_| !wanted.is_dir())
            .with_context(|| format!("{} is a folder; write the name of a file", wanted.display()))?;
        let mut partial = name.to_owned();
        partial.push(format!(".{}.part", std::process::id()));
        let path = wanted.with_file_name(partial);
        // Recipients' numbers are in it: a file of the same name that is not ours is not written to.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", wanted.display()))?;
        Ok(Self::File(Partial {
            file: BufWriter::new(file),
            path,
            wanted: wanted.to_owned(),
            is_complete: false,
        }))
    }

    /// What it is called in messages to people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdout(_) => "to standard output".to_owned(),
            Self::File(partial) => partial.wanted.display().to_string(),
        }
    }

    /// All is written: the file gets its name.
    pub(super) fn complete(self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(mut partial) => {
                let cannot = || format!("cannot write {}", partial.wanted.display());
                partial.file.flush().and_then(|()| partial.file.get_ref().sync_all()).with_context(cannot)?;
                fs::rename(&partial.path, &partial.wanted)
                    .with_context(|| format!("cannot write {}", partial.wanted.display()))?;
                partial.is_complete = true;
                Ok(())
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(partial) => partial.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(partial) => partial.file.flush(),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_complete {
            // Nobody is left to tell; the next run uses another name.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("out.csv");
        fs::write(&wanted, "old").unwrap();
        let mut target = Target::open(Some(&wanted)).unwrap();
        target.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&wanted).unwrap(), "old");
        target.complete().unwrap();
        assert_eq!(fs::read_to_string(&wanted).unwrap(), "new");
        assert_eq!(names(folder.path()), ["out.csv"]);
    }

    #[test]
    fn an_incomplete_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut target = Target::open(Some(&folder.path().join("out.csv"))).unwrap();
        target.write_all(b"half").unwrap();
        drop(target);
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = Target::open(Some(folder.path())).unwrap_err();
        assert!(error.to_string().ends_with("is a folder; write the name of a file"));
        assert!(Target::open(Some(&folder.path().join("no/such.csv"))).is_err());
    }
}
