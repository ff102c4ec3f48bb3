//! Bodies, queries and addresses that do not fit, for every operation, made from its description.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, Tenant, get},
};
use plimsoll_core::Seed;
use serde_json::{Map, Value, json};

use crate::description::{Operation, operations};

/// Random documents per operation.
const RANDOM: u32 = 12;

/// An operation with an object it can be tried on, and a key of its own: limits count per key.
struct Target {
    operation: Operation,
    id: String,
    key: String,
}

impl Target {
    fn ask(&self) -> Ask {
        self.operation.ask(&self.id).bearer(&self.key)
    }
    fn with(&self, body: String, media: &str) -> Ask {
        self.ask().header("content-type", media).body(body)
    }
}

/// Whether a schema allows null.
fn nullable(schema: &Value) -> bool {
    let in_type = |kind: &Value| kind == "null" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "null"));
    in_type(&schema["type"]) || ["anyOf", "oneOf"].iter().any(|word| schema[*word].as_array().is_some_and(|all| all.iter().any(nullable)))
}

/// Values that break a property's schema, each with what is wrong with it.
fn broken(schema: &Value) -> Vec<(&'static str, Value)> {
    let mut found = Vec::new();
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => Vec::new(),
        kind => vec![kind.clone()],
    };
    let only = |wanted: &str| kinds.iter().any(|kind| kind == wanted);
    if !kinds.is_empty() {
        found.push(("a value of another type", if only("object") { json!("text") } else { json!({ "of": "another type" }) }));
    }
    if only("string") {
        found.push(("a number in the place of a text", json!(12)));
    }
    if only("integer") || only("number") {
        found.push(("a text in the place of a number", json!("twelve")));
    }
    if !nullable(schema) && !kinds.is_empty() {
        found.push(("null", Value::Null));
    }
    if let Some(most) = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()) {
        found.push(("a text that is too long", json!("x".repeat(most + 1))));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        found.push(("a number that is too large", json!(most.saturating_add(1))));
    }
    if let Some(least) = schema["minimum"].as_i64() {
        found.push(("a number that is too small", json!(least.saturating_sub(1))));
    }
    found
}

fn points_at(reply: &Reply, pointer: &str) -> bool {
    reply.json()["errors"].as_array().is_some_and(|errors| {
        errors.iter().any(|fault| {
            fault["pointer"].as_str().is_some_and(|at| at == pointer || at.starts_with(&format!("{pointer}/")))
                && fault["detail"].is_string()
        })
    })
}

fn refused(reply: &Reply) -> bool {
    (400..500).contains(&reply.status) && ![401, 403, 429].contains(&reply.status)
}

/// Walks every operation with what it must not take.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let targets = targets(rig, &tenant).await?;
    fields(rig, &targets).await?;
    documents(rig, &targets).await?;
    addresses(rig, &targets).await?;
    random(rig, &targets).await
}

/// Every operation with an object of its own collection, where there is one.
async fn targets(rig: &mut Rig, tenant: &Tenant) -> Result<Vec<Target>, Trouble> {
    let operations = operations(rig).await?;
    let me = rig.quietly(get("/v1/auth/me").bearer(&tenant.owner)).await?;
    let own = me.str("/tenant/id");
    let mut made: Map<String, Value> = Map::from_iter([
        // No request makes a job that is still there to be refused: an id of the right form gets as far as the body.
        ("/v1/jobs".to_owned(), json!(own.split_once('_').map_or_else(|| own.clone(), |(_, rest)| format!("job_{rest}")))),
        ("/v1/tenants".to_owned(), json!(own)),
    ]);
    for operation in operations.iter().filter(|one| one.method == "POST" && !one.one() && one.needs.is_some()) {
        let below = format!("{}/{{id}}", operation.path);
        let (true, Some((media, _, example))) = (operations.iter().any(|one| one.path == below), &operation.body) else { continue };
        let mut body = example.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.remove("password");
        }
        let reply = rig.quietly(operation.ask("").bearer(&tenant.owner).header("content-type", media).body(body.to_string())).await?;
        made.insert(operation.path.clone(), reply.json()["id"].clone());
    }
    let mut targets = Vec::new();
    for operation in operations {
        let collection = operation.path.split("/{").next().unwrap_or_default();
        let id = match made.get(collection) {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => "1".to_owned(),
        };
        let key = rig.key(tenant, "owner").await?;
        targets.push(Target { operation, id, key });
    }
    Ok(targets)
}

/// An address of its own for every operation: attempts with credentials are counted by address.
fn elsewhere(rig: &mut Rig) {
    let [first, second]: [u8; 2] = rig.seed.bytes();
    rig.move_to(&format!("198.19.{first}.{second}"));
}

async fn fields(rig: &mut Rig, targets: &[Target]) -> Result<(), Trouble> {
    for check in ["fields", "unknown-fields"] {
        rig.check(check);
        for target in targets.iter().filter(|target| target.operation.method != "GET") {
            let Some((media, schema, example)) = target.operation.body.as_ref().filter(|(media, ..)| is_document(media)) else { continue };
            let name = target.operation.name();
            elsewhere(rig);
            if check == "unknown-fields" {
                let mut body = example.clone();
                body["a_field_of_no_schema"] = json!(true);
                let reply = rig.quietly(target.with(body.to_string(), media)).await?;
                rig.must(
                    reply.status == 422 && points_at(&reply, "/a_field_of_no_schema"),
                    format!("{name} refuses an unknown field and points at it"),
                );
                continue;
            }
            for (field, property) in schema["properties"].as_object().into_iter().flatten() {
                for (what, value) in broken(property) {
                    // In a merge patch, null removes.
                    if value.is_null() && target.operation.method == "PATCH" {
                        continue;
                    }
                    let mut body = example.clone();
                    body[field.as_str()] = value;
                    let reply = rig.quietly(target.with(body.to_string(), media)).await?;
                    rig.must(
                        reply.status == 422 && points_at(&reply, &format!("/{field}")),
                        format!("{name} refuses {what} as `{field}` and points at it"),
                    );
                }
            }
            for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if target.operation.method == "PATCH" {
                    continue;
                }
                let mut body = example.clone();
                if let Some(fields) = body.as_object_mut() {
                    fields.remove(required);
                }
                let reply = rig.quietly(target.with(body.to_string(), media)).await?;
                rig.must(
                    reply.status == 422 && points_at(&reply, &format!("/{required}")),
                    format!("{name} refuses a body without `{required}` and points at it"),
                );
            }
        }
    }
    Ok(())
}

/// Whether a body is one JSON document. A file is taken as it comes: what is wrong within it is the matter of whoever reads it later.
fn is_document(media: &str) -> bool {
    media == "application/json" || media.ends_with("+json")
}

async fn documents(rig: &mut Rig, targets: &[Target]) -> Result<(), Trouble> {
    rig.check("documents");
    let deep = format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000));
    let twice = r#"{"name":"a","name":"b","email":"a","email":"b","title":"a","title":"b","items":[],"items":[]}"#;
    for target in targets {
        let Some((media, _, _)) = target.operation.body.as_ref().filter(|(media, ..)| is_document(media)) else { continue };
        let name = target.operation.name();
        elsewhere(rig);
        let bodies: [(&str, Vec<u8>); 8] = [
            ("no body", Vec::new()),
            ("a body that breaks off", b"{\"name\": ".to_vec()),
            ("a body with a second value behind it", b"{} {}".to_vec()),
            ("a body that is no UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec()),
            ("a body that names a field twice", twice.as_bytes().to_vec()),
            ("a body nested three thousand times", deep.clone().into_bytes()),
            ("a list in the place of an object", b"[]".to_vec()),
            ("a text in the place of an object", b"\"text\"".to_vec()),
        ];
        for (what, body) in bodies {
            // Some bodies may be left out.
            if body.is_empty() && target.operation.path.ends_with("/rotate") {
                continue;
            }
            let reply = rig.quietly(target.ask().header("content-type", media).body(body)).await?;
            rig.must(refused(&reply), format!("{name} refuses {what}"));
        }
        let reply = rig.quietly(target.with("a=1".to_owned(), "application/x-www-form-urlencoded")).await?;
        rig.must(reply.status == 415, format!("{name} refuses a form with 415"));
    }
    Ok(())
}

async fn addresses(rig: &mut Rig, targets: &[Target]) -> Result<(), Trouble> {
    rig.check("addresses");
    for target in targets.iter().filter(|target| target.operation.reads() && !target.operation.public) {
        let name = target.operation.name();
        elsewhere(rig);
        let path = target.operation.path.clone();
        if target.operation.one() {
            for (id, what) in [
                ("not-an-id", "a word"),
                ("%00", "a zero byte"),
                ("%ff%fe", "bytes that are no UTF-8"),
                ("99999999999999999999999", "a number out of range"),
                ("-1", "a negative number"),
                ("%2e%2e", "two dots"),
            ] {
                let reply = rig.quietly(target.operation.ask(id).bearer(&target.key)).await?;
                rig.must(refused(&reply), format!("{name} answers {what} as an id with 400 to 499"));
            }
            continue;
        }
        for (parameter, schema) in &target.operation.query {
            if schema["type"] == "integer" || schema["type"] == "boolean" {
                let escaped = parameter.replace('[', "%5B").replace(']', "%5D");
                let reply = rig.quietly(get(format!("{path}?{escaped}=twelve")).bearer(&target.key)).await?;
                rig.must(
                    reply.status == 422 && points_at(&reply, &format!("?{parameter}")),
                    format!("{name} refuses a word as `{parameter}` and points at it"),
                );
            }
        }
        if !target.operation.query.is_empty() {
            let reply = rig.quietly(get(format!("{path}?of_no_schema=1")).bearer(&target.key)).await?;
            rig.must(
                reply.status == 422 && points_at(&reply, "?of_no_schema"),
                format!("{name} refuses an unknown parameter and points at it"),
            );
            let reply = rig.quietly(get(format!("{path}?page=%f")).bearer(&target.key)).await?;
            rig.must(refused(&reply), format!("{name} refuses a broken escape in its query"));
        }
    }
    Ok(())
}

/// A JSON value that nobody would think of.
fn anything(seed: &Seed, depth: u32) -> Value {
    let [choice, size]: [u8; 2] = seed.bytes();
    let text = || String::from_utf8_lossy(&seed.bytes::<12>()).replace('\0', "\u{1}");
    match choice % if depth > 3 { 7 } else { 9 } {
        0 => Value::Null,
        1 => json!(size % 2 == 0),
        2 => json!(i64::from_le_bytes(seed.bytes())),
        3 => json!(f64::from(size) * 1e300),
        4 => json!(text()),
        5 => json!("\u{202e}'\"><{{${7*7}}}%s%n\\"),
        6 => json!("x".repeat(usize::from(size) * 8)),
        7 => Value::Array((0..size % 5).map(|_| anything(seed, depth + 1)).collect()),
        _ => Value::Object((0..size % 5).map(|_| (text(), anything(seed, depth + 1))).collect()),
    }
}

async fn random(rig: &mut Rig, targets: &[Target]) -> Result<(), Trouble> {
    rig.check("never-fails");
    for target in targets {
        let Some((media, schema, example)) = &target.operation.body else { continue };
        // What logs in or registers costs a hash where a guess fits by chance.
        if target.operation.public {
            continue;
        }
        elsewhere(rig);
        let names: Vec<&String> = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
        let mut fine = true;
        for _ in 0..RANDOM {
            let mut body = example.clone();
            let pick: [u8; 1] = rig.seed.bytes();
            match names.get(usize::from(pick[0]) % (names.len() + 1)) {
                Some(name) => body[name.as_str()] = anything(&rig.seed, 0),
                None => body = anything(&rig.seed, 0),
            }
            let reply = rig.quietly(target.with(body.to_string(), media)).await?;
            // 503 says that something is not there to answer with; nothing failed.
            let failed = reply.status >= 500 && reply.status != 503;
            if failed {
                rig.note(format!("a random document was answered {}", reply.line()));
            }
            fine &= !failed;
        }
        rig.must(fine, format!("{} answers {RANDOM} random documents without failing", target.operation.name()));
    }
    Ok(())
}
