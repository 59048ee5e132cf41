//! The raw archive of webhooks: what the platform posted, as it posted it, for as long as is wanted.
//!
//! Off unless a folder is configured. Each group commit appends one compressed frame with its posts' bodies to a segment
//! file, and is answered with 200 after that is on the disk. There is a segment for each hour and each start of a process,
//! so that several processes may share the folder and nobody appends to what a dead one left behind.
//!
//! | module | holds |
//! | --- | --- |
//! | [`name`] | what segments are called: the hour, and who wrote it |
//! | [`frame`] | the bytes of one frame |
//! | [`writer`] | appending, and deleting what is too old |
//! | [`reader`] | reading segments in the order in which the posts came |

pub mod frame;
pub mod name;
pub mod reader;
pub mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use self::writer::Writer;

/// Where and how long webhooks are archived.
#[derive(Debug, Clone)]
pub struct ArchiveSettings {
    /// The folder of the segments; made where it is not there.
    pub folder: PathBuf,
    /// How long a segment is kept after its hour.
    pub keep: Duration,
    /// Who writes: unique for each start of a process; letters, digits, dots and hyphens.
    pub writer: String,
}

/// Why the archive cannot be used, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The system refused something of a file or folder.
    #[error("the archive of webhooks: {path} {what}")]
    File {
        /// The file or folder.
        path: String,
        /// What could not be done with it.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The writing thread was torn down: a bug.
    #[error("the archive of webhooks was not written, which is a bug: its thread was torn down")]
    Torn,
}

impl ArchiveError {
    pub(crate) fn file(
        path: &std::path::Path,
        what: &'static str,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |source| Self::File { path, what, source }
    }
}

/// The archive of a process that takes webhooks in.
#[derive(Debug, Clone)]
pub struct Archive {
    writer: Arc<Mutex<Writer>>,
}

impl Archive {
    /// Makes the folder where it is not there, and sees that it can be written to.
    ///
    /// # Errors
    /// It cannot.
    pub fn open(settings: ArchiveSettings) -> Result<Self, ArchiveError> {
        Ok(Self { writer: Arc::new(Mutex::new(Writer::open(settings)?)) })
    }

    /// Appends these bodies, which were taken in at that time; returns when they are on the disk.
    ///
    /// # Errors
    /// They are not, and no half of them is in the way of what is read or appended later.
    pub(crate) async fn append(&self, at: DateTime<Utc>, bodies: Vec<Bytes>) -> Result<(), ArchiveError> {
        self.work(move |writer| writer.append(at, &bodies)).await
    }

    /// Deletes segments that are older than is wanted.
    ///
    /// # Errors
    /// The folder cannot be read, or a segment not be deleted.
    pub(crate) async fn delete_old(&self, now: DateTime<Utc>) -> Result<(), ArchiveError> {
        self.work(move |writer| writer.delete_old(now)).await
    }

    /// Works on the files where waiting for a disk holds nobody up.
    async fn work(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<(), ArchiveError> + Send + 'static,
    ) -> Result<(), ArchiveError> {
        let writer = self.writer.clone();
        let work = move || work(&mut writer.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(ArchiveError::Torn))
    }
}
