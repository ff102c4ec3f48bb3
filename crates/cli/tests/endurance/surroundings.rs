//! What the machine around the process can do to it: a taken port, a folder or file that is no use,
//! nobody who reads what it prints, too few descriptors.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::PathBuf};

use plimsoll_testkit::{Db, Scratch, both, http::Wire, process::Plimsoll, wait};

use crate::{
    BOUND,
    service::{Service, add, artists, binary, generous, ledger_is_intact},
};

/// The binary, started by a shell after `preparation`; `$@` in `run` stands for its arguments.
fn wrapped(place: &Scratch, preparation: &str, redirection: &str) -> PathBuf {
    let path = place.join("wrapper");
    let binary = env!("CARGO_BIN_EXE_plimsoll");
    fs::write(&path, format!("#!/bin/sh\n{preparation}\nexec '{binary}' \"$@\" {redirection}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_taken_port_is_named() {
    both::run(async {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        for flag in ["--listen", "--ops-listen"] {
            let refused = binary().run(["serve", flag, &address]).await.expect(3);
            assert!(refused.stderr.contains(&format!("cannot listen on {address}")), "{refused}");
            assert_eq!(refused.stdout, "", "no key and no link before there is a service");
        }
    });
}

#[test]
fn a_data_folder_that_cannot_be_used_is_an_error_of_the_environment() {
    both::run(async {
        let place = Scratch::new();
        fs::write(place.join("file"), "no folder").unwrap();
        fs::create_dir(place.join("damaged")).unwrap();
        fs::write(place.join("damaged/plimsoll.db"), "this is no database, and long enough to be taken for one".repeat(100)).unwrap();
        for data in ["file", "file/below", "damaged"] {
            for verb in [["serve"].as_slice(), &["tenant", "list"], &["migrate", "up"]] {
                let refused = binary().data(place.join(data)).run(verb).await.expect(3);
                assert!(refused.stderr.contains("PLM-DAT-") && refused.stderr.contains("help:"), "{data} {verb:?}: {refused}");
            }
            let doctor = binary().data(place.join(data)).run(["doctor"]).await.expect(1);
            assert!(doctor.stdout.contains("FAILED   database"), "{data}: {doctor}");
        }
        let kept = fs::read(place.join("damaged/plimsoll.db")).unwrap();
        assert!(kept.starts_with(b"this is no database"), "a file that is not ours stays as it is");
    });
}

#[test]
fn nobody_needs_to_read_what_it_prints() {
    both::run(async {
        for redirection in ["> /dev/full 2> /dev/full", ">&- 2>&-", "< /dev/null > /dev/null 2>&1"] {
            let place = Scratch::new();
            let plimsoll = generous(Plimsoll::at(wrapped(&place, "", redirection)).args(["--demo"]));
            let running = plimsoll.start().await;
            for _ in 0..20 {
                running.client().get("/v1/artists").await.expect(401);
            }
            assert_eq!(running.stop().await.code(), Some(0), "{redirection}");
            let administered = plimsoll.run(["tenant", "list", "--json"]).await;
            assert_eq!(administered.code, Some(0), "{redirection}");
        }
    });
}

#[test]
fn a_service_that_ran_out_of_descriptors_goes_on_when_there_are_some_again() {
    both::run(async {
        let place = Scratch::new();
        let service = Service::on(Db::Sqlite.ground(), Plimsoll::at(wrapped(&place, "ulimit -n 100", ""))).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        add(&client, "before").await.expect(201);
        let mut open = Vec::new();
        for _ in 0..200 {
            open.push(Wire::open(&running.url()).await);
        }
        // The connection that was open before is still served, reads and writes.
        add(&client, "during").await.expect(201);
        drop(open);
        wait::until(BOUND, || async { running.client().get("/health/ready").attempt().await.is_ok_and(|reply| reply.code() == 200) }).await;
        add(&client, "after").await.expect(201);
        assert_eq!(artists(&client).await.len(), 3);
        ledger_is_intact(&client).await;
        assert_eq!(running.stop().await.code(), Some(0));
    });
}
