//! How connections are made, and left alone for a while where they cannot be.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use plimsoll_core::{Code, Result};
use postgres::{
    Client, Config, NoTls, SimpleQueryMessage,
    config::{Host, SslMode},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::session::{Session, failure};
use crate::{failure::Failure, settings::Settings, tx::Shared};

/// The shortest and the longest pause after a failed connection.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Everything needed to connect.
pub(crate) struct Dial {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    setup: String,
    pub(super) renew: bool,
    gate: Mutex<Gate>,
}

/// Keeps threads from knocking at a dead server's door one after the other.
struct Gate {
    shut_until: Option<Instant>,
    pause: Duration,
}

impl Dial {
    /// Understands an address; connects to nothing.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] where the address or a certificate file cannot be read.
    pub(crate) fn new(url: &str, settings: &Settings) -> Result<Dial> {
        // The parser's own message may quote parts of the address, and with it a password.
        let unreadable = || {
            Code::ConfigInvalid
                .because("The database address cannot be read; expected something like postgres://user:password@host:5432/database.")
        };
        // The certificate is always verified, which the parser has no words for.
        let known = url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
        let mut config: Config = known.parse().map_err(|_| unreadable())?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(unreadable());
        }
        if !url.contains("sslmode") {
            // On this machine nothing listens in between, and such servers often carry self-made
            // certificates. Anywhere else the address has to say so before data travels in the clear.
            let local = config.get_hosts().iter().all(is_local);
            config.ssl_mode(if local { SslMode::Disable } else { SslMode::Require });
        }
        if config.get_application_name().is_none() {
            config.application_name("plimsoll");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(settings.acquire_timeout);
        }
        config.keepalives_idle(Duration::from_secs(15));
        if config.get_tcp_user_timeout().is_none() {
            // A server that vanished without a word is noticed soon after a statement would have been stopped.
            config.tcp_user_timeout(settings.statement_timeout + Duration::from_secs(10));
        }
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(tls(settings)?),
        };
        let setup = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET client_min_messages = warning; SET standard_conforming_strings = on;",
            settings.statement_timeout.as_millis().max(1),
            settings.acquire_timeout.as_millis().max(1),
            (settings.statement_timeout * 4).as_millis().max(1000),
        );
        Ok(Dial { config, tls, setup, renew: settings.renew, gate: Mutex::new(Gate { shut_until: None, pause: PAUSE.0 }) })
    }

    /// A connection for the migrator: without limits on statements.
    pub(crate) fn plain(&self) -> Result<Client, Failure> {
        let client = match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        };
        client.map_err(|error| {
            let found = failure(&error);
            if found.lost { found } else { Failure::away().caused(error.to_string()).lost() }
        })
    }

    /// A connection that is ready for statements. Fails at once while the last failure is recent.
    pub(crate) fn connect(&self, shared: &Shared) -> Result<Session, Failure> {
        if self.gate().shut_until.is_some_and(|until| Instant::now() < until) {
            return Err(Failure::away().caused("the last connection failed a moment ago").lost());
        }
        let opened = self.plain().and_then(|client| self.prepare(client, shared));
        let mut gate = self.gate();
        match &opened {
            Ok(_) => *gate = Gate { shut_until: None, pause: PAUSE.0 },
            Err(failure) => {
                tracing::warn!(cause = ?failure, "no connection to the database");
                gate.shut_until = Some(Instant::now() + gate.pause);
                gate.pause = (gate.pause * 2).min(PAUSE.1);
            }
        }
        opened
    }

    fn gate(&self) -> std::sync::MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets limits, and learns what only the server knows.
    fn prepare(&self, client: Client, shared: &Shared) -> Result<Session, Failure> {
        let mut session = Session::new(client);
        session.control(&self.setup)?;
        let rows = session.client.simple_query(LEARN).map_err(|error| session.failed(&error))?;
        let mut owned = Vec::new();
        for message in &rows {
            let SimpleQueryMessage::Row(row) = message else { continue };
            match (row.get(0), row.get(1)) {
                (Some("table"), Some(name)) => owned.push(name.to_string()),
                (Some("durable"), Some(answer)) => shared.set_durable(answer == "yes"),
                _ => {}
            }
        }
        shared.learn(owned);
        Ok(session)
    }
}

const LEARN: &str = "SELECT 'table', table_name::text FROM information_schema.columns
        WHERE table_schema = current_schema() AND column_name = 'tenant_id'
    UNION ALL SELECT 'durable', CASE WHEN current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off'
        THEN 'yes' ELSE 'no' END";

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn tls(settings: &Settings) -> Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = &settings.root_certificates {
        let unreadable = |cause: String| {
            Code::ConfigInvalid.because("The file with root certificates for the database cannot be read; expected PEM.").caused_by(cause)
        };
        let public = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))? {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
        }
        if roots.len() == public {
            return Err(unreadable("no certificate in it".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        Dial::new(url, &Settings::default()).unwrap().config.get_ssl_mode()
    }

    #[test]
    fn only_an_address_that_says_so_travels_in_the_clear() {
        assert_eq!(mode("postgres://u@127.0.0.1/x"), SslMode::Disable);
        assert_eq!(mode("postgres://u@localhost/x"), SslMode::Disable);
        assert_eq!(mode("postgres://u@db.internal/x"), SslMode::Require);
        assert_eq!(mode("postgres://u@db.internal/x?sslmode=verify-full"), SslMode::Require);
        assert_eq!(mode("host=db.internal user=u sslmode=verify-ca"), SslMode::Require);
        assert_eq!(mode("postgres://u@db.internal/x?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://u@127.0.0.1/x?sslmode=prefer"), SslMode::Prefer);
    }
}
