//! Bodies that no client should send: each gets a 4xx with a reason, and nothing is written.

use plimsoll_testkit::{Db, both};

use crate::house::{house, pointers};

both! {
    async fn what_is_not_json_is_refused_and_nothing_is_written(db: Db) {
        let tenant = house(db).tenant().await;
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let deep_objects = format!("{{\"title\":{}1{}}}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
        for (what, body) in [
            ("nothing", ""),
            ("half an object", "{\"title\":"),
            ("an open string", "{\"title\":\"x"),
            ("two documents", "{\"title\":\"x\"}{}"),
            ("a comment", "{\"title\":\"x\"} // no"),
            ("a trailing comma", "{\"title\":\"x\",}"),
            ("single quotes", "{'title':'x'}"),
            ("not a number", "{\"title\":\"x\",\"distance\":NaN}"),
            ("infinity", "{\"title\":\"x\",\"distance\":1e999}"),
            ("a key twice", "{\"title\":\"x\",\"title\":\"y\"}"),
            ("a key twice, escaped", "{\"title\":\"x\",\"t\\u0069tle\":\"y\"}"),
            ("half a surrogate", "{\"title\":\"\\ud800\"}"),
            ("a raw control character", "{\"title\":\"a\nb\"}"),
            ("deep lists", &deep),
            ("deep objects", &deep_objects),
            ("NUL in text", "{\"title\":\"a\\u0000b\"}"),
            ("NUL in a name", "{\"title\":\"x\",\"a\\u0000\":1}"),
            ("a list", "[]"),
            ("a word", "\"title\""),
            ("null", "null"),
        ] {
            for path in ["/v1/songs", "/v1/songs/bulk"] {
                let reply = tenant.owner.post(path).header("content-type", "application/json").body(body.to_owned()).await;
                assert!([400, 413, 422].contains(&reply.code()), "{what} to {path}: {reply}");
                assert!(!reply.str("/detail").is_empty() && reply.str("/type").starts_with("/problems/"), "{what}: {reply}");
            }
        }
        let bytes = tenant.owner.post("/v1/songs").header("content-type", "application/json").body(&b"{\"title\":\"\xff\xfe\"}"[..]).await;
        bytes.expect(400);
        let twice = tenant.owner.post("/v1/songs").header("content-type", "application/json").body("{\"title\":\"x\",\"title\":\"y\"}").await;
        assert!(twice.text().contains("title"), "which key: {twice}");
        let nul = tenant.owner.post("/v1/songs").header("content-type", "application/json").body("{\"title\":\"a\\u0000b\"}").await;
        if nul.code() == 422 {
            assert_eq!(pointers(&nul), ["/title"]);
        }
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 0);
    }

    async fn ten_megabytes_are_too_much_however_they_come(db: Db) {
        let tenant = house(db).tenant().await;
        let big = format!("{{\"title\":\"{}\"}}", "x".repeat(10 << 20));
        for path in ["/v1/songs", "/v1/songs/bulk"] {
            // A server that refuses early may close before everything is sent.
            let sent = tenant.owner.post(path).header("content-type", "application/json").body(big.clone()).attempt().await;
            if let Ok(reply) = sent {
                assert_eq!(reply.expect(413).str("/code"), "PLM-REQ-005");
            }
        }
        let two = format!("{{\"title\":\"{}\"}}", "x".repeat(2 << 20));
        let reply = tenant.owner.post("/v1/songs").header("content-type", "application/json").body(two).await.expect(413);
        assert_eq!(reply.str("/code"), "PLM-REQ-005");
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 0);
    }

    async fn whoever_is_refused_before_the_body_was_read_learns_that_the_connection_ends(db: Db) {
        let server = house(db).running.url();
        for (head, status) in [("POST /v1/songs", "413"), ("POST /nowhere", "404"), ("PUT /v1/songs/1", "401")] {
            let length = if status == "413" { 300 << 20 } else { 900 << 10 };
            let request = format!("{head} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{{");
            let answer = plimsoll_testkit::http::raw(&server, request).await;
            let answer = String::from_utf8_lossy(&answer).to_lowercase();
            assert!(answer.starts_with(&format!("http/1.1 {status}")) && answer.contains("\r\nconnection: close\r\n"), "{head}: {answer}");
        }
    }

    async fn a_length_that_was_not_declared_is_counted(db: Db) {
        let tenant = house(db).tenant().await;
        let key = tenant.house.command(&["key", "create", "--tenant", &tenant.slug, "--role", "editor"]).await;
        let mut request = format!(
            "POST /v1/songs HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
            key["key"].as_str().unwrap()
        )
        .into_bytes();
        for _ in 0..40 {
            request.extend_from_slice(format!("{:x}\r\n{}\r\n", 64 << 10, " ".repeat(64 << 10)).as_bytes());
        }
        request.extend_from_slice(b"0\r\n\r\n");
        let answer = plimsoll_testkit::http::raw(&tenant.house.running.url(), request).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }

    async fn another_media_type_is_refused(db: Db) {
        let tenant = house(db).tenant().await;
        let body = "{\"title\":\"x\"}";
        for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/json; charset=latin1", "json", "*/*"] {
            let reply = tenant.owner.post("/v1/songs").header("content-type", media).body(body).await;
            assert_eq!((reply.code(), reply.str("/code")), (415, "PLM-REQ-006".to_owned()), "{media}: {reply}");
        }
        tenant.owner.post("/v1/songs").body(body).await.expect(415);
        for media in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/json;charset=\"UTF-8\""] {
            tenant.owner.post("/v1/songs").header("content-type", media).body(body).await.expect(201);
        }
        tenant.owner.patch("/v1/songs/1").header("content-type", "application/json-patch+json").body("[]").await.expect(415);
    }
}
