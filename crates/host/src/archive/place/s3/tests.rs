//! The object store as a place. `PLIMSOLL_TEST_S3=http://access:secret@host:port/bucket` runs the
//! contract of places against a real one besides.

use plimsoll_core::{Clock, Code};

use super::{
    S3,
    stand_in::{ACCESS, BUCKET, SECRET, StandIn},
};
use crate::archive::{
    format::{Piece, pipe},
    place::{
        Place,
        contract::{self, contract},
    },
};

fn place(server: &StandIn, bucket: &str, secret: &str) -> S3 {
    let path = format!("{bucket}/some/prefix");
    S3::new(&path, Some(&server.address), "eu-central-1", ACCESS.into(), secret.into(), Clock::system()).unwrap()
}

#[tokio::test]
async fn an_object_store_keeps_what_places_promise() {
    let server = StandIn::start();
    contract(&place(&server, BUCKET, SECRET)).await;
    assert!(server.held.lock().unwrap().objects.keys().all(|key| key.starts_with("some/prefix/")));
    #[expect(clippy::disallowed_methods, reason = "a real server is named from outside")]
    if let Ok(url) = std::env::var("PLIMSOLL_TEST_S3") {
        let (keys, rest) = url.strip_prefix("http://").unwrap().split_once('@').unwrap();
        let ((access, secret), (host, bucket)) = (keys.split_once(':').unwrap(), rest.split_once('/').unwrap());
        let real =
            S3::new(&format!("{bucket}/plm"), Some(&format!("http://{host}")), "us-east-1", access.into(), secret.into(), Clock::system());
        contract(&real.unwrap()).await;
        let wrong = S3::new(bucket, Some(&format!("http://{host}")), "us-east-1", access.into(), "wrong".into(), Clock::system());
        assert_eq!(wrong.unwrap().list("").await.unwrap_err().code(), Code::ArchivePlace);
    }
}

#[tokio::test]
async fn what_is_long_goes_in_parts_and_comes_back_whole() {
    let server = StandIn::start();
    let place = place(&server, BUCKET, SECRET);
    for length in [super::PART - 1, super::PART, super::PART + 1, 2 * super::PART + 5] {
        let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        assert_eq!(contract::put(&place, "a.plm", &content).await.unwrap(), length as u64);
        assert!(contract::get(&place, "a.plm").await.unwrap() == content, "{length}");
        assert!(server.held.lock().unwrap().uploads.is_empty());
    }
}

#[tokio::test]
async fn parts_of_what_failed_do_not_stay_behind() {
    let server = StandIn::start();
    let place = place(&server, BUCKET, SECRET);
    let (sender, body) = pipe();
    let writing = async move {
        for _ in 0..70 {
            sender.send(Ok(Piece::Data(vec![7; 256 * 1024].into()))).await.unwrap();
        }
        sender.send(Err(Code::DatabaseUnavailable.error())).await.unwrap();
    };
    let (put, ()) = tokio::join!(place.put("a.plm", body), writing);
    assert_eq!(put.unwrap_err().code(), Code::DatabaseUnavailable);
    server.held.lock().unwrap().parts_are_refused = true;
    let full = contract::put(&place, "a.plm", &vec![1; super::PART + 1]).await.unwrap_err();
    assert_eq!(full.code(), Code::StorageFull, "{full}");
    let held = server.held.lock().unwrap();
    assert!(held.uploads.is_empty() && held.objects.is_empty());
}

#[tokio::test]
async fn a_store_that_stumbles_is_asked_again_and_one_that_refuses_is_not() {
    let server = StandIn::start();
    let good = place(&server, BUCKET, SECRET);
    server.held.lock().unwrap().stumbles = 2;
    contract::put(&good, "a.plm", b"x").await.unwrap();
    server.held.lock().unwrap().stumbles = 1;
    assert_eq!(contract::get(&good, "a.plm").await.unwrap(), b"x");
    let wrong = contract::put(&place(&server, BUCKET, "other"), "b.plm", b"x").await.unwrap_err();
    assert!(wrong.code() == Code::ArchivePlace && wrong.public().contains("403 SignatureDoesNotMatch"), "{wrong}");
    let nowhere = place(&server, "no-such", SECRET).list("").await.unwrap_err();
    assert!(nowhere.code() == Code::ArchivePlace && nowhere.public().contains("bucket"), "{nowhere}");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = S3::new(BUCKET, Some(&format!("http://{gone}")), "x", ACCESS.into(), SECRET.into(), Clock::system()).unwrap();
    assert_eq!(away.list("").await.unwrap_err().code(), Code::ArchivePlace);
}

#[tokio::test]
async fn an_object_that_breaks_off_is_not_taken_for_whole() {
    let server = StandIn::start();
    let place = place(&server, BUCKET, SECRET);
    contract::put(&place, "a.plm", &[1; 5000]).await.unwrap();
    server.held.lock().unwrap().cut = Some(3000);
    assert_eq!(contract::get(&place, "a.plm").await.unwrap_err().code(), Code::ArchivePlace);
}

#[test]
fn an_address_that_cannot_be_is_refused_without_repeating_keys() {
    let new = |path: &str, endpoint: Option<&str>, secret: &str| {
        S3::new(path, endpoint, "x", "a".into(), secret.into(), Clock::system()).map(drop)
    };
    assert!(new("bucket/a/b", Some("https://s3.example.org"), "hidden").is_ok() && new("bucket", None, "hidden").is_ok());
    for (path, endpoint, secret) in [
        ("", None, "hidden"),
        ("BUCKET", None, "hidden"),
        ("bucket/../x", None, "hidden"),
        ("bucket", None, ""),
        ("bucket", Some("ftp://x"), "hidden"),
        ("bucket", Some("https://x/path"), "hidden"),
        ("bucket", Some("https://u:hidden@x"), "hidden"),
    ] {
        let error = new(path, endpoint, secret).unwrap_err();
        assert!(error.code() == Code::ConfigInvalid && !error.public().contains("hidden"), "{path} {endpoint:?}: {error}");
    }
}
