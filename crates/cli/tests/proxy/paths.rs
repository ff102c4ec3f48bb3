//! Paths: the one that was judged is the one that is sent, and it has one reading.

use plimsoll_testkit::http::Client;

use crate::front::{Front, assert_status, only, recorder};

const RULES: &str = r#"{ "/admin" = "admin", "/admin/{*rest}" = "admin" }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_is_byte_for_byte_what_was_judged() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[]).await;
    for path in ["/", "/a", "/a%20b", "/%41", "/a;b=c", "/a/", "/%E4%B8%AD?x=../..//%2f%00", "/a?", "/a:b@c", "/A", "/~a/b.c..d"] {
        assert_status(&front.get(path, "").await, 200);
        assert_eq!(only(&recorder).line, format!("GET {path} HTTP/1.1"));
    }
    assert_status(&front.get("http://localhost/a%20b?c", "").await, 200);
    assert_eq!(only(&recorder).line, "GET /a%20b?c HTTP/1.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_with_two_readings_does_not_pass() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[("PLIMSOLL_ROUTES__RULES", RULES)]).await;
    for path in [
        "/x/../admin",
        "/x/%2e%2e/admin",
        "/x/.%2E/admin",
        "/./admin",
        "/x/..;/admin",
        "/x%2f..%2fadmin",
        "/x/..%2fadmin",
        "/x\\..\\admin",
        "/x%5c..%5cadmin",
        "//admin",
        "/x//admin",
        "/admin%00",
        "/admin%0a",
        "/admin%",
        "/%zzadmin",
        "/%c0%afadmin",
        "/x/%252e%252e/admin",
        "/x%252fadmin",
    ] {
        let answer = front.get(path, "").await;
        assert_status(&answer, 400);
        assert!(answer.contains("PLM-REQ") && answer.contains("\"refused_by\":\"route\""), "{path}: {answer}");
    }
    assert_eq!(recorder.take(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_holds_for_every_spelling_that_a_service_may_take_for_its_path() {
    let recorder = recorder().await;
    let front = Front::of(&recorder.url(), &[("PLIMSOLL_ROUTES__RULES", RULES)]).await;
    for path in [
        "/admin",
        "/admin/",
        "/admin/x",
        "/ADMIN",
        "/Admin/x",
        "/%61dmin",
        "/%41dmin",
        "/admin;x=1",
        "/admin;/x",
        "/adm%69n/",
        "/admin/%78",
    ] {
        assert_status(&front.get(path, "").await, 401);
    }
    assert_eq!(recorder.take(), []);
    for path in ["/administer", "/x/admin", "/admi"] {
        assert_status(&front.get(path, "").await, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_needs_can_be_allowed_and_stays_judged() {
    let recorder = recorder().await;
    let settings = [("PLIMSOLL_SERVICE__PATHS", "encoded-slash, empty-segment"), ("PLIMSOLL_ROUTES__RULES", RULES)];
    let front = Front::of(&recorder.url(), &settings).await;
    for path in ["/p/group%2Fname", "/p//x"] {
        assert_status(&front.get(path, "").await, 200);
        assert_eq!(only(&recorder).line, format!("GET {path} HTTP/1.1"));
    }
    for path in ["/admin%2Fx", "//admin", "/admin//x"] {
        assert_status(&front.get(path, "").await, 401);
    }
    assert_status(&front.get("/x/%2e%2e%2fadmin", "").await, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_answers_preflights_for_the_pages_it_names() {
    let recorder = recorder().await;
    let settings = [("PLIMSOLL_CORS__ORIGINS", "https://friend.example"), ("PLIMSOLL_ROUTES__DEFAULT", "authenticated")];
    let front = Front::of(&recorder.url(), &settings).await;
    let client = Client::new(front.running.url());
    let ask = |origin: &str| {
        client.request(http::Method::OPTIONS, "/items").header("origin", origin).header("access-control-request-method", "POST")
    };
    let allowed = ask("https://friend.example").await.expect(204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://friend.example"));
    ask("https://evil.example").await.expect(403);
    assert_eq!(recorder.take(), []);
}
