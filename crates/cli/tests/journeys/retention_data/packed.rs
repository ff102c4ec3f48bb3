//! Archives: what is in them is read as if it had come alone, and what pretends is refused.

use std::io::{Cursor, Write};

use plimsoll_testkit::{Db, both};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{collected, counts, everybody, files, opened, uploaded};

/// An archive with these files.
fn archive(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        out.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        out.write_all(bytes).unwrap();
    }
    out.finish().unwrap().into_inner()
}

both! {
    async fn an_archive_is_read_as_what_is_in_it(db: Db) {
        let (house, inbox) = opened(db, &[]).await;
        let people = files::people(31, 6);
        let plain = house.tenant().await;
        uploaded(&plain.owner, "name=plain.json", files::written("json", &people)).await;
        let wanted = everybody(&plain.owner).await;

        // One file for each person, as some systems export; of two kinds, in folders, with what a Mac adds.
        let each: Vec<(String, Vec<u8>)> = people
            .iter()
            .enumerate()
            .map(|(at, one)| (format!("export/{at}.txt"), files::written(if at % 2 == 0 { "nmrs" } else { "xml" }, std::slice::from_ref(one))))
            .collect();
        let mut list: Vec<(&str, &[u8])> = each.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        list.insert(2, ("__MACOSX/export/._1.txt", b"\x00\x05\x16\x07"));
        list.insert(0, ("export/.DS_Store", b"\x00"));
        let many = house.tenant().await;
        let batch = uploaded(&many.owner, "name=many.zip", archive(&list, CompressionMethod::Deflated)).await;
        assert_eq!((batch["state"].as_str(), counts(&batch), &batch["packed"]), (Some("done"), [6, 0, 0, 0, 0], &true.into()), "{batch}");
        assert!(everybody(&many.owner).await == wanted);

        let tables = files::tables(&people);
        let list: Vec<(&str, &[u8])> = tables.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let bundle = house.tenant().await;
        std::fs::write(inbox.join("bundle.zip"), archive(&list, CompressionMethod::Stored)).unwrap();
        let batch = collected(&bundle.owner, "bundle.zip").await;
        assert_eq!((batch["format"].as_str(), counts(&batch)), (Some("csv"), [6, 0, 0, 0, 0]), "{batch}");
        assert!(everybody(&bundle.owner).await == wanted);
    }

    async fn an_archive_that_pretends_is_refused_before_it_is_unpacked(db: Db) {
        let (house, _) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let one = files::written("json", &files::people(33, 1));
        let blank = vec![b' '; 20 << 20];
        let inner = archive(&[("one.json", &one)], CompressionMethod::Deflated);
        let good = archive(&[("one.json", &one)], CompressionMethod::Deflated);
        let mut encrypted = good.clone();
        // The flag in the file's head and in the list.
        encrypted[6] |= 1;
        let list = encrypted.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
        encrypted[list + 8] |= 1;
        let few: Vec<(&str, &[u8])> = vec![("patients.csv", b"patientUuid,birthdate,gender\n"), ("visits.csv", b"patientUuid,dateStarted\n")];
        for (name, bytes, says) in [
            ("bomb", archive(&[("one.json", &one), ("blank.json", &blank)], CompressionMethod::Deflated), "too large"),
            ("nested", archive(&[("inner.zip", &inner)], CompressionMethod::Stored), "no export"),
            ("picture", archive(&[("one.json", &one), ("picture.png", b"\x89PNG")], CompressionMethod::Stored), "file 2 in it"),
            ("empty", archive(&[], CompressionMethod::Stored), "nothing in it"),
            ("half a bundle", archive(&few, CompressionMethod::Stored), "four tables"),
            ("encrypted", encrypted, "encrypted"),
            ("cut off", good[..good.len() - 30].to_vec(), "cannot be taken"),
            ("head only", b"PK\x03\x04".to_vec(), "cannot be taken"),
        ] {
            let reply = tenant.owner.post("/v1/ingest?name=it.zip").header("content-type", "application/octet-stream").body(bytes).await;
            assert_eq!(reply.code(), 415, "{name}: {reply}");
            assert!(reply.text().contains(says) && !reply.text().contains("picture.png"), "{name}: {reply}");
        }
        assert_eq!(house.look("SELECT count(*) FROM ingest"), [["0"]]);
    }

    async fn a_file_that_breaks_off_fails_and_says_where_and_keeps_what_came_before(db: Db) {
        let (house, _) = opened(db, &[]).await;
        let tenant = house.tenant().await;
        let owner = &tenant.owner;
        let whole = files::written("nmrs", &files::people(35, 40));
        let mut torn = archive(&[("all.json", &whole)], CompressionMethod::Deflated);
        // Late in the packed bytes: the beginning is sound.
        let middle = torn.len() * 3 / 4;
        torn[middle..middle + 64].fill(0xff);
        for (name, bytes) in [("torn.zip", torn), ("half.json", whole[..whole.len() * 3 / 4].to_vec())] {
            let batch = uploaded(owner, &format!("name={name}"), bytes).await;
            assert_eq!(batch["state"], "failed", "{name}: {batch}");
            assert!(batch["why"].as_str().unwrap().contains("cannot be read to its end (line "), "{name}: {batch}");
            assert!(batch["settled"].as_i64().unwrap() > 10, "{name}: {batch}");
        }
        let batch = uploaded(owner, "name=all.json", whole).await;
        assert_eq!((batch["state"].as_str(), batch["added"].as_i64().unwrap() + batch["unchanged"].as_i64().unwrap()), (Some("done"), 40));
        assert_eq!(owner.get("/v1/patients?page_size=1").await.expect(200).at("/pagination/total_items"), 40);
    }
}
