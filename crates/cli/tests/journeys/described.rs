//! A mounted service that publishes a description of itself.

use std::time::Duration;

use plimsoll_assess::rig::Service;
use plimsoll_testkit::{Db, both, wait};
use serde_json::{Value, json};

use crate::house::{House, pointers};

const BOUND: Duration = Duration::from_secs(30);

fn shop() -> Value {
    let item = json!({ "type": "object", "required": ["name"], "additionalProperties": false, "properties": { "name": { "type": "string", "maxLength": 5 } } });
    let body = json!({ "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Item" } } } });
    let id = json!([{ "name": "id", "in": "path", "required": true, "schema": { "type": "integer", "minimum": 1 } }]);
    json!({ "openapi": "3.1.0", "info": { "title": "Shop", "version": "1" }, "components": { "schemas": { "Item": item } }, "paths": {
        "/items/{id}/echo": {
            "parameters": id,
            "get": { "operationId": "read_item", "tags": ["items"] },
            "post": { "operationId": "change_item", "tags": ["items"], "requestBody": body },
        },
        "/admin/echo": { "get": { "operationId": "statistics", "tags": ["admin"] } },
        "/unasked/echo": { "get": { "operationId": "unasked" } },
        "/health": { "get": {} },
        "/v1/users": { "get": {} },
    } })
}

const RULES: &str = r#"{ "tag:items" = "items:read viewer", "operation:change_item" = "items:write editor", "tag:admin" = "admin" }"#;

/// A server in front of a service that says this about itself, once it is read.
async fn opened(db: Db, service: &Service, document: Option<Value>, settings: &[(&str, &str)]) -> House {
    let read = document.is_some();
    if let Some(document) = document {
        service.describe(document);
    }
    let mut all =
        vec![("PLIMSOLL_SERVICE__URL", service.base.as_str()), ("PLIMSOLL_SERVICE__NAME", "shop"), ("PLIMSOLL_ROUTES__RULES", RULES)];
    all.extend_from_slice(settings);
    let house = House::open(db, &all, &[]).await;
    let told = if read { "description is read" } else { "has no description" };
    wait::until(BOUND, || async { house.running.stderr().contains(told) }).await;
    house
}

both! {
    async fn rules_by_name_hold_in_every_spelling_of_a_path(db: Db) {
        let service = Service::start().await.unwrap();
        let house = opened(db, &service, Some(shop()), &[]).await;
        let tenant = house.tenant().await;
        let (viewer, editor) = (tenant.key("viewer").await, tenant.key("editor").await);
        viewer.get("/items/7/echo").await.expect(200);
        viewer.post("/items/7/echo").json(json!({ "name": "a" })).await.expect(403);
        editor.post("/items/7/echo").json(json!({ "name": "a" })).await.expect(200);
        tenant.owner.get("/admin/echo?key=admin").await.expect(200);
        for path in ["/admin/echo", "/admin/echo/", "/Admin/echo", "/%61dmin/echo", "/admin%2Fecho", "/admin;a=b/echo", "//admin/echo"] {
            let refused = editor.get(&format!("{path}?key=admin")).await.code();
            assert!(matches!(refused, 400 | 403), "{path}: {refused}");
        }
        assert_eq!(service.arrivals("admin"), 1, "only the owner's request reached the service");
        // Nobody asks without a credential, described or not.
        for path in ["/items/7/echo", "/other/echo"] {
            house.stranger().get(path).await.expect(401);
        }
    }

    async fn what_is_described_and_what_is_not_can_be_read(db: Db) {
        let service = Service::start().await.unwrap();
        let house = opened(db, &service, Some(shop()), &[]).await;
        let tenant = house.tenant().await;
        tenant.owner.get("/items/7/echo").await.expect(200);
        tenant.owner.get("/items/8/echo").await.expect(200);
        for id in ["17", "18", "anna@example.org"] {
            tenant.owner.get(&format!("/hidden/{id}/echo")).await.expect(200);
        }
        // Health belongs to the service that describes it; who lives and who is ready, and people, do not.
        tenant.owner.get("/health").await.expect(404);
        house.stranger().get("/health/ready").await.expect(200);
        assert!(tenant.owner.get("/v1/users").await.expect(200).json()["items"].is_array());

        let routes = tenant.owner.get("/v1/upstreams/shop/routes").await.expect(200).json();
        assert_eq!((routes["description"]["state"].as_str(), routes["description"]["place"].as_str()), (Some("read"), Some("/openapi.json")));
        let complaint = routes["description"]["complaint"].as_str().unwrap();
        assert!(complaint.contains("yields = [\"/v1/users\"]") && !complaint.contains("/health"), "{complaint}");
        let items = routes["items"].as_array().unwrap();
        let of = |id: &str| items.iter().find(|item| item["operation"] == id).unwrap();
        assert_eq!((&of("read_item")["count"], &of("read_item")["access"]), (&json!(2), &json!(["items:read viewer"])));
        assert_eq!((&of("unasked")["count"], &of("unasked")["last"]), (&json!(0), &Value::Null));
        assert_eq!(of("change_item")["access"], json!(["items:write editor"]));
        assert!(routes["never_seen"].as_u64().unwrap() >= 3);

        let hidden = tenant.owner.get("/v1/upstreams/shop/undocumented").await.expect(200).json();
        let first = &hidden["items"][0];
        assert_eq!((&first["method"], &first["path"], &first["count"]), (&json!("GET"), &json!("/hidden/{value}/echo"), &json!(3)));
        assert_eq!(first["statuses"], json!({ "200": 3 }));
        assert!(!hidden.to_string().contains("anna"));

        let metrics = house.running.ops().get("/metrics").await.expect(200).text();
        assert!(metrics.contains("http_route=\"/items/{id}/echo\""), "the template is the description's");
        // What the operators read may be up to a second old, and then from before the complaint.
        wait::until(BOUND, || async {
            let health = house.running.ops().get("/health").await.expect(200).json();
            health["checks"]["description-of-shop"]["status"] == "failed"
        })
        .await;

        tenant.key("editor").await.get("/v1/upstreams/shop/routes").await.expect(403);
        tenant.owner.get("/v1/upstreams/none/routes").await.expect(404);
    }

    async fn a_description_is_read_again_when_somebody_asks_for_it(db: Db) {
        let service = Service::start().await.unwrap();
        let house = opened(db, &service, None, &[]).await;
        let tenant = house.tenant().await;
        // The rules name what nobody has described: whatever no other rule covers is closed, for owners too.
        tenant.owner.get("/items/7/echo").await.expect(403);
        assert!(house.running.stderr().contains("operation:change_item"));
        service.describe(shop());
        tenant.owner.post("/v1/upstreams/shop/description").await.expect(202);
        wait::until(BOUND, || async { tenant.owner.get("/items/7/echo").await.code() == 200 }).await;
        // One that cannot be used changes nothing.
        service.describe(json!({ "openapi": "3.1.0", "paths": { "/{": { "get": {} } } }));
        tenant.owner.post("/v1/upstreams/shop/description").await.expect(202);
        wait::until(BOUND, || async { house.running.stderr().contains("cannot be used") }).await;
        tenant.key("viewer").await.get("/admin/echo").await.expect(403);
        tenant.owner.get("/admin/echo").await.expect(200);
        tenant.key("viewer").await.post("/v1/upstreams/shop/description").await.expect(403);
        let noted = tenant.owner.get("/v1/audit?action=upstreams.description.reload&outcome=ok").await.expect(200).json();
        assert_eq!(noted["items"].as_array().unwrap().len(), 2);
    }

    async fn input_is_held_against_the_description_where_that_is_asked_for(db: Db) {
        for (mode, refused) in [("enforce", true), ("report", false)] {
            let service = Service::start().await.unwrap();
            let house = opened(db, &service, Some(shop()), &[("PLIMSOLL_ROUTES__VALIDATE", mode)]).await;
            let owner = house.tenant().await.owner;
            let sent = owner.post("/items/7/echo?key=good").json(json!({ "name": "plum" })).await.expect(200);
            assert_eq!(sent.str("/body"), r#"{"name":"plum"}"#, "the body arrives as it was sent");
            let wrong = owner.post("/items/0/echo?key=bad").json(json!({ "name": "gooseberry", "extra": 1 })).await;
            assert_eq!(wrong.code(), if refused { 422 } else { 200 });
            if refused {
                assert_eq!(pointers(&wrong), ["{id}", "/name", "/extra"]);
                owner.post("/items/7/echo?key=bad").header("content-type", "text/plain").body("{}").await.expect(415);
                owner.post("/items/7/echo?key=bad").header("content-type", "application/json").body("{").await.expect(400);
            } else {
                let log = || house.running.stderr() + &house.running.stdout();
                wait::until(BOUND, || async { log().contains("does not fit") }).await;
                assert!(log().contains("change_item") && !log().contains("gooseberry") && !log().contains("/extra"), "{}", log());
            }
            assert_eq!(service.arrivals("bad"), usize::from(!refused));
            let metrics = house.running.ops().get("/metrics").await.expect(200).text();
            let (outcome, count) = if refused { ("refused", 3) } else { ("reported", 1) };
            let line = format!("plimsoll_description_faults_total{{service=\"shop\",outcome=\"{outcome}\"}} {count}\n");
            assert!(metrics.contains(&line), "{metrics}");
        }
    }

    async fn what_is_not_described_can_be_closed(db: Db) {
        let service = Service::start().await.unwrap();
        let house = opened(db, &service, Some(shop()), &[("PLIMSOLL_ROUTES__UNDOCUMENTED", "deny")]).await;
        let owner = house.tenant().await.owner;
        owner.get("/items/7/echo").await.expect(200);
        owner.get("/hidden/echo?key=hidden").await.expect(403);
        owner.delete("/items/7/echo?key=hidden").await.expect(403);
        assert_eq!(service.arrivals("hidden"), 0);
    }
}
