use super::{
    contract::{contract, put},
    *,
};

fn folder() -> (std::path::PathBuf, Directory) {
    let path = std::env::temp_dir().join(format!("plimsoll-place-{}", crate::identity::hex(&plimsoll_core::Seed::system().bytes::<8>())));
    (path.clone(), Directory::new(path))
}

#[tokio::test]
async fn a_folder_keeps_what_places_promise_and_no_drafts() {
    let (path, place) = folder();
    contract(&place).await;
    let left: Vec<_> = ["base", "log"].iter().flat_map(|folder| std::fs::read_dir(path.join(folder)).unwrap()).collect();
    assert!(left.is_empty(), "{left:?}");
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
async fn foreign_files_in_a_folder_are_left_alone() {
    let (path, place) = folder();
    put(&place, "a.plm", b"x").await.unwrap();
    std::fs::write(path.join("Notes for me.txt"), "x").unwrap();
    std::fs::write(path.join(".hidden"), "x").unwrap();
    assert_eq!(place.list("").await.unwrap().len(), 1);
    assert_eq!(put(&place, "x.part", b"x").await.unwrap_err().code(), Code::Invalid);
    std::fs::remove_dir_all(path).unwrap();
}
