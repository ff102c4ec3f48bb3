//! Lists: in pages, in order, narrowed.

use std::collections::BTreeSet;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, Tenant, get},
};
use serde_json::{Value, json};

use crate::resource::{self, Resource, items};

/// Rows that are walked; more than a page holds.
const ROWS: i64 = 120;

/// A collection whose objects have a text, the text's name, and this many objects in it.
async fn filled(rig: &mut Rig, tenant: &Tenant, rows: i64) -> Result<(Resource, String), Trouble> {
    let target = resource::first(rig, |one| one.text().is_some_and(|text| one.sorts_by(&text)), "that can be sorted by a text").await?;
    let text = target.text().unwrap_or_default();
    let bodies = (0..rows).map(|row| target.body(&[(text.as_str(), json!(title(row)))])).collect();
    resource::make_many(rig, tenant, &target, bodies).await?;
    Ok((target, text))
}

/// The text of a row: every tenth the same, so that there are ties.
fn title(row: i64) -> String {
    format!("Row {:03}", row - row % 10)
}

async fn list(rig: &mut Rig, tenant: &Tenant, target: &Resource, query: &str) -> Result<Reply, Trouble> {
    rig.send(get(format!("{}?{query}", target.path)).bearer(&tenant.owner)).await
}

fn ids(reply: &Reply) -> Vec<String> {
    items(reply).iter().map(|item| item["id"].to_string()).collect()
}

/// Walks by page; the ids in the order they came.
async fn walk(rig: &mut Rig, tenant: &Tenant, target: &Resource, query: &str, size: i64) -> Result<Vec<String>, Trouble> {
    let mut found = Vec::new();
    for page in 1..=ROWS / size + 2 {
        let reply = rig.quietly(get(format!("{}?page={page}&page_size={size}{query}", target.path)).bearer(&tenant.owner)).await?;
        let here = ids(&reply);
        if here.is_empty() {
            break;
        }
        found.extend(here);
    }
    Ok(found)
}

/// Walks by cursor until there is no next one.
async fn follow(rig: &mut Rig, tenant: &Tenant, target: &Resource, query: &str, size: i64) -> Result<Vec<String>, Trouble> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..=ROWS / size + 2 {
        let reply = rig.quietly(get(format!("{}?cursor={cursor}&page_size={size}{query}", target.path)).bearer(&tenant.owner)).await?;
        found.extend(ids(&reply));
        match reply.json().pointer("/pagination/next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    Ok(found)
}

fn distinct(ids: &[String]) -> BTreeSet<&String> {
    ids.iter().collect()
}

/// Pages, cursors, bounds and what is said about them.
pub(crate) async fn pages(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("parameters");
    let tenant = rig.tenant().await?;
    let (target, _) = filled(rig, &tenant, ROWS).await?;
    let reply = list(rig, &tenant, &target, "page=2&page_size=7").await?;
    rig.must(reply.status == 200 && items(&reply).len() == 7, "a page of seven holds seven items");
    let reply = rig.send(get(&target.path).bearer(&tenant.owner)).await?;
    rig.must((1..=100).contains(&items(&reply).len()), "a list that is asked without a size comes in pages, too");
    rig.must(target.takes("cursor"), "a cursor is offered for walks that must not skip or repeat");

    rig.check("capped");
    for query in ["page_size=1000", "page_size=101", "page_size=0", "page=0", "page=x"] {
        let reply = list(rig, &tenant, &target, query).await?;
        rig.must((400..500).contains(&reply.status), format!("{query} is refused, not cut down in silence"));
    }
    let description = rig.description().await?;
    for (path, item) in description["paths"].as_object().into_iter().flatten() {
        let listed = item["get"]["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "page_size"));
        if listed && !path.contains('{') {
            let reply = rig.quietly(get(format!("{path}?page_size=1000")).bearer(&tenant.owner)).await?;
            rig.must((400..500).contains(&reply.status), format!("GET {path} refuses a page of 1000"));
        }
    }

    rig.check("metadata");
    for (page, next, before) in [(1, true, false), (2, true, true), (4, false, true), (9, false, true)] {
        let reply = list(rig, &tenant, &target, &format!("page={page}&page_size=30")).await?;
        let said = reply.json()["pagination"].clone();
        let expected =
            json!({ "page": page, "page_size": 30, "total_items": ROWS, "total_pages": 4, "has_next": next, "has_prev": before });
        rig.must(said == expected, format!("page {page} of 4 says where it stands"));
    }

    rig.check("complete-walk");
    let by_page = walk(rig, &tenant, &target, "", 30).await?;
    rig.must(by_page.len() == 120 && distinct(&by_page).len() == 120, "a walk by page over 120 rows meets each exactly once");
    let by_cursor = follow(rig, &tenant, &target, "", 25).await?;
    rig.must(by_cursor.len() == 120 && distinct(&by_cursor).len() == 120, "so does a walk by cursor");
    rig.must(distinct(&by_page) == distinct(&by_cursor), "both meet the same rows");
    Ok(())
}

/// Order, its direction, its ties, and names that are none.
pub(crate) async fn order(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("field-and-direction");
    let tenant = rig.tenant().await?;
    let (target, text) = filled(rig, &tenant, 40).await?;
    let values = |reply: &Reply| items(reply).iter().map(|item| item[&text].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>();
    let up = list(rig, &tenant, &target, &format!("sort={text}&page_size=100")).await?;
    let down = list(rig, &tenant, &target, &format!("sort=-{text}&page_size=100")).await?;
    let (ascending, descending) = (values(&up), values(&down));
    rig.must(ascending.len() == 40 && ascending.is_sorted(), "in rising order each value is as large as the one before, or larger");
    rig.must(descending.len() == 40 && descending.is_sorted_by(|a, b| a >= b), "in falling order the other way round");
    let mixed = list(rig, &tenant, &target, &format!("sort={text},-id&page_size=100")).await?;
    let keys: Vec<(String, i64)> =
        items(&mixed).iter().map(|item| (item[&text].as_str().unwrap_or("").to_owned(), -item["id"].as_i64().unwrap_or(0))).collect();
    rig.must(keys.len() == 40 && keys.is_sorted(), "a second field orders those that are equal in the first");

    rig.check("declared-only");
    for name in ["nothing", "tenant_id", "id;drop", ""] {
        let reply = list(rig, &tenant, &target, &format!("sort={name}")).await?;
        rig.must(reply.status == 422, format!("the undeclared field `{name}` is refused with 422"));
    }

    rig.check("stable");
    for query in [format!("&sort={text}"), format!("&sort=-{text}")] {
        let by_page = walk(rig, &tenant, &target, &query, 7).await?;
        rig.must(
            by_page.len() == 40 && distinct(&by_page).len() == 40,
            format!("pages of seven in the order {} repeat and omit nothing", &query[6..]),
        );
        let by_cursor = follow(rig, &tenant, &target, &query, 7).await?;
        rig.must(by_cursor == by_page, "a walk by cursor gives the same order");
    }
    Ok(())
}

/// Filters, alone and together, against what was put in.
pub(crate) async fn filters(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("declared-fields");
    let tenant = rig.tenant().await?;
    let wanted = |one: &Resource| one.text().is_some_and(|text| one.takes(&text)) && one.number().is_some();
    let target = resource::first(rig, wanted, "that can be narrowed by a text and a number").await?;
    let (text, number) = (target.text().unwrap_or_default(), target.number().unwrap_or_default());
    let bodies = (0..30).map(|row| target.body(&[(text.as_str(), json!(title(row))), (number.as_str(), json!(row))])).collect();
    resource::make_many(rig, &tenant, &target, bodies).await?;
    let reply = list(rig, &tenant, &target, &format!("{text}=Row%20010&page_size=100")).await?;
    rig.must(reply.status == 200, "a list can be narrowed by a declared field");
    for query in ["nothing=1".to_owned(), format!("{text}[near]=1"), format!("{number}=many")] {
        let reply = list(rig, &tenant, &target, &query).await?;
        rig.must(reply.status == 422, format!("`{query}` is refused with 422, not passed over"));
    }

    rig.check("exact-set");
    let rows = |reply: &Reply| items(reply).iter().filter_map(|item| item[&number].as_f64()).map(|row| row as i64).collect::<BTreeSet<_>>();
    let cases: [(String, BTreeSet<i64>); 4] = [
        (format!("{text}=row%20010"), (10..20).collect()),
        (format!("{number}[from]=25"), (25..30).collect()),
        (format!("{number}[to]=4"), (0..5).collect()),
        (format!("{text}=Row%20999"), BTreeSet::new()),
    ];
    for (query, expected) in cases {
        let reply = list(rig, &tenant, &target, &format!("{query}&page_size=100")).await?;
        rig.must(rows(&reply) == expected, format!("`{query}` gives exactly the rows that meet it"));
    }
    let reply = list(rig, &tenant, &target, &format!("{text}=Row%20010&page_size=4")).await?;
    rig.must(reply.number("/pagination/total_items") == Some(10), "the total counts what meets the filter");

    rig.check("combine");
    let reply = list(rig, &tenant, &target, &format!("{text}=Row%20010&{number}[from]=13&{number}[to]=15&page_size=100")).await?;
    rig.must(rows(&reply) == (13..16).collect(), "three filters together give what meets all of them");
    Ok(())
}
