//! Under which key an answer is kept, and for whom.
//!
//! A key is made of everything that the service may rely on: whether the connection is encrypted,
//! the name of the host, path and query as they came, for whom the answer is, and the values of
//! the headers that the service named in `Vary`. Headers that say which resource is meant and are
//! none of these (`X-Original-URL` and its like) would let one caller choose what another gets;
//! a request that carries one passes the cache by.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, Method, Request, Uri, header};
use plimsoll_core::{Principal, PrincipalKind, TenantId};
use ring::digest;

use super::control::Control;
use crate::Body;

/// The name of one kept answer: 128 bits of SHA-256.
pub type Key = [u8; 16];

/// Headers with which some frameworks let a caller name another resource, method or host.
const STEERING: [&str; 9] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
    "x-host",
    "x-forwarded-server",
    "x-forwarded-scheme",
];

/// For whom an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody.
    Public,
    /// Everybody without credential.
    Strangers,
    /// The people of one tenant.
    Tenant(TenantId),
    /// One person, with the same cookies and the same role.
    Person(TenantId, [u8; 16]),
}

impl Scope {
    /// The tenant whose data it is; none for what belongs to nobody.
    pub fn tenant(self) -> Option<TenantId> {
        match self {
            Scope::Public | Scope::Strangers => None,
            Scope::Tenant(tenant) | Scope::Person(tenant, _) => Some(tenant),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// No credential of any kind.
    Stranger,
    /// Somebody the host knows: the tenant, and a fingerprint of the person.
    Known(TenantId, [u8; 16]),
    /// A credential that only the service understands.
    Unknown,
}

/// What the host knows about whoever asks.
#[derive(Clone, Copy)]
pub struct Caller<'c> {
    /// Who it is, where the host understood the credential.
    pub principal: Option<&'c Principal>,
    /// From where.
    pub address: IpAddr,
    /// Whether its connection is encrypted.
    pub secure: bool,
}

/// What a request asks for.
#[derive(Clone)]
pub struct Asked {
    /// GET, or HEAD.
    pub head: bool,
    /// The name of the host, in small letters, with its port.
    pub host: String,
    /// The path as it came.
    pub path: String,
    /// The query as it came.
    pub query: Option<String>,
    /// Whether the caller's connection is encrypted.
    pub secure: bool,
    /// Who asks.
    pub who: Who,
    /// The headers as they came; `Vary` may name any of them.
    pub headers: HeaderMap,
    /// Its `Cache-Control`.
    pub control: Control,
}

/// The name of the host that a request is for, in small letters.
pub fn host_of(uri: &Uri, headers: &HeaderMap) -> String {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    uri.authority().map_or(named.unwrap_or_default(), |authority| authority.as_str()).to_ascii_lowercase()
}

impl Asked {
    /// What the request asks for; nothing where it has to pass the cache by: another method, a
    /// body, a part only, a precondition, or a header that names another resource.
    pub fn of(caller: &Caller<'_>, request: &Request<Body>) -> Option<Asked> {
        use hyper::body::Body as _;
        let (method, headers) = (request.method(), request.headers());
        let reads = method == Method::GET || method == Method::HEAD;
        let conditional = [header::RANGE, header::IF_RANGE, header::IF_MATCH, header::IF_UNMODIFIED_SINCE, header::UPGRADE];
        if !reads
            || !request.body().is_end_stream()
            || conditional.iter().any(|name| headers.contains_key(name))
            || STEERING.iter().any(|name| headers.contains_key(*name))
        {
            return None;
        }
        let known = caller.principal.filter(|who| who.kind != PrincipalKind::Anonymous);
        let who = match known {
            Some(who) => {
                let mut sum = Sum::new();
                sum.text(who.id.as_bytes()).text(who.role.name().as_bytes());
                for scope in who.scopes.iter() {
                    sum.text(scope.as_bytes());
                }
                for cookie in headers.get_all(header::COOKIE) {
                    sum.text(cookie.as_bytes());
                }
                Who::Known(who.tenant, sum.key())
            }
            None if headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::COOKIE) => Who::Unknown,
            None => Who::Stranger,
        };
        let mut headers = headers.clone();
        // The service is told in these who asks and how; a `Vary` may name them.
        for (name, value) in told(caller) {
            headers.insert(name, value.parse().ok()?);
        }
        Some(Asked {
            head: method == Method::HEAD,
            host: host_of(request.uri(), request.headers()),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            secure: caller.secure,
            who,
            control: Control::of(&headers),
            headers,
        })
    }

    /// The scopes in which an answer for this request may lie, the widest first.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        let own = match self.who {
            Who::Stranger => [Some(Scope::Strangers), None],
            Who::Known(tenant, person) => [Some(Scope::Tenant(tenant)), Some(Scope::Person(tenant, person))],
            Who::Unknown => [None, None],
        };
        std::iter::once(Scope::Public).chain(own.into_iter().flatten())
    }

    /// The key without what `Vary` adds.
    pub fn base(&self, scope: Scope) -> Key {
        let mut sum = Sum::new();
        sum.text(if self.secure { b"https" } else { b"http" }).text(self.host.as_bytes()).text(self.path.as_bytes());
        match &self.query {
            Some(query) => sum.text(b"?").text(query.as_bytes()),
            None => sum.text(b""),
        };
        match scope {
            Scope::Public => sum.text(b"public"),
            Scope::Strangers => sum.text(b"strangers"),
            Scope::Tenant(tenant) => sum.text(b"tenant").text(tenant.to_string().as_bytes()),
            Scope::Person(tenant, person) => sum.text(b"person").text(tenant.to_string().as_bytes()).text(&person),
        };
        sum.key()
    }

    /// The key of the variant for this request. Credentials enter only as part of a hash.
    pub fn variant(&self, base: Key, names: &[HeaderName]) -> Key {
        let mut sum = Sum::new();
        sum.text(&base);
        for name in names {
            sum.text(name.as_str().as_bytes());
            for value in self.headers.get_all(name) {
                sum.text(value.as_bytes());
            }
            sum.text(b"");
        }
        sum.key()
    }

    /// What identical requests have in common, whoever sends them.
    pub fn flight(&self) -> Key {
        self.base(Scope::Public)
    }
}

/// What the service is told about the caller in headers that the host writes.
fn told(caller: &Caller<'_>) -> Vec<(HeaderName, String)> {
    let mut told = vec![
        (HeaderName::from_static("x-forwarded-for"), caller.address.to_string()),
        (HeaderName::from_static("x-forwarded-proto"), if caller.secure { "https" } else { "http" }.to_owned()),
    ];
    if let Some(who) = caller.principal {
        told.push((HeaderName::from_static("x-plimsoll-principal"), who.id.to_string()));
        told.push((HeaderName::from_static("x-plimsoll-tenant"), who.tenant.to_string()));
        told.push((HeaderName::from_static("x-plimsoll-role"), who.role.to_string()));
    }
    told
}

/// Where all answers of one path lie together, so that a change of it finds them.
pub fn shelf_mark(host: &str, path: &str) -> u64 {
    let key = Sum::new().text(host.as_bytes()).text(path.as_bytes()).key();
    u64::from_be_bytes(std::array::from_fn(|at| key[at]))
}

/// A hash of pieces, each with its length, so that no two lists of pieces are alike.
struct Sum(digest::Context);

impl Sum {
    fn new() -> Sum {
        Sum(digest::Context::new(&digest::SHA256))
    }
    fn text(&mut self, piece: &[u8]) -> &mut Sum {
        self.0.update(&(piece.len() as u64).to_be_bytes());
        self.0.update(piece);
        self
    }
    fn key(&self) -> Key {
        let sum = self.0.clone().finish();
        std::array::from_fn(|at| sum.as_ref()[at])
    }
}
