//! A connection to an address that was judged.

use std::{net::SocketAddr, path::Path, pin::Pin, sync::Arc, time::Duration};

use http::Uri;
use plimsoll_core::{Code, Error, Result};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Dialler, Rules, Trouble, inside};
use crate::edge::caller::canonical;

/// How long one address may take, so that a second one has a chance within the deadline.
const ONE_ADDRESS: Duration = Duration::from_secs(5);
/// So many addresses of a name are tried.
const ADDRESSES: usize = 4;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// How connections are encrypted.
pub(super) fn connector(key: &str, authorities: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = authorities {
        let wrong = |what: String| -> Error { Code::ConfigInvalid.because(format!("`{key}` {}: {what}", file.display())) };
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|cause| wrong(format!("cannot be read ({cause})")))? {
            let certificate = certificate.map_err(|cause| wrong(format!("is no PEM file ({cause})")))?;
            roots.add(certificate).map_err(|cause| wrong(format!("holds something that is no certificate of an authority ({cause})")))?;
        }
        if roots.len() == before {
            return Err(wrong("holds no certificate".into()));
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Where a request may go: all addresses of a name are judged, and one that is refused refuses all,
/// since whoever owns the name chose them together.
fn judged(rules: &Rules, found: Vec<SocketAddr>, encrypted: bool) -> Result<Vec<SocketAddr>, Trouble> {
    if found.is_empty() {
        return Err(Trouble::Unresolved);
    }
    for one in &found {
        let address = canonical(one.ip());
        let allowed = rules.allows(address);
        if !allowed && let Some(why) = inside(address) {
            return Err(Trouble::Refused(format!("it leads to a network address that {why}")));
        }
        if !allowed && !rules.ports.contains(&one.port()) {
            return Err(Trouble::Refused(format!("port {} is not one of those that may be asked", one.port())));
        }
        let plain = allowed && rules.plain;
        if !encrypted && !plain {
            return Err(Trouble::Refused("only https:// is asked".into()));
        }
    }
    Ok(found)
}

/// Resolves, judges, connects and encrypts.
pub(super) async fn connect(dialler: &Dialler, uri: &Uri) -> Result<Pin<Box<dyn Stream>>, Trouble> {
    let encrypted = uri.scheme_str() == Some("https");
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    let found = match host.parse() {
        Ok(literal) => vec![SocketAddr::new(literal, port)],
        Err(_) => (dialler.resolve)(host.clone(), port).await.map_err(|_| Trouble::Unresolved)?,
    };
    let plain = open(judged(&dialler.rules, found, encrypted)?).await?;
    if !encrypted {
        return Ok(Box::pin(plain));
    }
    let name = ServerName::try_from(host).map_err(|_| Trouble::Refused("its name is none that a certificate can have".into()))?;
    let secret = dialler.tls.connect(name, plain).await.map_err(|cause| Trouble::Encryption(cause.to_string()))?;
    Ok(Box::pin(secret))
}

async fn open(addresses: Vec<SocketAddr>) -> Result<TcpStream, Trouble> {
    for address in addresses.into_iter().take(ADDRESSES) {
        if let Ok(Ok(stream)) = tokio::time::timeout(ONE_ADDRESS, TcpStream::connect(address)).await {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(Trouble::Unreachable)
}
