//! The ledger: one entry per change, in a chain that is recomputed here.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Tenant, delete, get, patch, post, put},
};
use ring::digest::{Context, SHA256, digest};
use serde_json::{Value, json};

use crate::description::{Operation, operations};

/// One field of an entry as it is hashed: its length and its bytes; what is absent has a length of
/// its own.
fn field(context: &mut Context, bytes: Option<&[u8]>) {
    match bytes {
        None => context.update(&[0xff; 4]),
        Some(bytes) => {
            context.update(&u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1).to_be_bytes());
            context.update(bytes);
        }
    }
}

/// `2026-11-21T10:00:00.123456Z` as microseconds since 1970.
fn micros(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second, micro) = (number(11..13)?, number(14..16)?, number(17..19)?, number(20..26)?);
    // Days from the civil calendar, counted in years that begin with March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micro)
}

/// Whoever looks at protected data is on record: who, at what.
async fn reads(rig: &mut Rig, tenant: &Tenant, operations: &[Operation]) -> Result<(), Trouble> {
    let item = operations.iter().find(|one| {
        let whole = one.path.strip_suffix("/{id}").filter(|whole| !whole.contains('{'));
        let made = |whole: &str| operations.iter().any(|other| other.method == "POST" && other.path == whole && other.body.is_some());
        one.reads() && one.recorded && whole.is_some_and(made)
    });
    let item = item.ok_or_else(|| Trouble::new("no operation says that its reads are put on record"))?;
    let whole = item.path.trim_end_matches("/{id}");
    let create = operations.iter().find(|one| one.method == "POST" && one.path == whole);
    let Some(create) = create else { return Err(Trouble::new("what is read cannot be made")) };
    let made = rig.quietly(create.exemplary("").bearer(&tenant.owner)).await?;
    let id = made.number("/id").ok_or_else(|| Trouble::new(format!("{} did not make its own example: {}", create.name(), made.line())))?;
    let (reader, secret) = rig.key_of(tenant, &json!({ "name": "reader", "role": "viewer" })).await?;
    let target = format!("{}/{id}", whole.trim_start_matches("/v1/"));
    for (what, ask) in [("one is read", item.ask(&id.to_string())), ("all are listed", get(whole))] {
        let before = entries(rig, tenant).await?.len();
        let reply = rig.send(ask.bearer(&secret)).await?;
        rig.must(reply.good(), format!("{what} by a viewer"));
        let all = entries(rig, tenant).await?;
        let seen = |entry: &Value| {
            let listed = || entry["detail"]["ids"].as_array().is_some_and(|ids| ids.iter().any(|one| one.as_i64() == Some(id)));
            entry["actor"]["id"] == reader.as_str() && (entry["target"] == target.as_str() || listed())
        };
        rig.must(all.iter().skip(before).any(seen), format!("that {what} leaves an entry with reader and object"));
    }
    Ok(())
}

/// The hash of an entry behind the hash of the one before it.
fn chained(tenant: &str, entry: &Value, before: &[u8]) -> Option<Vec<u8>> {
    let mut context = Context::new(&SHA256);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    field(&mut context, Some(before));
    field(&mut context, Some(tenant.as_bytes()));
    field(&mut context, Some(&entry["seq"].as_i64()?.to_be_bytes()));
    field(&mut context, Some(&micros(entry["at"].as_str()?)?.to_be_bytes()));
    for part in [&entry["actor"]["kind"], &entry["actor"]["id"], &entry["action"], &entry["target"], &entry["outcome"]] {
        field(&mut context, Some(text(part)?.as_bytes()));
    }
    let address = if entry["address_digest"].is_string() { &entry["address_digest"] } else { &entry["address"] };
    // An address that can still be read is the one that its digest stands for.
    if let (Some(read), Some(stands)) = (entry["address"].as_str(), entry["address_digest"].as_str()) {
        let salt = bytes(entry["address_salt"].as_str()?)?;
        if hex(digest(&SHA256, &[&salt, read.as_bytes()].concat()).as_ref()) != stands {
            return None;
        }
    }
    for part in [&entry["request"], address] {
        field(&mut context, text(part).as_deref().map(str::as_bytes));
    }
    let detail = (!entry["detail"].is_null()).then(|| entry["detail"].to_string());
    field(&mut context, detail.as_deref().map(str::as_bytes));
    Some(context.finish().as_ref().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What `hex` made, as bytes again.
fn bytes(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// The head of a chain, if every entry fits its hash and its place.
fn head(tenant: &str, entries: &[Value]) -> Option<String> {
    let mut before = vec![0u8; 32];
    for (expected, entry) in (1i64..).zip(entries) {
        let hash = chained(tenant, entry, &before)?;
        if entry["seq"] != expected || entry["hash"] != hex(&hash).as_str() {
            return None;
        }
        before = hash;
    }
    Some(hex(&before))
}

/// All entries, oldest first.
async fn entries(rig: &mut Rig, tenant: &Tenant) -> Result<Vec<Value>, Trouble> {
    let mut all = Vec::new();
    for page in 1..50 {
        let reply = rig.quietly(get(format!("/v1/audit?page_size=100&page={page}")).bearer(&tenant.owner)).await?;
        if reply.status != 200 {
            return Err(Trouble::new(format!("the ledger cannot be read: {}", reply.line())));
        }
        all.extend(reply.json()["items"].as_array().cloned().unwrap_or_default());
        if reply.json()["pagination"]["has_next"] != true {
            break;
        }
    }
    all.reverse();
    Ok(all)
}

/// Changes things and reads what was recorded of it.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let operations = operations(rig).await?;
    // Something with a whole life: it can be made, replaced, changed, deleted and brought back.
    let lives = |one: &&Operation| operations.iter().any(|other| other.path == format!("{}/{{id}}/restore", one.path));
    let create = operations
        .iter()
        .find(|one| one.method == "POST" && !one.one() && one.needs.as_ref().is_some_and(|(role, _)| role == "editor") && lives(one));
    let create = create.ok_or_else(|| Trouble::new("no operation creates anything for an editor"))?;
    let example = create.body.as_ref().map(|(_, _, example)| example.clone()).unwrap_or_default();
    let (key, secret) = rig.key_of(&tenant, &json!({ "name": "probe", "role": "editor" })).await?;
    // The first use of a key is an entry of its own; it is made before anything is counted.
    let me = rig.quietly(get("/v1/auth/me").bearer(&secret)).await?;
    let (tenant_id, noun) = (me.str("/tenant/id"), create.path.trim_start_matches("/v1/").to_owned());

    rig.check("every-change");
    let mut known = entries(rig, &tenant).await?.len();
    let one = format!("{}/1", create.path);
    let changes: [(&str, Ask); 5] = [
        ("a creation", create.exemplary("")),
        ("a replacement", put(one.clone()).json(&example)),
        ("a change of some fields", patch(one.clone()).json(&example)),
        ("a deletion", delete(one.clone())),
        ("a restoration", post(format!("{one}/restore"))),
    ];
    for (what, ask) in changes {
        let reply = rig.send(ask.bearer(&secret)).await?;
        rig.must(reply.good(), format!("{what} succeeds"));
        let all = entries(rig, &tenant).await?;
        rig.must(all.len() == known + 1, format!("{what} leaves exactly one entry"));
        known = all.len();
        let entry = all.last().cloned().unwrap_or_default();
        rig.must(
            entry["target"] == format!("{noun}/1").as_str() && entry["outcome"] == "ok",
            format!("the entry of {what} names its target and its outcome"),
        );
        rig.must(
            entry["actor"]["id"] == key.as_str() && entry["actor"]["kind"] == "key",
            format!("the entry of {what} names the key that asked"),
        );
        let told = reply.header("x-request-id");
        rig.must(
            entry["request"].is_string() && told.is_none_or(|id| entry["request"] == id),
            format!("the entry of {what} names the request"),
        );
        rig.must(entry["at"].as_str().is_some_and(|at| micros(at).is_some()), format!("the entry of {what} says when"));
        let address = rig.address().map(str::to_owned);
        rig.must(address.is_none_or(|address| entry["address"] == address.as_str()), format!("the entry of {what} names the address"));
    }
    let reply = rig.send(put(format!("{}/{}", create.path, crate::description::NOBODY)).bearer(&secret).json(&example)).await?;
    let after = entries(rig, &tenant).await?.len();
    rig.must(!reply.good() && after == known, "what was not changed leaves no entry");

    rig.check("chain");
    let all = entries(rig, &tenant).await?;
    let told = rig.send(get("/v1/audit/verify").bearer(&tenant.owner)).await?;
    let own = head(&tenant_id, &all);
    rig.must(!all.is_empty() && own.is_some(), "every entry fits its hash and its place, recomputed from what the ledger shows");
    rig.must(own.is_some_and(|own| told.str("/head") == own), "the head recomputed here is the one the service tells");
    rig.must(
        told.json()["intact"] == true && told.number("/entries") == i64::try_from(all.len()).ok(),
        "the service finds its chain intact and of the same length",
    );

    rig.check("tamper-evident");
    let middle = all.len() / 2;
    for name in ["seq", "at", "actor", "action", "target", "outcome", "request", "address", "address_digest", "detail", "hash"] {
        let mut forged = all.clone();
        if let Some(entry) = forged.get_mut(middle) {
            entry[name] = match name {
                "seq" => json!(4711),
                "at" => json!("2001-01-01T00:00:00.000000Z"),
                "actor" => json!({ "kind": "person", "id": "usr_somebody_else" }),
                "detail" => json!({ "forged": true }),
                _ => json!("forged"),
            };
        }
        rig.must(
            !all.is_empty() && head(&tenant_id, &forged).is_none(),
            format!("in a copy of the ledger, another `{name}` in one entry breaks the chain"),
        );
    }
    let mut shorter = all.clone();
    if middle < shorter.len() {
        shorter.remove(middle);
    }
    rig.must(!all.is_empty() && head(&tenant_id, &shorter).is_none(), "so does an entry that is taken out");

    rig.check("exportable");
    let target = format!("{noun}/1");
    let reply = rig.send(get(format!("/v1/audit?target={target}&page_size=100")).bearer(&tenant.owner)).await?;
    rig.must(reply.number("/pagination/total_items") == Some(5), "the history of one object is found by its name");
    let from = all.get(middle).and_then(|entry| entry["at"].as_str()).unwrap_or_default();
    let reply = rig.send(get(format!("/v1/audit?from={from}&page_size=100")).bearer(&tenant.owner).shown("/v1/audit?from=…")).await?;
    let since = all.iter().filter(|entry| entry["at"].as_str() >= Some(from)).count();
    rig.must(reply.number("/pagination/total_items") == i64::try_from(since).ok(), "so are the entries since a moment");

    rig.check("reads");
    reads(rig, &tenant, &operations).await
}
