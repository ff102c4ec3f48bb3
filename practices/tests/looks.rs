//! Looks at three little services: a bare one, a careless one and a careful one.
//!
//! Sensible verdicts, nothing proven on weak signs, and no request that a careful operator would
//! object to.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it, with the line that missed it")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use plimsoll_assess::{
    Finding, Outcome, Status,
    rig::{Ground, Site},
    run::{self, Manner},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One request as a service sees it.
#[derive(Debug, Clone, Default)]
struct Seen {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: bool,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// An answer: status, header lines, body.
type Answer = (u16, Vec<String>, String);
type Service = fn(&Seen, u32) -> Answer;

/// What is asked of a service, and what is concluded.
struct Look {
    findings: BTreeMap<String, Vec<Finding>>,
    asked: Vec<Seen>,
}

impl Look {
    async fn at(service: Service) -> Look {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        let serving = tokio::spawn(async move {
            let count = Arc::new(AtomicU32::new(0));
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, service, kept.clone(), count.clone()));
            }
        });
        let site = Site { base, operations: None };
        let ground = Ground {
            site,
            seed: 1,
            believed: false,
            operator: None,
            log: None,
            collector: None,
            native: false,
            service: None,
            stage: None,
        };
        let found = run::run(plimsoll_practices::all(), Arc::new(ground), Manner::Look, 1).await;
        serving.abort();
        let asked = asked.lock().unwrap().clone();
        Look { findings: found.practices, asked }
    }

    fn status(&self, practice: &str) -> Status {
        Status::of(self.findings[practice].iter().map(|finding| &finding.outcome))
    }

    /// `held`, `broken` or `unknown`.
    fn check(&self, practice: &str, check: &str) -> &'static str {
        let finding = self.findings[practice].iter().find(|finding| finding.check == check);
        match &finding.unwrap_or_else(|| panic!("{practice} has no check {check}")).outcome {
            Outcome::Held => "held",
            Outcome::Broken(_) => "broken",
            Outcome::Unknown(_) => "unknown",
            Outcome::NotApplicable(_) => "not applicable",
        }
    }

    fn is_polite(&self) {
        assert!(self.asked.len() <= 65, "{} requests", self.asked.len());
        for seen in &self.asked {
            assert!(["GET", "HEAD", "OPTIONS"].contains(&seen.method.as_str()), "{seen:?}");
            assert!(!seen.body && seen.header("authorization").is_empty() && seen.header("cookie").is_empty(), "{seen:?}");
            assert!(seen.header("user-agent").starts_with("plimsoll-prove/"), "{seen:?}");
        }
    }
}

async fn serve(mut stream: TcpStream, service: Service, kept: Arc<Mutex<Vec<Seen>>>, count: Arc<AtomicU32>) {
    let mut heard = Vec::new();
    let mut piece = [0u8; 4096];
    while !heard.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => heard.extend_from_slice(&piece[..read]),
        }
    }
    let text = String::from_utf8_lossy(&heard).into_owned();
    let (head, rest) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or("").split(' ');
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let seen = Seen {
        method: first.next().unwrap_or("").to_owned(),
        path: first.next().unwrap_or("").to_owned(),
        headers: headers.collect(),
        body: !rest.is_empty(),
    };
    let (status, headers, body) = service(&seen, count.fetch_add(1, Ordering::SeqCst));
    kept.lock().unwrap().push(seen.clone());
    let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let body = if seen.method == "HEAD" || status == 304 { String::new() } else { body };
    let answer = format!("HTTP/1.1 {status} X\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn lines(all: &[&str]) -> Vec<String> {
    all.iter().map(|line| (*line).to_owned()).collect()
}

/// Ten lines of somebody's first service.
fn bare(seen: &Seen, _: u32) -> Answer {
    match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/") => (200, lines(&["Content-Type: application/json"]), "{\"hello\":\"world\"}".into()),
        ("GET", _) => (404, lines(&["Content-Type: application/json"]), "{\"detail\":\"Not Found\"}".into()),
        _ => (405, lines(&["Content-Type: application/json"]), "{\"detail\":\"Method Not Allowed\"}".into()),
    }
}

/// Everything that a hurry does.
fn careless(seen: &Seen, _: u32) -> Answer {
    let origin = seen.header("origin");
    let mut headers = lines(&["Server: nginx/1.18.0"]);
    if !origin.is_empty() {
        headers.push(format!("Access-Control-Allow-Origin: {origin}"));
        headers.push("Access-Control-Allow-Credentials: true".into());
    }
    let json = "Content-Type: application/json".to_owned();
    match seen.path.as_str() {
        "/openapi.json" => {
            headers.push(json);
            let paths = r##"{"/items":{"get":{}},"/users":{"get":{"security":[]}},"/items/{id}":{"get":{"responses":{"200":{"$ref":"#/components/gone"}}}}}"##;
            (200, headers, format!(r#"{{"openapi":"3.1.0","info":{{"title":"FastAPI","version":"0.1.0"}},"paths":{paths}}}"#))
        }
        "/items" | "/users" | "/" => {
            headers.extend([json, "ETag: \"1\"".into()]);
            (200, headers, "[{\"name\":\"secret\"}]".into())
        }
        "/metrics" => (200, headers, "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total 5\n".into()),
        _ => {
            headers.push("Content-Type: text/html".into());
            (404, headers, "<pre>Traceback (most recent call last):\n  File \"/home/app/main.py\"</pre>".into())
        }
    }
}

/// What a service that is looked after says.
fn careful(seen: &Seen, number: u32) -> Answer {
    let own = seen.header("x-request-id");
    let id = if own.is_empty() { format!("made-{number}") } else { own.to_owned() };
    let mut headers = lines(&[
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'",
        "RateLimit-Policy: \"all\";q=100;w=60",
    ]);
    headers.push(format!("RateLimit: \"all\";r={};t=1", 1000 - number));
    headers.push(format!("X-Request-Id: {id}"));
    let refused = |mut headers: Vec<String>, status: u16, code: &str| {
        headers.push("Content-Type: application/problem+json".into());
        let body = format!(
            r#"{{"type":"/problems/{code}","title":"{code}","status":{status},"detail":"no","code":"{code}","request_id":"{id}"}}"#
        );
        (status, headers, body)
    };
    if seen.header("host").starts_with("evil") {
        return refused(headers, 421, "host-unknown");
    }
    match seen.path.as_str() {
        "/openapi.json" => {
            headers.push("Content-Type: application/json".into());
            let paths = r#"{"/v1/items":{"get":{}},"/v1/things":{"get":{}},"/health":{"get":{"security":[]}}}"#;
            let body = format!(
                r#"{{"openapi":"3.1.0","info":{{"title":"Warehouse","version":"2"}},"security":[{{"bearer":[]}}],"paths":{paths}}}"#
            );
            (200, headers, body)
        }
        "/" | "/docs" if seen.header("if-none-match") == "\"7\"" => (304, headers, String::new()),
        "/" | "/docs" => {
            headers.extend(lines(&["Content-Type: text/html", "ETag: \"7\"", "Cache-Control: no-cache"]));
            (200, headers, "<!doctype html><title>Warehouse</title>".into())
        }
        "/health" | "/health/live" | "/health/ready" => (200, headers, "ok".into()),
        "/v1/items" | "/v1/things" => refused(headers, 401, "unauthenticated"),
        _ => refused(headers, 404, "not-found"),
    }
}

#[tokio::test]
async fn a_bare_service_lacks_what_can_be_seen_and_nothing_else_is_claimed() {
    let look = Look::at(bare).await;
    look.is_polite();
    assert_eq!(look.status("security-headers"), Status::Missing);
    assert_eq!(look.check("cors-allowlist", "foreign-origins"), "held", "no origin is allowed at all");
    for practice in ["trusted-hosts", "correlation-id"] {
        assert_eq!(look.status(practice), Status::Missing, "{practice}");
    }
    assert_eq!(look.check("error-envelope", "one-shape"), "unknown");
    assert_eq!(look.check("error-envelope", "members"), "broken");
    for practice in [
        "health-endpoint",
        "liveness-probe",
        "readiness-probe",
        "openapi-docs",
        "auth-required",
        "rate-limit-headers",
        "https-redirect",
        "hsts",
        "metrics-secured",
        "http-caching-headers",
        "error-no-leak",
        "debug-off",
        "api-versioning",
    ] {
        assert_eq!(look.status(practice), Status::Unknown, "{practice}: {:?}", look.findings[practice]);
    }
}

#[tokio::test]
async fn a_careless_service_is_caught_at_what_it_does() {
    let look = Look::at(careless).await;
    look.is_polite();
    for (practice, check) in [
        ("cors-allowlist", "foreign-origins"),
        ("cors-allowlist", "no-wildcard-with-credentials"),
        ("security-headers", "error-answers"),
        ("trusted-hosts", "foreign-refused"),
        ("error-envelope", "one-shape"),
        ("error-no-leak", "no-internals"),
        ("metrics-secured", "not-public"),
        ("auth-required", "no-credential"),
        ("api-versioning", "versioned-routes"),
        ("openapi-docs", "served"),
        ("openapi-docs", "customised"),
        ("http-caching-headers", "validators"),
        ("http-caching-headers", "not-modified"),
        ("correlation-id", "returned"),
        ("health-endpoint", "answers"),
    ] {
        assert_eq!(look.check(practice, check), "broken", "{practice}/{check}: {:?}", look.findings[practice]);
    }
    assert!(look.findings.keys().all(|practice| look.status(practice) != Status::Implemented), "a look proves nothing here");
}

#[tokio::test]
async fn a_careful_service_is_proven_only_where_the_whole_can_be_seen() {
    let look = Look::at(careful).await;
    look.is_polite();
    for (practice, check) in [
        ("cors-allowlist", "foreign-origins"),
        ("cors-allowlist", "no-wildcard-with-credentials"),
        ("security-headers", "api-answers"),
        ("security-headers", "pages"),
        ("security-headers", "error-answers"),
        ("trusted-hosts", "foreign-refused"),
        ("trusted-hosts", "own-served"),
        ("error-envelope", "members"),
        ("openapi-docs", "served"),
        ("openapi-docs", "customised"),
        ("openapi-docs", "interactive"),
        ("api-versioning", "versioned-routes"),
        ("api-versioning", "no-unversioned"),
        ("http-caching-headers", "validators"),
        ("http-caching-headers", "not-modified"),
        ("correlation-id", "returned"),
        ("correlation-id", "taken-or-made"),
        ("health-endpoint", "answers"),
        ("health-endpoint", "open"),
        ("rate-limit-headers", "on-success"),
        ("rate-limit-headers", "decreases"),
    ] {
        assert_eq!(look.check(practice, check), "held", "{practice}/{check}: {:?}", look.findings[practice]);
    }
    let broken: Vec<&String> = look
        .findings
        .iter()
        .filter(|(_, findings)| findings.iter().any(|finding| matches!(finding.outcome, Outcome::Broken(_))))
        .map(|(practice, _)| practice)
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
    for (practice, check) in [
        ("auth-required", "no-credential"),
        ("error-envelope", "one-shape"),
        ("error-no-leak", "no-internals"),
        ("metrics-secured", "not-public"),
        ("rate-limit-headers", "retry-after"),
        ("readiness-probe", "dependencies"),
        ("hsts", "not-on-http"),
        ("openapi-docs", "complete"),
    ] {
        assert_eq!(look.check(practice, check), "unknown", "{practice}/{check}");
    }
    let proven: Vec<&String> = look.findings.keys().filter(|practice| look.status(practice) == Status::Implemented).collect();
    assert_eq!(proven, ["security-headers"]);
}
