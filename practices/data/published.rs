//! What has happened is told to whoever listens, and to whoever was away.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, Wire, get, patch},
};
use serde_json::{Value, json};

use crate::resource::{self, Resource};

/// How long an event may take to arrive.
const SOON: Duration = Duration::from_secs(4);

/// The subjects and types of a page of events.
fn told(reply: &Reply) -> Vec<(String, Value)> {
    let items = reply.json()["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().map(|event| (event["type"].as_str().unwrap_or_default().to_owned(), event)).collect()
}

/// A stream of one type of event, after this one.
async fn listen(rig: &mut Rig, key: &str, kind: &str, after: i64) -> Result<Wire, Trouble> {
    let mut wire = rig.wire().await?;
    let head = format!(
        "GET /v1/events?type={kind} HTTP/1.1\r\n{}Authorization: Bearer {key}\r\nAccept: text/event-stream\r\nLast-Event-ID: {after}\r\n\r\n",
        rig.heading()
    );
    wire.write(head).await;
    Ok(wire)
}

fn subject(id: &Value) -> String {
    format!("\"subject\":\"{}\"", id.to_string().trim_matches('"'))
}

/// Changes, readers, one of them slow and one away.
pub(crate) async fn told_to_all(rig: &mut Rig, target: &Resource) -> Result<(), Trouble> {
    rig.check("named-topic");
    let tenant = rig.tenant().await?;
    let key = tenant.owner.clone();
    let noun = target.path.rsplit('/').next().unwrap_or_default().trim_end_matches('s').to_owned();
    let id = resource::make(rig, &tenant, target, &target.example).await?;
    let text = target.text().ok_or_else(|| Trouble::new("the description shows no text that could be changed"))?;
    rig.quietly(patch(target.item(&id)).bearer(&key).json(&json!({ text.as_str(): "told" }))).await?;
    resource::remove(rig, &tenant, target, &id).await?;
    let page = rig.send(get(format!("/v1/events?after=0&type={noun}.*")).bearer(&key)).await?;
    let events = told(&page);
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    let wanted = [format!("{noun}.created"), format!("{noun}.updated"), format!("{noun}.deleted")];
    rig.must(kinds == wanted, "an object that is made, changed and removed is told of three times, in this order");
    let formed = |event: &Value| {
        event["specversion"] == "1.0"
            && ["id", "source", "time", "tenant"].iter().all(|name| event[*name].is_string())
            && event["subject"] == id.to_string().trim_matches('"')
            && event["data"]["id"] == id
    };
    rig.must(!events.is_empty() && events.iter().all(|(_, event)| formed(event)), "each is a CloudEvent with tenant, subject and version");
    let other = rig.tenant().await?;
    let page =
        rig.send(get(format!("/v1/events?after=0&type={noun}.*")).bearer(&other.owner).shown("/v1/events of another tenant")).await?;
    rig.must(page.status == 200 && told(&page).is_empty(), "another tenant hears of none of it");

    rig.check("independent-subscribers");
    let head = rig.quietly(get("/v1/events?after=0").bearer(&key)).await?.number("/after").unwrap_or(0);
    let kind = format!("{noun}.created");
    let mut slow = listen(rig, &key, &kind, head).await?;
    let mut quick = listen(rig, &key, &kind, head).await?;
    let begun = quick.until(SOON, "retry:").await;
    rig.must(begun.starts_with("HTTP/1.1 200"), "two listen to the same stream");
    let first = resource::make(rig, &tenant, target, &target.example).await?;
    let heard = quick.until(SOON, &subject(&first)).await;
    rig.must(heard.contains(&subject(&first)), "one hears of a change while the other reads nothing");
    let heard = slow.until(SOON, &subject(&first)).await;
    rig.must(heard.contains(&subject(&first)), "the other hears of it too, when it reads");

    rig.check("at-least-once");
    drop((slow, quick));
    let missed = resource::make(rig, &tenant, target, &target.example).await?;
    let mut again = listen(rig, &key, &kind, head + 1).await?;
    let heard = again.until(SOON, &subject(&missed)).await;
    rig.must(heard.contains(&subject(&missed)), "one who was away is told what it missed");
    rig.must(!heard.contains(&subject(&first)), "and not again what it had seen");
    Ok(())
}

/// The same for the first resource there is.
pub(crate) async fn told_of_first(rig: &mut Rig) -> Result<(), Trouble> {
    let target = resource::first(rig, |one| one.text().is_some(), "with a text that can be changed").await?;
    told_to_all(rig, &target).await
}
