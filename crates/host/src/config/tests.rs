//! Whole configurations, from their sources to the values that apply.

use std::{collections::BTreeMap, ffi::OsString, fs, net::SocketAddr, path::Path, path::PathBuf};

use plimsoll_core::{Code, Error};

use super::*;

crate::section! {
    /// Where the service listens.
    pub struct ServerConfig["server"] {
        /// Address and port the service listens on.
        pub listen: SocketAddr = "127.0.0.1:8080",
        /// Names this server answers to;
        /// empty means all.
        pub hosts: Vec<String> = "[]",
        /// Certificate chain, PEM.
        pub tls_cert: Option<PathBuf> = none,
        /// Largest body.
        pub body: ByteSize = "1MiB",
        /// How long an idle connection stays open.
        pub idle: Span = "75s",
        /// Whether plain HTTP is refused.
        pub tls: Switch = "on",
    }
}

crate::section! {
    /// Who may come in.
    pub struct IdentityConfig["identity"] {
        /// What signs tokens.
        pub master_key: Option<Secret> = none,
        /// How many days a key lives.
        pub days: u16 = "30",
    }
}

crate::section! {
    /// Limits of the login.
    pub struct LoginLimits["limits.login"] {
        /// Tries per account.
        pub account: Rate = "5/1m",
        /// Weights by country.
        pub weights: BTreeMap<String, f64> = "{}",
    }
}

fn schema() -> Schema {
    Schema::new().section::<ServerConfig>().section::<IdentityConfig>().section::<LoginLimits>()
}

fn sources(file: &str, env: &[(&str, &str)]) -> Sources {
    Sources {
        file: Some(("plimsoll.toml".into(), file.into())),
        env: env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        overrides: Vec::new(),
    }
}

fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, Faults> {
    Config::load(&schema(), sources(file, env))
}

/// Place and message of every fault.
fn refused(file: &str, env: &[(&str, &str)]) -> Vec<(String, String)> {
    let faults = load(file, env).expect_err("this configuration is wrong");
    faults.iter().map(|fault| (fault.place.to_string(), fault.message.clone())).collect()
}

fn help(file: &str, env: &[(&str, &str)]) -> String {
    let faults = load(file, env).expect_err("this configuration is wrong");
    assert_eq!(faults.len(), 1, "{faults}");
    faults.iter().next().unwrap().help.clone().unwrap_or_default()
}

/// A file in a folder of its own, which goes when the test ends.
struct TempFile(PathBuf);

impl TempFile {
    fn holding(test: &str, bytes: &[u8]) -> TempFile {
        let folder = std::env::temp_dir().join(format!("plimsoll-config-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("it"), bytes).unwrap();
        TempFile(folder)
    }
    fn path(&self) -> PathBuf {
        self.0.join("it")
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn nothing_said_means_the_defaults() {
    let config = Config::load(&schema(), Sources::default()).unwrap();
    let server: ServerConfig = config.get();
    assert_eq!(server.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!((server.hosts, server.tls_cert), (vec![], None));
    assert_eq!((server.body.bytes(), server.idle.duration().as_secs()), (1 << 20, 75));
    assert_eq!(server.tls, Switch::On);
    assert_eq!(config.profile(), Profile::Development);
    assert_eq!(config.get::<LoginLimits>().account.count, 5);
    assert_eq!(config.digest(), Config::defaults(&schema()).digest());
    assert_eq!(ServerConfig::default().body, config.get::<ServerConfig>().body);
}

#[test]
fn a_flag_beats_a_variable_which_beats_the_file_which_beats_the_default() {
    let mut all = sources(
        "profile = 'production'\n[server]\nlisten = '127.0.0.1:1'\nidle = '1s'\nbody = 5",
        &[("PLIMSOLL_SERVER__LISTEN", "127.0.0.1:2"), ("PLIMSOLL_SERVER__IDLE", "2s"), ("HOME", "/nowhere")],
    );
    all.overrides.push(("server.listen".into(), "127.0.0.1:3".into(), "--listen"));
    let config = Config::load(&schema(), all).unwrap();
    let server: ServerConfig = config.get();
    assert_eq!(server.listen.port(), 3);
    assert_eq!(server.idle.duration().as_secs(), 2);
    assert_eq!(server.body.bytes(), 5);
    assert_eq!(config.profile(), Profile::Production);

    let from = |key: &str| config.explain(key).unwrap().from.to_string();
    assert_eq!(from("server.listen"), "flag --listen");
    assert_eq!(from("server.idle"), "environment variable PLIMSOLL_SERVER__IDLE");
    assert_eq!(from("server.body"), "plimsoll.toml:5:1");
    assert_eq!(from("server.hosts"), "default");
}

#[test]
fn every_kind_can_be_read_from_the_file_and_from_the_environment() {
    let file = "
[server]
hosts = ['a.example', 'b.example']
tls_cert = 'cert.pem'
tls = { off = 'terminated at the gateway' }
[limits.login]
account = '10/30s'
weights = { de = 1, fr = 0.5 }
";
    let config = load(file, &[]).unwrap();
    let same = load(
        "",
        &[
            ("PLIMSOLL_SERVER__HOSTS", "a.example, b.example"),
            ("PLIMSOLL_SERVER__TLS_CERT", "cert.pem"),
            ("PLIMSOLL_SERVER__TLS", "{ off = 'terminated at the gateway' }"),
            ("PLIMSOLL_LIMITS__LOGIN__ACCOUNT", "10/30s"),
            ("PLIMSOLL_LIMITS__LOGIN__WEIGHTS", "{ de = 1.0, fr = 0.5 }"),
        ],
    );
    for config in [config, same.unwrap()] {
        let server: ServerConfig = config.get();
        assert_eq!(server.hosts, ["a.example", "b.example"]);
        assert_eq!(server.tls_cert, Some("cert.pem".into()));
        assert_eq!(server.tls.reason(), Some("terminated at the gateway"));
        let login: LoginLimits = config.get();
        assert_eq!((login.account.count, login.account.window.as_secs()), (10, 30));
        assert_eq!(login.weights, BTreeMap::from([("de".into(), 1.0), ("fr".into(), 0.5)]));
    }
}

#[test]
fn an_empty_variable_unsets_what_may_be_unset() {
    let config = load("[server]\ntls_cert = 'cert.pem'", &[("PLIMSOLL_SERVER__TLS_CERT", "")]).unwrap();
    assert_eq!(config.get::<ServerConfig>().tls_cert, None);
    assert_eq!(config.explain("server.tls_cert").unwrap().value, "not set");
}

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
fn variables_that_are_not_keys_are_left_alone() {
    let fine = [
        ("PLIMSOLL_CONFIG", "x"),
        ("PLIMSOLL_TEST_POSTGRES", "x"),
        ("PLIMSOLL_SERVICE_HOST", "10.0.0.1"),
        ("PLIMSOLL_SERVICE_PORT_HTTP", "80"),
        ("PLIMSOLL_PORT", "tcp://10.0.0.1:80"),
        ("PLIMSOLL_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("PATH", "/bin"),
    ];
    load("", &fine).unwrap();
    assert_eq!(refused("", &[("PLIMSOLL_PORT", "8080")]).len(), 1, "somebody wanted another port");
    assert_eq!(load("", &[("PLIMSOLL_PROFILE", "production")]).unwrap().profile(), Profile::Production);
}

#[test]
fn a_flag_for_an_unknown_key_is_a_fault() {
    let overrides = vec![("server.lisen".into(), "x".into(), "--listen")];
    let faults = Config::load(&schema(), Sources { overrides, ..Sources::default() }).unwrap_err();
    assert_eq!(faults.iter().next().unwrap().help.as_deref(), Some("did you mean `server.listen`?"));
}

#[test]
fn a_secret_comes_from_a_value_a_variable_or_a_file() {
    let file = TempFile::holding("secret", b"from a file\r\n");
    let path = file.path().display().to_string();
    assert_eq!(IdentityConfig::default().days, 30);
    let key = |config: Config| config.get::<IdentityConfig>().master_key.map(|it| it.expose().to_string());

    assert_eq!(key(load("[identity]\nmaster_key = 'in the file'", &[]).unwrap()).as_deref(), Some("in the file"));
    assert_eq!(key(load("", &[("PLIMSOLL_IDENTITY__MASTER_KEY", "in a variable")]).unwrap()).as_deref(), Some("in a variable"));
    let by_variable = load("[identity]\nmaster_key = 'x'", &[("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", &path)]).unwrap();
    assert_eq!(key(by_variable).as_deref(), Some("from a file"));

    let by_key = load(&format!("[identity]\nmaster_key_file = '{path}'"), &[]).unwrap();
    let explained = by_key.explain("identity.master_key").unwrap();
    assert_eq!(explained.value, "set");
    assert_eq!(explained.from.to_string(), format!("secret file {path} (named by plimsoll.toml:2:1)"));
    assert_eq!(key(by_key).as_deref(), Some("from a file"));
}

#[test]
fn a_missing_secret_file_matters_only_if_nothing_stronger_is_said() {
    let file = "[identity]\nmaster_key_file = '/missing/key'";
    assert_eq!(refused(file, &[])[0].0, "plimsoll.toml:2:1");
    load(file, &[("PLIMSOLL_IDENTITY__MASTER_KEY", "said")]).unwrap();
}

#[test]
fn a_secret_file_must_hold_a_line_of_text() {
    for (test, bytes, why) in
        [("empty", &b"\n"[..], "it is empty"), ("binary", b"\xff\xfe", "it is not UTF-8"), ("large", &[b'x'; 70_000], "larger")]
    {
        let file = TempFile::holding(test, bytes);
        let found = refused("", &[("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", &file.path().display().to_string())]);
        assert!(found[0].1.contains(why), "{found:?}");
    }
    assert!(refused("", &[("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", "/")])[0].1.contains("directory"));
    assert!(refused("", &[("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", "")])[0].1.contains("is empty"));
}

#[test]
fn a_secret_given_twice_is_refused() {
    assert_eq!(
        refused("[identity]\nmaster_key = 'a'\nmaster_key_file = '/dev/null'", &[])[0].1,
        "`identity.master_key` is given twice, as a value and as a file"
    );
    let env = [("PLIMSOLL_IDENTITY__MASTER_KEY", "hunter2"), ("PLIMSOLL_IDENTITY__MASTER_KEY_FILE", "/missing")];
    assert!(refused("", &env).iter().any(|(_, message)| message.contains("given twice")));
}

#[test]
fn a_secret_is_never_printed() {
    let good = load("[identity]\nmaster_key = 'hunter2-hunter2'", &[]).unwrap();
    let all: String = good.all().map(|it| format!("{it}{}{it:?}", serde_json::to_string(&it).unwrap())).collect();
    let section = format!("{:?}", good.get::<IdentityConfig>());
    for text in [all, format!("{good:?}"), section, format!("{:?}", sources("k = 'hunter2'", &[("PLIMSOLL_X", "hunter2")]))] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    // However the file is broken around it: no fault shows it.
    for file in [
        "[identity]\nmaster_key = ['hunter2']",
        "[identity]\nmaster_key = { text = 'hunter2' }",
        "[identity]\nmaster_kye = 'hunter2'",
        "[identity]\ndatabase_password = 'hunter2'",
        "[identity]\nwhatever = 'hunter2'",
        "[identiy]\nmaster_key = 'hunter2'",
        "identiy.master_key = 'hunter2'",
        "identity = { dyas = 3, master_key = 'hunter2' }",
        "identity = { days = 'x', master_key = 'hunter2' }",
        "identity = 'hunter2'",
        "identity = ['hunter2']",
        "master_key = 'hunter2'",
        "[identity]\nmaster_key = 'hunter2\ndays = 3",
        "[identity]\nmaster_key = hunter2",
        "[identity]\nmaster_key 'hunter2'",
        "[identity]\nmaster_key = \"\"\"\nhunter2 \\q\n\"\"\"",
        "[identity]\nmaster_key = \"\"\"\nhunter2",
        "[identity]\nmaster_key = 'hunter2'\nmaster_key = 'hunter2'",
        "identity = { days = 3, master_key = 'hunter2",
        "[identity]\nmaster_key = 'hunter2' days = 3",
        "[identity]\ndays = 3 master_key = 'hunter2'",
        "[identity]\ndays = 3 master_key 'hunter2'",
    ] {
        let faults = load(file, &[]).expect_err(file);
        let text = format!("{faults}{faults:?}{:?}{}", faults.0, serde_json::to_string(&faults).unwrap());
        assert!(!text.contains("hunter2"), "{file}\n{text}");
    }
    for name in ["PLIMSOLL_IDENTITY__MASTER_KYE", "PLIMSOLL_NOTHING"] {
        let faults = load("", &[(name, "hunter2")]).unwrap_err();
        assert!(!format!("{faults}{:?}", faults.0).contains("hunter2"));
    }
    let faults = load("", &[("PLIMSOLL_IDENTITY__MASTER_KEY", "hunter2\0")]).unwrap_err();
    assert!(!faults.to_string().contains("hunter2"));
}

#[test]
fn explain_tells_everything_about_a_key_and_finds_the_nearest() {
    let config = load("[server]\nidle = '90s'", &[]).unwrap();
    assert_eq!(
        config.explain("server.idle").unwrap().to_string(),
        "\
server.idle = \"90s\"
  from      plimsoll.toml:2:1
  default   \"75s\"
  kind      a duration such as 250ms, 30s, 5m, 12h or 30d
  variable  PLIMSOLL_SERVER__IDLE
  How long an idle connection stays open."
    );
    assert_eq!(config.explain("PLIMSOLL_SERVER__IDLE").unwrap().key, "server.idle");
    assert_eq!(config.explain("server.hosts").unwrap().doc, "Names this server answers to; empty means all.");
    let refusal = |name| config.explain(name).unwrap_err().to_string();
    assert_eq!(refusal("server.idel"), "there is no key `server.idel`; did you mean `server.idle`?");
    assert_eq!(refusal("idle"), "there is no key `idle`; did you mean `server.idle`?");
    assert_eq!(refusal("identity"), "`identity` is a section; its keys are identity.master_key, identity.days");
    assert_eq!(refusal("x"), "there is no key `x`; `plimsoll config explain` lists them all");
    let keys: Vec<String> = config.all().map(|it| it.key).collect();
    assert_eq!(keys.len(), schema().keys().count());
    assert_eq!(keys[..2], ["profile", "server.listen"]);
}

#[test]
fn the_digest_depends_on_the_values_and_on_nothing_else() {
    let digest = |config: Result<Config, Faults>| config.unwrap().digest();
    let by_file = digest(load("[server]\nidle = '60s'", &[]));
    assert_eq!(by_file, digest(load("", &[("PLIMSOLL_SERVER__IDLE", "1m")])));
    assert_ne!(by_file, digest(load("", &[])));
    assert_eq!(digest(load("", &[])), digest(load("[identity]\nmaster_key = 'secret'", &[])));
    let turned = Schema::new().section::<LoginLimits>().section::<IdentityConfig>().section::<ServerConfig>();
    assert_eq!(digest(load("", &[])), Config::defaults(&turned).digest());
    assert_eq!(by_file.len(), 64);
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
fn the_file_is_found_and_read_or_refused_with_its_reason() {
    let gather = |named: Option<&Path>, env: &[(&str, &str)]| {
        let env = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Sources::gather(named, Path::new("/missing/default.toml"), env)
    };
    let message = |sources: Result<Sources, Faults>| sources.unwrap_err().0[0].to_string();
    assert_eq!(gather(None, &[("HOME", "/")]).unwrap().file, None);

    let good = TempFile::holding("good", "\u{feff}profile = 'production'".as_bytes());
    let path = good.path().display().to_string();
    for sources in [gather(Some(&good.path()), &[]), gather(None, &[("PLIMSOLL_CONFIG", &path)])] {
        let config = Config::load(&schema(), sources.unwrap()).unwrap();
        assert_eq!(config.profile(), Profile::Production);
        assert_eq!(config.path(), Some(good.path().as_path()));
    }
    assert!(message(gather(Some(Path::new("/missing/named.toml")), &[])).contains("named.toml does not exist"));
    assert!(message(gather(None, &[("PLIMSOLL_CONFIG", "/missing/named.toml")])).contains("does not exist"));
    assert!(message(gather(Some(Path::new("/")), &[])).contains("directory"));
    let binary = TempFile::holding("latin", b"a = 1\nb = '\xe4'");
    assert!(message(gather(Some(&binary.path()), &[])).contains(":2:6\n"), "the place of the first bad byte");
    let large = TempFile::holding("mebibyte", &vec![b'#'; (1 << 20) + 1]);
    assert!(message(gather(Some(&large.path()), &[])).contains("larger than 1 MiB"));
    assert!(refused(&"#".repeat((1 << 20) + 1), &[])[0].1.contains("larger than 1 MiB"));
}

#[test]
#[cfg(unix)]
fn a_variable_that_is_not_text_is_refused_by_name() {
    use std::os::unix::ffi::OsStringExt;
    let env = [(OsString::from("PLIMSOLL_PROFILE"), OsString::from_vec(vec![0xff]))];
    let faults = Sources::gather(None, Path::new("/missing"), env.into_iter()).unwrap_err();
    assert_eq!(faults.0[0].message, "the value of PLIMSOLL_PROFILE is not UTF-8");
}

#[test]
fn the_reference_names_every_key_with_its_facts() {
    let page = schema().reference();
    for (section, key) in schema().keys() {
        let full = section.full(key.name);
        let from = page.find(&format!("### `{full}`\n")).unwrap_or_else(|| panic!("{full} is missing"));
        let entry = page[from + 3..].split("\n### ").next().unwrap();
        for fact in [&key.doc, &key.kind, &key.default, &section.variable(key.name)] {
            assert!(entry.contains(fact.as_str()), "{full} lacks {fact}");
        }
    }
    assert!(page.contains("`PLIMSOLL_IDENTITY__MASTER_KEY_FILE`"));
}

#[test]
fn the_example_changes_nothing_and_is_valid_when_uncommented() {
    let example = schema().example();
    assert_eq!(load(&example, &[]).unwrap().digest(), load("", &[]).unwrap().digest());
    let mut keys = 0;
    let uncommented: String = example
        .lines()
        .map(|line| match line.strip_prefix("# ").filter(|rest| rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))) {
            Some(rest) => {
                keys += 1;
                format!("{rest}\n")
            }
            None => format!("{line}\n"),
        })
        .collect();
    assert_eq!(keys, schema().keys().count());
    let faults = load(&uncommented, &[]).unwrap_err();
    assert_eq!(faults.len(), 1, "only the secret's file does not exist: {faults}");
    assert!(faults.0[0].message.contains("/run/secrets/master_key"));
}

#[test]
fn a_schema_refuses_what_an_author_got_wrong() {
    fn build(name: &str, doc: &str, keys: Vec<KeyDoc>) -> bool {
        std::panic::catch_unwind(|| schema().section_of(name, doc, keys)).is_ok()
    }
    let key = |name| KeyDoc::new::<u16>(name, "A number.", "1");
    assert!(build("other", "Doc.", vec![key("a"), key("b")]));
    assert!(!build("server", "Doc.", vec![]), "twice");
    assert!(!build("other", "", vec![]), "no doc");
    assert!(!build("Other", "Doc.", vec![]), "capital letter");
    assert!(!build("other", "Doc.", vec![KeyDoc::new::<u16>("a", " ", "1")]), "no doc of a key");
    assert!(!build("other", "Doc.", vec![key("a"), key("a")]), "the same key twice");
    assert!(!build("other", "Doc.", vec![key("a__b")]), "its variable would name a section");
    assert!(!build("limits", "Doc.", vec![key("login")]), "a key and a section");
    assert!(!build("other", "Doc.", vec![KeyDoc::unset::<Option<Secret>>("a", "Doc."), key("a_file")]), "the file of a secret");
    assert!(std::panic::catch_unwind(|| KeyDoc::new::<u16>("a", "Doc.", "-1")).is_err(), "a default that does not parse");
}

/// Slips of the finger, repeatable: nothing may panic, and no fault may show the secret.
#[test]
fn no_slip_of_the_finger_panics_or_shows_a_secret() {
    let file = "\
profile = 'production'
[server]
listen = '127.0.0.1:1'
hosts = ['a', \"ü\"]
tls = { off = 'terminated at the gateway' }
[identity]
days = 3
master_key = 'hunter2'
[limits.login]
weights = { de = 1 }
";
    let seed = plimsoll_core::Seed::fixed(2026);
    let alphabet: Vec<char> = "='\"[]{}.,#\n\t ax0_ü\u{1b}".chars().collect();
    let pick = |count: usize| usize::try_from(seed.below(count as u64)).unwrap();
    let mut refusals = 0;
    for _ in 0..3000 {
        let mut slipped: Vec<char> = file.chars().collect();
        for _ in 0..=pick(4) {
            let (at, letter) = (pick(slipped.len() - 1), alphabet[pick(alphabet.len())]);
            match pick(4) {
                0 => slipped.insert(at, letter),
                1 => slipped[at] = letter,
                2 => slipped.swap(at, at + 1),
                _ => _ = slipped.remove(at),
            }
        }
        let slipped: String = slipped.into_iter().collect();
        if let Err(faults) = load(&slipped, &[]) {
            refusals += 1;
            let text = faults.to_string();
            assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{slipped}\n{text}");
        }
    }
    assert!(refusals > 1000, "most slips are faults, not {refusals} of 3000");
}
