//! Whole configurations, from their sources to the values that apply.

mod fault;
mod reference;
mod secret;

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
