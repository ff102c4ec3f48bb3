//! One tenant's people against another tenant's things.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Person, Tenant, get, patch, post},
};
use serde_json::{Value, json};

use crate::{
    description::{NOBODY, Operation, operations},
    resource::{first, resources},
};

/// The id of a record that nobody has.
const NOBODYS: &str = "00000000000000000000000000000000";

/// What is about the host, and so about all its tenants: no tenant of several may read it.
const HOSTS: &[&str] = &["/v1/backups", "/v1/drills"];
/// How long work that was put off may take.
const SOON: Duration = Duration::from_secs(8);

/// Something that belongs to the attacked tenant: the collection and an id in it.
struct Thing {
    collection: String,
    id: String,
    /// Whether it is there; else an id of the right form stands for it.
    there: bool,
}

impl Thing {
    fn new(collection: &str, id: String) -> Thing {
        Thing { collection: collection.to_owned(), there: id != NOBODYS, id }
    }
}

/// A job of this tenant that has ended, made by work that was put off; where nothing can be, an id of that
/// form that nobody has.
async fn job(rig: &mut Rig, tenant: &Tenant, person: &Person, tenant_id: &str) -> Result<Thing, Trouble> {
    let id = tenant_id.split_once('_').map_or_else(|| NOBODYS.to_owned(), |(_, rest)| format!("job_{rest}"));
    let nobodys = Thing { collection: "/v1/jobs".into(), id, there: false };
    let Ok(target) = first(rig, |one| one.bulk, "that takes many at once").await else { return Ok(nobodys) };
    let ask = post(format!("{}/bulk", target.path)).bearer(&tenant.owner).header("prefer", "respond-async");
    let accepted = rig.quietly(ask.json(&json!({ "items": [target.example] }))).await?;
    let Some(address) = accepted.header("location").filter(|_| accepted.status == 202).map(str::to_owned) else { return Ok(nobodys) };
    let ended = rig.until(SOON, || get(address.clone()).bearer(&person.access), |reply| reply.str("/state") == "done").await?;
    Ok(ended.map_or(nobodys, |reply| Thing::new("/v1/jobs", reply.str("/id"))))
}

/// The value of an answer's `id`, number or text.
fn id_of(value: &Value) -> Option<String> {
    value["id"].as_str().map(str::to_owned).or_else(|| value["id"].as_i64().map(|number| number.to_string()))
}

/// Fills a tenant through the front door: one object in every collection that takes one.
async fn fill(rig: &mut Rig, tenant: &Tenant, person: &Person, operations: &[Operation]) -> Result<Vec<Thing>, Trouble> {
    let mut things = Vec::new();
    let me = rig.quietly(get("/v1/auth/me").bearer(&person.access)).await?;
    things.push(Thing::new("/v1/tenants", me.str("/tenant/id")));
    things.push(Thing::new("/v1/auth/sessions", me.str("/session")));
    let own = me.str("/tenant/id");
    things.push(job(rig, tenant, person, &own).await?);
    // A request with a key leaves a record; where keys mean nothing, an id that nobody has will do.
    let target = resources(rig).await?.remove(0);
    rig.quietly(post(&target.path).bearer(&tenant.owner).header("idempotency-key", "isolation").json(&target.example)).await?;
    let records = rig.quietly(get("/v1/idempotency").bearer(&tenant.owner)).await?.json();
    let record = id_of(&records["items"][0]).unwrap_or_else(|| NOBODYS.to_owned());
    things.push(Thing::new("/v1/idempotency", record));
    let mut making: Vec<&Operation> = operations.iter().filter(|one| one.method == "POST" && !one.one() && !one.public).collect();
    // What is told of changes comes last: nothing is told any more while strangers try. Scores come after the model that makes
    // them, and what is made of several models after those.
    let after = ["/v1/predictions", "/v1/ensembles", "/v1/ab-tests"];
    making.sort_by_key(|one| (one.path == "/v1/webhooks", after.contains(&one.path.as_str())));
    for operation in making {
        let below = format!("{}/{{id}}", operation.path);
        let (true, Some((media, _, example))) = (operations.iter().any(|one| one.path == below), &operation.body) else { continue };
        let mut body = example.clone();
        if let Some(fields) = body.as_object_mut() {
            // No password, which would only cost time; an address of our own.
            fields.remove("password");
            if let Some(email) = fields.get_mut("email") {
                *email = json!(format!("kept-{}", person.email));
            }
        }
        let ask = operation.ask("").bearer(&tenant.owner).header("content-type", media).body(body.to_string());
        let made = rig.quietly(ask).await?;
        match id_of(&made.json()) {
            Some(id) if made.status == 201 => {
                if operation.path == "/v1/models" {
                    // A second one, that says something else.
                    let artifact = body["artifact"].as_str().unwrap_or_default().replace("leaf_value=-2", "leaf_value=-1");
                    body["artifact"] = json!(artifact);
                    rig.quietly(operation.ask("").bearer(&tenant.owner).header("content-type", media).body(body.to_string())).await?;
                    rig.quietly(post(format!("/v1/models/{id}/activate")).bearer(&tenant.owner)).await?;
                }
                things.push(Thing::new(&operation.path, id));
            }
            _ => return Err(Trouble::new(format!("{} did not make its own example: {}", operation.name(), made.line()))),
        }
    }
    // Mounted services belong to the host; what is asked about one that is not there is answered alike.
    things.push(Thing::new("/v1/upstreams", NOBODYS.to_owned()));
    Ok(things)
}

/// What the owner sees of every thing.
async fn look(rig: &mut Rig, person: &Person, things: &[Thing]) -> Result<Vec<String>, Trouble> {
    let mut seen = Vec::new();
    for thing in things.iter().filter(|thing| !thing.collection.ends_with("/sessions") && thing.there) {
        let reply = rig.quietly(get(format!("{}/{}", thing.collection, thing.id)).bearer(&person.access)).await?;
        seen.push(format!("{} {}", reply.status, reply.text()));
    }
    Ok(seen)
}

/// Whether an operation makes the things that this path names.
fn makes(operation: &Operation, path: &str) -> bool {
    operation.method == "POST" && path.starts_with(&format!("{}/{{", operation.path))
}

/// Every operation that names an object, with another tenant's objects.
pub(crate) async fn isolation(rig: &mut Rig) -> Result<(), Trouble> {
    let (ours, theirs) = (rig.tenant().await?, rig.tenant().await?);
    let (owner, stranger) = (rig.person(&ours, "owner").await?, rig.person(&theirs, "owner").await?);
    let operations = operations(rig).await?;
    let things = fill(rig, &ours, &owner, &operations).await?;
    let before = look(rig, &owner, &things).await?;

    rig.check("objects");
    // Mounted services are the host's and no tenant's: there is nobody to keep them from.
    let shared = |path: &str| path.starts_with("/v1/upstreams/") || HOSTS.iter().any(|host| path.starts_with(&format!("{host}/")));
    for operation in operations.iter().filter(|one| one.one() && !one.public && !shared(&one.path)) {
        let Some(thing) = things
            .iter()
            .filter(|thing| operation.path.starts_with(&format!("{}/{{", thing.collection)))
            .max_by_key(|thing| thing.collection.len())
            .map(|thing| thing.id.as_str())
            // What comes about by itself (a record that was refused) cannot be made here: an id that nobody has.
            .or_else(|| (!operations.iter().any(|other| makes(other, &operation.path))).then_some(NOBODY))
        else {
            rig.must(false, format!("there is nothing to try {} with", operation.name()));
            continue;
        };
        let reply = rig.quietly(operation.exemplary(thing).bearer(&stranger.access)).await?;
        rig.must(reply.status == 404, format!("{} answers another tenant's id with 404, like one that never existed", operation.name()));
    }

    rig.check("lists");
    for operation in operations.iter().filter(|one| one.reads() && !one.one() && !one.public) {
        let reply = rig.quietly(operation.ask("").bearer(&stranger.access)).await?;
        let text = reply.text();
        if HOSTS.contains(&operation.path.as_str()) {
            rig.must(reply.status == 409, format!("{}, which is about all tenants, is for none of several", operation.name()));
            continue;
        }
        let named = things.iter().any(|thing| thing.id.len() > 12 && text.contains(&thing.id))
            || text.contains(&ours.slug)
            || text.contains(&owner.email);
        let counted = things.iter().any(|thing| thing.collection == operation.path && thing.id.len() <= 12);
        let nothing = reply.json().get("items").and_then(Value::as_array).is_some_and(Vec::is_empty);
        let empty = nothing || reply.number("/pagination/total_items") == Some(0);
        rig.must(reply.status == 200 && !named && (empty || !counted), format!("{} shows nothing of another tenant", operation.name()));
    }

    rig.check("references");
    let mut tried = 0;
    for operation in operations.iter().filter(|one| one.method == "POST" && !one.one() && one.needs.is_some()) {
        let Some((media, schema, example)) = &operation.body else { continue };
        for field in schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name).filter(|name| name.ends_with("_id")) {
            let collection = format!("/v1/{}s", field.trim_end_matches("_id"));
            let Some(thing) = things.iter().find(|thing| thing.collection == collection) else { continue };
            let mut body = example.clone();
            body[field.as_str()] = thing.id.parse::<i64>().map_or_else(|_| json!(thing.id), |number| json!(number));
            let ask = operation.ask("").bearer(&stranger.access).header("content-type", media).body(body.to_string());
            let reply = rig.quietly(ask).await?;
            tried += 1;
            rig.must(reply.status == 422 || reply.status == 404, format!("{} takes no `{field}` of another tenant", operation.name()));
        }
    }
    if tried == 0 {
        rig.not_applicable("nothing refers to anything else");
    }

    rig.check("unchanged");
    let after = look(rig, &owner, &things).await?;
    rig.must(before.iter().all(|seen| seen.starts_with("200 ")), "the owner sees every object");
    rig.must(before == after, "after all attempts, every object is what it was");
    Ok(())
}

/// Attempts to choose the tenant by anything else than the credential.
pub(crate) async fn context(rig: &mut Rig) -> Result<(), Trouble> {
    let (ours, theirs) = (rig.tenant().await?, rig.tenant().await?);
    let operations = operations(rig).await?;
    let create =
        operations.iter().find(|one| one.method == "POST" && !one.one() && one.needs.as_ref().is_some_and(|(role, _)| role == "editor"));
    let create = create.ok_or_else(|| Trouble::new("no operation creates anything for an editor"))?;
    let named = rig.quietly(get("/v1/auth/me").bearer(&ours.owner)).await?.str("/tenant/id");
    let own = rig.quietly(get("/v1/auth/me").bearer(&theirs.owner)).await?.str("/tenant/id");
    let count = |key: &str| get(create.path.clone()).bearer(key);
    if named.is_empty() || own.is_empty() || named == own {
        return Err(Trouble::new("two scratch tenants could not be told apart"));
    }

    rig.check("from-the-credential");
    for header in ["x-tenant-id", "x-tenant", "x-tenant-slug", "tenant", "x-org-id", "x-organization-id", "x-account-id"] {
        for value in [&named, &ours.slug] {
            let who = rig.quietly(get("/v1/auth/me").bearer(&theirs.owner).header(header, value)).await?;
            rig.must(who.status != 200 || who.str("/tenant/id") == own, format!("the header `{header}` does not choose the tenant"));
            let made = rig.quietly(create.exemplary("").bearer(&theirs.owner).header(header, value)).await?;
            rig.must(made.good() || (400..500).contains(&made.status), format!("a change with the header `{header}` is answered"));
        }
    }
    for name in ["tenant", "tenant_id", "org"] {
        let who = rig.quietly(get(format!("/v1/auth/me?{name}={named}")).bearer(&theirs.owner)).await?;
        rig.must(who.status != 200 || who.str("/tenant/id") == own, format!("the query `{name}` does not choose the tenant"));
        let Some((media, _, example)) = &create.body else { continue };
        let mut body = example.clone();
        body[name] = json!(named);
        let ask = create.ask("").bearer(&theirs.owner).header("content-type", media).body(body.to_string());
        let made = rig.quietly(ask).await?;
        rig.must(made.good() || (400..500).contains(&made.status), format!("a change with `{name}` in its body is answered"));
    }
    let reply = rig.quietly(count(&ours.owner)).await?;
    rig.must(reply.number("/pagination/total_items") == Some(0), "none of the changes reached the tenant that was named");

    rig.check("carried");
    let made = rig.quietly(create.exemplary("").bearer(&theirs.owner).header("x-tenant-id", &named)).await?;
    rig.must(made.good(), "a change succeeds for the credential's tenant");
    let foreign = rig.quietly(get("/v1/audit?page_size=100").bearer(&ours.owner)).await?.json();
    let of_theirs = foreign["items"].as_array().into_iter().flatten().any(|entry| {
        entry["outcome"] == "ok"
            && entry["target"].as_str().is_some_and(|target| create.path.ends_with(target.split('/').next().unwrap_or("?")))
    });
    rig.must(!of_theirs, "no ledger entry of it is in the tenant that was named");
    let me = made.header("x-request-id").unwrap_or_default().to_owned();
    let lines = rig.ground().log_lines();
    let wrong = lines.iter().any(|line| !me.is_empty() && line["request_id"] == me.as_str() && line["tenant"] == named.as_str());
    rig.must(!wrong, "no log line of it names that tenant");
    Ok(())
}

/// One person with two roles in two tenants.
pub(crate) async fn roles(rig: &mut Rig) -> Result<(), Trouble> {
    let (ours, theirs) = (rig.tenant().await?, rig.tenant().await?);
    let person = rig.account(&ours, "owner").await?;
    let joined = rig.quietly(post("/v1/users").bearer(&theirs.owner).json(&json!({ "email": person.email, "role": "viewer" }))).await?;
    let member = rig
        .quietly(post("/v1/users").bearer(&theirs.owner).json(&json!({ "email": format!("other-{}", person.email), "role": "viewer" })))
        .await?;
    if joined.status != 201 || member.status != 201 {
        return Err(Trouble::new("nobody could be made a member of two tenants"));
    }
    let mut sessions = Vec::new();
    for tenant in [&ours, &theirs] {
        let body = json!({ "email": person.email, "password": person.password, "tenant": tenant.slug });
        let reply = rig.send(post("/v1/auth/login").json(&body).shown("/v1/auth/login for one of two tenants")).await?;
        sessions.push(reply.str("/access_token"));
    }
    let me = |session: &str| get("/v1/auth/me").bearer(session);

    rig.check("granted-within");
    for (session, slug, role) in [(&sessions[0], &ours.slug, "owner"), (&sessions[1], &theirs.slug, "viewer")] {
        let who = rig.send(me(session)).await?;
        rig.must(who.str("/tenant/slug") == *slug && who.str("/role") == role, format!("the person is {role} where that role was given"));
    }

    rig.check("no-right-elsewhere");
    let other = member.str("/id");
    for ask in [get(format!("/v1/users/{other}")), patch(format!("/v1/users/{other}")).json(&json!({ "role": "editor" }))] {
        let reply = rig.send(ask.bearer(&sessions[0])).await?;
        rig.must(reply.status == 404, "an owner of one tenant finds no member of the other");
    }
    let there = rig.quietly(me(&theirs.owner)).await?.str("/tenant/id");
    let reply = rig.send(patch(format!("/v1/tenants/{there}")).bearer(&sessions[0]).json(&json!({ "name": "Taken over" }))).await?;
    rig.must(reply.status == 404, "an owner of one tenant cannot rename the other");

    rig.check("changed-within");
    let raised = patch(format!("/v1/users/{}", person.id)).bearer(&theirs.owner).json(&json!({ "role": "editor" }));
    let reply = rig.send(raised).await?;
    rig.must(reply.str("/role") == "editor", "the second tenant makes the person an editor");
    let kept = rig.send(get(format!("/v1/users/{}", person.id)).bearer(&ours.owner)).await?;
    rig.must(kept.str("/role") == "owner", "the first tenant still lists the person as an owner");
    Ok(())
}
