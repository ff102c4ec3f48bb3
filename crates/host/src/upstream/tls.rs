//! Encrypted connections to a service: its certificate is always checked.

use std::{path::Path, sync::Arc};

use http::Uri;
use plimsoll_core::{Code, Error, Result};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How a connection to one service is encrypted.
pub struct Encryption {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Encryption {
    /// For the service at `address`, whose certificate must come from the public roots or, with a
    /// file, from those in the file alone. Nothing for `http://`.
    ///
    /// # Errors
    /// `ConfigInvalid` when the file holds no certificates or the address no name.
    pub fn for_address(address: &Uri, roots: Option<&Path>) -> Result<Option<Encryption>> {
        if address.scheme_str() != Some("https") {
            return Ok(None);
        }
        let host = address.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|cause| Code::ConfigInvalid.because(format!("\"{host}\" is no name that a certificate can have")).caused_by(cause))?;
        let store = match roots {
            Some(file) => read(file)?,
            None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|cause| Code::Internal.error().caused_by(cause))?
            .with_root_certificates(store)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Encryption { connector: TlsConnector::from(Arc::new(config)), name }))
    }

    /// Encrypts a fresh connection.
    ///
    /// # Errors
    /// What the handshake says: among others, that the certificate is not to be trusted.
    pub async fn wrap(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

fn read(file: &Path) -> Result<RootCertStore> {
    let wrong = |what: String| -> Error { Code::ConfigInvalid.because(format!("`[service] ca_file` {}: {what}", file.display())) };
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|cause| wrong(format!("cannot be read ({cause})")))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|cause| wrong(format!("is no PEM file ({cause})")))?;
        store.add(certificate).map_err(|cause| wrong(format!("holds something that is no certificate of an authority ({cause})")))?;
    }
    if store.is_empty() { Err(wrong("holds no certificate".into())) } else { Ok(store) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_encrypted_and_a_file_must_hold_roots() {
        let plain: Uri = "http://127.0.0.1:1".parse().unwrap();
        let secret: Uri = "https://127.0.0.1:1".parse().unwrap();
        assert!(Encryption::for_address(&plain, None).unwrap().is_none());
        assert!(Encryption::for_address(&secret, None).unwrap().is_some());
        for wrong in ["/nowhere.pem", "Cargo.toml"] {
            let error = Encryption::for_address(&secret, Some(Path::new(wrong))).err().unwrap();
            assert_eq!(error.code(), Code::ConfigInvalid, "{error}");
        }
    }
}
