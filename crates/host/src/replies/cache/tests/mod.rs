//! The rules of RFC 9110 and RFC 9111, each against a scripted service and a clock that is moved
//! by hand.

mod failing;
mod flights;
mod purging;
mod reading;
mod sharing;
mod storing;

use std::{
    net::Ipv4Addr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use plimsoll_core::{Code, Principal, TenantId, Time};

use super::{entry::Terms, key::Caller, metrics::Outcome, *};
use crate::config::{ByteSize, Span};

pub(super) fn stored(path: &str, body: Vec<u8>) -> Stored {
    Stored {
        host: "localhost".into(),
        path: path.into(),
        scope: key::Scope::Public,
        base: [0; 16],
        tags: vec![],
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: body.into(),
        at: Time::default(),
        terms: Terms { age: Duration::ZERO, fresh: Duration::from_secs(60), while_revalidate: Duration::ZERO, if_error: Duration::ZERO },
        mark: Mark::default(),
    }
}

/// What the service does with its n-th request.
type Script = Box<dyn Fn(usize, &Request<Body>) -> Boxed<'static, Result<Response<Body>>> + Send + Sync>;

/// A service that counts and does what the test says.
struct Service {
    script: Script,
    asked: AtomicUsize,
    seen: Mutex<Vec<HeaderMap>>,
}

#[derive(Clone)]
struct Link(Arc<Service>);

impl<'a> Below<'a> for Link {
    fn ask(self, request: Request<Body>) -> Boxed<'a, Result<Response<Body>>> {
        self.later(request)
    }
    fn later(&self, request: Request<Body>) -> Boxed<'static, Result<Response<Body>>> {
        let number = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.seen.lock().unwrap().push(request.headers().clone());
        (self.0.script)(number, &request)
    }
}

/// A cache, a clock, and a service below.
#[derive(Clone)]
struct Bench {
    cache: Arc<Cache>,
    clock: Clock,
    service: Arc<Service>,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn text(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
    fn is_hit(&self) -> bool {
        self.text("cache-status").contains("; hit")
    }
}

fn config() -> CacheConfig {
    CacheConfig { size: ByteSize::new(8 << 20), wait: Span::new(Duration::from_secs(5)), ..CacheConfig::default() }
}

/// An answer with these headers; its body is the number of the request.
fn says(headers: &'static [(&'static str, &'static str)]) -> Script {
    answers(200, headers)
}

fn answers(status: u16, headers: &'static [(&'static str, &'static str)]) -> Script {
    Box::new(move |number, _| Box::pin(async move { Ok(made(status, headers, &number.to_string())) }))
}

fn made(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(Body::from(body.to_owned())).unwrap()
}

/// A service that answers 304 to whoever has its tag.
fn tagged(headers: &'static [(&'static str, &'static str)]) -> Script {
    Box::new(move |number, request| {
        let known = request.headers().get("if-none-match").is_some_and(|tag| tag == "\"1\"");
        Box::pin(async move {
            let mut answer = made(if known { 304 } else { 200 }, headers, if known { "" } else { "one" });
            answer.headers_mut().insert("etag", "\"1\"".parse().unwrap());
            answer.headers_mut().insert("x-number", number.into());
            Ok(answer)
        })
    })
}

impl Bench {
    fn new(script: Script) -> Bench {
        Bench::with(config(), script)
    }
    fn with(config: CacheConfig, script: Script) -> Bench {
        let clock = Clock::manual(Time::parse("2026-11-21T10:00:00Z").unwrap());
        let cache = Cache::new(&config, None, clock.clone(), &Seed::fixed(1)).unwrap();
        Bench { cache, clock, service: Arc::new(Service { script, asked: AtomicUsize::new(0), seen: Mutex::default() }) }
    }
    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
    /// How many requests reached the service.
    fn asked(&self) -> usize {
        self.service.asked.load(Ordering::SeqCst)
    }
    /// The headers of the last request that reached the service.
    fn last(&self) -> HeaderMap {
        self.service.seen.lock().unwrap().last().cloned().unwrap_or_default()
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], who: Option<&Principal>) -> Result<Got> {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let caller = Caller { principal: who, address: Ipv4Addr::LOCALHOST.into(), secure: false };
        let answer = match Asked::of(&caller, &request) {
            Some(asked) => answer(&self.cache, asked, request, Link(self.service.clone())).await?,
            None => Link(self.service.clone()).ask(request).await?,
        };
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or(Bytes::from_static(b"(broken off)"));
        Ok(Got { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8(body.into()).unwrap() })
    }
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        self.send(Method::GET, path, headers, None).await.unwrap()
    }
    async fn get_as(&self, path: &str, who: &Principal) -> Got {
        self.send(Method::GET, path, &[], Some(who)).await.unwrap()
    }
    /// Whether the same request, sent twice, reached the service once.
    async fn keeps(&self, path: &str, headers: &[(&str, &str)]) -> bool {
        let before = self.asked();
        self.get(path, headers).await;
        let again = self.get(path, headers).await;
        assert_eq!(again.is_hit(), self.asked() == before + 1, "what Cache-Status says is what happened");
        again.is_hit()
    }
}

fn person(tenant: u128, name: &str) -> Principal {
    let mut who = Principal::anonymous(TenantId::from_bits(tenant));
    who.kind = plimsoll_core::PrincipalKind::Person;
    who.id = name.into();
    who
}
