//! Every operation for every role, as the description promises it.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_testkit::{Db, both, http::Reply};
use serde_json::{Value, json};

use crate::{
    house::{Caller, Login, Person, Tenant, house},
    walk::{Ids, Operation, operations},
};

const ROLES: [&str; 4] = ["viewer", "editor", "admin", "owner"];

fn rank(role: &str) -> usize {
    ROLES.iter().position(|one| *one == role).unwrap_or_else(|| panic!("`{role}` is no role"))
}

/// Ids that exist nowhere: whoever may ask gets 404, whoever may not gets 403, nothing is changed.
async fn nowhere(db: Db) -> Ids {
    let elsewhere = house(db).tenant().await;
    let person = elsewhere.person("viewer").await;
    let session = elsewhere.login(&person).await.caller.get("/v1/auth/sessions").await.expect(200).str("/items/0/id");
    let (key, _) = elsewhere.key_of(json!({ "name": "elsewhere", "role": "viewer" })).await;
    let mut ids = BTreeMap::from([
        ("artists", "987654321".to_owned()),
        ("songs", "987654321".to_owned()),
        ("users", person.id),
        ("keys", key),
        ("sessions", session),
        ("tenants", elsewhere.id),
        ("upstreams", "elsewhere".to_owned()),
        ("idempotency", "0".repeat(32)),
        ("schedules", "nowhere".to_owned()),
        ("jobs", format!("job_{}", "0".repeat(26))),
        ("webhooks", "whk_01jd0000000000000000000000".to_owned()),
        ("upstreams", "nowhere".to_owned()),
        // Backups are the host's.
        ("backups", format!("bak_{}", "0".repeat(26))),
    ]);
    ids.extend(crate::clinic::nowhere());
    ids
}

fn refused_by(reply: &Reply) -> Value {
    if reply.code() < 400 { Value::Null } else { reply.json()["refused_by"].clone() }
}

#[track_caller]
fn assert_denied(reply: &Reply, what: &str) {
    assert_eq!((reply.code(), refused_by(reply)), (403, json!("access")), "{what} must be refused: {reply}");
    assert_eq!(reply.str("/code"), "PLM-AUTH-007", "{what}");
}

#[track_caller]
fn assert_let_through(reply: &Reply, what: &str) {
    // A tenant without a model may be told so: that is past the door as well.
    assert!(reply.code() < 500 || reply.str("/code") == "PLM-AI-001", "{what}: {reply}");
    assert!(!["access", "identity"].iter().any(|layer| refused_by(reply) == *layer), "{what} must be let through: {reply}");
}

/// A logged-in member who logs in again when the walk has ended the session.
struct Walker<'t> {
    tenant: &'t Tenant<'static>,
    person: Person,
    login: Login,
}

impl Walker<'_> {
    async fn caller(&mut self) -> Caller {
        if self.login.caller.get("/v1/auth/me").await.code() == 401 {
            self.login = self.tenant.login(&self.person).await;
        }
        self.login.caller.clone()
    }
}

both! {
    async fn every_operation_is_for_exactly_the_roles_the_description_names(db: Db) {
        let tenant = house(db).tenant().await;
        let operations = operations(&tenant.owner).await;
        let ids = nowhere(db).await;
        for role in ROLES {
            let person = tenant.person(role).await;
            let login = tenant.login(&person).await;
            let mut walker = Walker { tenant: &tenant, person, login };
            let key = tenant.key(role).await;
            for operation in &operations {
                let what = format!("{} {} ({}) as {role}", operation.method, operation.template, operation.id);
                let allowed = operation.needs().is_none_or(|(_, least)| rank(role) >= rank(least));
                for caller in [walker.caller().await, key.clone()] {
                    let reply = operation.request(&caller, &ids).await;
                    if allowed { assert_let_through(&reply, &what) } else { assert_denied(&reply, &what) }
                }
            }
        }
    }

    async fn nobody_without_credential_gets_past_a_route_that_is_not_public(db: Db) {
        let stranger = house(db).stranger();
        let ids = nowhere(db).await;
        let mut public = Vec::new();
        for operation in operations(&stranger).await {
            let what = format!("{} {}", operation.method, operation.template);
            let reply = operation.request(&stranger, &ids).await;
            if operation.is_public() {
                assert!(reply.code() < 500 && reply.json()["code"] != "PLM-AUTH-001", "{what}: {reply}");
                public.push(operation.id.clone());
                continue;
            }
            assert_eq!((reply.code(), reply.str("/code")), (401, "PLM-AUTH-001".to_owned()), "{what}: {reply}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"plimsoll\""), "{what}");
        }
        public.sort();
        // A further public route is a decision; whoever takes it writes it here.
        let known = [
            "auth.login",
            "auth.refresh",
            "auth.register",
            "health.live",
            "health.overall",
            "health.ready",
            "identity.jwks",
            "setup",
            "subjects.keys",
        ];
        assert_eq!(public, known);
    }

    async fn scopes_narrow_what_a_keys_role_allows(db: Db) {
        let tenant = house(db).tenant().await;
        let operations = operations(&tenant.owner).await;
        let ids = nowhere(db).await;
        let within = |scope: &str, permission: &str| {
            let ((of, may), (resource, action)) = (scope.split_once(':').unwrap_or((scope, "*")), permission.split_once(':').unwrap());
            (of == "*" || of == resource) && (may == "*" || may == action)
        };
        for (role, scopes) in [("owner", vec!["songs:read"]), ("owner", vec!["songs:*", "keys:read"]), ("admin", vec!["*:read"]), ("viewer", vec!["*"])] {
            let (_, key) = tenant.key_of(json!({ "name": "narrow", "role": role, "scopes": scopes })).await;
            let may = |operation: &Operation| {
                operation.needs().is_none_or(|(permission, least)| {
                    rank(role) >= rank(least) && scopes.iter().any(|scope| within(scope, permission))
                })
            };
            let (mut yes, mut no) = (0, 0);
            for operation in &operations {
                let what = format!("{} {} with {scopes:?}", operation.method, operation.template);
                let reply = operation.request(&key, &ids).await;
                if may(operation) {
                    assert_let_through(&reply, &what);
                    yes += 1;
                } else {
                    assert_denied(&reply, &what);
                    no += 1;
                }
            }
            assert!(yes > 5 && no > 5, "{scopes:?}: {yes} allowed, {no} refused");
        }
    }

    async fn the_list_of_roles_agrees_with_the_routes_and_with_me(db: Db) {
        let tenant = house(db).tenant().await;
        let operations = operations(&tenant.owner).await;
        let listed = tenant.owner.get("/v1/roles").await.expect(200).json();
        let names: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
        assert_eq!(names, ROLES);
        for (role, entry) in ROLES.iter().zip(listed["items"].as_array().unwrap()) {
            let set = |value: &Value| value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
            let described: BTreeSet<String> = operations
                .iter()
                .filter_map(Operation::needs)
                .filter(|(_, least)| rank(role) >= rank(least))
                .map(|(permission, _)| permission.to_owned())
                .collect();
            assert_eq!(set(&entry["permissions"]), described, "{role}");
            let me = tenant.key(role).await.get("/v1/auth/me").await.expect(200);
            assert_eq!((set(&me.at("/permissions")), me.str("/role")), (described, (*role).to_owned()));
        }
    }

    async fn a_refusal_names_what_is_missing_and_is_put_on_record(db: Db) {
        let tenant = house(db).tenant().await;
        let viewer = tenant.key("viewer").await;
        let refused = viewer.post("/v1/songs").json(json!({ "title": "No" })).await.expect(403);
        assert!(refused.str("/detail").contains("songs:write"), "{refused}");
        let request = refused.str("/request_id");
        let entry = tenant.owner.get(&format!("/v1/audit?request={request}")).await.expect(200);
        assert_eq!(entry.at("/pagination/total_items"), 1, "{entry}");
        assert_eq!((entry.str("/items/0/action"), entry.str("/items/0/outcome")), ("access.denied".to_owned(), "denied".to_owned()));
        assert_eq!(tenant.owner.get("/v1/songs").await.expect(200).at("/pagination/total_items"), 0);
    }
}
