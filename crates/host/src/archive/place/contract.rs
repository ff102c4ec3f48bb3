//! What every place promises, as a test.

use plimsoll_core::{Code, Result};

use super::{Object, Place};
use crate::archive::format::{Piece, Sink, pipe};

pub(super) async fn put(place: &dyn Place, name: &str, content: &[u8]) -> Result<u64> {
    let (mut sender, body) = pipe();
    let content = content.to_vec();
    let writer = tokio::task::spawn_blocking(move || {
        sender.put(&content)?;
        sender.end()
    });
    let done = place.put(name, body).await;
    let _ = writer.await.unwrap();
    done
}

pub(super) async fn get(place: &dyn Place, name: &str) -> Result<Vec<u8>> {
    let mut body = place.get(name).await?;
    let mut out = Vec::new();
    while let Some(piece) = body.piece().await? {
        out.extend_from_slice(&piece);
    }
    Ok(out)
}

/// Tries everything on a place that is empty, and leaves it so.
pub(super) async fn contract(place: &dyn Place) {
    assert_eq!(place.list("").await.unwrap(), [], "what is not there yet is empty");
    let long: Vec<u8> = (0..2_000_000_u32).map(|n| n as u8).collect();
    assert_eq!(put(place, "base/b.plm", &long).await.unwrap(), 2_000_000);
    put(place, "base/a.plm", b"").await.unwrap();
    put(place, "base/c-1_2.plm", b"c").await.unwrap();
    put(place, "log/c.plm", b"1").await.unwrap();
    let names = |objects: Vec<Object>| objects.into_iter().map(|one| (one.name, one.bytes)).collect::<Vec<_>>();
    let listed = names(place.list("base/").await.unwrap());
    assert_eq!(listed, [("base/a.plm".into(), 0), ("base/b.plm".into(), 2_000_000), ("base/c-1_2.plm".into(), 1)]);
    assert!(get(place, "base/b.plm").await.unwrap() == long);
    put(place, "base/b.plm", b"new").await.unwrap();
    assert_eq!(get(place, "base/b.plm").await.unwrap(), b"new");

    // A writer that fails or goes away leaves the old object.
    for failing in [true, false] {
        let (sender, body) = pipe();
        sender.send(Ok(Piece::Data(vec![7; 300_000].into()))).await.unwrap();
        if failing {
            sender.send(Err(Code::StorageFull.error())).await.unwrap();
        }
        drop(sender);
        let error = place.put("base/b.plm", body).await.unwrap_err();
        assert_eq!(error.code(), if failing { Code::StorageFull } else { Code::ArchivePlace });
    }
    assert_eq!(get(place, "base/b.plm").await.unwrap(), b"new");

    for name in ["", "../x", "/etc/passwd", "a/../b", "a//b", "A.plm", "a b", ".x", "a/.x", "ä", &"a".repeat(201)] {
        assert_eq!(put(place, name, b"x").await.unwrap_err().code(), Code::Invalid, "{name}");
        assert!(place.get(name).await.is_err() && place.delete(name).await.is_err(), "{name}");
    }
    for object in place.list("").await.unwrap() {
        place.delete(&object.name).await.unwrap();
        place.delete(&object.name).await.unwrap();
        assert_eq!(get(place, &object.name).await.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(place.list("").await.unwrap(), []);
}
