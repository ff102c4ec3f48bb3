//! Handshakes, looked at from outside: which versions are spoken, which certificate is shown.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, ProtocolVersion, SignatureScheme, SupportedProtocolVersion,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{self, CryptoProvider},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

use super::{Site, Trouble, scratch::Scratch};

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A greeting that knows TLS 1.1 and nothing newer (RFC 4346 §7.4.1.2), without its random bytes.
const OLD_HELLO: &[u8] = &[0x16, 3, 1, 0, 49, 1, 0, 0, 45, 3, 2];
/// Six ciphers of that time, no session, no compression.
const OLD_CIPHERS: &[u8] = &[0, 0, 6, 0xc0, 0x13, 0xc0, 0x14, 0, 0x2f, 1, 0];

/// A certificate with its key in two files.
pub struct Papers {
    home: Scratch,
    /// The certificate, as it is shown in a handshake.
    pub der: Vec<u8>,
}

impl Papers {
    /// Makes a pair for this machine that ends in `year`.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn new(year: i32) -> Result<Papers, Trouble> {
        let mut papers = Papers { home: Scratch::new()?, der: Vec::new() };
        papers.renew(year)?;
        Ok(papers)
    }
    /// The file with the certificate.
    pub fn certificate(&self) -> PathBuf {
        self.home.path().join("certificate.pem")
    }
    /// The file with the key.
    pub fn key(&self) -> PathBuf {
        self.home.path().join("key.pem")
    }

    /// Replaces both files by another pair, each in one step.
    ///
    /// # Errors
    /// As for [`Papers::new`].
    pub fn renew(&mut self, year: i32) -> Result<(), Trouble> {
        let failed = |error: rcgen::Error| Trouble::new(format!("a certificate cannot be made: {error}"));
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).map_err(failed)?;
        parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().map_err(failed)?;
        let made = parameters.self_signed(&key).map_err(failed)?;
        self.put(&self.key(), key.serialize_pem().as_bytes())?;
        self.put(&self.certificate(), made.pem().as_bytes())?;
        self.der = made.der().to_vec();
        Ok(())
    }

    /// Leaves a certificate that does not fit the key.
    ///
    /// # Errors
    /// As for [`Papers::new`].
    pub fn spoil(&self) -> Result<(), Trouble> {
        let other = Papers::new(2099)?;
        let bytes = std::fs::read(other.certificate()).map_err(|error| Trouble::new(error.to_string()))?;
        self.put(&self.certificate(), &bytes)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
        let new = path.with_extension("new");
        let done = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, path));
        done.map_err(|error| Trouble::new(format!("{} cannot be written: {error}", path.display())))
    }
}

/// What a handshake came to.
#[derive(Debug, Clone)]
pub struct Shaken {
    /// The certificate that was shown.
    pub certificate: Vec<u8>,
    /// The status of an answer to a request on the connection; 0 where there was none.
    pub status: u16,
}

/// Which version a handshake insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2
    V12,
    /// TLS 1.3
    V13,
}

/// Shakes hands in this version and asks for one page; `None` where the service does not.
///
/// # Errors
/// When nobody listens.
pub async fn shake(site: &Site, version: Version) -> Result<Option<Shaken>, Trouble> {
    let (wanted, known): (&'static SupportedProtocolVersion, ProtocolVersion) = match version {
        Version::V12 => (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        Version::V13 => (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    };
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[wanted])
        .map_err(|error| Trouble::new(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        .with_no_client_auth();
    let stream = connect(site).await?;
    let name = ServerName::try_from("localhost").map_err(|error| Trouble::new(error.to_string()))?;
    let work = async {
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates()?.first()?.to_vec();
        if session.protocol_version() != Some(known) {
            return None;
        }
        let asked = format!("GET /health/live HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", site.authority());
        let mut answer = Vec::new();
        if stream.write_all(asked.as_bytes()).await.is_ok() {
            let _ = stream.read_to_end(&mut answer).await;
        }
        Some(Shaken { certificate, status: super::status_of(&String::from_utf8_lossy(&answer)) })
    };
    Ok(timeout(PATIENCE, work).await.unwrap_or(None))
}

/// Greets as a client of TLS 1.1 does; whether the service goes on with it.
///
/// # Errors
/// When nobody listens.
pub async fn speaks_old(site: &Site) -> Result<bool, Trouble> {
    let mut stream = connect(site).await?;
    let hello = [OLD_HELLO, &[7; 32], OLD_CIPHERS].concat();
    let work = async {
        stream.write_all(&hello).await.ok()?;
        let mut head = [0; 1];
        stream.read_exact(&mut head).await.ok()?;
        Some(head[0])
    };
    // 22 is a handshake that goes on; 21 an alert.
    Ok(timeout(PATIENCE, work).await.unwrap_or(None) == Some(22))
}

async fn connect(site: &Site) -> Result<TcpStream, Trouble> {
    match timeout(PATIENCE, TcpStream::connect(site.authority())).await {
        Ok(Ok(stream)) => Ok(stream),
        _ => Err(Trouble::new("no connection to the public listener")),
    }
}

/// Takes any certificate: here the certificate is what is looked at.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
