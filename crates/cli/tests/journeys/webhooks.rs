//! Webhooks, in front of receivers that answer well, badly, late, elsewhere and never.

use std::{collections::BTreeMap, io::Write as _, process::Stdio, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use plimsoll_assess::rig::{Seen, Service};
use plimsoll_testkit::{Db, both, wait};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::house::{Caller, House};

const BOUND: Duration = Duration::from_secs(30);
/// One address inside may be told, in the clear; everything else inside is refused as ever.
const SETTINGS: &[(&str, &str)] =
    &[("PLIMSOLL_WEBHOOKS__ALLOW", "127.0.0.1"), ("PLIMSOLL_WEBHOOKS__SCHEDULE", "50ms,100ms"), ("PLIMSOLL_WEBHOOKS__TIMEOUT", "1s")];
const PAGE: &str = include_str!("../../../../docs/reference/webhooks.md");

async fn register(owner: &Caller, url: String, types: &[&str]) -> Value {
    owner.post("/v1/webhooks").json(json!({ "url": url, "types": types })).await.expect(201).json()
}

fn path(webhook: &Value) -> String {
    format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap())
}

/// An endpoint at this path of the receiver, and a delivery that tries it.
async fn tried(owner: &Caller, receiver: &Service, at: &str) -> String {
    let webhook = path(&register(owner, format!("{}{at}", receiver.base), &["webhook.none"]).await);
    owner.post(&format!("{webhook}/test")).await.expect(200);
    webhook
}

async fn deliveries(owner: &Caller, webhook: &str) -> Vec<Value> {
    owner.get(&format!("{webhook}/deliveries?page_size=100")).await.expect(200).json()["items"].as_array().unwrap().clone()
}

/// Waits until the only delivery of an endpoint is in this state.
async fn becomes(owner: &Caller, webhook: &str, state: &str) -> Value {
    wait::some(BOUND, || async { deliveries(owner, webhook).await.into_iter().next().filter(|delivery| delivery["state"] == state) }).await
}

fn outcomes(delivery: &Value) -> Vec<&str> {
    delivery["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect()
}

/// The delivery of this number, from 0, once its body has come.
async fn told(receiver: &Service, key: &str, number: usize) -> Seen {
    wait::some(BOUND, || async { receiver.seen(key).into_iter().nth(number).filter(|seen| !seen.body.is_empty()) }).await
}

/// What the example of the page makes of a delivery: whether it is accepted.
fn accepted(secret: &str, seen: &Seen, body: &str) -> bool {
    let example = PAGE.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let driver = "import json, sys\ngiven = json.load(sys.stdin)\ntry:\n    print(verify(given['secret'], given['headers'], given['body'].encode()))\n\
                  except ValueError as error:\n    print('refused:', error)\n";
    let headers: BTreeMap<&str, &str> = seen.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut python = std::process::Command::new("python3")
        .args(["-c", &format!("{example}\n{driver}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let given = json!({ "secret": secret, "headers": headers, "body": body }).to_string();
    python.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let said = String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap();
    assert!(!said.is_empty(), "the example failed");
    if said.starts_with("refused: ") {
        return false;
    }
    assert_eq!(said.trim(), seen.header("webhook-id").unwrap());
    true
}

both! {
    async fn a_delivery_is_accepted_by_the_page_s_example_with_either_secret_of_a_rotation(db: Db) {
        let (house, receiver) = (House::open(db, SETTINGS, &[]).await, Service::start().await.unwrap());
        let owner = house.tenant().await.owner;
        let wanted = json!({ "url": format!("{}/status/204?key=good", receiver.base), "types": ["artist.*"], "ed25519": true });
        let webhook = owner.post("/v1/webhooks").json(wanted).await.expect(201).json();
        let (first, at) = (webhook["secret"].as_str().unwrap().to_owned(), path(&webhook));
        assert!((24..=64).contains(&BASE64.decode(first.strip_prefix("whsec_").unwrap()).unwrap().len()));

        let artist = owner.make("artists", json!({ "name": "Ada" })).await;
        owner.make("songs", json!({ "title": "Nobody asked for this one" })).await;
        let seen = told(&receiver, "good", 0).await;
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!((&body["type"], &body["data"]["id"]), (&json!("artist.created"), &json!(artist)));
        assert_eq!((seen.method.as_str(), seen.header("webhook-id")), ("POST", body["id"].as_str()));
        assert!(accepted(&first, &seen, &seen.body));
        assert!(!accepted(&first, &seen, &seen.body.replace("artist.created", "artist.deleted")));

        let shown = owner.get(&at).await.expect(200).json();
        let public = shown["secrets"].as_array().unwrap().iter().find(|one| one["scheme"] == "v1a").unwrap()["key"].clone();
        let public = BASE64.decode(public.as_str().unwrap().strip_prefix("whpk_").unwrap()).unwrap();
        let signature = seen.header("webhook-signature").unwrap().split(' ').find_map(|one| one.strip_prefix("v1a,")).unwrap();
        let content = format!("{}.{}.{}", seen.header("webhook-id").unwrap(), seen.header("webhook-timestamp").unwrap(), seen.body);
        assert!(UnparsedPublicKey::new(&ED25519, public).verify(content.as_bytes(), &BASE64.decode(signature).unwrap()).is_ok());

        let rotated = owner.post(&format!("{at}/rotate")).json(json!({ "overlap_seconds": 3600 })).await.expect(201);
        let second = rotated.str("/secret");
        owner.make("artists", json!({ "name": "Ben" })).await;
        let seen = told(&receiver, "good", 1).await;
        assert!(first != second && accepted(&first, &seen, &seen.body) && accepted(&second, &seen, &seen.body));
        let third = owner.post(&format!("{at}/rotate")).json(json!({ "overlap_seconds": 0 })).await.expect(201).str("/secret");
        owner.make("artists", json!({ "name": "Cy" })).await;
        let seen = told(&receiver, "good", 2).await;
        assert!(!accepted(&first, &seen, &seen.body) && !accepted(&second, &seen, &seen.body) && accepted(&third, &seen, &seen.body));

        wait::until(BOUND, || async { deliveries(&owner, &at).await.iter().all(|one| one["state"] == "delivered") }).await;
        assert_eq!(deliveries(&owner, &at).await.len(), 3, "the song was nobody's wish");
        let health = owner.get(&at).await.expect(200).at("/health");
        assert_eq!((&health["attempts"], &health["success"]), (&json!(3), &json!(1.0)));
        let audit = owner.get("/v1/audit?action=webhook.*").await.expect(200).text();
        assert!(audit.contains("webhook.create") && audit.contains("webhook.rotate"));
        for secret in [&first, &second, &third] {
            assert!(!audit.contains(secret.as_str()) && !owner.get("/v1/webhooks").await.expect(200).text().contains(secret.as_str()));
        }
        let viewer = house.command(&["key", "create", "--tenant", &house.tenant().await.slug, "--role", "editor"]).await;
        assert_eq!(house.stranger().with(viewer["key"].as_str().unwrap()).get("/v1/webhooks").await.code(), 403);
    }

    async fn each_kind_of_bad_receiver_is_handled_as_the_page_says(db: Db) {
        let (house, receiver) = (House::open(db, SETTINGS, &[]).await, Service::start().await.unwrap());
        let owner = house.tenant().await.owner;

        // Slow: it holds nobody else, and its attempts end.
        receiver.hold("slow");
        let slow = tried(&owner, &receiver, "/status/200?key=slow").await;
        assert!(receiver.arrived("slow", 1, BOUND).await);
        let good = tried(&owner, &receiver, "/status/200?key=good").await;
        becomes(&owner, &good, "delivered").await;

        // Flapping: the same id until it is taken.
        receiver.ail_for("flap", 500, 2);
        let flapping = tried(&owner, &receiver, "/status/200?key=flap").await;
        let delivery = becomes(&owner, &flapping, "delivered").await;
        assert_eq!(outcomes(&delivery), ["failed", "failed", "delivered"]);
        let ids: Vec<String> = receiver.seen("flap").iter().map(|seen| seen.header("webhook-id").unwrap().to_owned()).collect();
        assert!(ids.iter().all(|id| *id == ids[0] && delivery["event"] == *id), "{ids:?}");

        // Redirecting: a failure each time, and nobody is asked elsewhere.
        let elsewhere = format!("{}/echo%3Fkey=trap", receiver.base);
        let redirecting = tried(&owner, &receiver, &format!("/fields?status=307&key=redirect&location={elsewhere}")).await;
        assert_eq!(outcomes(&becomes(&owner, &redirecting, "dead").await), ["redirected"; 3]);
        assert_eq!((receiver.arrivals("redirect"), receiver.arrivals("trap")), (3, 0));

        // Gone: disabled at once, a dead letter, and on record.
        let gone = tried(&owner, &receiver, "/status/410?key=gone").await;
        assert_eq!(outcomes(&becomes(&owner, &gone, "dead").await), ["gone"]);
        let shown = owner.get(&gone).await.expect(200).json();
        assert_eq!((&shown["state"], &shown["reason"]), (&json!("disabled"), &json!("gone")));
        assert!(owner.get("/v1/audit?action=webhook.disable").await.expect(200).text().contains("gone"));
        assert_eq!(owner.post(&format!("{gone}/replay")).json(json!({ "since": "2026-01-01T00:00:00Z" })).await.code(), 409);

        // Throttling: the next attempt waits for as long as was asked for.
        let throttling = tried(&owner, &receiver, "/fields?status=429&key=throttle&retry-after=600").await;
        let delivery = wait::some(BOUND, || async {
            deliveries(&owner, &throttling).await.into_iter().next().filter(|one| !outcomes(one).is_empty())
        })
        .await;
        assert_eq!((outcomes(&delivery), &delivery["state"]), (vec!["throttled"], &json!("pending")));
        let later = "SELECT COUNT(*) FROM webhook_delivery d JOIN webhook_attempt a ON a.event_id = d.event_id WHERE d.next_at - a.at >= 600000000";
        assert_eq!((house.look(later), receiver.arrivals("throttle")), (vec![vec!["1".to_owned()]], 1));
        assert!(!owner.get(&throttling).await.expect(200).at("/paused_until").is_null(), "and so do all others for it");

        // Inside: refused at registration, and where a name leads there, at every attempt.
        let port = receiver.base.rsplit(':').next().unwrap();
        for inside in ["https://10.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "http://127.0.0.2/", "https://u:p@a.example/"] {
            let refused = owner.post("/v1/webhooks").json(json!({ "url": inside })).await.expect(422);
            assert_eq!(refused.str("/errors/0/pointer"), "/url", "{inside}");
        }
        // Resolvers read this name as 127.0.0.2.
        let named = path(&register(&owner, format!("http://2130706434:{port}/echo?key=inside"), &["webhook.none"]).await);
        owner.post(&format!("{named}/test")).await.expect(200);
        let delivery = becomes(&owner, &named, "dead").await;
        assert!(outcomes(&delivery).iter().all(|one| ["refused", "unresolved"].contains(one)), "{delivery}");
        assert_eq!(receiver.arrivals("inside"), 0);

        let delivery = becomes(&owner, &slow, "dead").await;
        assert_eq!(outcomes(&delivery), ["late"; 3]);
        let metrics = house.running.ops().get("/metrics").await.expect(200).text();
        assert!(metrics.contains("plimsoll_webhook_attempts_total{outcome=\"late\"} 3\n"), "{metrics}");
    }

    async fn what_was_given_up_or_missed_is_replayed_with_the_ids_of_its_events(db: Db) {
        let (house, receiver) = (House::open(db, SETTINGS, &[]).await, Service::start().await.unwrap());
        let owner = house.tenant().await.owner;
        receiver.ail("dead", Some(503));
        let dead = path(&register(&owner, format!("{}/status/200?key=dead", receiver.base), &["artist.created"]).await);
        owner.make("artists", json!({ "name": "Ada" })).await;
        let delivery = becomes(&owner, &dead, "dead").await;
        assert_eq!(outcomes(&delivery), ["failed"; 3]);
        assert!(delivery["reason"].as_str().unwrap().contains("503"));
        let letters = "SELECT state FROM job WHERE kind = 'webhook.deliver' AND state = 'dead'";
        wait::until(BOUND, || async { house.look(letters).len() == 1 }).await;

        owner.post(&format!("{dead}/disable")).await.expect(200);
        owner.make("artists", json!({ "name": "Ben" })).await;
        owner.post(&format!("{dead}/enable")).await.expect(200);
        receiver.ail("dead", None);
        let replayed = owner.post(&format!("{dead}/replay")).json(json!({ "since": "2026-01-01T00:00:00Z" })).await.expect(200).json();
        assert_eq!(replayed, json!({ "replayed": 2, "next_since": null }));
        wait::until(BOUND, || async { deliveries(&owner, &dead).await.iter().all(|one| one["state"] == "delivered") }).await;
        wait::until(BOUND, || async { house.look(letters).is_empty() }).await;
        let seen = receiver.seen("dead");
        let of = |kind: &str| seen.iter().filter(|seen| seen.header("webhook-id") == Some(kind)).count();
        assert_eq!((seen.len(), of(delivery["event"].as_str().unwrap())), (5, 4));
        assert_eq!(house.look("SELECT COUNT(*) FROM webhook_delivery WHERE state = 'delivered'"), [["2"]]);

        // One event by its id, also when it was delivered; and none that is not the tenant's.
        let one = json!({ "events": [delivery["event"]] });
        owner.post(&format!("{dead}/replay")).json(one.clone()).await.expect(200);
        assert!(receiver.arrived("dead", 6, BOUND).await);
        let other = house.tenant().await.owner;
        assert_eq!(other.post(&format!("{dead}/replay")).json(one).await.code(), 404);
        assert_eq!(other.get(&dead).await.code(), 404);

        owner.delete(&dead).await.expect(204);
        assert_eq!(house.look("SELECT COUNT(*) FROM webhook_attempt"), [["0"]]);
    }

    async fn an_endpoint_that_fails_for_long_is_disabled_and_the_others_are_told(db: Db) {
        let settings = [
            ("PLIMSOLL_WEBHOOKS__ALLOW", "127.0.0.1"),
            ("PLIMSOLL_WEBHOOKS__SCHEDULE", "100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms"),
            ("PLIMSOLL_WEBHOOKS__DISABLE_AFTER", "200ms"),
        ];
        let (house, receiver) = (House::open(db, &settings, &[]).await, Service::start().await.unwrap());
        let owner = house.tenant().await.owner;
        register(&owner, format!("{}/status/200?key=watch", receiver.base), &["webhook.*"]).await;
        receiver.ail("dying", Some(500));
        let dying = tried(&owner, &receiver, "/status/200?key=dying").await;
        becomes(&owner, &dying, "dead").await;
        let shown = owner.get(&dying).await.expect(200).json();
        assert_eq!((&shown["state"], &shown["reason"]), (&json!("disabled"), &json!("failing")));
        let told: Value = serde_json::from_str(&told(&receiver, "watch", 0).await.body).unwrap();
        assert_eq!((&told["type"], &told["data"]["reason"]), (&json!("webhook.disabled"), &json!("failing")));
        assert_eq!(told["subject"], dying.trim_start_matches("/v1/webhooks/"));
    }
}
