use std::{collections::HashSet, fs, net::TcpListener};

use plimsoll_testkit::{Scratch, free_port, place};

#[test]
fn a_scratch_directory_goes_with_everything_in_it() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("inner")).unwrap();
    fs::write(scratch.join("inner").join("file"), "text").unwrap();
    let path = scratch.path().to_path_buf();

    drop(scratch);

    assert!(!path.exists());
}

#[test]
fn scratch_directories_are_separate_and_under_the_target_directory() {
    let (one, other) = (Scratch::new(), Scratch::new());
    assert_ne!(one.path(), other.path());
    assert!(one.path().starts_with(place::target().join("tmp")), "{one:?}");
}

#[test]
fn the_profile_directory_is_where_cargo_puts_binaries() {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_testkit-stand-in"));
    assert_eq!(place::profile(), binary.parent().unwrap().canonicalize().unwrap());
}

#[test]
fn no_port_is_given_twice_and_each_can_be_listened_on() {
    let ports: Vec<u16> = (0..50).map(|_| free_port()).collect();
    assert_eq!(ports.iter().collect::<HashSet<_>>().len(), 50);
    // Others on this machine may have been quicker for a few, never for most.
    let free = ports.iter().filter(|port| TcpListener::bind(("127.0.0.1", **port)).is_ok()).count();
    assert!(free > 25, "only {free} of 50 can be listened on");
}
