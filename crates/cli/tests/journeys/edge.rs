//! What holds for every request, whatever it asks.

use std::io::Read;

use http::Method;
use plimsoll_testkit::{
    Db, both,
    http::{Reply, raw},
};
use serde_json::json;

use crate::house::{FRIEND, House, house, ids};

const ALWAYS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
];

#[track_caller]
fn assert_dressed(reply: &Reply, what: &str) {
    for (name, value) in ALWAYS {
        assert_eq!(reply.header(name), Some(value), "{what}: {name}");
    }
    assert!(reply.header("permissions-policy").is_some() && reply.header("cache-control").is_some(), "{what}: {reply:?}");
    assert!(reply.header("server").is_none() && reply.header("x-powered-by").is_none(), "{what}: {reply:?}");
    let id = reply.header("x-request-id").unwrap_or_else(|| panic!("{what} has no request id"));
    assert!(id.starts_with("req_"), "{what}: {id}");
    if reply.code() >= 400 && !reply.body.is_empty() {
        assert_eq!((reply.header("content-type"), reply.str("/request_id")), (Some("application/problem+json"), id.to_owned()), "{what}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
    }
}

fn address(line: &str) -> String {
    format!("host: 127.0.0.1\r\n{line}connection: close\r\n\r\n")
}

both! {
    async fn every_answer_carries_the_same_protection(db: Db) {
        let tenant = house(db).tenant().await;
        let (owner, stranger) = (&tenant.owner, tenant.house.stranger());
        owner.make("songs", json!({ "title": "S" })).await;
        let viewer = tenant.key("viewer").await;
        for (status, request) in [
            (200, owner.get("/v1/songs")),
            (200, owner.request(Method::HEAD, "/v1/songs")),
            (201, owner.post("/v1/songs").json(json!({ "title": "T" }))),
            (204, owner.delete("/v1/songs/2")),
            (204, stranger.request(Method::OPTIONS, "/v1/songs")),
            (304, owner.get("/v1/songs/1").header("if-none-match", "*")),
            (400, owner.post("/v1/songs").header("content-type", "application/json").body("{")),
            (401, stranger.get("/v1/songs")),
            (403, viewer.get("/v1/users")),
            (404, owner.get("/v1/songs/99")),
            (404, stranger.get("/nowhere")),
            (405, owner.delete("/v1/songs")),
            (412, owner.delete("/v1/songs/1").header("if-match", "\"9\"")),
            (415, owner.post("/v1/songs").body("x")),
            (421, owner.get("/v1/songs").header("host", "evil.example")),
            (422, owner.post("/v1/songs").json(json!({}))),
            (200, stranger.get("/health/live")),
            (200, stranger.get("/openapi.json")),
        ] {
            let reply = request.await.expect(status);
            assert_dressed(&reply, &format!("{status}"));
        }
        // Behind TLS browsers are told to stay there, otherwise not.
        assert!(owner.get("/v1/songs").await.header("strict-transport-security").is_none());
        let secure = owner.get("/v1/songs").header("x-forwarded-proto", "https").await.expect(200);
        assert!(secure.header("strict-transport-security").unwrap().starts_with("max-age="));
    }

    async fn only_known_names_are_answered_for(db: Db) {
        let house = house(db);
        let stranger = house.stranger();
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.7", "example.org:80"] {
            let refused = stranger.get("/openapi.json").header("host", host).await.expect(421);
            assert_eq!((refused.str("/code"), refused.str("/refused_by")), ("PLM-REQ-012".to_owned(), "host".to_owned()), "{host}");
        }
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8080"] {
            stranger.get("/openapi.json").header("host", host).await.expect(200);
        }
        // Probes come by address.
        stranger.get("/health/live").header("host", "10.1.2.3:8080").await.expect(200);
        for lines in [
            "GET /openapi.json HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(),
            format!("GET /openapi.json HTTP/1.1\r\n{}", address("host: localhost\r\n")),
            format!("GET /openapi.json HTTP/1.1\r\nhost: a b\r\n{}", "connection: close\r\n\r\n"),
            format!("GET http://evil.example/openapi.json HTTP/1.1\r\n{}", address("")),
        ] {
            let answer = String::from_utf8_lossy(&raw(&house.running.url(), &lines).await).into_owned();
            assert!(answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.1 421"), "{lines}: {answer}");
        }
    }

    async fn a_page_of_another_site_reads_only_where_it_was_allowed_to(db: Db) {
        let tenant = house(db).tenant().await;
        let ask = |origin: &str| tenant.owner.get("/v1/songs").header("origin", origin);
        let allowed = ask(FRIEND).await.expect(200);
        assert_eq!(allowed.header("access-control-allow-origin"), Some(FRIEND));
        assert!(allowed.header("access-control-allow-credentials").is_none());
        assert!(allowed.header("access-control-expose-headers").unwrap().contains("ETag"));
        // Its script sees refusals too.
        let refused = tenant.house.stranger().get("/v1/songs").header("origin", FRIEND).await.expect(401);
        assert_eq!(refused.header("access-control-allow-origin"), Some(FRIEND));
        for origin in ["https://evil.example", "null", "http://friend.example", "https://friend.example.evil.example", "https://friend.example:444"] {
            let reply = ask(origin).await;
            assert!(reply.header("access-control-allow-origin").is_none(), "{origin}: {reply:?}");
            assert!(reply.headers.get_all("vary").iter().any(|one| one.to_str().unwrap().contains("Origin")), "{origin}: {reply:?}");
        }
        let preflight = |origin: &str| {
            let request = tenant.house.stranger().request(Method::OPTIONS, "/v1/songs").header("origin", origin);
            request.header("access-control-request-method", "POST").header("access-control-request-headers", "authorization,content-type")
        };
        let yes = preflight(FRIEND).await.expect(204);
        assert_eq!(yes.header("access-control-allow-origin"), Some(FRIEND));
        assert!(yes.header("access-control-allow-methods").unwrap().contains("POST"));
        assert!(yes.header("access-control-allow-headers").unwrap().contains("authorization"));
        assert_eq!(yes.header("access-control-max-age"), Some("600"));
        let no = preflight("https://evil.example").await.expect(403);
        assert!(no.header("access-control-allow-origin").is_none() && no.header("access-control-allow-methods").is_none());
    }

    async fn large_answers_travel_compressed_and_say_the_same(db: Db) {
        let tenant = house(db).tenant().await;
        let songs = (0..100).map(|n| json!({ "title": format!("Song {n}"), "url": "https://example.org/the/same/place" })).collect();
        tenant.owner.make_many("songs", songs).await;
        let path = "/v1/songs?page_size=100";
        let plain = tenant.owner.get(path).await.expect(200);
        let small = tenant.owner.get(path).header("accept-encoding", "br, gzip").await.expect(200);
        assert_eq!((plain.header("content-encoding"), small.header("content-encoding")), (None, Some("gzip")));
        assert!(small.body.len() * 2 < plain.body.len(), "{} of {}", small.body.len(), plain.body.len());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&small.body[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body);
        for reply in [&plain, &small] {
            assert!(reply.headers.get_all("vary").iter().any(|one| one.to_str().unwrap().contains("Accept-Encoding")), "{reply:?}");
        }
        // Either form's tag stands for the same answer.
        let tag = small.header("etag").unwrap();
        assert_eq!(tag, format!("W/{}", plain.header("etag").unwrap()));
        tenant.owner.get(path).header("if-none-match", tag).await.expect(304);
        for encoding in ["identity", "gzip;q=0", "br"] {
            assert!(tenant.owner.get(path).header("accept-encoding", encoding).await.expect(200).header("content-encoding").is_none(), "{encoding}");
        }
        let one = tenant.owner.get("/v1/songs/1").header("accept-encoding", "gzip").await.expect(200);
        assert!(one.header("content-encoding").is_none(), "a small answer");
        assert_eq!(ids(&plain).len(), 100);
    }

    async fn a_request_has_an_id_of_ours_and_may_bring_one_of_its_own(db: Db) {
        let tenant = house(db).tenant().await;
        let (one, two) = (tenant.owner.get("/v1/songs").await, tenant.owner.get("/v1/songs").await);
        assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
        // The key of log and ledger cannot be chosen from outside.
        let made = tenant.owner.post("/v1/songs").header("x-request-id", "mine-4711").json(json!({ "title": "S" })).await.expect(201);
        let entry = tenant.owner.get("/v1/audit?action=songs.create").await.expect(200);
        let ours = entry.str("/items/0/request");
        assert!(ours.starts_with("req_"), "{entry}");
        assert_eq!(made.header("x-request-id"), Some("mine-4711"), "whoever brings an id finds its answer by it");
        // A refusal names both: the caller's in the header, ours, by which the log is searched, in the document.
        let refused = tenant.owner.get("/v1/songs/99").header("x-request-id", "mine-4712").await.expect(404);
        assert_eq!(refused.header("x-request-id"), Some("mine-4712"));
        assert!(refused.str("/request_id").starts_with("req_"), "{refused}");
        for strange in ["a b", "<script>", &"x".repeat(500)] {
            let reply = tenant.owner.get("/v1/songs").header("x-request-id", strange).await.expect(200);
            assert!(reply.header("x-request-id").unwrap().starts_with("req_"), "{strange}: {reply:?}");
        }
    }

    async fn what_is_too_long_or_not_http_gets_a_4xx(db: Db) {
        let tenant = house(db).tenant().await;
        let long = tenant.owner.get(&format!("/v1/songs?q={}", "a".repeat(9_000))).await.expect(414);
        assert_eq!(long.str("/code"), "PLM-REQ-007");
        let fat = tenant.owner.get("/v1/songs").header("x-fat", "b".repeat(40_000)).await.expect(431);
        assert_eq!(fat.code(), 431);
        for method in ["TRACE", "CONNECT", "BREW"] {
            let target = if method == "CONNECT" { "127.0.0.1:1" } else { "/v1/songs" };
            let answer = String::from_utf8_lossy(&raw(&tenant.house.running.url(), format!("{method} {target} HTTP/1.1\r\n{}", address(""))).await).into_owned();
            assert!(answer.starts_with("HTTP/1.1 405") || answer.starts_with("HTTP/1.1 400"), "{method}: {answer}");
            assert!(!answer.to_lowercase().contains("\r\nserver:"), "{answer}");
        }
        let traced = String::from_utf8_lossy(&raw(&tenant.house.running.url(), format!("TRACE /v1/songs HTTP/1.1\r\n{}", address("x-secret: hunter2\r\n"))).await).into_owned();
        assert!(traced.starts_with("HTTP/1.1 405") && !traced.contains("hunter2"), "{traced}");
        for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not http at all \r\n\r\n"[..], b"GET\r\n\r\n", b"GET /v1/songs HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
            let answer = raw(&tenant.house.running.url(), bytes).await;
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4") || answer.starts_with(b"HTTP/1.1 505"), "{:?}", String::from_utf8_lossy(&answer));
        }
        // Two lengths, or a length beside chunks: the way to smuggle a request past a proxy.
        for lines in ["content-length: 5\r\ncontent-length: 6\r\n", "content-length: 5\r\ntransfer-encoding: chunked\r\n", "transfer-encoding: xchunked\r\n"] {
            let request = format!("POST /v1/auth/login HTTP/1.1\r\n{}0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", address(lines));
            let answer = String::from_utf8_lossy(&raw(&tenant.house.running.url(), request).await).into_owned();
            assert!(answer.matches("HTTP/1.1").count() <= 1, "{lines}: {answer}");
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{lines}: {answer}");
        }
    }
}

#[test]
fn exactly_the_quota_passes_and_the_headers_say_what_is_left() {
    plimsoll_testkit::both::run(async {
        let settings = [
            ("PLIMSOLL_LIMITS__PRINCIPAL", "5/1h"),
            ("PLIMSOLL_LIMITS__WRITE", "3/1h"),
            ("PLIMSOLL_LIMITS__AUTH", "2/1h"),
            ("PLIMSOLL_LIMITS__ADDRESS", "40/1h"),
            ("PLIMSOLL_LIMITS__LEGACY_HEADERS", "true"),
        ];
        let house = House::open(Db::Sqlite, &settings, &[]).await;
        let tenant = house.tenant().await;
        let mut left = Vec::new();
        for _ in 0..5 {
            let reply = tenant.owner.get("/v1/songs").await.expect(200);
            let limit = reply.header("ratelimit").unwrap();
            assert!(reply.header("ratelimit-policy").unwrap().contains("\"principal\";q=5;w=3600"), "{reply:?}");
            left.push(limit.split("r=").nth(1).unwrap().split(';').next().unwrap().parse::<u32>().unwrap());
            assert_eq!(
                (reply.header("x-ratelimit-limit"), reply.header("x-ratelimit-remaining")),
                (Some("5"), Some(left.last().unwrap().to_string().as_str()))
            );
        }
        assert_eq!(left, [4, 3, 2, 1, 0]);
        for _ in 0..3 {
            let refused = tenant.owner.get("/v1/songs").await.expect(429);
            assert_eq!((refused.str("/code"), refused.str("/refused_by")), ("PLM-LIM-001".to_owned(), "limit".to_owned()));
            let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=720).contains(&wait), "{wait}");
            assert_dressed(&refused, "429");
        }
        // Another principal has a quota of its own, and changes are counted beside it.
        let other = house.tenant().await;
        for _ in 0..3 {
            other.owner.post("/v1/songs").json(json!({ "title": "S" })).await.expect(201);
        }
        let refused = other.owner.post("/v1/songs").json(json!({ "title": "S" })).await.expect(429);
        assert!(refused.str("/detail").contains("\"write\""), "{refused}");
        // A refused request costs nothing: two reads are left of five.
        other.owner.get("/v1/songs").await.expect(200);
        other.owner.get("/v1/songs").await.expect(200);
        other.owner.get("/v1/songs").await.expect(429);
        // Attempts with credentials count by address; another address is not concerned.
        let (guesser, bystander) = (house.stranger(), house.stranger());
        let guess = |who: &crate::house::Caller, n: u32| {
            who.post("/v1/auth/login").json(json!({ "email": format!("g{n}@example.org"), "password": "wrong wrong wrong" }))
        };
        guess(&guesser, 1).await.expect(401);
        guess(&guesser, 2).await.expect(401);
        guess(&guesser, 3).await.expect(429);
        guess(&bystander, 1).await.expect(401);
        // Whatever they ask, an address has so many requests; probes do not count.
        let loud = house.stranger();
        let mut passed = 0;
        while loud.with("plm_nonsense").get("/v1/songs").await.code() == 401 {
            passed += 1;
            assert!(passed <= 40, "the quota of an address does not end");
        }
        assert_eq!(passed, 40);
        for _ in 0..50 {
            loud.get("/health/live").await.expect(200);
        }
    });
}

#[test]
fn what_a_caller_says_of_its_own_address_is_not_believed() {
    plimsoll_testkit::both::run(async {
        let settings = [
            ("PLIMSOLL_SERVER__TRUSTED_PROXIES", ""),
            ("PLIMSOLL_LIMITS__ADDRESS", "4/1h"),
            ("PLIMSOLL_CATALOGUE__PUBLIC_READ", "nobody-yet"),
        ];
        let house = House::open(Db::Sqlite, &settings, &[]).await;
        let tenant = house.tenant().await;
        // Each of these claims another address, and that it came over TLS.
        let claim =
            || tenant.owner.get("/v1/songs").header("x-forwarded-for", house.stranger().address).header("x-forwarded-proto", "https");
        let first = claim().await.expect(200);
        assert!(first.header("strict-transport-security").is_none(), "{first:?}");
        tenant.owner.make("songs", json!({ "title": "S" })).await;
        let entry = tenant.owner.get("/v1/audit?action=songs.create").header("forwarded", "for=192.0.2.1").await.expect(200);
        assert_eq!(entry.str("/items/0/address"), "127.0.0.1");
        // A tenant that is to be public and does not exist makes nothing public.
        house.stranger().get("/v1/songs").await.expect(401);
        let refused = claim().await.expect(429);
        assert_eq!(refused.str("/refused_by"), "address");
    });
}
