//! Two processes and one Redis: what they share, and what they do when it dies or freezes.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_testkit::{
    Db, both,
    http::Client,
    process::{Plimsoll, Running, Signal},
    redis::Redis,
    wait,
};
use serde_json::json;

use crate::{
    BOUND,
    service::{Service, binary},
};

/// What callers of both processes call them, as behind a balancer.
const NAME: &str = "localhost";

/// A service that numbers its answers; everything it says may be kept, with the path as tag.
fn numbered() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (url, asked) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = count.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut writer, mut head) = (stream, String::new());
                while reader.read_line(&mut head).is_ok_and(|length| length > 0) {
                    if !head.ends_with("\r\n\r\n") {
                        continue;
                    }
                    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                    head.clear();
                    let body = format!("{} {path}", count.fetch_add(1, Ordering::SeqCst) + 1);
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=600\r\nCache-Tag: tag{}\r\nContent-Length: {}\r\n\r\n{body}",
                        path.replace('/', "-"),
                        body.len()
                    );
                    if writer.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, asked)
}

async fn pair(db: Db, redis: &Redis, set: &[(&str, &str)]) -> (Service, Running, Running) {
    let plimsoll: Plimsoll = set.iter().fold(binary(), |plimsoll, (name, value)| plimsoll.env(format!("PLIMSOLL_{name}"), *value));
    let mut service = Service::on(db.ground(), plimsoll.env("PLIMSOLL_REDIS__URL", redis.url())).await;
    for (name, value) in set {
        service.plimsoll = service.plimsoll.env(format!("PLIMSOLL_{name}"), *value);
    }
    let (one, other) = (service.plimsoll.start().await, service.plimsoll.start().await);
    (service, one, other)
}

async fn figure(running: &Running, name: &str) -> f64 {
    let page = running.ops().get("/metrics").await.expect(200).text().to_owned();
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {page}"))
}

#[test]
fn two_processes_let_pass_what_one_limit_allows() {
    both::run(async {
        let redis = Redis::start();
        let (service, one, other) = pair(Db::Sqlite, &redis, &[("LIMITS__PRINCIPAL", "50/1h")]).await;
        let clients = [service.client(&one), service.client(&other)];
        let mut statuses = Vec::new();
        for number in 0..150 {
            statuses.push(clients[number % 2].get("/v1/auth/me").await.code());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 50, "{statuses:?}");
        assert!(statuses.iter().skip(50).all(|status| *status == 429), "the first fifty pass, wherever they go");
        let told = clients[0].get("/v1/auth/me").await.expect(429);
        assert_eq!(told.str("/code"), "PLM-LIM-001");
        assert!(told.header("ratelimit").is_some_and(|left| left.starts_with("\"principal\";r=0;")), "{told:?}");
        assert_eq!(redis.ask("DBSIZE").as_deref(), Some(":3\r\n"), "one counter, the mark of life, and the number of purges");
    });
}

/// Requests one after another for as long as `going`; statuses and the longest wait.
async fn load(client: &Client, path: &str, length: Duration) -> (Vec<u16>, Duration) {
    let (began, mut statuses, mut longest) = (Instant::now(), Vec::new(), Duration::ZERO);
    while began.elapsed() < length {
        let asked = Instant::now();
        statuses.push(client.get(path).await.code());
        longest = longest.max(asked.elapsed());
    }
    (statuses, longest)
}

#[test]
fn a_redis_that_dies_or_freezes_costs_nobody_more_than_its_timeout_and_comes_back_by_itself() {
    both::run(async {
        let redis = Redis::start();
        let (service, one, _other) = pair(
            Db::Sqlite,
            &redis,
            &[
                ("LIMITS__PRINCIPAL", "1000000/1h"),
                ("LIMITS__WRITE", "1000/1h"),
                ("LIMITS__WHEN_SHARED_LOST", "{ write = \"closed\" }"),
                ("REDIS__PAUSE", "200ms"),
            ],
        )
        .await;
        let client = service.client(&one);
        let back = || async {
            one.ops().get("/health").await.str("/checks/redis/status") == "good" && figure(&one, "plimsoll_shared_up").await == 1.0
        };
        wait::until(BOUND, back).await;
        for how in [Signal::Stop, Signal::Kill] {
            let lost = figure(&one, "plimsoll_shared_losses_total").await;
            let running = tokio::spawn({
                let client = client.clone();
                async move { load(&client, "/v1/auth/me", Duration::from_secs(3)).await }
            });
            tokio::time::sleep(Duration::from_millis(500)).await;
            redis.signal(how);
            wait::until(BOUND, || async { figure(&one, "plimsoll_shared_up").await == 0.0 }).await;
            let marked = client.get("/v1/auth/me").await.expect(200);
            assert_eq!(marked.header("x-plimsoll-degraded"), Some("limits; principal=local"), "{how:?}");
            let refused = client.post("/v1/artists").json(json!({ "name": "x" })).await.expect(503);
            assert_eq!(refused.str("/code"), "PLM-LIM-004");
            let health = one.ops().get("/health").await.expect(200);
            wait::until(BOUND, || async { one.ops().get("/health").await.str("/status") == "degraded" }).await;
            drop(health);
            one.client().get("/health/ready").await.expect(200);
            let (statuses, longest) = running.await.unwrap();
            eprintln!("{how:?}: {} requests, the longest took {longest:?}", statuses.len());
            assert!(statuses.iter().all(|status| *status == 200), "{how:?}: {statuses:?}");
            assert!(longest < Duration::from_secs(1), "{how:?}: one request took {longest:?}");
            assert!(figure(&one, "plimsoll_shared_losses_total").await > lost);

            let began = Instant::now();
            match how {
                Signal::Stop => redis.signal(Signal::Cont),
                _ => redis.again(),
            }
            wait::until(BOUND, back).await;
            eprintln!("{how:?}: found again after {:?}", began.elapsed());
            client.post("/v1/artists").json(json!({ "name": format!("{how:?}") })).await.expect(201);
            assert_eq!(client.get("/v1/auth/me").await.header("x-plimsoll-degraded"), None);
        }
    });
}

#[test]
fn what_one_process_has_kept_another_gives_and_a_purge_reaches_both() {
    both::run(async {
        let redis = Redis::start();
        let (url, asked) = numbered();
        let set = [("SERVICE__URL", url.as_str()), ("ROUTES__DEFAULT", "public: a test")];
        let (service, one, other) = pair(Db::Sqlite, &redis, &set).await;
        let (first, second) = (one.client(), other.client());
        let body = async |client: &Client, path: &str| client.get(path).header("host", NAME).await.expect(200).text().to_owned();

        wait::until(BOUND, || async {
            figure(&one, "plimsoll_shared_up").await == 1.0 && redis.ask("EXISTS plimsoll:purge:state").as_deref() == Some(":1\r\n")
        })
        .await;
        let path = "/a/1";
        body(&first, path).await;
        wait::until(BOUND, || async {
            second.get(path).header("host", NAME).header("cache-control", "only-if-cached").await.code() == 200
        })
        .await;
        let before = asked.load(Ordering::SeqCst);
        assert_eq!(body(&first, path).await, body(&second, path).await);
        assert_eq!(asked.load(Ordering::SeqCst), before, "the service is not asked again");

        let purged =
            service.client(&one).post("/v1/cache/purge").json(json!({ "tag": format!("tag{}", path.replace('/', "-")) })).await.expect(200);
        assert_eq!((purged.json()["removed"].as_i64(), purged.json()["everywhere"].as_bool()), (Some(1), Some(true)), "{purged}");
        wait::until(BOUND, || async {
            second.get(path).header("host", NAME).header("cache-control", "only-if-cached").await.code() == 504
        })
        .await;
        let renewed = body(&second, path).await;
        assert_ne!(renewed.split(' ').next(), Some(before.to_string().as_str()));

        let path = "/changed";
        body(&first, path).await;
        wait::until(BOUND, || async {
            second.get(path).header("host", NAME).header("cache-control", "only-if-cached").await.code() == 200
        })
        .await;
        first.post(path).header("host", NAME).await.expect(200);
        let fresh = body(&first, path).await;
        wait::until(BOUND, || async { body(&second, path).await == fresh }).await;

        redis.signal(Signal::Kill);
        assert_eq!(body(&first, path).await, fresh, "what lies in the process is given without the server");
        assert!(body(&second, "/new").await.ends_with("/new"));
    });
}
