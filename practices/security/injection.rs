//! A caller's text that tries to become part of a statement.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Tenant, get, post},
};
use serde_json::Value;

use crate::description::operations;

/// Texts that mean something to a database: quotes, comments, wildcards, stacked statements.
const CORPUS: &[&str] = &[
    "'",
    "\"",
    "' OR '1'='1",
    "' OR 1=1 --",
    "1; DROP TABLE ledger; --",
    "') UNION SELECT 1,2,3 --",
    "%",
    "_",
    "a%' AND 'a'='a",
    "$1",
    ":tenant",
    "/**/OR/**/1=1",
    "\\",
];

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Whether some text of an item holds this, regardless of ASCII case.
fn holds(item: &Value, wanted: &str) -> bool {
    match item {
        Value::String(text) => text.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase()),
        Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
        Value::Object(fields) => fields.values().any(|item| holds(item, wanted)),
        _ => false,
    }
}

/// A key of the owner's from another place: requests are counted by key and by address.
async fn another(rig: &mut Rig, tenant: &Tenant) -> Result<String, Trouble> {
    let [first, second]: [u8; 2] = rig.seed.bytes();
    rig.move_to(&format!("198.19.{first}.{second}"));
    rig.key(tenant, "owner").await
}

/// Tries the corpus in every parameter, every address and every text.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let operations = operations(rig).await?;
    let lists: Vec<_> = operations.iter().filter(|one| one.reads() && !one.one() && one.needs.is_some() && !one.query.is_empty()).collect();
    // Things with a text of their own, one of which every wildcard would find and no letter of the corpus does.
    let mut kept = Vec::new();
    'all: for operation in
        operations.iter().filter(|one| one.method == "POST" && !one.one() && one.needs.as_ref().is_some_and(|(role, _)| role == "editor"))
    {
        let (true, Some((_, schema, example))) = (lists.iter().any(|list| list.path == operation.path), &operation.body) else { continue };
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        // A text that may hold anything: no choice, no day, no address.
        let free = |name: &&str| {
            let of = &schema["properties"][*name];
            of["type"] == "string" && ["enum", "pattern", "format"].iter().all(|rule| of[*rule].is_null())
        };
        let Some(field) = required.into_iter().find(free) else { continue };
        for text in ["plain words", "CORPUS"] {
            let mut body = example.clone();
            body[field] = text.into();
            let made = rig.quietly(post(operation.path.clone()).bearer(&tenant.owner).json(&body)).await?;
            // Of some things there can be only one at a time.
            if made.status == 409 {
                continue 'all;
            }
            if made.status != 201 {
                return Err(Trouble::new(format!("{} did not make its own example: {}", operation.name(), made.line())));
            }
        }
        kept.push((operation, field.to_owned(), example.clone()));
    }

    rig.check("corpus");
    let mut found = Vec::new();
    for list in &lists {
        let key = another(rig, &tenant).await?;
        for (parameter, _) in &list.query {
            let mut fine = true;
            for text in CORPUS {
                let reply = rig.quietly(get(format!("{}?{}={}", list.path, escaped(parameter), escaped(text))).bearer(&key)).await?;
                fine &= reply.status == 200 || reply.status == 400 || reply.status == 422;
                if reply.status == 200 {
                    found.push((list.name(), parameter.clone(), *text, reply.json()["items"].as_array().cloned().unwrap_or_default()));
                }
            }
            rig.must(fine, format!("{} takes every text of the corpus as `{parameter}` or refuses it with 400 or 422", list.name()));
        }
    }
    for operation in operations.iter().filter(|one| one.reads() && one.one() && one.needs.is_some()) {
        let (mut fine, key) = (true, another(rig, &tenant).await?);
        for text in CORPUS {
            let reply = rig.quietly(operation.ask(&escaped(text)).bearer(&key)).await?;
            fine &= (400..500).contains(&reply.status);
        }
        rig.must(fine, format!("{} refuses every text of the corpus as an id", operation.name()));
    }

    rig.check("no-extra-rows");
    for (name, parameter, text, items) in &found {
        // Without a text to look for, everything is what was asked for.
        if matches!(parameter.as_str(), "page" | "page_size" | "cursor" | "sort" | "deleted") {
            continue;
        }
        rig.must(items.iter().all(|item| holds(item, text)), format!("{name} with `{parameter}` = `{text}` gives only rows that hold it"));
    }
    rig.must(!found.is_empty(), "there are parameters that take any text");

    rig.check("stored-as-text");
    for (operation, field, example) in &kept {
        let (mut fine, key) = (true, another(rig, &tenant).await?);
        for text in CORPUS {
            let mut body = example.clone();
            body[field.as_str()] = (*text).into();
            let made = rig.quietly(post(operation.path.clone()).bearer(&key).json(&body)).await?;
            let again = rig.quietly(get(format!("{}/{}", operation.path, made.json()["id"])).bearer(&key)).await?;
            fine &= made.status == 201 && again.json()[field.as_str()] == *text;
        }
        rig.must(fine, format!("{} stores every text of the corpus as `{field}`, and it comes back as it was", operation.name()));
        let all = rig.quietly(get(operation.path.clone()).bearer(&tenant.owner)).await?;
        let count = i64::try_from(CORPUS.len()).unwrap_or(0) + 2;
        rig.must(
            all.number("/pagination/total_items") == Some(count),
            format!("after that, {} gives all of them and nothing is gone", operation.path),
        );
    }
    rig.must(!kept.is_empty(), "there are things with a text of their own");
    Ok(())
}
