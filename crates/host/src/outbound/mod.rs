//! The guarded dialler: requests to addresses that somebody else chose.
//!
//! A subscriber, a tenant's administrator, a model's provider names an address, and the host asks
//! it, from inside. So the host must not be a way to what only the inside can reach.
//!
//! **Promises.** A name is resolved here, once per request; every address it has is judged; the
//! connection goes to an address that was judged and nowhere else, so that a name that changes its
//! mind between two looks (DNS rebinding) gains nothing. Redirects are not followed. Nothing of the
//! environment (proxies, the machine's roots) has a say. Encrypted with a checked certificate, or
//! not at all: plain HTTP goes only to networks that the operator has named. The whole exchange
//! has one deadline, and of the answer only so many bytes are read as were asked for.
//!
//! **Does not promise** that an address of the public internet is harmless, nor connections that
//! are kept: each request makes its own.

mod address;
mod dial;
mod request;
#[cfg(test)]
mod tests;

use std::{fmt, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri, header};
use plimsoll_core::{Code, Result, Time};
use tokio_rustls::TlsConnector;

pub use self::address::inside;
use crate::{edge::caller::Network, stack::Boxed};

/// The longest address that is kept or asked.
pub const LONGEST_ADDRESS: usize = 2_048;

/// Where requests may go.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    allow: Vec<Network>,
    ports: Vec<u16>,
    plain: bool,
}

impl Rules {
    /// To the public internet at these ports, and at any port to the networks in `allow`, such as
    /// `10.0.0.0/8`; with `plain`, to those also without encryption.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for something that is no network; it names `key`.
    pub fn new(key: &str, allow: &[String], ports: &[u16], plain: bool) -> Result<Rules> {
        let wrong = |text: &str| {
            Code::ConfigInvalid.because(format!("`{key}` holds \"{text}\"; write an address or a network such as \"10.0.0.0/8\""))
        };
        let networks = allow.iter().map(|text| Network::parse(text).ok_or_else(|| wrong(text)));
        Ok(Rules { allow: networks.collect::<Result<_>>()?, ports: ports.to_vec(), plain })
    }

    fn allows(&self, address: std::net::IpAddr) -> bool {
        self.allow.iter().any(|network| network.holds(address))
    }

    /// What can be said about an address before its name is resolved.
    ///
    /// # Errors
    /// [`Trouble::Refused`] for what would never be asked.
    pub fn judge(&self, url: &str) -> Result<Uri, Trouble> {
        request::judge(self, url)
    }
}

/// Resolves a name and a port. Only tests use another one than the machine's.
pub type Resolver = Arc<dyn Fn(String, u16) -> Boxed<'static, std::io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// What one request may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the look at the name to the head of the answer.
    pub time: Duration,
    /// How many bytes of the answer are kept; no more are read.
    pub body: usize,
}

/// An answer, as far as it was read.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its first bytes.
    pub body: Bytes,
}

impl Answer {
    /// What `Retry-After` asks for, in seconds or as a date.
    pub fn retry_after(&self, now: Time) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(Time::from_micros(date.as_microsecond()).since(now))
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The address may not be asked; nothing was sent.
    Refused(String),
    /// The name has no address.
    Unresolved,
    /// Nobody took the connection.
    Unreachable,
    /// No encrypted connection could be agreed on.
    Encryption(String),
    /// The deadline passed.
    Late(Duration),
    /// The other side broke off, or answered with what is no HTTP.
    Broken(String),
}

impl Trouble {
    /// One word, for records and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Trouble::Refused(_) => "refused",
            Trouble::Unresolved => "unresolved",
            Trouble::Unreachable => "unreachable",
            Trouble::Encryption(_) => "encryption",
            Trouble::Late(_) => "late",
            Trouble::Broken(_) => "broken",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(why) => write!(f, "the address may not be asked: {why}"),
            Trouble::Unresolved => f.write_str("the name has no address"),
            Trouble::Unreachable => f.write_str("no connection could be made"),
            Trouble::Encryption(why) => write!(f, "the connection could not be encrypted: {why}"),
            Trouble::Late(limit) => write!(f, "no answer within {} ms", limit.as_millis()),
            Trouble::Broken(why) => write!(f, "the exchange broke off: {why}"),
        }
    }
}

/// Sends requests to where [`Rules`] allow.
#[derive(Clone)]
pub struct Dialler {
    rules: Rules,
    tls: TlsConnector,
    resolve: Resolver,
}

impl Dialler {
    /// A dialler that trusts the public roots and those in `authorities` (PEM).
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] when the file holds no certificates; it names `key`.
    pub fn new(rules: Rules, key: &str, authorities: Option<&Path>) -> Result<Dialler> {
        let resolve: Resolver =
            Arc::new(|name, port| Box::pin(async move { tokio::net::lookup_host((name.as_str(), port)).await.map(Iterator::collect) }));
        Ok(Dialler { rules, tls: dial::connector(key, authorities)?, resolve })
    }

    /// The same with another way to resolve names.
    #[must_use]
    pub fn resolving(self, resolve: Resolver) -> Dialler {
        Dialler { resolve, ..self }
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Sends a POST and reads the beginning of the answer.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Bytes, limits: Limits) -> Result<Answer, Trouble> {
        let uri = self.rules.judge(url)?;
        let sent = tokio::time::timeout(limits.time, async {
            let stream = dial::connect(self, &uri).await?;
            request::send(stream, &uri, headers, body).await
        });
        let (answer, driven) = sent.await.map_err(|_| Trouble::Late(limits.time))??;
        Ok(request::read(answer, driven, limits.body).await)
    }
}
