use std::ops::Range;

use plimsoll_core::{Code, Result, Seed, Time};
use serde_json::json;

use super::{frame::MARK, *};
use crate::identity::Master;

fn keys(byte: u8) -> Keys {
    Keys::new(Some(&Master::from_bytes([byte; 32])), None, []).unwrap()
}

fn manifest(id: &str) -> Manifest {
    Manifest {
        kind: Kind::Backup,
        id: id.into(),
        at: Time::from_micros(1_000_000),
        made_by: "0.1.0".into(),
        database: "sqlite".into(),
        tenant: None,
        log: Some(LogPoint { id: "0a".into(), position: "7".into(), at: Time::from_micros(7) }),
        schema: vec![Migrated { owner: "host".into(), id: "0001_x".into(), checksum: "00".into() }],
    }
}

type Content = Vec<(String, Vec<Vec<u8>>)>;

fn write(content: &Content, keys: &Keys, id: &str, seed: &Seed) -> Vec<u8> {
    let mut writer = ArchiveWriter::begin(&manifest(id), keys, seed, Vec::new()).unwrap();
    for (name, rows) in content {
        writer.table(&Table { name: name.clone(), columns: vec!["a".into(), "b".into()] }).unwrap();
        rows.iter().for_each(|row| writer.row(row).unwrap());
    }
    let written = writer.finish(json!({ "sentinel": "s" })).unwrap();
    assert_eq!(written.bytes, written.sink.len() as u64);
    assert_eq!(written.digest, crate::identity::hex(&crate::identity::sha256(&written.sink)));
    written.sink
}

/// Everything that an archive gives away before it ends or fails, and how it ends.
fn read(bytes: &[u8], keys: &Keys) -> (Content, Result<Footer>) {
    let mut content: Content = Vec::new();
    let mut go = || {
        let mut reader = ArchiveReader::open(bytes, keys)?;
        while let Some(item) = reader.item()? {
            match item {
                Item::Table(table) => content.push((table.name.clone(), Vec::new())),
                Item::Row(row) => content.last_mut().unwrap().1.push(row.to_vec()),
            }
        }
        Ok(reader.footer().unwrap().clone())
    };
    let ended = go();
    (content, ended)
}

/// Rows that do not shrink, so that there are several frames.
fn noise(seed: &Seed, rows: usize, length: usize) -> Vec<Vec<u8>> {
    (0..rows)
        .map(|_| {
            let mut row = vec![0; length];
            seed.fill(&mut row);
            row
        })
        .collect()
}

fn several_frames(id: &str, seed: u64) -> (Content, Vec<u8>) {
    let seed = Seed::fixed(seed);
    let content: Content = vec![
        ("one".into(), noise(&seed, 3, 10)),
        ("empty".into(), Vec::new()),
        ("big".into(), noise(&seed, 9, 100_000)),
        ("nothing".into(), vec![Vec::new(), vec![0]]),
    ];
    let bytes = write(&content, &keys(1), id, &seed);
    (content, bytes)
}

/// Where the header ends and each frame lies.
fn frames(bytes: &[u8]) -> (usize, Vec<Range<usize>>) {
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let header = 14 + number(10) + 2 + 68 + 16;
    let (mut at, mut out) = (header, Vec::new());
    while at < bytes.len() {
        let end = at + 21 + number(at + 1);
        out.push(at..end);
        at = end;
    }
    (header, out)
}

fn refusal(bytes: &[u8], keys: &Keys) -> plimsoll_core::Error {
    read(bytes, keys).1.expect_err("a broken archive was read to its end")
}

#[test]
fn an_archive_gives_back_what_was_written_and_says_what_it_is() {
    let (content, bytes) = several_frames("bak_1", 1);
    let (found, ended) = read(&bytes, &keys(1));
    let footer = ended.unwrap();
    assert!(found == content);
    assert_eq!(
        footer.tables.iter().map(|sum| (sum.name.as_str(), sum.rows)).collect::<Vec<_>>(),
        [("one", 3), ("empty", 0), ("big", 9), ("nothing", 2)]
    );
    assert_eq!((footer.rows(), &footer.facts), (14, &json!({ "sentinel": "s" })));
    let (header, count, length) = check(bytes.as_slice()).unwrap();
    assert_eq!((header.manifest, count, length), (manifest("bak_1"), frames(&bytes).1.len() as u64, bytes.len() as u64));
    assert!(count > 3, "the test wants several frames");
}

#[test]
fn any_content_comes_back_and_any_single_flipped_bit_is_noticed() {
    for number in 0..60 {
        let seed = Seed::fixed(number);
        let tables = seed.below(5) as usize;
        let content: Content = (0..tables)
            .map(|table| {
                let rows = (0..seed.below(40))
                    .map(|_| noise(&seed, 1, seed.below(if number % 20 == 0 { 90_000 } else { 300 }) as usize).remove(0));
                (format!("t{table}"), rows.collect())
            })
            .collect();
        let bytes = write(&content, &keys(1), "bak_x", &seed);
        let (found, ended) = read(&bytes, &keys(1));
        assert!(ended.is_ok() && found == content, "seed {number}");
        for _ in 0..20 {
            let mut broken = bytes.clone();
            let at = seed.below(broken.len() as u64) as usize;
            broken[at] ^= 1 << seed.below(8);
            let (before, ended) = read(&broken, &keys(1));
            let error = ended.expect_err("a flipped bit was not noticed");
            let known = [Code::ArchiveDamaged, Code::ArchiveForeign, Code::ArchiveVersion, Code::ArchiveKey];
            assert!(known.contains(&error.code()), "seed {number}, byte {at}: {error:?}");
            let whole = |(n, (name, rows)): (usize, &(String, Vec<Vec<u8>>))| {
                content.get(n).is_some_and(|(known, all)| known == name && all.starts_with(rows))
            };
            assert!(before.iter().enumerate().all(whole), "seed {number}, byte {at}: altered rows were given out");
            assert!(check(broken.as_slice()).is_err(), "seed {number}, byte {at}: the check without a key noticed nothing");
        }
    }
}

#[test]
fn every_byte_of_a_small_archive_counts() {
    let bytes = write(&vec![("t".into(), vec![b"row".to_vec()])], &keys(1), "bak_1", &Seed::fixed(3));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << bit;
            refusal(&broken, &keys(1));
        }
        let error = refusal(&bytes[..at], &keys(1));
        assert_eq!((error.code(), error.reason()), (Code::ArchiveDamaged, Some("truncated")), "cut at {at}: {error}");
        assert!(error.public().contains(&format!("byte {at}")), "{error}");
    }
    for more in [&b"\0"[..], &bytes] {
        let error = refusal(&[&bytes, more].concat(), &keys(1));
        assert!(error.public().contains("bytes follow its end"), "{error}");
    }
}

#[test]
fn an_archive_cut_at_a_frame_is_truncated_and_its_rows_are_never_taken_for_all() {
    let (_, bytes) = several_frames("bak_1", 1);
    let (header, all) = frames(&bytes);
    for end in std::iter::once(header).chain(all[..all.len() - 1].iter().map(|frame| frame.end)) {
        let error = refusal(&bytes[..end], &keys(1));
        assert_eq!((error.code(), error.reason()), (Code::ArchiveDamaged, Some("truncated")), "{error}");
        assert!(check(&bytes[..end]).is_err());
    }
}

#[test]
fn frames_that_are_swapped_repeated_left_out_or_brought_from_elsewhere_are_named() {
    let (_, bytes) = several_frames("bak_1", 1);
    let (_, other) = several_frames("bak_1", 2);
    let (header, all) = frames(&bytes);
    let part = |frame: &Range<usize>| bytes[frame.clone()].to_vec();
    let head = bytes[..header].to_vec();
    let rest = |from: usize| bytes[all[from].start..].to_vec();
    let cases: Vec<(&str, usize, Vec<u8>)> = vec![
        ("swapped", 0, [head.clone(), part(&all[1]), part(&all[0]), rest(2)].concat()),
        ("repeated", 1, [head.clone(), part(&all[0]), part(&all[0]), rest(1)].concat()),
        ("left out", 1, [head.clone(), part(&all[0]), rest(2)].concat()),
        ("from elsewhere", 0, [head.clone(), other[frames(&other).1[0].clone()].to_vec(), rest(1)].concat()),
        ("last first", 0, [head.clone(), part(all.last().unwrap())].concat()),
        ("header from elsewhere", 0, [other[..frames(&other).0].to_vec(), rest(0)].concat()),
    ];
    for (what, frame, broken) in cases {
        let error = refusal(&broken, &keys(1));
        assert_eq!(error.code(), Code::ArchiveDamaged, "{what}");
        assert!(error.public().contains(&format!("frame {frame}")), "{what}: {error}");
    }
}

#[test]
fn a_forged_digest_does_not_help_without_the_key() {
    let (_, bytes) = several_frames("bak_1", 1);
    let (_, all) = frames(&bytes);
    // A frame is altered and its digest made to fit: the check without a key is content, the reader is not.
    let mut forged = bytes.clone();
    let frame = all[1].clone();
    forged[frame.start + 30] ^= 1;
    let manifest_end = 14 + u32::from_be_bytes(bytes[10..14].try_into().unwrap()) as usize;
    let bound = crate::identity::sha256(&bytes[..manifest_end]);
    let material = [&bound[..], &1u64.to_be_bytes(), &[0], &forged[frame.start + 21..frame.end]].concat();
    let digest = crate::identity::sha256(&material);
    forged[frame.start + 5..frame.start + 21].copy_from_slice(&digest[..16]);
    assert!(check(forged.as_slice()).is_ok(), "the test forges wrongly");
    let error = refusal(&forged, &keys(1));
    assert!(error.code() == Code::ArchiveDamaged && error.public().contains("frame 1"), "{error}");
}

#[test]
fn a_manifest_cannot_be_exchanged() {
    let bytes = write(&vec![("t".into(), vec![b"row".to_vec()])], &keys(1), "bak_1", &Seed::fixed(3));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("bak_1"), "the manifest is plain");
    let at = bytes.windows(5).position(|window| window == b"bak_1").unwrap();
    let mut forged = bytes.clone();
    forged[at + 4] = b'2';
    let (header, _) = frames(&bytes);
    let sum = crate::identity::sha256(&forged[..header - 16]);
    forged[header - 16..header].copy_from_slice(&sum[..16]);
    let error = refusal(&forged, &keys(1));
    assert!(error.code() == Code::ArchiveDamaged && error.public().contains("header was altered"), "{error}");
}

#[test]
fn what_is_no_archive_and_what_is_of_another_version_is_called_so() {
    let bytes = several_frames("bak_1", 1).1;
    for foreign in [&b"SQLite format 3\0"[..], b"x", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"\x28\xb5\x2f\xfd"] {
        assert_eq!(refusal(foreign, &keys(1)).code(), Code::ArchiveForeign, "{foreign:?}");
    }
    let error = refusal(b"", &keys(1));
    assert!(error.code() == Code::ArchiveDamaged && error.public().contains("empty"), "{error}");
    let text_mode = String::from_utf8_lossy(&MARK).replace("\r\n", "\n");
    assert_eq!(refusal(text_mode.as_bytes(), &keys(1)).code(), Code::ArchiveForeign);
    for (number, words) in [(2_u16, "reads up to 1"), (0, "no longer reads")] {
        let mut other = bytes.clone();
        other[8..10].copy_from_slice(&number.to_be_bytes());
        let error = refusal(&other, &keys(1));
        assert!(error.code() == Code::ArchiveVersion && error.public().contains(words), "{error}");
    }
}

#[test]
fn an_archive_opens_with_its_key_also_when_that_is_old_and_with_no_other() {
    let bytes = several_frames("bak_1", 1).1;
    let error = refusal(&bytes, &keys(2));
    assert!(
        error.code() == Code::ArchiveKey && error.public().contains(&keys(1).id()) && error.public().contains(&keys(2).id()),
        "{error}"
    );
    let new = "7".repeat(64);
    let rotated = Keys::new(Some(&Master::from_bytes([1; 32])), Some(&new), []).unwrap();
    assert!(read(&bytes, &rotated).1.is_ok(), "the key derived from the master key stays known");
    let later = write(&vec![("t".into(), vec![b"row".to_vec()])], &rotated, "bak_2", &Seed::fixed(3));
    assert_eq!(refusal(&later, &keys(1)).code(), Code::ArchiveKey);
    let listed = Keys::new(Some(&Master::from_bytes([9; 32])), Some(&"8".repeat(64)), [new.as_str()]).unwrap();
    assert!(read(&later, &listed).1.is_ok());
    for weak in ["", "changeme", "77"] {
        assert_eq!(Keys::new(Some(&Master::from_bytes([1; 32])), Some(weak), []).err().unwrap().code(), Code::ConfigInvalid);
    }
}

#[test]
fn a_new_wrapping_changes_the_header_and_nothing_else() {
    let (content, bytes) = several_frames("bak_1", 1);
    let new = "7".repeat(64);
    let rotated = Keys::new(Some(&Master::from_bytes([1; 32])), Some(&new), []).unwrap();
    let header = Header::read(bytes.as_slice()).unwrap();
    assert_eq!(header.sealed_under(), keys(1).id());
    let again = header.rewrapped(&rotated, &Seed::fixed(4)).unwrap();
    assert_eq!(again.sealed_under(), rotated.id());
    let (end, _) = frames(&bytes);
    let rewrapped = [again.bytes(), bytes[end..].to_vec()].concat();
    let only_new = Keys::new(Some(&Master::from_bytes([5; 32])), Some(&new), []).unwrap();
    let (found, ended) = read(&rewrapped, &only_new);
    assert!(ended.is_ok() && found == content);
    assert_eq!(refusal(&rewrapped, &keys(1)).code(), Code::ArchiveKey);
    assert_eq!(header.rewrapped(&keys(3), &Seed::fixed(4)).unwrap_err().code(), Code::ArchiveKey);
}

#[test]
fn what_does_not_fit_in_one_frame_crosses_frames() {
    let seed = Seed::fixed(9);
    let content: Content = vec![("blob".into(), vec![vec![1; 3_000_000], Vec::new(), noise(&seed, 1, 1_000_001).remove(0)])];
    let bytes = write(&content, &keys(1), "bak_1", &seed);
    assert!(read(&bytes, &keys(1)).0 == content);
    assert!(bytes.len() < 1_100_000, "three million equal bytes should shrink: {}", bytes.len());
}

#[test]
fn nothing_of_a_row_can_be_seen_in_an_archive() {
    let canary = b"canary-0123456789".repeat(3);
    let bytes = write(&vec![("patients".into(), vec![canary.clone()])], &keys(1), "bak_1", &Seed::fixed(3));
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(&canary[..8]) && !holds(b"patients"));
}

#[test]
fn a_writer_that_is_used_wrongly_refuses() {
    let seed = Seed::fixed(1);
    let table = Table { name: "t".into(), columns: vec![] };
    let mut writer = ArchiveWriter::begin(&manifest("bak_1"), &keys(1), &seed, Vec::new()).unwrap();
    assert_eq!(writer.row(b"x").unwrap_err().code(), Code::Internal);
    writer.table(&table).unwrap();
    assert_eq!(writer.table(&table).unwrap_err().code(), Code::Internal);
}

#[test]
fn a_full_disk_is_called_one() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = ArchiveWriter::begin(&manifest("bak_1"), &keys(1), &Seed::fixed(1), Full).err().unwrap();
    assert_eq!(error.code(), Code::StorageFull);
}
