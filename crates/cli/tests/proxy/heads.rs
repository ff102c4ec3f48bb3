//! What a request says about its caller when it reaches the service, and what it does not.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use plimsoll_testkit::http::Client;
use ring::{digest, signature};
use serde_json::Value;

use crate::front::{Front, assert_status, only, recorder};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_cannot_say_who_it_is_nor_where_it_comes_from() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    let mut lines = String::new();
    for name in [
        "Forwarded",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "x-forwarded_for",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-Client-Cert",
        "X-Real-IP",
        "X_Real_IP",
        "X-Original-URL",
        "X-Plimsoll-Principal",
        "x-plimsoll-principal",
        "X_Plimsoll_Principal",
        "X-PLIMSOLL-TENANT",
        "X-Plimsoll-Role",
        "X-Plimsoll_Role",
        "X-Plimsoll-Assertion",
        "X-Plimsoll-Anything",
        "Keep-Alive",
        "Proxy-Authorization",
        "Content_Length",
        "Transfer_Encoding",
    ] {
        lines.push_str(&format!("{name}: 6.6.6.6\r\n{name}: spoofed\r\n"));
    }
    assert_status(&front.get("/a?b=c", &lines).await, 200);
    let seen = only(&recorder);
    assert_eq!(seen.line, "GET /a?b=c HTTP/1.1");
    for (name, value) in &seen.headers {
        assert!(!value.contains("6.6.6.6") && !value.contains("spoofed") && !name.contains('_'), "{name}: {value}");
    }
    let said = |name| seen.header(name).unwrap_or_default();
    assert_eq!(
        (
            said("host"),
            said("x-forwarded-for"),
            said("x-forwarded-host"),
            said("x-forwarded-proto"),
            said("x-forwarded-port"),
            said("x-real-ip")
        ),
        ("localhost", "127.0.0.1", "localhost", "http", "80", "127.0.0.1")
    );
    assert_eq!(said("forwarded"), "for=127.0.0.1;host=\"localhost\";proto=http");
    assert!(said("x-request-id").starts_with("req_") && said("traceparent").starts_with("00-"), "{seen:#?}");
    assert!(!seen.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-plimsoll")), "nobody asked, so nobody is named");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_is_believed_and_stands_in_the_way_itself() {
    let recorder = recorder().await;
    let settings = [
        ("PLIMSOLL_SERVER__TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
        ("PLIMSOLL_SERVICE__HOST_HEADER", "service"),
        ("PLIMSOLL_SERVER__HOSTS", "localhost, api.example"),
    ];
    let front = Front::of(&recorder.url(), &settings).await;
    let lines = "x-forwarded-for: 6.6.6.6, 203.0.113.9, 10.0.0.2\r\nx-forwarded-proto: https\r\nx-forwarded-host: api.example:8443\r\n";
    assert_status(&front.get("/", lines).await, 200);
    let seen = only(&recorder);
    let said = |name| seen.header(name).unwrap_or_default();
    assert_eq!(said("x-forwarded-for"), "203.0.113.9, 10.0.0.2, 127.0.0.1", "what the caller invented is gone");
    assert_eq!(said("forwarded"), "for=203.0.113.9;host=\"api.example:8443\";proto=https, for=10.0.0.2, for=127.0.0.1");
    assert_eq!((said("x-forwarded-proto"), said("x-forwarded-host"), said("x-forwarded-port")), ("https", "api.example:8443", "8443"));
    assert_eq!((said("x-real-ip"), said("host")), ("203.0.113.9", recorder.url().trim_start_matches("http://")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_a_trusted_proxy_forwards_has_to_be_known_like_any_other() {
    let recorder = recorder().await;
    let hosts = ("PLIMSOLL_SERVER__HOSTS", "localhost, api.example");
    let trusted = ("PLIMSOLL_SERVER__TRUSTED_PROXIES", "127.0.0.1");
    let front = Front::of(&recorder.url(), &[hosts, trusted]).await;
    for (line, status) in [
        ("x-forwarded-host: evil.example", 421),
        ("x-forwarded-host: api.example, evil.example", 421),
        ("x-forwarded-host: api.example@evil.example", 400),
    ] {
        assert_status(&front.get("/", &format!("{line}\r\n")).await, status);
        assert_eq!(recorder.take(), [], "{line}");
    }
    for (line, told) in [
        ("x-forwarded-host: API.example:8443", "API.example:8443"),
        ("x-forwarded-host: evil.example, api.example", "api.example"),
        ("forwarded: for=1.2.3.4;host=evil.example", "localhost"),
    ] {
        assert_status(&front.get("/", &format!("{line}\r\n")).await, 200);
        assert_eq!(only(&recorder).header("x-forwarded-host"), Some(told), "{line}");
    }
    let front = Front::of(&recorder.url(), &[hosts, trusted, ("PLIMSOLL_SERVER__PROXY_HEADER", "forwarded")]).await;
    assert_status(&front.get("/", "forwarded: for=203.0.113.9;host=\"evil.example\"\r\n").await, 421);
    assert_eq!(recorder.take(), []);
    assert_status(&front.get("/", "forwarded: for=203.0.113.9;host=\"api.example\"\r\nx-forwarded-host: evil.example\r\n").await, 200);
    let seen = only(&recorder);
    assert_eq!(seen.header("x-forwarded-host"), Some("api.example"));
    assert!(seen.header("forwarded").unwrap().contains("host=\"api.example\""), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_is_told_the_request_id_that_the_caller_sees() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    for line in ["", "x-request-id: the-callers-own\r\n", "x-request-id: not; harmless\r\n"] {
        let answer = front.get("/", line).await;
        let shown = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
        assert_eq!(only(&recorder).header("x-request-id"), Some(shown), "{line}");
        assert_eq!(shown == "the-callers-own", line.contains("own"));
    }
}

fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&BASE64.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_is_told_who_asks_in_words_that_it_can_check() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[("PLIMSOLL_ROUTES__DEFAULT", "authenticated")]).await;
    let (key, tenant) = front.key("editor").await;
    assert_status(&front.get("/a", "").await, 401);
    assert_eq!(recorder.take(), [], "nobody gets past");
    let spoof = format!(
        "authorization: Bearer {key}\r\nx-plimsoll-principal: usr_owner\r\nX_PLIMSOLL_ROLE: owner\r\nx-plimsoll-assertion: a.b.c\r\n"
    );
    assert_status(&front.get("/a%20b?c", &format!("{spoof}cookie: a=1; plimsoll_session=s; b=2\r\n")).await, 200);
    let seen = only(&recorder);
    let said = |name| seen.header(name).unwrap_or_default();
    assert!(said("x-plimsoll-principal").starts_with("key_"), "{seen:#?}");
    assert_eq!((said("x-plimsoll-role"), said("x-plimsoll-tenant"), said("x-plimsoll-kind")), ("editor", tenant.as_str(), "key"));
    assert_eq!((seen.header("authorization"), said("cookie")), (None, "a=1; b=2"), "our own credentials stay here");

    let token = said("x-plimsoll-assertion").to_owned();
    let (head, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!((&head["typ"], &head["alg"]), (&"plimsoll-assertion+jwt".into(), &"EdDSA".into()));
    assert_eq!(
        (&claims["aud"], &claims["sub"], &claims["role"]),
        (&"service".into(), &said("x-plimsoll-principal").into(), &"editor".into())
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    assert_eq!((&claims["htm"], &claims["pth"]), (&"GET".into(), &BASE64.encode(digest::digest(&digest::SHA256, b"/a%20b")).into()));
    let keys = Client::new(front.running.url()).get("/.well-known/jwks.json").await.expect(200).json();
    let public = keys["keys"].as_array().unwrap().iter().find(|one| one["kid"] == head["kid"]).unwrap();
    let public = BASE64.decode(public["x"].as_str().unwrap()).unwrap();
    let (signed, mark) = token.rsplit_once('.').unwrap();
    signature::UnparsedPublicKey::new(&signature::ED25519, public).verify(signed.as_bytes(), &BASE64.decode(mark).unwrap()).unwrap();

    // It is no access token, and good for one path and method only.
    assert_status(&front.get("/a", &format!("authorization: Bearer {token}\r\n")).await, 401);
    front.get("/other", &spoof).await;
    let other = only(&recorder);
    assert_ne!(part(other.header("x-plimsoll-assertion").unwrap(), 1)["pth"], claims["pth"]);
    front.get("/other", &spoof).await;
    assert_eq!(only(&recorder).header("x-plimsoll-assertion"), other.header("x-plimsoll-assertion"), "signed once for some seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_public_routes_foreign_credentials_pass_and_ours_do_not() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    let (key, _) = front.key("viewer").await;
    for (line, left) in [
        ("Basic dTpw".to_owned(), true),
        ("Bearer somebody-elses".to_owned(), true),
        ("Bearer a.b.c".to_owned(), true),
        (format!("Bearer {key}"), false),
        (format!("bearer   {key}"), false),
    ] {
        assert_status(&front.get("/", &format!("authorization: {line}\r\ncookie: theirs=1\r\n")).await, 200);
        let seen = only(&recorder);
        assert_eq!(seen.header("authorization"), left.then_some(line.as_str()), "{line}");
        assert_eq!(seen.header("cookie"), Some("theirs=1"));
    }
    assert_status(&front.get("/", "cookie: plimsoll_session=s\r\ncookie: __Host-plimsoll=t; c=3\r\n").await, 200);
    assert_eq!(only(&recorder).all("cookie"), ["c=3"]);
    // Where the names are switched off, spoofs are removed all the same.
    let quiet = [("PLIMSOLL_SERVICE__IDENTITY_HEADERS", "false"), ("PLIMSOLL_ROUTES__DEFAULT", "authenticated")];
    let front = Front::of(&recorder.url(), &quiet).await;
    let (key, _) = front.key("viewer").await;
    assert_status(&front.get("/", &format!("authorization: Bearer {key}\r\nx-plimsoll-role: owner\r\n")).await, 200);
    assert!(!only(&recorder).headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-plimsoll")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_one_connection_end_here() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    let lines = "connection: x-secret, te, x-other\r\nx-secret: 1\r\nx-other: 1\r\nte: gzip;q=1, trailers\r\nkeep-alive: timeout=5\r\n\
                 proxy-connection: keep-alive\r\nx-kept: 1\r\nupgrade: something\r\n";
    assert_status(&front.get("/", lines).await, 200);
    let seen = only(&recorder);
    for gone in ["x-secret", "x-other", "keep-alive", "proxy-connection", "upgrade"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    assert_eq!((seen.header("x-kept"), seen.header("te"), seen.header("connection")), (Some("1"), Some("trailers"), Some("te")));
}
