//! A fetch that is interrupted leaves nothing behind.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

/// Waits for the answer of a server that never gives one, is told to end meanwhile, and takes everything along.
fn interrupted(signal: &str, code: i32) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://127.0.0.1:{}/shop.git", listener.local_addr().unwrap().port());
    let scratch = plimsoll_testkit::Scratch::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["assess", &address, "--allow-private-address"])
        .env("TMPDIR", scratch.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut line, _) = listener.accept().unwrap();
    line.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "what is fetched stands in a folder");
    let told = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(code));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "the folder is gone");
    // Whoever asked has ended, so the line ends: with the rest of what was said, or torn off.
    let mut rest = Vec::new();
    if let Err(error) = line.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "git still waits");
    }
}

#[test]
fn a_fetch_that_is_told_to_end_takes_git_and_its_folder_along() {
    interrupted("TERM", 143);
}

#[test]
fn so_does_one_that_is_interrupted_at_the_terminal() {
    interrupted("INT", 130);
}
