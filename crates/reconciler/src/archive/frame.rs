//! The bytes of one frame: what one group commit took in.
//!
//! ```text
//! 5F 2A 4D 18 │ 08 00 00 00 │ length: u64, little endian │ zstd frame of that length, with its checksum
//! ```
//!
//! The first sixteen bytes are what zstd calls a skippable frame: `zstdcat` passes over them, and shows for each post a line
//! with the time and the body's length in bytes, the body as it came, and a line break. Who reads here knows by the length
//! where the next frame begins; where that is damaged too, by the eight bytes with which each begins.

use std::io::{self, Read};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

/// What every frame begins with: zstd's magic number of a skippable frame, and the length of what that holds.
pub const HEAD: [u8; 8] = [0x5F, 0x2A, 0x4D, 0x18, 8, 0, 0, 0];

/// How many compressed bytes a frame has at the most: what bodies a process holds at once is a fourth of it.
const LONGEST: u64 = 512 * 1024 * 1024;

/// How many bytes stand before the compressed ones.
pub const HEAD_LENGTH: usize = 16;

/// What one group commit took in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// When; to the microsecond.
    pub at: DateTime<Utc>,
    /// The bodies, in the order in which they were applied.
    pub bodies: Vec<Vec<u8>>,
}

/// The bytes of a frame.
///
/// # Errors
/// There is no memory to compress in.
pub fn encode(at: DateTime<Utc>, bodies: &[Bytes]) -> io::Result<Vec<u8>> {
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut plain = Vec::with_capacity(bodies.iter().map(|body| body.len() + 48).sum());
    for body in bodies {
        plain.extend_from_slice(format!("{at} {}\n", body.len()).as_bytes());
        plain.extend_from_slice(body);
        plain.push(b'\n');
    }
    let mut compressor = Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    let compressed = compressor.compress(&plain)?;
    let mut bytes = Vec::with_capacity(HEAD_LENGTH + compressed.len());
    bytes.extend_from_slice(&HEAD);
    bytes.extend_from_slice(&(compressed.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&compressed);
    Ok(bytes)
}

/// How many compressed bytes follow these first ones of a frame; nothing where they are not a frame's.
#[must_use]
pub fn length(head: [u8; HEAD_LENGTH]) -> Option<u64> {
    let (start, length) = head.split_at(HEAD.len());
    let length = u64::from_le_bytes(length.try_into().unwrap_or_default());
    (start == HEAD && length <= LONGEST).then_some(length)
}

/// The frame of these compressed bytes; nothing where they are damaged, or torn off.
#[must_use]
pub fn decode(compressed: &[u8]) -> Option<Frame> {
    let mut plain = Vec::new();
    let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed).ok()?.single_frame();
    decoder.read_to_end(&mut plain).ok()?;
    if !decoder.finish().is_empty() {
        // It is shorter than its length says, which is what is damaged then.
        return None;
    }
    let (mut rest, mut at, mut bodies) = (plain.as_slice(), None, Vec::new());
    while !rest.is_empty() {
        let line = rest.split(|byte| *byte == b'\n').next()?;
        let (time, length) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let length: usize = length.parse().ok()?;
        let body = rest.get(line.len() + 1..)?;
        bodies.push(body.get(..length)?.to_vec());
        rest = body.get(length..)?.strip_prefix(b"\n")?;
        at = Some(time.parse::<DateTime<Utc>>().ok()?);
    }
    Some(Frame { at: at?, bodies })
}
