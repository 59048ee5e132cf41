//! The archive of webhooks: what is read is what was written, whatever a crash or a disk has done to the files.
#![expect(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use campaign::ids::CampaignId;
use chrono::{DateTime, Utc};
use clock::SystemClock;
use reconciler::archive::frame::{self, Frame, HEAD_LENGTH, decode, encode, length};
use reconciler::archive::name::{hour_in, hour_of, name};
use reconciler::archive::reader::{Reader, segments};
use reconciler::archive::writer::Writer;
use reconciler::{ArchiveSettings, Replay};
use store::conformance::scene::{Setup, at as second};
use store::{SharedStore, SqliteStore};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn today(time: &str) -> DateTime<Utc> {
    at(&format!("2026-11-23T{time}Z"))
}

#[test]
fn a_name_says_its_hour() {
    let at: DateTime<Utc> = "2026-11-23T10:59:59.999999Z".parse().unwrap();
    let name = name(hour_of(at), "shop-1.example-47-1795", 3);
    assert_eq!(name, "webhooks-20261123T10Z-shop-1.example-47-1795-3.zst");
    assert_eq!(hour_in(&Path::new("/var/lib").join(name)), Some("2026-11-23T10:00:00Z".parse().unwrap()));
    for other in ["webhooks-.zst", "webhooks-20261323T10Z-a-0.zst", "notes.txt", "webhooks-20261123T10Z-a-0"]
    {
        assert_eq!(hour_in(Path::new(other)), None, "{other}");
    }
}

fn frame() -> Frame {
    let bodies = vec![b"{\"a\": 1}\n\n".to_vec(), Vec::new(), vec![0, 255, b'\n', b' ']];
    Frame { at: "2026-11-23T10:00:00.123456Z".parse().unwrap(), bodies }
}

fn bytes() -> Vec<u8> {
    let frame = frame();
    encode(frame.at, &frame.bodies.iter().map(|b| Bytes::from(b.clone())).collect::<Vec<_>>()).unwrap()
}

#[test]
fn what_is_read_is_what_was_written_byte_by_byte() {
    let bytes = bytes();
    let (head, compressed) = bytes.split_at(HEAD_LENGTH);
    assert_eq!(length(head.try_into().unwrap()), Some(compressed.len() as u64));
    assert_eq!(decode(compressed), Some(frame()));
}

#[test]
fn the_ordinary_tool_reads_it_too() {
    let plain = zstd::decode_all(&[bytes(), bytes()].concat()[..]).unwrap();
    let text = String::from_utf8_lossy(&plain);
    assert!(text.starts_with("2026-11-23T10:00:00.123456Z 10\n{\"a\": 1}\n\n\n2026-11-23"), "{text}");
}

#[test]
fn what_is_torn_off_or_damaged_is_no_frame() {
    let bytes = bytes();
    let compressed = &bytes[HEAD_LENGTH..];
    for end in 0..compressed.len() {
        assert_eq!(decode(&compressed[..end]), None, "torn off at {end}");
    }
    for i in 0..compressed.len() {
        let mut damaged = compressed.to_vec();
        damaged[i] ^= 0x10;
        let read = decode(&damaged);
        assert!(read.is_none() || read == Some(frame()), "a damaged byte {i} was not noticed: {read:?}");
    }
    assert_eq!(length([0; HEAD_LENGTH]), None);
}

fn writer(folder: &Path, who: &str) -> Writer {
    let keep = Duration::from_secs(24 * 3_600);
    Writer::open(ArchiveSettings { folder: folder.to_owned(), keep, writer: who.to_owned() }).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn each_hour_and_process_has_a_segment_that_only_its_user_reads() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("deep").join("webhooks");
    let (mut one, mut two) = (writer(&folder, "a"), writer(&folder, "b"));
    let body = [Bytes::from_static(b"{}")];
    one.append(at("2026-11-23T10:00:00Z"), &body).unwrap();
    one.append(at("2026-11-23T10:59:59Z"), &body).unwrap();
    two.append(at("2026-11-23T10:00:00Z"), &body).unwrap();
    one.append(at("2026-11-23T11:00:00Z"), &body).unwrap();
    let expected =
        ["webhooks-20261123T10Z-a-0.zst", "webhooks-20261123T10Z-b-0.zst", "webhooks-20261123T11Z-a-1.zst"];
    assert_eq!(names(&folder), expected);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join(expected[0])), 0o600);
}

#[test]
fn what_is_too_old_is_deleted_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = writer(root.path(), "a");
    let body = [Bytes::from_static(b"{}")];
    std::fs::write(root.path().join("notes.txt"), "mine").unwrap();
    writer.append(at("2026-11-22T10:30:00Z"), &body).unwrap();
    writer.append(at("2026-11-22T11:30:00Z"), &body).unwrap();
    writer.delete_old(at("2026-11-23T10:59:59Z")).unwrap();
    assert_eq!(names(root.path()).len(), 3);
    // The next segment that is begun deletes what is too old by then.
    writer.append(at("2026-11-23T11:00:00Z"), &body).unwrap();
    let left = ["notes.txt", "webhooks-20261122T11Z-a-1.zst", "webhooks-20261123T11Z-a-2.zst"];
    assert_eq!(names(root.path()), left);
}

#[test]
fn a_folder_that_is_none_is_said_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let settings = ArchiveSettings { folder: file, keep: Duration::MAX, writer: "a".to_owned() };
    let error = Writer::open(settings).unwrap_err().to_string();
    assert!(error.contains("cannot be"), "{error}");
}

fn write(folder: &Path, who: &str, posts: &[(&str, &'static str)]) {
    let settings = ArchiveSettings { folder: folder.to_owned(), keep: Duration::MAX, writer: who.to_owned() };
    let mut writer = Writer::open(settings).unwrap();
    for (time, body) in posts {
        writer.append(today(time), &[Bytes::from_static(body.as_bytes())]).unwrap();
    }
}

fn read(reader: &mut Reader) -> Vec<String> {
    let mut bodies = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        bodies.extend(frame.bodies.into_iter().map(|body| String::from_utf8(body).unwrap()));
    }
    bodies
}

#[test]
fn posts_of_all_processes_come_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", &[("10:00:01", "1"), ("10:00:03", "3"), ("11:00:00", "5")]);
    write(folder.path(), "b", &[("10:00:02", "2"), ("10:59:59", "4"), ("11:00:01", "6")]);
    let all = segments(folder.path()).unwrap();
    let mut reader = Reader::new(all.clone(), None, None);
    let bytes = reader.bytes().unwrap();
    assert_eq!(read(&mut reader), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!((reader.torn(), reader.bytes_read()), (0, bytes));
    let mut some = Reader::new(all.clone(), Some(today("10:00:02")), Some(today("11:00:01")));
    assert_eq!(read(&mut some), ["2", "3", "4", "5"]);
    let mut last = Reader::new(all.iter().chain(&all).cloned(), Some(today("11:00:00")), None);
    assert_eq!(read(&mut last), ["5", "6"], "a segment that is named twice is read once");
}

/// Whatever a kill or a power cut leaves of the last frame.
#[test]
fn a_torn_end_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", &[("10:00:01", "1"), ("10:00:03", "3")]);
    write(folder.path(), "b", &[("10:00:02", "2"), ("11:00:00", "4")]);
    let path = segments(folder.path()).unwrap().remove(0);
    let whole = std::fs::read(&path).unwrap();
    let one = frame::encode(today("10:00:01"), &[Bytes::from_static(b"1")]).unwrap().len();
    for end in one + 1..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        let mut reader = Reader::new(segments(folder.path()).unwrap(), None, None);
        assert_eq!(read(&mut reader), ["1", "2", "4"], "torn off at {end}");
        assert_eq!(reader.torn(), 1);
    }
    std::fs::write(&path, &whole).unwrap();
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0; 4_096]).unwrap();
    let mut reader = Reader::new(segments(folder.path()).unwrap(), None, None);
    assert_eq!(read(&mut reader), ["1", "2", "3", "4"], "blocks that were never written");
    assert_eq!(reader.torn(), 1);
}

/// Whichever of its bytes it is: also those that say where it ends.
#[test]
fn a_damaged_frame_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", &[("10:00:01", "1"), ("10:00:02", "2"), ("10:00:03", "3")]);
    let path = segments(folder.path()).unwrap().remove(0);
    let whole = std::fs::read(&path).unwrap();
    let frame = whole.len() / 3;
    for i in frame..2 * frame {
        for bits in [0x01, 0x10, 0xFF] {
            let mut damaged = whole.clone();
            damaged[i] ^= bits;
            std::fs::write(&path, damaged).unwrap();
            let mut reader = Reader::new([path.clone()], None, None);
            let read = read(&mut reader);
            let noticed = read == ["1", "3"] && reader.torn() == 1;
            // Not every bit of zstd's own bytes means something.
            let harmless = read == ["1", "2", "3"] && reader.torn() == 0;
            assert!(
                noticed || harmless,
                "byte {i} of {}, bits {bits:#x}: {read:?}, {} torn",
                whole.len(),
                reader.torn()
            );
            assert!(noticed || i >= frame + HEAD_LENGTH, "byte {i} says where the frame ends");
            assert_eq!(reader.bytes_read(), whole.len() as u64);
        }
    }
}

/// Set for the process that runs into a full disk.
const FULL: &str = "PACELINE_TEST_ARCHIVE_ON_A_FULL_DISK";

/// A disk that takes no more in the middle of a frame: no half of it is left, what was there before is read, and what comes
/// when there is room again is appended elsewhere. A process of its own, whose files may have 4 KiB each.
#[test]
fn a_disk_that_is_full_takes_nothing_of_a_frame_and_loses_none() {
    if let Some(folder) = std::env::var_os(FULL) {
        return run_into_a_full_disk(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "a_disk_that_is_full_takes_nothing_of_a_frame_and_loses_none";
    let limited = format!("trap '' XFSZ && ulimit -f 8 && exec \"$0\" --exact {name} --nocapture");
    let mut child = std::process::Command::new("sh");
    child.arg("-c").arg(limited).arg(std::env::current_exe().unwrap()).env(FULL, folder.path());
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut reader = Reader::new(segments(folder.path()).unwrap(), None, None);
    assert_eq!(read(&mut reader), ["before", "after"]);
    assert_eq!(reader.torn(), 0, "what was written of a frame that did not fit was taken away");
    assert_eq!(names(folder.path()).len(), 2, "no empty segment is left by what failed");
}

fn run_into_a_full_disk(folder: &Path) {
    let mut writer = writer(folder, "a");
    writer.append(today("10:00:01"), &[Bytes::from_static(b"before")]).unwrap();
    // What no compression makes smaller.
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(8_192)
    .collect();
    let noise = Bytes::from(noise);
    for n in 0..3 {
        let error = writer.append(today("10:00:02"), std::slice::from_ref(&noise)).unwrap_err().to_string();
        assert!(error.contains(&format!("webhooks-20261123T10Z-a-{n}.zst cannot be written to")), "{error}");
    }
    writer.append(today("10:00:03"), &[Bytes::from_static(b"after")]).unwrap();
}

/// A post that says `sent` of the first attempt of a message.
fn sent(install: &str, campaign: i64, seq: u32) -> Vec<u8> {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"2"}},"statuses":[{{"id":"wamid.{campaign}.{seq}","status":"sent","timestamp":"1795000020","recipient_id":"919800000000","biz_opaque_callback_data":"pl1.{install}.{campaign}.{seq}.1"}}]}}}}]}}]}}"#
    )
    .into_bytes()
}

/// The backup was made while a campaign was launched, and another one was launched later.
#[tokio::test]
async fn what_a_backup_does_not_know_is_told() {
    let store: SharedStore = Arc::new(SqliteStore::in_memory().await.unwrap());
    let loading =
        store.begin_launch(Setup::default().campaign(), Duration::from_secs(60), second(0)).await.unwrap();
    let install = store.install_id().await.unwrap();
    let later = loading.0 + 5;
    let bodies = vec![sent(&install, loading.0, 3), sent(&install, later, 0), sent(&install, later, 1)];
    let mut replay = Replay::new(install, Vec::new(), store.clone(), Arc::new(SystemClock::new()));
    replay.take(Frame { at: today("10:00:01"), bodies }).await.unwrap();
    let replayed = replay.finish().await.unwrap();
    assert_eq!(replayed.unsent, BTreeMap::from([(loading, 1)]));
    assert_eq!(replayed.unknown, BTreeMap::from([(CampaignId(later), 2)]));
    let next = Setup { key: "holi", ..Setup::default() }.campaign();
    let next = store.begin_launch(next, Duration::from_secs(60), second(1)).await.unwrap();
    assert!(next.0 > later, "late statuses of the one would be taken for the other's: {next}");
}
