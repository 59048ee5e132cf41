//! What is on the disk: gzip, zstd or plain text, hashed as it is stored while it is read.

use std::io::{self, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::problem::{Place, Problem};

/// Bytes asked of the file at a time.
const CHUNK: usize = 64 * 1024;

/// The bytes as they are stored: hashed and counted as they pass, the first few given back once they were
/// looked at.
struct Stored {
    source: Box<dyn Read + Send>,
    first: [u8; 4],
    first_left: std::ops::Range<usize>,
    hash: Sha256,
    bytes: u64,
}

impl Stored {
    /// Looks at the first bytes, up to four.
    fn new(mut source: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut first = [0; 4];
        let mut filled = 0;
        while filled < first.len() {
            match source.read(&mut first[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { source, first, first_left: 0..filled, hash: Sha256::new(), bytes: 0 })
    }
}

impl Read for Stored {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = if self.first_left.is_empty() {
            self.source.read(into)?
        } else {
            let mut first = &self.first[self.first_left.clone()];
            let count = first.read(into)?;
            self.first_left.start += count;
            count
        };
        self.hash.update(&into[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// How the file is packed.
enum Packing {
    Plain(BufReader<Stored>),
    Gzip(MultiGzDecoder<BufReader<Stored>>),
    Zstd(Box<ZstdDecoder<'static, BufReader<Stored>>>),
}

/// An audience file's unpacked bytes, and the hash of the packed ones.
pub(super) struct Source {
    packing: Packing,
    file: String,
}

impl Source {
    /// Finds out by its first bytes, and then its name, how a file is packed.
    pub(super) fn open(file: &str, source: Box<dyn Read + Send>) -> Result<Self, Problem> {
        let stored = Stored::new(source).map_err(|error| unreadable(file, &error))?;
        let first = &stored.first[..stored.first_left.end];
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let named = |name: &str| extension.as_deref() == Some(name);
        let (is_gzip, is_zstd) =
            (first.starts_with(&[0x1F, 0x8B]), first.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]));
        if first.is_empty() {
            return Err(Problem::new(Place::file(file), "is empty")
                .help("export the audience again, with a header line"));
        }
        if (named("gz") && !is_gzip) || (named("zst") && !is_zstd) {
            let extension = extension.unwrap_or_default();
            return Err(Problem::new(
                Place::file(file),
                format!("is named .{extension}, but its content is not packed that way"),
            )
            .help("pack it again, or take the ending away"));
        }
        let buffered = BufReader::with_capacity(CHUNK, stored);
        let packing = if is_gzip {
            Packing::Gzip(MultiGzDecoder::new(buffered))
        } else if is_zstd {
            let decoder = ZstdDecoder::with_buffer(buffered).map_err(|error| unreadable(file, &error))?;
            Packing::Zstd(Box::new(decoder))
        } else {
            Packing::Plain(buffered)
        };
        Ok(Self { packing, file: file.to_owned() })
    }

    /// Reads some of the unpacked bytes; 0 at the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Problem> {
        loop {
            let read = match &mut self.packing {
                Packing::Plain(stored) => stored.read(into),
                Packing::Gzip(decoder) => decoder.read(into),
                Packing::Zstd(decoder) => decoder.read(into),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error)),
                Ok(count) => return Ok(count),
            }
        }
    }

    /// Bytes read so far, as they are stored: for a progress bar next to the file's size.
    pub(super) fn stored_bytes(&self) -> u64 {
        match &self.packing {
            Packing::Plain(stored) => stored.get_ref().bytes,
            Packing::Gzip(decoder) => decoder.get_ref().get_ref().bytes,
            Packing::Zstd(decoder) => decoder.get_ref().get_ref().bytes,
        }
    }

    /// Reads what is left and gives the SHA-256 of the whole file as it is stored, in hex.
    pub(super) fn finish(self) -> Result<String, Problem> {
        let mut stored = match self.packing {
            Packing::Plain(stored) => stored.into_inner(),
            Packing::Gzip(decoder) => decoder.into_inner().into_inner(),
            Packing::Zstd(decoder) => decoder.finish().into_inner(),
        };
        // Whatever the buffers held has been hashed already: the hash is taken below them.
        io::copy(&mut stored, &mut io::sink()).map_err(|error| unreadable(&self.file, &error))?;
        Ok(hex::encode(stored.hash.finalize()))
    }

    fn broken(&self, error: &io::Error) -> Problem {
        let packing = match &self.packing {
            Packing::Plain(_) => return unreadable(&self.file, error),
            Packing::Gzip(_) => "gzip",
            Packing::Zstd(_) => "zstd",
        };
        // An error of the disk carries the system's number; one of a decoder does not.
        if error.raw_os_error().is_some() {
            return unreadable(&self.file, error);
        }
        let message = if error.kind() == ErrorKind::UnexpectedEof {
            format!("the {packing} data ends in the middle")
        } else {
            format!("the {packing} data is corrupt")
        };
        Problem::new(Place::file(&self.file), message).help("copy or pack the file again")
    }
}

fn unreadable(file: &str, error: &io::Error) -> Problem {
    Problem::new(Place::file(file), format!("could not be read: {error}"))
}
