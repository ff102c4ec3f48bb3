use super::*;
use crate::archive::format::{Piece, Sink, pipe};

fn folder() -> (std::path::PathBuf, Directory) {
    let path = std::env::temp_dir().join(format!("plimsoll-place-{}", crate::identity::hex(&plimsoll_core::Seed::system().bytes::<8>())));
    (path.clone(), Directory::new(path))
}

async fn put(place: &dyn Place, name: &str, content: &[u8]) -> Result<u64> {
    let (sender, body) = pipe();
    let content = content.to_vec();
    let writer = tokio::task::spawn_blocking(move || {
        let mut sender = sender;
        sender.put(&content)?;
        sender.end()
    });
    let done = place.put(name, body).await;
    let _ = writer.await.unwrap();
    done
}

async fn get(place: &dyn Place, name: &str) -> Result<Vec<u8>> {
    let mut body = place.get(name).await?;
    let mut out = Vec::new();
    while let Some(piece) = body.piece().await? {
        out.extend_from_slice(&piece);
    }
    Ok(out)
}

#[tokio::test]
async fn what_is_put_is_listed_given_replaced_and_deleted() {
    let (path, place) = folder();
    assert_eq!(place.list("").await.unwrap(), [], "a folder that is not there is empty");
    let long: Vec<u8> = (0..2_000_000_u32).map(|n| n as u8).collect();
    assert_eq!(put(&place, "base/b.plm", &long).await.unwrap(), 2_000_000);
    put(&place, "base/a.plm", b"").await.unwrap();
    put(&place, "log/c.plm", b"1").await.unwrap();
    let names = |objects: Vec<Object>| objects.into_iter().map(|one| (one.name, one.bytes)).collect::<Vec<_>>();
    assert_eq!(names(place.list("base/").await.unwrap()), [("base/a.plm".into(), 0), ("base/b.plm".into(), 2_000_000)]);
    assert!(get(&place, "base/b.plm").await.unwrap() == long);
    put(&place, "base/b.plm", b"new").await.unwrap();
    assert_eq!(get(&place, "base/b.plm").await.unwrap(), b"new");
    place.delete("base/b.plm").await.unwrap();
    place.delete("base/b.plm").await.unwrap();
    assert_eq!(get(&place, "base/b.plm").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(place.list("").await.unwrap().len(), 2);
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn an_object_whose_writer_fails_or_goes_away_never_appears_and_leaves_the_old_one() {
    let (path, place) = folder();
    put(&place, "a.plm", b"old").await.unwrap();
    for failing in [true, false] {
        let (sender, body) = pipe();
        sender.send(Ok(Piece::Data(vec![7; 300_000].into()))).await.unwrap();
        if failing {
            sender.send(Err(Code::StorageFull.error())).await.unwrap();
        }
        drop(sender);
        let error = place.put("a.plm", body).await.unwrap_err();
        assert_eq!(error.code(), if failing { Code::StorageFull } else { Code::ArchivePlace });
    }
    assert_eq!(get(&place, "a.plm").await.unwrap(), b"old");
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1, "a draft was left behind");
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn archives_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (path, place) = folder();
    put(&place, "base/a.plm", b"x").await.unwrap();
    for (what, mode) in [("", 0o700), ("base", 0o700), ("base/a.plm", 0o600)] {
        assert_eq!(std::fs::metadata(path.join(what)).unwrap().permissions().mode() & 0o777, mode, "{what}");
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn no_name_leads_out_of_a_place_and_foreign_files_are_not_listed() {
    let (path, place) = folder();
    put(&place, "a.plm", b"x").await.unwrap();
    std::fs::write(path.join("Notes for me.txt"), "x").unwrap();
    std::fs::write(path.join(".hidden"), "x").unwrap();
    assert_eq!(place.list("").await.unwrap().len(), 1);
    for name in ["", "../x", "/etc/passwd", "a/../b", "a//b", "A.plm", "a b", ".x", "a/.x", "ä", &"a".repeat(201), "x.part"] {
        assert_eq!(put(&place, name, b"x").await.unwrap_err().code(), Code::Invalid, "{name}");
        assert!(place.get(name).await.is_err() && place.delete(name).await.is_err(), "{name}");
    }
    std::fs::remove_dir_all(path).unwrap();
}
