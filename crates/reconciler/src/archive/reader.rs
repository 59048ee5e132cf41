//! Reading segments, in the order in which the posts came. What a crash tore off at a segment's end, and what a disk has
//! damaged, is passed over and counted: it was never answered with 200, or can be had from nowhere.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::frame::{self, Frame, HEAD_LENGTH};
use super::{ArchiveError, name};

/// The segments of a folder, by their names.
///
/// # Errors
/// The folder cannot be read.
pub fn segments(folder: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let reading = || ArchiveError::file(folder, "cannot be read");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(reading())? {
        found.push(entry.map_err(reading())?.path());
    }
    found.retain(|path| name::hour_in(path).is_some());
    found.sort();
    Ok(found)
}

/// Segments of any number of processes, read as one.
#[derive(Debug)]
pub struct Reader {
    /// Not opened yet, by their hours.
    waiting: VecDeque<(DateTime<Utc>, PathBuf)>,
    /// Those of one hour, each with the frame that it is at.
    open: Vec<(Frame, Segment)>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    torn: u64,
    read: u64,
}

impl Reader {
    /// What these segments have from `from` on and before `to`. Files that are not named as segments are left out.
    #[must_use]
    pub fn new(
        segments: impl IntoIterator<Item = PathBuf>,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Self {
        let is_wanted = |hour: DateTime<Utc>| {
            from.is_none_or(|from| from < hour + TimeDelta::hours(1)) && to.is_none_or(|to| hour < to)
        };
        let mut waiting: Vec<(DateTime<Utc>, PathBuf)> = segments
            .into_iter()
            .filter_map(|path| Some((name::hour_in(&path)?, path)))
            .filter(|(hour, _)| is_wanted(*hour))
            .collect();
        waiting.sort();
        waiting.dedup();
        Self { waiting: waiting.into(), open: Vec::new(), from, to, torn: 0, read: 0 }
    }

    /// How many bytes there are to read in all.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn bytes(&self) -> Result<u64, ArchiveError> {
        let size = |(_, path): &(DateTime<Utc>, PathBuf)| {
            std::fs::metadata(path)
                .map(|facts| facts.len())
                .map_err(ArchiveError::file(path, "cannot be read"))
        };
        self.waiting.iter().map(size).sum()
    }

    /// How many bytes were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// How many pieces between whole frames were torn or damaged.
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// The next frame of all.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ArchiveError> {
        loop {
            if self.open.is_empty() && !self.open_next_hour()? {
                return Ok(None);
            }
            let first = self.open.iter().enumerate().min_by_key(|(_, (frame, _))| frame.at);
            let Some(first) = first.map(|(i, _)| i) else { continue };
            let (frame, segment) = self.open.swap_remove(first);
            self.advance(segment)?;
            let is_wanted =
                self.from.is_none_or(|from| from <= frame.at) && self.to.is_none_or(|to| frame.at < to);
            if is_wanted {
                return Ok(Some(frame));
            }
        }
    }

    /// Opens the segments of the next hour, of whichever process. False: there are none.
    fn open_next_hour(&mut self) -> Result<bool, ArchiveError> {
        let Some((hour, _)) = self.waiting.front().cloned() else { return Ok(false) };
        while let Some((_, path)) = self.waiting.pop_front_if(|(next, _)| *next == hour) {
            let segment = Segment::open(path)?;
            self.advance(segment)?;
        }
        Ok(true)
    }

    /// Reads a segment's next frame and keeps it open; closes it where it has none.
    fn advance(&mut self, mut segment: Segment) -> Result<(), ArchiveError> {
        loop {
            let before = segment.at;
            let piece = segment.next().map_err(ArchiveError::file(&segment.path, "cannot be read"))?;
            self.read += segment.at - before;
            match piece {
                Piece::Frame(frame) => {
                    self.open.push((frame, segment));
                    return Ok(());
                }
                Piece::Torn => self.torn += 1,
                Piece::End => return Ok(()),
            }
        }
    }
}

/// A segment that is read.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: BufReader<File>,
    /// How far it was read, in bytes.
    at: u64,
    /// How long it was when it was opened. What is appended meanwhile is left for another time.
    end: u64,
}

/// What comes next in a segment.
enum Piece {
    Frame(Frame),
    /// Bytes that are no whole frame.
    Torn,
    /// Nothing.
    End,
}

impl Segment {
    fn open(path: PathBuf) -> Result<Self, ArchiveError> {
        let open = || {
            let file = File::open(&path)?;
            let end = file.metadata()?.len();
            Ok((file, end))
        };
        let (file, end) = open().map_err(ArchiveError::file(&path, "cannot be read"))?;
        Ok(Self { path, file: BufReader::new(file), at: 0, end })
    }

    fn next(&mut self) -> io::Result<Piece> {
        if self.at == self.end {
            return Ok(Piece::End);
        }
        let begins = self.at;
        if let Some(frame) = self.frame()? {
            return Ok(Piece::Frame(frame));
        }
        // Its length may be what is damaged: whatever looks like a beginning, from its second byte on.
        self.find_head(begins + 1)?;
        Ok(Piece::Torn)
    }

    /// The frame that begins here; nothing where it is damaged or torn off.
    fn frame(&mut self) -> io::Result<Option<Frame>> {
        let Some(after_head) = (self.end - self.at).checked_sub(HEAD_LENGTH as u64) else { return Ok(None) };
        let mut head = [0; HEAD_LENGTH];
        self.file.read_exact(&mut head)?;
        let Some(length) = frame::length(head).filter(|length| *length <= after_head) else {
            return Ok(None);
        };
        let mut compressed = Vec::new();
        (&mut self.file).take(length).read_to_end(&mut compressed)?;
        let frame = frame::decode(&compressed);
        if frame.is_some() {
            self.at += HEAD_LENGTH as u64 + length;
        }
        Ok(frame)
    }

    /// Goes to the next beginning of a frame from there on, or to the end.
    fn find_head(&mut self, from: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(from))?;
        let mut last = [0; frame::HEAD.len()];
        self.at = self.end;
        for (byte, read) in (&mut self.file).take(self.end.saturating_sub(from)).bytes().zip(1..) {
            last.rotate_left(1);
            last[frame::HEAD.len() - 1] = byte?;
            if last == frame::HEAD {
                self.at = from + read - frame::HEAD.len() as u64;
                break;
            }
        }
        self.file.seek(SeekFrom::Start(self.at))?;
        Ok(())
    }
}
