//! Certificates from files, exchanged while serving.
//!
//! A renewal writes two files, and not at the same moment. Whatever does not fit together is
//! logged and not used; connections go on with what was good, and the next change is tried again.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use plimsoll_core::{Code, Error, Result, Time};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    expiry,
    shutdown::{Phase, Shutdown},
};
use crate::{host::Host, probes::Weight};

/// How long before its end a certificate is a matter for a person.
const NOTICE: Duration = Duration::from_secs(14 * 86_400);

/// A certificate with its key, as new as its files.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Pair>,
    /// The state of the files at the last try, successful or not.
    tried: Mutex<[Stamp; 2]>,
}

/// A certificate in use.
#[derive(Clone)]
struct Pair {
    config: Arc<ServerConfig>,
    /// When it ends, where that can be read.
    expires: Option<Time>,
}

/// When a file was changed and how long it is; nothing where it cannot be read.
type Stamp = Option<(SystemTime, u64)>;

impl Certificates {
    /// Reads both PEM files.
    ///
    /// # Errors
    /// `ConfigInvalid` with the file and what is wrong with it.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Certificates>> {
        let tried = Mutex::new([stamp(certificate), stamp(key)]);
        let current = RwLock::new(read(certificate, key)?);
        Ok(Arc::new(Certificates { certificate: certificate.to_owned(), key: key.to_owned(), current, tried }))
    }

    /// What new connections use.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).config.clone()
    }
    /// When the certificate in use ends, where that can be read from it.
    pub fn expires(&self) -> Option<Time> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).expires
    }

    /// Shows the end of the certificate in use: as a figure, and as a health check that asks for
    /// attention two weeks before.
    pub fn watched_by(self: &Arc<Self>, host: &Host) {
        let this = self.clone();
        host.telemetry.metrics.collect(move |page| {
            if let Some(expires) = this.expires() {
                let help = "When the certificate in use ends, in seconds since 1970.";
                page.gauge("plimsoll_tls_certificate_expires_timestamp_seconds", help, expires.seconds());
            }
        });
        let (this, clock) = (self.clone(), host.clock.clone());
        host.health.check("certificate", Weight::Attention, move || {
            let late = this.expires().filter(|expires| clock.now().plus(NOTICE) > *expires);
            Box::pin(async move {
                match late {
                    Some(expires) => Err(Code::ConfigInvalid.because(format!("the certificate ends at {expires}; replace its files"))),
                    None => Ok(()),
                }
            })
        });
    }

    /// Reads the files again if one has changed since the last try, or if `always`.
    /// Answers whether there is a new certificate in use.
    ///
    /// # Errors
    /// As [`Certificates::load`]; the certificate in use stays.
    pub fn renew(&self, always: bool) -> Result<bool> {
        let now = [stamp(&self.certificate), stamp(&self.key)];
        let before = std::mem::replace(&mut *self.tried.lock().unwrap_or_else(PoisonError::into_inner), now);
        if now == before && !always {
            return Ok(false);
        }
        let fresh = read(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(true)
    }

    /// Renews whenever the files change, looking `every` so often, and at once on SIGHUP; until the end.
    pub async fn keep_fresh(self: Arc<Self>, every: Duration, shutdown: Shutdown) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        loop {
            let asked = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await.is_some(),
                    None => std::future::pending().await,
                }
            };
            let always = tokio::select! {
                () = tokio::time::sleep(every) => false,
                asked = asked => asked,
                () = shutdown.reached(Phase::Closing) => return,
            };
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.renew(always)).await {
                Ok(Ok(true)) => tracing::info!(certificate = %self.certificate.display(), "new connections use the new certificate"),
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the new certificate is not usable; the old one stays in use"),
            }
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn read(certificate: &Path, key: &Path) -> Result<Pair> {
    let broken = |path: &Path, what: &str, cause: rustls::pki_types::pem::Error| {
        Code::ConfigInvalid.because(format!("{} holds no {what} that can be read: {cause}", path.display())).caused_by(cause)
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|cause| broken(certificate, "certificate in PEM form", cause))?;
    if chain.is_empty() {
        return Err(Code::ConfigInvalid.because(format!("{} holds no certificate in PEM form", certificate.display())));
    }
    let expires = chain.first().and_then(|own| expiry::not_after(own));
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|cause| broken(key, "private key in PEM form", cause))?;
    let unfit = |cause: rustls::Error| -> Error {
        Code::ConfigInvalid
            .because(format!("the certificate {} and the key {} do not fit together: {cause}", certificate.display(), key.display()))
            .caused_by(cause)
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Pair { config: Arc::new(config), expires })
}
