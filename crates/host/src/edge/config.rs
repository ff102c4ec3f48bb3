//! What the edge can be told: the sections `[server]`, `[cors]` and `[tls]`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// `[server]`: where the service listens and what it demands of every request.
#[derive(Debug, Clone)]
pub struct Server {
    /// Address and port of the public listener; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address and port of the operations listener (metrics, details of health).
    pub operations: SocketAddr,
    /// Names this server answers for, without port; `*.example.org` covers every name below
    /// `example.org`. Empty: `localhost`, `127.0.0.1`, `[::1]` and the address of `listen`.
    pub hosts: Vec<String>,
    /// Networks (`10.0.0.0/8`, `::1`) whose word about the caller's address and scheme is believed.
    pub trusted_proxies: Vec<String>,
    /// Which header a trusted proxy writes: `x-forwarded-for` or `forwarded`. The other one is
    /// never read, because a proxy that does not write it passes on whatever the caller made up.
    pub proxy_header: String,
    /// Longest request target in bytes; above it 414.
    pub uri_limit: usize,
    /// Largest sum of all request headers in bytes; above it 431.
    pub header_limit: usize,
    /// Largest request body in bytes, where a route says nothing else; above it 413.
    pub body_limit: usize,
    /// How long a request's headers may take to arrive.
    pub header_timeout: Duration,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// How long a handler may take, where a route says nothing else; above it 504.
    pub handler_timeout: Duration,
    /// How long a connection may lie unused. Longer than the same limit of the balancer in front,
    /// or that one sends requests into connections that are just being closed.
    pub idle_timeout: Duration,
    /// Most open connections on the public listeners; the next one is answered 503 and closed.
    pub connections: usize,
    /// How long readiness is already red while requests are still taken, so that balancers notice.
    /// Not set: 5 s in production, nothing in development.
    pub drain_notice: Option<Duration>,
    /// How long requests in flight may take to finish once no new connection is accepted.
    pub drain_timeout: Duration,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            operations: SocketAddr::from(([127, 0, 0, 1], 9090)),
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            proxy_header: "x-forwarded-for".to_owned(),
            uri_limit: 8 << 10,
            header_limit: 32 << 10,
            body_limit: 1 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            handler_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            connections: 1024,
            drain_notice: None,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// `[cors]`: which pages of other sites may read answers. None by default.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Exact origins (`https://app.example.org`); `*` for any, only without `credentials`.
    pub origins: Vec<String>,
    /// Methods such a page may use.
    pub methods: Vec<String>,
    /// Request headers such a page may send.
    pub headers: Vec<String>,
    /// Whether such a page may send cookies.
    pub credentials: bool,
    /// How long a browser may remember the answer to a preflight.
    pub max_age: Duration,
}

impl Default for Cors {
    fn default() -> Cors {
        let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        Cors {
            origins: Vec::new(),
            methods: owned(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            headers: owned(&[
                "authorization",
                "content-type",
                "if-match",
                "if-none-match",
                "idempotency-key",
                "x-request-id",
                "traceparent",
            ]),
            credentials: false,
            max_age: Duration::from_secs(600),
        }
    }
}

/// `[tls]`: certificates, and whether plain HTTP is good enough.
#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM file with the certificate and its chain; with `key` it makes the public listener speak TLS.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key.
    pub key: Option<PathBuf>,
    /// Refuse what did not arrive encrypted; always on in production unless `off` says why not.
    pub required: bool,
    /// Why plain HTTP is right in production after all, in one sentence.
    pub off: Option<String>,
    /// The port that redirects to HTTPS name.
    pub public_port: u16,
    /// How often the files are looked at for a new certificate.
    pub reload: Duration,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls { certificate: None, key: None, required: false, off: None, public_port: 443, reload: Duration::from_secs(5) }
    }
}

impl Tls {
    /// Whether a request that did not come encrypted is refused.
    pub fn is_required(&self, production: bool) -> bool {
        self.required || (production && self.off.is_none())
    }
}
