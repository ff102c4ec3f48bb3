//! Outgoing webhooks, as a receiver sees them that trusts nobody.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, Seen, Service, get, post},
};
use ring::hmac;
use serde_json::{Value, json};

/// How long something may take that is due in a moment: generous, for machines with other work.
const SOON: Duration = Duration::from_secs(10);

/// Whether one of the signatures fits this body, as Standard Webhooks describes it.
fn verifies(secret: &str, seen: &Seen, body: &str) -> bool {
    let key = secret.strip_prefix("whsec_").and_then(|text| BASE64.decode(text).ok()).unwrap_or_default();
    let (Some(id), Some(at), Some(signatures)) =
        (seen.header("webhook-id"), seen.header("webhook-timestamp"), seen.header("webhook-signature"))
    else {
        return false;
    };
    let (key, content) = (hmac::Key::new(hmac::HMAC_SHA256, &key), format!("{id}.{at}.{body}"));
    signatures
        .split(' ')
        .filter_map(|one| one.strip_prefix("v1,"))
        .any(|signature| BASE64.decode(signature).is_ok_and(|signature| hmac::verify(&key, content.as_bytes(), &signature).is_ok()))
}

fn newest(reply: &Reply) -> Value {
    reply.json()["items"][0].clone()
}

/// A receiver that verifies, fails, recovers and looks at the log.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let receiver = Service::start().await?;
    let settings = [("webhooks.allow", "127.0.0.1"), ("webhooks.schedule", "20ms,20ms"), ("webhooks.timeout", "5s")];
    let copy = rig.copy(&settings).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;

    rig.check("register");
    rig.note("an instance that may tell 127.0.0.1, with webhooks.schedule = [\"20ms\", \"20ms\"], and a receiver there");
    let wanted = json!({ "url": format!("{}/status/204?key=hook", receiver.base), "types": ["song.created", "artist.*"] });
    let made = rig.quietly(post("/v1/webhooks").bearer(&tenant.owner).json(&wanted)).await?;
    let (id, secret) = (made.str("/id"), made.str("/secret"));
    rig.must(made.status == 201 && made.json()["types"] == wanted["types"], "an address is registered for two types of event");
    for (url, said) in [
        ("https://127.0.0.2/", "https://127.0.0.2"),
        ("https://[::1]/", "https://[::1]"),
        ("https://169.254.169.254/", "https://169.254.169.254"),
        ("http://1.1.1.1/", "plain HTTP to the public internet"),
    ] {
        let refused = rig.quietly(post("/v1/webhooks").bearer(&tenant.owner).json(&json!({ "url": url }))).await?;
        rig.must(refused.status == 422, format!("{said} is refused with 422"));
    }
    let at = format!("/v1/webhooks/{id}");
    let test = || post(format!("{at}/test")).bearer(&tenant.owner);
    let log = || get(format!("{at}/deliveries")).bearer(&tenant.owner);

    rig.check("signed");
    rig.quietly(test()).await?;
    let delivered = rig.until(SOON, log, |reply| newest(reply)["state"] == "delivered").await?;
    rig.must(delivered.is_some() && receiver.arrivals("hook") == 1, "an event reaches the receiver");
    let Some(seen) = receiver.seen("hook").into_iter().next() else { return Ok(()) };
    rig.must(verifies(&secret, &seen, &seen.body), "its signature fits the secret, the id, the time and the body");
    let altered = seen.body.replacen("test", "Test", 1);
    rig.must(altered != seen.body && !verifies(&secret, &seen, &altered), "with one letter of the body changed it does not");
    let mut old = seen.clone();
    old.headers.iter_mut().filter(|(name, _)| name == "webhook-timestamp").for_each(|(_, value)| *value = "1".to_owned());
    rig.must(!verifies(&secret, &old, &seen.body), "nor with another time");

    rig.check("retried");
    receiver.ail_for("hook", 500, 1);
    rig.quietly(test()).await?;
    let came = receiver.arrived("hook", 3, SOON).await;
    rig.must(came, "after a 500 the event comes again");
    let delivered = rig.until(SOON, log, |reply| newest(reply)["state"] == "delivered").await?;
    let every: Vec<Seen> = receiver.seen("hook").into_iter().skip(1).collect();
    let ids: Vec<_> = every.iter().map(|seen| seen.header("webhook-id")).collect();
    let alike = ids.iter().all(|id| id.is_some() && *id == ids[0]) && ids.first() != Some(&seen.header("webhook-id"));
    rig.must(delivered.is_some() && alike, "until it is taken, both times with the id of the event");

    rig.check("logged");
    let newest = delivered.as_ref().map(newest).unwrap_or_default();
    let attempts = newest["attempts"].as_array().cloned().unwrap_or_default();
    rig.must(attempts.len() == every.len() && !attempts.is_empty(), "the log has one entry for each attempt");
    let statuses: Vec<i64> = attempts.iter().filter_map(|attempt| attempt["status"].as_i64()).collect();
    rig.must(statuses.first() == Some(&500) && statuses.last() == Some(&204), "with the status that was answered");
    let timed = attempts.iter().all(|attempt| attempt["at"].is_string() && attempt["duration_ms"].is_i64());
    rig.must(timed, "with its time and how long it took");

    rig.check("replay");
    let before = receiver.arrivals("hook");
    let events = json!({ "events": [newest["event"]] });
    let asked = rig.quietly(post(format!("{at}/replay")).bearer(&tenant.owner).json(&events)).await?;
    rig.must(asked.status == 200, "a delivered event can be asked for again");
    let came = receiver.arrived("hook", before + 1, SOON).await;
    let again = receiver.seen("hook").last().and_then(|seen| seen.header("webhook-id").map(str::to_owned));
    rig.must(came && again.as_deref() == newest["event"].as_str(), "it comes again, with the same id");
    Ok(())
}
