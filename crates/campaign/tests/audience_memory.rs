//! Reading an audience takes the same memory whatever its size. Alone in its process, because the peak of a
//! process's memory is what is measured.

#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::io::{Cursor, Read};

use campaign::audience::{AudienceReader, Row};

/// The first problem of a file.
fn problem(file: &str, source: impl Read + Send + 'static) -> String {
    let mut reader = match AudienceReader::open(file, source) {
        Ok(reader) => reader,
        Err(problem) => return problem.to_string(),
    };
    let mut row = Row::default();
    loop {
        if let Err(problem) = reader.next_row(&mut row).unwrap() {
            return problem.problem().to_string();
        }
    }
}

/// Gives a text over and over, and counts.
struct Repeat {
    head: Cursor<Vec<u8>>,
    body: Vec<u8>,
    at: usize,
    left: u64,
}

impl Read for Repeat {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let head = self.head.read(into)?;
        if head > 0 || self.left == 0 {
            return Ok(head);
        }
        let count = into.len().min(self.body.len() - self.at).min(usize::try_from(self.left).unwrap());
        into[..count].copy_from_slice(&self.body[self.at..self.at + count]);
        self.at = (self.at + count) % self.body.len();
        self.left -= count as u64;
        Ok(count)
    }
}

fn repeat(head: &str, body: &str, bytes: u64) -> Repeat {
    Repeat { head: Cursor::new(head.as_bytes().to_vec()), body: body.as_bytes().to_vec(), at: 0, left: bytes }
}

/// A hundred megabytes pass in each of these; the peak of memory is read from the system.
#[test]
fn memory_stays_flat() {
    const SIZE: u64 = 100_000_000;
    let before = peak_memory();
    let long_line = problem("a.csv", repeat("phone,name\n", "x", SIZE));
    assert!(long_line.contains("a.csv:2: the line is longer than 1 MB"), "{}", long_line);
    let long_header = problem("a.csv", repeat("", "x", SIZE));
    assert!(long_header.contains("a.csv:1: the line is longer than 1 MB"));
    let long_quote = problem("a.csv", repeat("phone,name\n1,\"", "x", SIZE));
    assert!(long_quote.contains("a.csv:2: the line is longer than 1 MB"), "{}", long_quote);
    let long_json = problem("a.ndjson", repeat("{\"a\":1}\n{\"a\":\"", "x", SIZE));
    assert!(long_json.contains("a.ndjson:2: the line is longer than 1 MB"));

    let mut reader =
        AudienceReader::open("a.csv", repeat("phone,name\n", "919876543210,\"Rao, Asha\"\n", SIZE)).unwrap();
    let (mut row, mut rows) = (Row::default(), 0);
    while let Some(result) = reader.next_row(&mut row) {
        rows += u64::from(result.is_ok());
    }
    assert!(rows > 3_900_000, "{rows}");
    let used = peak_memory() - before;
    assert!(used < 16_000_000, "used {used} bytes");
}

/// The most memory this process has had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().map_or(0, |kilobytes| kilobytes * 1024)
}
