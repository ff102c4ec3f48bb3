//! What has happened is told once it is true: in order, without gaps, to those who may know.

use std::time::Duration;

use plimsoll_testkit::{Db, both, http::Wire};
use serde_json::{Value, json};

use crate::house::{Caller, House, Tenant, house};

const BOUND: Duration = Duration::from_secs(20);

async fn page(who: &Caller, query: &str) -> Value {
    who.get(&format!("/v1/events?{query}")).await.expect(200).json()
}

async fn told(who: &Caller, query: &str) -> Vec<(String, String)> {
    let page = page(who, query).await;
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    page["items"].as_array().unwrap().iter().map(|event| (text(event, "type"), text(event, "subject"))).collect()
}

/// A stream of one's tenant, after an event or from now on.
struct Stream {
    wire: Wire,
    read: String,
}

impl Stream {
    async fn open(at: &House, key: &str, query: &str, after: Option<i64>) -> Stream {
        let base = at.running.client().base().to_owned();
        let mut wire = Wire::open(&base).await;
        let last = after.map_or_else(String::new, |after| format!("last-event-id: {after}\r\n"));
        let head = format!(
            "GET /v1/events?{query} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\naccept: text/event-stream\r\n{last}\r\n"
        );
        wire.write(head).await.unwrap();
        let mut stream = Stream { wire, read: String::new() };
        stream.until("retry:").await;
        assert!(stream.read.starts_with("HTTP/1.1 200") && stream.read.contains("content-type: text/event-stream"), "{}", stream.read);
        stream
    }

    /// Reads until this has come.
    async fn until(&mut self, text: &str) {
        while !self.read.contains(text) {
            let more = self.wire.until(BOUND, |read| !read.is_empty()).await;
            assert!(!more.is_empty(), "closed before {text:?}: {}", self.read);
            self.read.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// Reads until the server ends it.
    async fn rest(mut self) -> String {
        let rest = self.wire.until(BOUND, |read| read.ends_with(b"0\r\n\r\n")).await;
        self.read.push_str(&String::from_utf8_lossy(&rest));
        self.read
    }
}

async fn head(tenant: &Tenant<'_>) -> i64 {
    let mut after = 0;
    loop {
        let page = page(&tenant.owner, &format!("after={after}")).await;
        after = page["after"].as_i64().unwrap();
        if page["more"] == false {
            return after;
        }
    }
}

both! {
    async fn every_change_is_told_in_order_without_gaps(db: Db) {
        let tenant = house(db).tenant().await;
        let owner = &tenant.owner;
        let artist = owner.make("artists", json!({ "name": "A" })).await;
        let song = owner.make("songs", json!({ "title": "S", "artist_id": artist })).await;
        owner.put(&format!("/v1/artists/{artist}")).json(json!({ "name": "B" })).await.expect(200);
        owner.patch(&format!("/v1/artists/{artist}")).json(json!({ "name": "C" })).await.expect(200);
        owner.post("/v1/artists").json(json!({ "name": "" })).await.expect(422);
        owner.delete(&format!("/v1/artists/{artist}?cascade=true")).await.expect(204);
        owner.post(&format!("/v1/artists/{artist}/restore")).await.expect(200);
        let many = owner.make_many("songs", vec![json!({ "title": "T" }), json!({ "title": "U" })]).await;
        let (id, _) = tenant.key_of(json!({ "name": "k", "role": "viewer" })).await;
        owner.delete(&format!("/v1/keys/{id}")).await.expect(204);

        let page = page(owner, "after=0").await;
        let items = page["items"].as_array().unwrap();
        let seen: Vec<(&str, String)> =
            items.iter().map(|event| (event["type"].as_str().unwrap(), event["subject"].as_str().unwrap().to_owned())).collect();
        let (artist, song) = (artist.to_string(), song.to_string());
        assert_eq!(seen[0], ("tenant.created", tenant.id.clone()));
        assert_eq!(seen[1].0, "key.created");
        assert_eq!(
            seen[2..],
            [
                ("artist.created", artist.clone()),
                ("song.created", song.clone()),
                ("artist.updated", artist.clone()),
                ("artist.updated", artist.clone()),
                ("song.deleted", song.clone()),
                ("artist.deleted", artist.clone()),
                ("artist.restored", artist.clone()),
                ("song.restored", song.clone()),
                ("song.created", many[0].to_string()),
                ("song.created", many[1].to_string()),
                ("key.created", id.clone()),
                ("key.revoked", id.clone()),
            ]
        );
        for (position, event) in items.iter().enumerate() {
            assert_eq!(event["sequence"], format!("{:020}", position + 1), "{event}");
            assert_eq!((&event["specversion"], &event["tenant"]), (&json!("1.0"), &json!(tenant.id)), "{event}");
        }
        let version = owner.get(&format!("/v1/artists/{artist}")).await.expect(200).header("etag").unwrap().trim_matches('"').to_owned();
        assert_eq!(items[8]["data"], json!({ "id": artist.parse::<i64>().unwrap(), "version": version.parse::<i64>().unwrap() }));
        assert_eq!(items[8]["source"], "/v1/artists");
        assert!(items[8]["traceparent"].as_str().unwrap().starts_with("00-"));
    }

    async fn one_hears_of_what_one_may_read_and_of_nothing_else(db: Db) {
        let tenant = house(db).tenant().await;
        tenant.owner.make("artists", json!({ "name": "A" })).await;
        tenant.owner.make("songs", json!({ "title": "S" })).await;
        let viewer = tenant.key("viewer").await;
        let kinds = |told: Vec<(String, String)>| told.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds(told(&viewer, "").await), ["tenant.created", "artist.created", "song.created"]);
        assert_eq!(kinds(told(&viewer, "type=song.*").await), ["song.created"]);
        assert_eq!(kinds(told(&tenant.owner, "type=key.created,song.created").await), ["key.created", "song.created", "key.created"]);
        let narrow = json!({ "name": "n", "role": "viewer", "scopes": ["events:read", "artists:read"] });
        assert_eq!(kinds(told(&tenant.key_of(narrow).await.1, "").await), ["artist.created"]);
        let without = json!({ "name": "w", "role": "viewer", "scopes": ["artists:read"] });
        tenant.key_of(without).await.1.get("/v1/events").await.expect(403);
        tenant.owner.get("/v1/events?type=song*").await.expect(422);
        let other = house(db).tenant().await;
        assert!(told(&other.owner, "").await.iter().all(|(kind, subject)| kind != "artist.created" && *subject != tenant.id));
    }

    async fn a_stream_goes_on_where_it_broke_off(db: Db) {
        let tenant = house(db).tenant().await;
        let made = tenant.owner.post("/v1/keys").json(json!({ "name": "k", "role": "viewer" })).await.expect(201).str("/secret");
        let seen = head(&tenant).await;
        let mut stream = Stream::open(tenant.house, &made, "type=artist.*", None).await;
        let first = tenant.owner.make("artists", json!({ "name": "A" })).await;
        stream.until(&format!("id: {}\nevent: artist.created\ndata: {{", seen + 1)).await;
        stream.until(&format!("\"subject\":\"{first}\"")).await;
        drop(stream);
        let missed = tenant.owner.make("artists", json!({ "name": "B" })).await;
        tenant.owner.make("songs", json!({ "title": "not asked for" })).await;
        let mut again = Stream::open(tenant.house, &made, "type=artist.*", Some(seen + 1)).await;
        again.until(&format!("\"subject\":\"{missed}\"")).await;
        tenant.owner.make("artists", json!({ "name": "C" })).await;
        again.until(&format!("id: {}\nevent: artist.created", seen + 4)).await;
        assert!(!again.read.contains("song.created") && !again.read.contains(&format!("id: {}\n", seen + 1)), "{}", again.read);
    }

    async fn a_log_that_was_cut_off_says_so(db: Db) {
        let tenant = house(db).tenant().await;
        tenant.owner.make_many("artists", (0..5).map(|n| json!({ "name": format!("{n}") })).collect()).await;
        let key = tenant.owner.post("/v1/keys").json(json!({ "name": "k", "role": "viewer" })).await.expect(201).str("/secret");
        let end = head(&tenant).await;
        assert_eq!(tenant.house.meddle(&format!("DELETE FROM event WHERE tenant_id = '{}' AND seq <= 4", tenant.id)), 4);
        tenant.owner.get("/v1/events?after=4").await.expect(200);
        let gone = tenant.owner.get("/v1/events?after=2").await.expect(410);
        assert!(gone.str("/detail").contains("3 to 4"), "{gone}");
        tenant.owner.get(&format!("/v1/events?after={}", end + 1)).await.expect(410);
        let mut stream = Stream::open(tenant.house, &key, "", Some(2)).await;
        stream.until("event: lost\ndata: {\"from\":3,\"to\":4").await;
        stream.until("id: 5\nevent: artist.created").await;
        let mut stream = Stream::open(tenant.house, &key, "", Some(end + 7)).await;
        stream.until(&format!("id: {end}\nevent: reset")).await;
    }

    async fn a_stream_ends_when_its_key_is_revoked_and_when_the_server_stops(db: Db) {
        let house = House::open(db, &[("PLIMSOLL_EVENTS__STREAMS_PER_TENANT", "2"), ("PLIMSOLL_EVENTS__HEARTBEAT", "1s")], &[]).await;
        let tenant = house.tenant().await;
        let made = tenant.owner.post("/v1/keys").json(json!({ "name": "k", "role": "viewer" })).await.expect(201);
        let stays = tenant.owner.post("/v1/keys").json(json!({ "name": "s", "role": "viewer" })).await.expect(201).str("/secret");
        let mut first = Stream::open(&house, &made.str("/secret"), "", None).await;
        let mut second = Stream::open(&house, &stays, "", None).await;
        tenant.owner.get("/v1/events").header("accept", "text/event-stream").await.expect(429);
        first.until(": alive").await;
        tenant.owner.delete(&format!("/v1/keys/{}", made.str("/id"))).await.expect(204);
        let told = first.rest().await;
        assert!(told.contains("event: end\ndata: {\"reason\":\"credential-revoked\""), "{told}");
        assert!(!told.contains("key.revoked"), "what a viewer may not read: {told}");
        second.until(": alive").await;
        let House { running, .. } = house;
        let (_, told) = tokio::join!(running.stop(), second.rest());
        assert!(told.contains("event: end\ndata: {\"reason\":\"draining\""), "{told}");
    }

    async fn what_one_process_writes_is_told_by_another_and_subscribers_hear_it(db: Db) {
        let here = House::open(db, &[], &["--rehearsal"]).await;
        let tenant = here.tenant().await;
        let key = tenant.owner.post("/v1/keys").json(json!({ "name": "k", "role": "editor" })).await.expect(201).str("/secret");
        let there = here.plimsoll.start().await;
        let mut stream = Stream::open(&here, &key, "type=rehearsal.*,artist.*", None).await;
        let other = tenant.owner.at(there.client().with_bearer(&key));
        other.post("/v1/rehearsal/events").json(json!({ "name": "Broken", "breaks": true })).await.expect(409);
        other.post("/v1/rehearsal/events").json(json!({ "name": "Large", "bytes": 70_000 })).await.expect(422);
        other.post("/v1/rehearsal/events").json(json!({ "name": "Heard", "fails": 1 })).await.expect(204);
        stream.until("event: rehearsal.said").await;
        assert!(!stream.read.contains("Broken") && !stream.read.contains("Large"), "{}", stream.read);
        let deadline = tokio::time::Instant::now() + BOUND;
        loop {
            let made = tenant.owner.get("/v1/artists?name=Heard").await.expect(200);
            if made.at("/pagination/total_items") == 1 {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "nobody heard: {made}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(tenant.owner.get("/v1/artists").await.expect(200).at("/pagination/total_items"), 1);
    }
}
