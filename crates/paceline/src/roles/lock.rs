//! One `paceline run` per database file. With the queue in memory each process would pace the senders on its
//! own, and two together would send at twice the rate.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::failure::Failure;

/// An exclusive lock of the operating system on `DATABASE.lock`. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of a database file.
    ///
    /// # Errors
    /// [`Failure::Refused`] when another process has it; [`Failure::Failed`] when the file cannot be made.
    pub(crate) fn take(database: &str) -> Result<Self, Failure> {
        let path = lock_file(Path::new(database));
        let shown = path.display();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("the lock file {shown} could not be opened; check that its folder exists and can be written to"))?;
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is only for the sentence.
                let _ = file.read_to_string(&mut holder);
                let process = match holder.trim() {
                    "" => String::new(),
                    pid => format!(" (process {pid})"),
                };
                return Err(Failure::Refused(format!(
                    "another `paceline run`{process} already works on {database}; stop it first, or give this one a \
                     database of its own (store.url)"
                )));
            }
            Err(TryLockError::Error(error)) => {
                return Err(anyhow::Error::new(error)
                    .context(format!("the file {shown} could not be locked"))
                    .into());
            }
        }
        // The number helps a person to find the holder; the lock holds without it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }

    /// Whether a process has the lock now. Makes no file.
    pub(crate) fn is_held(database: &str) -> bool {
        File::open(lock_file(Path::new(database)))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Takes the lock. Whoever only looks whether it is held has it for an instant, so one refusal is not believed.
fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..20 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            answer => return answer,
        }
    }
    file.try_lock()
}

/// The lock file of a database, the same by whatever path the database is named.
fn lock_file(database: &Path) -> PathBuf {
    let real = std::fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
    let mut name = real.into_os_string();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_ends() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("paceline.db").display().to_string();
        let first = RunLock::take(&database).unwrap();
        let refused = RunLock::take(&database).unwrap_err();
        assert_eq!(refused.exit_code(), 3);
        let said = refused.lines().join("\n");
        assert!(said.contains(&format!("(process {}) already works on", std::process::id())), "{said}");
        assert!(RunLock::is_held(&database));
        drop(first);
        assert!(!RunLock::is_held(&database));
        assert!(RunLock::take(&database).is_ok());
    }
}
