//! Faults: what is refused, where, and in which words.

use super::*;

#[test]
fn all_faults_come_at_once_in_the_order_of_their_places() {
    let file = "\
profil = 'production'
[server]
listn = '0.0.0.0:80'
hosts = ['ok', 5, true]
idle = 75
[limits.login]
account = 'off'
[sevrer]
x = 1
";
    let env = [("PLIMSOLL_SERVER__BODY", "1MB"), ("PLIMSOLL_SERVER__LISTNE", "x"), ("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", "/missing/key")];
    let found = refused(file, &env);
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        places,
        [
            "plimsoll.toml:1:1",
            "plimsoll.toml:3:1",
            "plimsoll.toml:4:16",
            "plimsoll.toml:4:19",
            "plimsoll.toml:5:8",
            "plimsoll.toml:7:11",
            "plimsoll.toml:8:2",
            "environment variable PLIMSOLL_SERVER__BODY",
            "environment variable PLIMSOLL_SERVER__LISTNE",
            "environment variable PLIMSOLL_IDENTITY__MASTER_KEY_FILE",
        ]
    );
    assert_eq!(found[0].1, "unknown key `profil` at the top of the file");
    assert_eq!(found[2].1, "`server.hosts`: expected text, found a whole number");
    assert_eq!(found[5].1, "`limits.login.account`: `off` is not a rate such as 600/1m");
    assert_eq!(found[6].1, "unknown section [sevrer]");
    assert_eq!(found[9].1, "the secret file /missing/key for `identity.master_key` is not usable: it does not exist");
}

#[test]
fn a_fault_prints_as_a_compiler_would() {
    let faults = load("# first\n[server]\nlistn = \"0.0.0.0:80\"\n", &[("PLIMSOLL_SEVRER__IDLE", "5s")]).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "\
error: unknown key `listn` in [server]
  --> plimsoll.toml:3:1
   |
 3 | listn = \"0.0.0.0:80\"
   | ^^^^^ did you mean `listen`?

error: unknown environment variable PLIMSOLL_SEVRER__IDLE
  --> environment variable PLIMSOLL_SEVRER__IDLE
   = did you mean PLIMSOLL_SERVER__IDLE?"
    );
    let json = serde_json::to_value(&faults).unwrap();
    assert_eq!(
        json[0],
        serde_json::json!({"place": "plimsoll.toml:3:1", "file": "plimsoll.toml", "line": 3, "column": 1,
            "message": "unknown key `listn` in [server]", "help": "did you mean `listen`?"})
    );
    assert!(json[1].get("line").is_none());
}

#[test]
fn a_line_number_of_two_digits_moves_the_whole_gutter() {
    let faults = load(&format!("{}[server]\nidle = 'x'", "\n".repeat(9)), &[]).unwrap_err().to_string();
    assert!(faults.contains("\n   --> plimsoll.toml:11:8\n    |\n 11 | idle = 'x'\n    |        ^^^ write"), "{faults}");
}

#[test]
fn suggestions_know_sections_neighbours_and_files() {
    assert_eq!(help("listen = '127.0.0.1:1'", &[]), "`listen` belongs in [server]");
    assert_eq!(help("[limits.logn]", &[]), "did you mean `login`?");
    assert_eq!(help("[login]", &[]), "did you mean [limits.login]?");
    assert_eq!(help("[identity]\nmaster_kye_file = '/x'", &[]), "did you mean `master_key_file`?");
    assert_eq!(help("[identity]\ncolour = 1", &[]), "known here: master_key, days, master_key_file");
    assert_eq!(help("[server]\ntls-cert = 'x'", &[]), "did you mean `tls_cert`?");
    assert_eq!(help("profile = 'prodution'", &[]), "did you mean `production`?");
    assert_eq!(help("", &[("PLIMSOLL_SERVER_LISTEN", "x")]), "did you mean PLIMSOLL_SERVER__LISTEN?");
    assert_eq!(help("", &[("PLIMSOLL_server__listen", "x")]), "did you mean PLIMSOLL_SERVER__LISTEN?");
    assert_eq!(
        help("", &[("PLIMSOLL_SERVER__LISTEN_FILE", "x")]),
        "only a secret can be read from a file; write the value of `server.listen` into PLIMSOLL_SERVER__LISTEN"
    );
    assert_eq!(help("[server]\nlisten = 'localhost:80'", &[]), "write 127.0.0.1:80, or 0.0.0.0:80 to be reached from other machines");
}

#[test]
fn a_section_is_neither_a_value_nor_a_list() {
    assert_eq!(refused("server = 'x'", &[])[0].1, "[server] is a section, not a value");
    assert_eq!(refused("[[server]]\nbody = 1", &[])[0].1, "[server] is a section, not a list");
}

#[test]
fn a_wrong_value_in_the_file_is_a_fault_even_where_a_variable_beats_it() {
    let found = refused("[server]\nidle = 'x'", &[("PLIMSOLL_SERVER__IDLE", "5s")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "plimsoll.toml:2:8");
}

#[test]
fn broken_syntax_is_told_with_its_place_beside_other_sources() {
    let found = refused("[server]\nlisten = = 3\nbody = \n", &[("PLIMSOLL_SERVER__IDLE", "x")]);
    assert!(found[0].0.starts_with("plimsoll.toml:2:"), "{found:?}");
    assert!(found[1].0.starts_with("plimsoll.toml:3:"), "{found:?}");
    assert_eq!(found[2].0, "environment variable PLIMSOLL_SERVER__IDLE");
    assert!(found[0].1.starts_with("this is not TOML: "), "{found:?}");
    let twice = refused("[server]\nbody = 1\nbody = 2\n", &[]);
    assert_eq!(twice.len(), 1);
    assert_eq!((twice[0].0.as_str(), twice[0].1.contains("duplicate key")), ("plimsoll.toml:3:1", true), "{twice:?}");
}

#[test]
fn a_wrong_file_is_told_in_bounded_words() {
    let many: String = (0..5000).map(|n| format!("some_key_{n} = 1\n")).collect();
    let lines: String = "x\n".repeat(5000);
    for file in [many, lines] {
        let found = refused(&file, &[]);
        assert_eq!(found.len(), 201);
        assert!(found[200].0.starts_with("plimsoll.toml:201:"), "{found:?}");
        assert_eq!(found[200].1, "4800 more faults from here on");
    }
}

#[test]
fn a_flag_for_an_unknown_key_is_a_fault() {
    let overrides = vec![("server.lisen".into(), "x".into(), "--listen")];
    let faults = Config::load(&schema(), Sources { overrides, ..Sources::default() }).unwrap_err();
    assert_eq!(faults.iter().next().unwrap().help.as_deref(), Some("did you mean `server.listen`?"));
}

fn no_public_listener_in_production(config: &Config, rules: &mut Rules<'_>) {
    let server: ServerConfig = config.get();
    if config.profile() == Profile::Production && server.tls_cert.is_none() {
        rules.refuse("server.tls_cert", "production needs a certificate", "set `server.tls_cert`");
    }
    if config.profile() == Profile::Production && server.listen.ip().is_unspecified() {
        rules.refuse("server.listen", "production may not listen everywhere", "name one address");
    }
}

#[test]
fn a_rule_refuses_a_value_where_it_was_written() {
    let schema = schema().rule(no_public_listener_in_production);
    let load = |file, env| Config::load(&schema, sources(file, env));
    load("[server]\nlisten = '0.0.0.0:80'", &[]).unwrap();
    let file = "profile = 'production'\nnothing = 1\n[server]\nlisten = '0.0.0.0:80'";
    let faults = load(file, &[]).unwrap_err();
    assert_eq!(faults.len(), 3, "an unknown key does not silence the rules: {faults}");
    assert!(faults.0[1].message.contains("`server.tls_cert` has its default"));
    assert_eq!(faults.0[2].place.to_string(), "plimsoll.toml:4:1");
    assert!(faults.to_string().contains(" 4 | listen = '0.0.0.0:80'\n   | ^^^^^^ name one address"), "{faults}");
    let by_variable = load(file, &[("PLIMSOLL_SERVER__LISTEN", "0.0.0.0:1")]).unwrap_err();
    assert_eq!(by_variable.0[2].place.to_string(), "environment variable PLIMSOLL_SERVER__LISTEN");
    assert_eq!(load(file, &[("PLIMSOLL_SERVER__IDLE", "x")]).unwrap_err().len(), 2, "rules wait until every value can be read");
}

#[test]
fn faults_become_one_error_with_every_place() {
    let error = Error::from(load("a = 1\nb = 2", &[]).unwrap_err());
    assert_eq!(error.code(), Code::ConfigInvalid);
    assert_eq!(error.faults()[1].pointer, "plimsoll.toml:2:1");
}

#[test]
#[cfg(unix)]
fn a_variable_that_is_not_text_is_refused_by_name() {
    use std::os::unix::ffi::OsStringExt;
    let env = [(OsString::from("PLIMSOLL_PROFILE"), OsString::from_vec(vec![0xff]))];
    let faults = Sources::gather(None, Path::new("/missing"), env.into_iter()).unwrap_err();
    assert_eq!(faults.0[0].message, "the value of PLIMSOLL_PROFILE is not UTF-8");
}
