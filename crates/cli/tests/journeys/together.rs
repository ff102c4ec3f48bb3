//! What happens at the same time: callers in one server, and two servers on one database.

use std::collections::BTreeSet;

use plimsoll_testkit::{Db, both, http::Reply, process::Running};
use serde_json::{Value, json};

use crate::house::{Caller, House, house};

/// Sends all at once; the statuses, sorted.
async fn at_once(requests: Vec<plimsoll_testkit::http::Request>) -> Vec<u16> {
    let running: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.send())).collect();
    let mut codes = Vec::new();
    for one in running {
        let reply: Reply = one.await.unwrap();
        assert!(reply.code() < 500, "{reply}");
        codes.push(reply.code());
    }
    codes.sort_unstable();
    codes
}

/// The same caller at another server of the same database.
fn at(server: &Running, caller: &Caller, credential: &str) -> Caller {
    caller.at(server.client()).with(credential)
}

both! {
    async fn of_two_last_owners_who_leave_at_once_one_stays(db: Db) {
        for _ in 0..4 {
            let tenant = house(db).tenant().await;
            let (one, two) = (tenant.person("owner").await, tenant.person("owner").await);
            let leave = |id: &str| tenant.owner.delete(&format!("/v1/users/{id}"));
            assert_eq!(at_once(vec![leave(&one.id), leave(&two.id)]).await, [204, 409]);
            assert_eq!(tenant.owner.get("/v1/users").await.expect(200).at("/pagination/total_items"), 1);
        }
    }

    async fn no_song_is_left_behind_by_an_artist_deleted_at_the_same_moment(db: Db) {
        let tenant = house(db).tenant().await;
        for n in 0..15 {
            let artist = tenant.owner.make("artists", json!({ "name": format!("A{n}") })).await;
            let song = tenant.owner.post("/v1/songs").json(json!({ "title": "S", "artist_id": artist }));
            let codes = at_once(vec![tenant.owner.delete(&format!("/v1/artists/{artist}")), song]).await;
            assert!(codes == [201, 409] || codes == [204, 422], "{codes:?}");
        }
    }

    async fn one_address_registered_twice_at_once_is_one_account(db: Db) {
        let tenant = house(db).tenant().await;
        let join = || tenant.owner.post("/v1/users").json(json!({ "email": "twin@example.org", "role": "viewer" }));
        assert_eq!(at_once(vec![join(), join(), join(), join()]).await, [201, 409, 409, 409]);
        assert_eq!(tenant.owner.get("/v1/users").await.expect(200).at("/pagination/total_items"), 1);
    }

    async fn two_servers_on_one_database_are_one_service(db: Db) {
        let house = House::open(db, &[], &[]).await;
        let second = house.plimsoll.start().await;
        let tenant = house.tenant().await;
        let made = tenant.owner.post("/v1/keys").json(json!({ "name": "both", "role": "owner" })).await.expect(201);
        let (id, secret) = (made.str("/id"), made.str("/secret"));
        let here = house.stranger().with(&secret);
        let there = at(&second, &here, &secret);
        let artist = here.make("artists", json!({ "name": "Shared" })).await;

        let work: Vec<_> = [&here, &there]
            .into_iter()
            .flat_map(|caller| (0..3).map(move |_| caller.clone()))
            .map(|caller| {
                tokio::spawn(async move {
                    for n in 0..10 {
                        caller.post("/v1/songs").json(json!({ "title": format!("{n}"), "artist_id": artist })).await.expect(201);
                        caller.patch(&format!("/v1/artists/{artist}")).json(json!({ "name": format!("N{n}") })).await.expect(200);
                    }
                })
            })
            .collect();
        for one in work {
            one.await.unwrap();
        }
        for caller in [&here, &there] {
            let songs = caller.get("/v1/songs?page_size=100").await.expect(200).json();
            let ids: BTreeSet<i64> = songs["items"].as_array().unwrap().iter().map(|song: &Value| song["id"].as_i64().unwrap()).collect();
            assert_eq!((ids.len(), &songs["pagination"]["total_items"]), (60, &json!(60)));
            assert_eq!(caller.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
            assert_eq!(caller.get(&format!("/v1/artists/{artist}")).await.expect(200).header("etag"), Some("\"61\""));
        }
        assert_eq!(here.get("/v1/audit?action=songs.create").await.expect(200).at("/pagination/total_items"), 60);

        // Rules that span rows hold across servers as well.
        for _ in 0..15 {
            let artist = here.make("artists", json!({ "name": "Fleeting" })).await;
            let song = there.post("/v1/songs").json(json!({ "title": "S", "artist_id": artist }));
            let codes = at_once(vec![here.delete(&format!("/v1/artists/{artist}")), song]).await;
            assert!(codes == [201, 409] || codes == [204, 422], "{codes:?}");
        }
        for _ in 0..4 {
            let pair = house.tenant().await;
            let (one, two) = (pair.person("owner").await, pair.person("owner").await);
            let made = pair.owner.post("/v1/keys").json(json!({ "name": "both", "role": "owner" })).await.expect(201);
            let elsewhere = at(&second, &pair.owner, &made.str("/secret"));
            let codes = at_once(vec![pair.owner.delete(&format!("/v1/users/{}", one.id)), elsewhere.delete(&format!("/v1/users/{}", two.id))]).await;
            assert_eq!(codes, [204, 409]);
            assert_eq!(pair.owner.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
        }
        assert_eq!(here.get("/v1/audit/verify").await.expect(200).at("/intact"), true);

        // What one server revokes, the other stops believing within moments.
        there.get("/v1/songs").await.expect(200);
        tenant.owner.delete(&format!("/v1/keys/{id}")).await.expect(204);
        here.get("/v1/songs").await.expect(401);
        plimsoll_testkit::wait::until(std::time::Duration::from_secs(3), || async { there.get("/v1/songs").await.code() == 401 }).await;

        // A login at one is a login at the other, and a signing key made later is known to both.
        let person = tenant.person("viewer").await;
        house.command(&["key", "rotate-signing"]).await;
        let login = tenant.login(&person).await;
        at(&second, &login.caller, &login.access).get("/v1/songs").await.expect(200);
    }
}
