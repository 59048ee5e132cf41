//! Appending to segments, and deleting what is too old. Waits for the disk: never called where others wait for the thread.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::{ArchiveError, ArchiveSettings, frame, name};

/// Webhooks name people: nobody but the process's own user reads them.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Appends to the segments of one process.
#[derive(Debug)]
pub struct Writer {
    settings: ArchiveSettings,
    open: Option<Segment>,
    /// Segments that were begun.
    begun: u64,
    /// The hour in which what was too old was last deleted.
    tidied: Option<DateTime<Utc>>,
}

/// The segment that is appended to.
#[derive(Debug)]
struct Segment {
    hour: DateTime<Utc>,
    path: PathBuf,
    file: File,
    /// How far it is whole, in bytes.
    length: u64,
}

impl Writer {
    /// Makes the folder where it is not there, and sees that it can be written to.
    ///
    /// # Errors
    /// It cannot.
    pub fn open(settings: ArchiveSettings) -> Result<Self, ArchiveError> {
        let folder = &settings.folder;
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)
            .map_err(ArchiveError::file(folder, "cannot be made, as the folder of webhook.archive"))?;
        // That there is such a folder has to be on the disk before anything in it counts.
        let parent =
            folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(ArchiveError::file(folder, "cannot be kept, as the folder of webhook.archive"))?;
        let probe = folder.join(format!(".{}", settings.writer));
        create(&probe).and_then(|_| std::fs::remove_file(&probe)).map_err(ArchiveError::file(
            folder,
            "cannot be written to; it is the folder of webhook.archive",
        ))?;
        Ok(Self { settings, open: None, begun: 0, tidied: None })
    }

    /// Appends one frame with these bodies; returns when it is on the disk.
    ///
    /// # Errors
    /// It is not. What may have been written of it is taken away, or stands at the end of a segment that nothing is
    /// appended to any more, where a reader passes over it.
    pub fn append(&mut self, at: DateTime<Utc>, bodies: &[Bytes]) -> Result<(), ArchiveError> {
        let hour = name::hour_of(at);
        if self.open.as_ref().is_none_or(|segment| segment.hour != hour) {
            self.open = None;
            let segment = self.begin(hour)?;
            self.open = Some(segment);
        }
        // Once for each hour, whatever fails in it. A folder that cannot be tidied takes webhooks in all the same.
        if self.tidied != Some(hour) {
            self.tidied = Some(hour);
            if let Err(error) = self.delete_old(at) {
                tracing::error!(error = &error as &dyn std::error::Error, "old webhooks were not deleted");
            }
        }
        let Some(mut segment) = self.open.take() else { return Ok(()) };
        let path = segment.path.clone();
        let bytes = frame::encode(at, bodies).map_err(ArchiveError::file(&path, "cannot be compressed"))?;
        if let Err(error) = segment.file.write_all(&bytes).and_then(|()| segment.file.sync_data()) {
            // After a failed flush nobody knows what of the file is on the disk: the next frame begins a new one. A full
            // disk is not filled with empty ones.
            let _ = segment.file.set_len(segment.length);
            if segment.length == 0 {
                let _ = std::fs::remove_file(&path);
            }
            return Err(ArchiveError::file(&path, "cannot be written to")(error));
        }
        segment.length += bytes.len() as u64;
        self.open = Some(segment);
        Ok(())
    }

    fn begin(&mut self, hour: DateTime<Utc>) -> Result<Segment, ArchiveError> {
        let folder = &self.settings.folder;
        let path = folder.join(name::name(hour, &self.settings.writer, self.begun));
        self.begun += 1;
        let begin = || {
            let file = create(&path)?;
            // That there is such a file has to be on the disk as well.
            File::open(folder)?.sync_all()?;
            Ok(file)
        };
        let file = begin().map_err(ArchiveError::file(&path, "cannot be made"))?;
        Ok(Segment { hour, path, file, length: 0 })
    }

    /// Deletes segments of whichever process whose hour ended longer ago than they are kept.
    ///
    /// # Errors
    /// The folder cannot be read, or a segment not be deleted.
    pub fn delete_old(&self, now: DateTime<Utc>) -> Result<(), ArchiveError> {
        let ArchiveSettings { folder, keep, .. } = &self.settings;
        let keep = TimeDelta::from_std(*keep).unwrap_or(TimeDelta::MAX);
        let reading = || ArchiveError::file(folder, "cannot be read");
        for entry in std::fs::read_dir(folder).map_err(reading())? {
            let path = entry.map_err(reading())?.path();
            let Some(hour) = name::hour_in(&path) else { continue };
            let Some(until) = (hour + TimeDelta::hours(1)).checked_add_signed(keep) else { continue };
            if until <= now {
                delete(&path)
                    .map_err(ArchiveError::file(&path, "cannot be deleted, and is too old to be kept"))?;
                tracing::info!(segment = %path.display(), "archived webhooks were deleted for their age");
            }
        }
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).mode(FILE_MODE).open(path)
}

/// Another process may have deleted it before.
fn delete(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
