//! Audience files as people export them: what is read, and what they are told when something is wrong.

#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::io::{Cursor, Read, Write};

use campaign::audience::{
    AudienceReader, Country, MAX_ROW_BYTES, Phone, Row, RowProblem, UserId, normalise, zone_for,
};
use campaign::problem::Place;
use proptest::prelude::*;

/// What a file turns out to hold, in the words people read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    columns: Vec<String>,
    rows: Vec<(u64, Vec<String>)>,
    problems: Vec<String>,
    hash: Option<String>,
}

fn see(file: &str, source: impl Read + Send + 'static) -> Seen {
    let mut seen = Seen { columns: vec![], rows: vec![], problems: vec![], hash: None };
    let mut reader = match AudienceReader::open(file, source) {
        Ok(reader) => reader,
        Err(problem) => {
            seen.problems.push(problem.to_string());
            return seen;
        }
    };
    seen.columns = reader.columns().to_vec();
    let mut row = Row::default();
    let mut fatal = false;
    while let Some(result) = reader.next_row(&mut row) {
        assert!(!fatal, "nothing comes after a fatal problem");
        match result {
            Ok(()) => {
                assert_eq!(row.values().len(), seen.columns.len());
                seen.rows.push((row.line(), row.values().map(str::to_owned).collect()));
            }
            Err(problem) => {
                fatal = matches!(problem, RowProblem::Fatal(_));
                seen.problems.push(problem.problem().to_string());
            }
        }
    }
    assert!(reader.next_row(&mut row).is_none());
    seen.hash = reader.finish().ok();
    seen
}

fn see_text(file: &str, text: &str) -> Seen {
    see(file, Cursor::new(text.as_bytes().to_vec()))
}

fn rows(file: &str, text: &str) -> Vec<(u64, Vec<String>)> {
    let seen = see_text(file, text);
    assert_eq!(seen.problems, Vec::<String>::new());
    seen.rows
}

fn row(line: u64, values: &[&str]) -> (u64, Vec<String>) {
    (line, values.iter().map(|value| (*value).to_owned()).collect())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// Gives its bytes in pieces of given sizes, over and over.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    next: usize,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()].clamp(1, into.len());
        self.next += 1;
        self.bytes.read(&mut into[..size])
    }
}

#[test]
fn a_csv_as_spreadsheets_write_it() {
    let text = "\u{FEFF}phone, first name ,note\r\n+91 98765 43210,आशा,\"Rao, \"\"Asha\"\"\"\r\n\r\n\
                098765 43211,Jörg,\"two\r\nlines\"\r\n,,\r\n098765 43212,,O\"Neil\r\n";
    let seen = see_text("a.csv", text);
    assert_eq!(seen.columns, ["phone", "first name", "note"]);
    assert_eq!(seen.problems, Vec::<String>::new());
    assert_eq!(
        seen.rows,
        [
            row(2, &["+91 98765 43210", "आशा", "Rao, \"Asha\""]),
            row(4, &["098765 43211", "Jörg", "two\r\nlines"]),
            row(7, &["098765 43212", "", "O\"Neil"]),
        ]
    );
}

#[test]
fn the_delimiter_is_found_or_told() {
    assert_eq!(rows("a.csv", "phone;name\n1;\"a;b\"\n"), [row(2, &["1", "a;b"])]);
    assert_eq!(rows("a.tsv", "phone\tname\n1\ta,b"), [row(2, &["1", "a,b"])]);
    assert_eq!(rows("a.csv", "\"a,b,c\";x;y\n1;2;3\n"), [row(2, &["1", "2", "3"])]);
    assert_eq!(rows("a.csv", "phone\n1\n2\n"), [row(2, &["1"]), row(3, &["2"])]);
    assert_eq!(rows("a.csv", "sep=;\r\nphone;name\r\n1;2,3\r\n"), [row(3, &["1", "2,3"])]);
    assert_eq!(rows("a.csv", "sep=\t\nphone\tname\n1\t2,3\n"), [row(3, &["1", "2,3"])]);
    let mut reader =
        AudienceReader::open_with_delimiter("a.csv", &b"phone|name\n1|a,b\n"[..], Some('|')).unwrap();
    let mut row = Row::default();
    reader.next_row(&mut row).unwrap().unwrap();
    assert_eq!(row.values().collect::<Vec<_>>(), ["1", "a,b"]);
    let refused = AudienceReader::open_with_delimiter("a.csv", &b"phone\n1\n"[..], Some('"')).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a.csv: cannot be split at '\"'; use one ASCII character, such as , or ; or |"
    );
}

#[test]
fn ndjson_values_become_text() {
    let text = "\n{\"phone\": 919876543210, \"name\": \"A\\u0936\\n\", \"vip\": true, \"bid\": 0.5}\r\n\
                {\"bid\": 12.0, \"phone\": 9.19877E+11, \"new\": [1, {}]}\n\n\
                {\"name\": null, \"vip\": -3}\n";
    let seen = see_text("a.ndjson", text);
    assert_eq!(seen.columns, ["phone", "name", "vip", "bid"]);
    assert_eq!(seen.problems, Vec::<String>::new());
    assert_eq!(
        seen.rows,
        [
            row(2, &["919876543210", "Aश\n", "true", "0.5"]),
            row(3, &["919877000000.0", "", "", "12.0"]),
            row(5, &["", "", "-3", ""]),
        ]
    );
    // A number that was rounded on its way is still refused.
    assert_eq!(normalise(&seen.rows[1].1[0], None).unwrap_err().code(), "decimal_by_spreadsheet");
}

#[test]
fn packed_files_are_read_by_content_and_hashed_as_they_lie() {
    let text = "phone,name\n1,a\n2,b\n".as_bytes();
    let plain = see("a.csv", Cursor::new(text.to_vec()));
    assert_eq!(plain.rows.len(), 2);
    assert_eq!(plain.hash.as_deref(), Some(sha256(text).as_str()));
    let (gz, zst) = (gzip(text), zstd_frame(text));
    // Members and frames one after the other are one file, as `cat` makes them.
    let two_gz = [gzip(&text[..15]), gzip(&text[15..])].concat();
    let two_zst = [zstd_frame(&text[..15]), zstd_frame(&text[15..])].concat();
    for (file, bytes) in [
        ("a.csv.gz", gz.clone()),
        ("a.csv", gz),
        ("a.csv.gz", two_gz),
        ("A.CSV.ZST", zst),
        ("a.csv.zst", two_zst),
    ] {
        let seen = see(file, Cursor::new(bytes.clone()));
        assert_eq!(
            (&seen.columns, &seen.rows, &seen.problems),
            (&plain.columns, &plain.rows, &plain.problems),
            "{file}"
        );
        assert_eq!(seen.hash, Some(sha256(&bytes)), "{file}");
    }
    let lines = b"{\"phone\": 1}\n{\"phone\": 2}\n";
    assert_eq!(see("a.jsonl.gz", Cursor::new(gzip(lines))).rows.len(), 2);
    assert_eq!(see("a.ndjson.zst", Cursor::new(zstd_frame(lines))).rows.len(), 2);
}

#[test]
fn the_hash_covers_what_was_not_read() {
    let text = "phone\n1\n".repeat(100_000);
    let reader = AudienceReader::open("a.csv", Cursor::new(text.clone().into_bytes())).unwrap();
    assert!(reader.stored_bytes() < text.len() as u64);
    assert_eq!(reader.finish().unwrap(), sha256(text.as_bytes()));
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(bytes))
}

#[test]
fn what_people_are_told() {
    let mut cut_gz = gzip(&"phone,name\n919876543210,Asha\n".repeat(1000).into_bytes());
    cut_gz.truncate(cut_gz.len() / 2);
    let mut bad_gz = gzip(&"phone,name\n919876543210,Asha\n".repeat(1000).into_bytes());
    let middle = bad_gz.len() / 2;
    bad_gz[middle..middle + 8].fill(0xFF);
    let varied: String =
        (0..2000).fold("phone,name\n".to_owned(), |text, i| text + &format!("{},x{}\n", i * 7919, i * i));
    let mut cut_zst = zstd_frame(varied.as_bytes());
    cut_zst.truncate(cut_zst.len() - 30);
    let mut bad_zst = zstd_frame(varied.as_bytes());
    let middle = bad_zst.len() / 2;
    bad_zst[middle..middle + 40].fill(0xFF);
    let utf16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain("phone,name\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let latin1 = b"phone,name\n1,ok\n2,\"J\xF6rg\"\n3,\"a\nb\xE4\"\n4,ok\n".to_vec();
    let many: String = (0..1001).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",");
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("nothing", "a.csv", vec![]),
        ("nothing, packed", "a.csv.gz", gzip(b"")),
        ("only blank lines", "a.csv", b"\n \r\n".to_vec()),
        ("only a byte order mark", "a.csv", b"\xEF\xBB\xBF".to_vec()),
        ("a header and no rows", "a.csv", b"phone,name\n\n,\n".to_vec()),
        ("a header without a name", "a.csv", b"phone,,name\n1,2,3\n".to_vec()),
        ("a delimiter too many in the header", "a.csv", b"phone,name,\n1,2,\n".to_vec()),
        ("a name twice", "a.csv", b"phone,name, phone\n1,2,3\n".to_vec()),
        ("too many columns", "a.csv", many.into_bytes()),
        ("UTF-16", "a.csv", utf16.clone()),
        ("UTF-16 without a mark", "a.csv", utf16[2..].to_vec()),
        ("a workbook", "a.csv", b"PK\x03\x04\x14\x00\x06\x00".to_vec()),
        ("an old workbook", "a.csv", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec()),
        ("a PDF", "a.csv", b"%PDF-1.7\n".to_vec()),
        ("a picture", "a.csv", b"\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR".to_vec()),
        ("a zero byte far below", "a.csv", ["phone,name\n", &"1,a\n".repeat(5000), "2,\0\n3,c\n"].concat().into_bytes()),
        ("a zero byte in quotes", "a.csv", ["phone,name\n", &"1,a\n".repeat(5000), "2,\"x\n\0\"\n"].concat().into_bytes()),
        ("Latin-1", "a.csv", latin1),
        ("Latin-1 in the header", "a.csv", b"phone,Stra\xDFe\n1,2\n".to_vec()),
        ("too few and too many values", "a.csv", b"phone,name\n1\n2,b,c\n3,c\n".to_vec()),
        ("a quote that is never closed", "a.csv", b"phone,name\n1,a\n2,\"b\n3,c\n4,d\n".to_vec()),
        ("a quote that the next one closes", "a.csv", b"phone,name\n1,a\n2,\"b\n3,\"c\"\n4,d\n".to_vec()),
        ("text after a quoted value", "a.csv", "phone,name\n1,\"आशा\" Rao\n2,b\n".as_bytes().to_vec()),
        ("old Macintosh lines", "a.csv", b"phone,name\r1,a\r2,b\r".to_vec()),
        ("JSON named CSV", "a.csv", b"{\"phone\":1}\n{\"phone\":2}\n".to_vec()),
        ("not gzip", "a.csv.gz", b"phone,name\n1,a\n".to_vec()),
        ("not zstd", "a.csv.zst", gzip(b"phone,name\n1,a\n")),
        ("gzip cut off", "a.csv.gz", cut_gz),
        ("gzip corrupt", "a.csv.gz", bad_gz),
        ("zstd cut off", "a.csv.zst", cut_zst),
        ("zstd corrupt", "a.csv.zst", bad_zst),
        ("a JSON list", "a.ndjson", b"[{\"phone\": 1}]".to_vec()),
        ("no JSON", "a.ndjson", b"phone,name\n1,a\n".to_vec()),
        ("an object without keys", "a.ndjson", b"{}\n".to_vec()),
        ("a key twice in the first row", "a.ndjson", b"{\"a\":1,\"a\":2}\n".to_vec()),
        (
            "bad rows of JSON",
            "a.ndjson",
            "{\"phone\":1,\"name\":\"आ\"}\n{\"phone\":2,}\n{\"phone\":[3]}\n{\"phone\":{\"a\":1}}\n{\"phone\":5} x\n[6]\n\
             {\"phone\":7,\"phone\":8}\n{\"name\":\"आ\n{\"phone\":9}\n"
                .as_bytes()
                .to_vec(),
        ),
        ("JSON in Latin-1", "a.ndjson", b"{\"phone\":1,\"name\":\"a\"}\n{\"name\":\"J\xF6rg\"}\n".to_vec()),
        ("JSON with a zero byte", "a.ndjson", ["{\"a\":1}\n".repeat(2000), "{\"a\":\0}\n".into()].concat().into_bytes()),
    ];
    let mut told = String::new();
    for (what, file, bytes) in cases {
        let seen = see(file, Cursor::new(bytes));
        assert!(!seen.problems.is_empty(), "{what}");
        told.push_str(&format!("{what} ({} rows read)\n", seen.rows.len()));
        for problem in seen.problems {
            told.push_str(&format!("    {problem}\n"));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_missing_column_is_told_where_it_is_named() {
    let reader = AudienceReader::open("diwali.csv", &b"phone,first_name,code\n1,2,3\n"[..]).unwrap();
    let place = Place::at("diwali.yaml", 6, 20);
    assert_eq!(reader.require_column("phone", &place), Ok(0));
    assert_eq!(
        reader.require_column("firstname", &place).unwrap_err().to_string(),
        "diwali.yaml:6:20: diwali.csv has no column \"firstname\"; did you mean first_name?"
    );
    assert_eq!(
        reader.require_column("bsuid", &place).unwrap_err().to_string(),
        "diwali.yaml:6:20: diwali.csv has no column \"bsuid\"; it has phone, first_name, code"
    );
}

#[test]
fn a_stray_quote_costs_its_line_only() {
    let mut text = "phone,name\n".to_owned();
    for i in 0..2000 {
        text.push_str(&if i % 200 == 7 { format!("{i},\"broken\n") } else { format!("{i},fine\n") });
    }
    let seen = see_text("a.csv", &text);
    assert_eq!((seen.rows.len(), seen.problems.len()), (1990, 10));
    assert!(
        seen.problems[0].starts_with("a.csv:9:3: the quote that opens here is never closed"),
        "{}",
        seen.problems[0]
    );
}

#[test]
fn a_row_may_be_one_megabyte() {
    for (length, expected) in [(MAX_ROW_BYTES, 2), (MAX_ROW_BYTES + 1, 0)] {
        let text = format!("phone,name\n1,{}\n2,b\n", "x".repeat(length - 2));
        assert_eq!(see_text("a.csv", &text).rows.len(), expected, "{length}");
    }
}

/// Text that looks like an audience in places.
fn audience_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z0-9 ]{0,6}",
        3 => Just(",".to_owned()),
        3 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        2 => Just("\"".to_owned()),
        1 => Just("\"\"".to_owned()),
        1 => Just("आ😀ö".to_owned()),
        1 => Just(";".to_owned()),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn audience_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..400),
        audience_text().prop_map(String::into_bytes),
        (audience_text(), any::<u8>(), any::<prop::sample::Index>()).prop_map(|(text, byte, at)| {
            let mut bytes = text.into_bytes();
            bytes.insert(at.index(bytes.len() + 1), byte);
            bytes
        }),
        audience_text().prop_map(|text| gzip(text.as_bytes())),
        audience_text().prop_map(|text| zstd_frame(text.as_bytes())),
    ]
}

/// Fields that a CSV writer quotes as needed, with no row that is wholly blank.
fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    let field =
        prop_oneof!["[a-z]{0,5}", "[ -~]{0,8}", Just("a\nb\r\nc".to_owned()), Just("आ\"शा, \"".to_owned())];
    let record = proptest::collection::vec(field, 2).prop_map(|mut fields| {
        fields.insert(0, "9".to_owned());
        fields
    });
    proptest::collection::vec(record, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in audience_bytes(), file in "a\\.(csv|ndjson|csv\\.gz|jsonl\\.zst)") {
        see(&file, Cursor::new(bytes));
    }

    #[test]
    fn the_sizes_of_reads_change_nothing(
        bytes in audience_bytes(),
        file in "a\\.(csv|ndjson)",
        sizes in proptest::collection::vec(1_usize..40, 1..8),
    ) {
        let whole = see(&file, Cursor::new(bytes.clone()));
        let pieces = see(&file, Pieces { bytes: Cursor::new(bytes), sizes, next: 0 });
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn what_the_csv_crate_writes_is_read_back(records in table(), crlf in any::<bool>(), semicolon in any::<bool>()) {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(if semicolon { b';' } else { b',' })
            .terminator(if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        writer.write_record(["phone", "name", "note"]).unwrap();
        for record in &records {
            writer.write_record(record).unwrap();
        }
        let seen = see("a.csv", Cursor::new(writer.into_inner().unwrap()));
        prop_assert_eq!(seen.problems, Vec::<String>::new());
        let read: Vec<Vec<String>> = seen.rows.into_iter().map(|(_, values)| values).collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn no_text_makes_the_rest_panic(text in "\\PC{0,60}|[+0-9() .eE-]{0,30}", region in "[A-Z]{2}") {
        let region: Option<Country> = region.parse().ok();
        if let Ok(phone) = normalise(&text, region) {
            // What was accepted is accepted again as E.164, and stays the same.
            prop_assert_eq!(normalise(&format!("+{phone}"), None), Ok(phone));
        }
        let _ = UserId::parse(&text);
        let _ = zone_for(Some(&text), Country::US, chrono_tz::Tz::UTC);
    }

    #[test]
    fn numbers_of_every_length_are_read_the_same_twice(digits in "[1-9][0-9]{3,16}") {
        let read: Result<Phone, _> = normalise(&format!("+{digits}"), None);
        if let Ok(phone) = read {
            prop_assert!(phone.digits() < 1_000_000_000_000_000);
            prop_assert_eq!(normalise(&format!("00{phone}"), None), Ok(phone));
        }
    }
}
