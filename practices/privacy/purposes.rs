//! Data about persons is read by somebody, for a reason, on record.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{get, post},
};
use serde_json::{Value, json};

use crate::description::{NOBODY, Operation, operations};

/// What a private instance demands: a purpose for everybody, and one for admins.
const STATED: &str = r#"{ care = "viewer", audit = "admin" }"#;

/// The operations whose reads are put on record.
fn protected(operations: Vec<Operation>) -> Vec<Operation> {
    operations.into_iter().filter(|one| one.reads() && one.recorded).collect()
}

/// Asks for what is protected: as nobody, for no reason, for somebody else's, and for a good one.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let all = operations(rig).await?;
    let protected = protected(all.clone());
    // Something that can be made from its own example and then read by its number.
    let one = protected.iter().find_map(|one| {
        let whole = one.path.strip_suffix("/{id}").filter(|whole| !whole.contains('{'))?;
        let create = all.iter().find(|other| other.method == "POST" && other.path == whole && other.body.is_some())?;
        Some((one.clone(), create.clone()))
    });
    let Some((one, create)) = one else {
        for check in rig.left_out() {
            rig.check(&check);
            rig.not_applicable("nothing mounted here says that its reads are put on record");
        }
        return Ok(());
    };

    rig.check("authenticated");
    for operation in &protected {
        let nobody = rig.quietly(operation.ask(NOBODY)).await?;
        let invented = rig.quietly(operation.ask(NOBODY).bearer("plm_notakeythatanybodyhaseverissued00000000000")).await?;
        rig.must(
            nobody.status == 401 && invented.status == 401,
            format!("{} is refused with 401 without a credential, and with one that nobody issued", operation.name()),
        );
    }

    rig.check("purpose-stated");
    let copy = rig.copy(&[("purposes.stated", STATED)]).await?;
    let tenant = rig.tenant_on(&copy).await?;
    rig.turn_to(&copy);
    let (reader, secret) = rig.key_of(&tenant, &json!({ "name": "reader", "role": "viewer" })).await?;
    let made = rig.quietly(create.exemplary("").bearer(&tenant.owner)).await?;
    let id = made.number("/id").ok_or_else(|| Trouble::new(format!("{} did not make its own example: {}", create.name(), made.line())))?;
    let id = id.to_string();
    for (what, purpose) in [("no purpose", None), ("an unknown one", Some("curiosity")), ("one for admins", Some("audit"))] {
        let ask = one.ask(&id).bearer(&secret);
        let ask = purpose.into_iter().fold(ask, |ask, purpose| ask.header("x-purpose", purpose));
        let reply = rig.send(ask).await?;
        rig.must(reply.is(403, "PLM-AUTH-007"), format!("with {what} a viewer is refused with 403"));
    }
    let reply = rig.send(one.ask(&id).bearer(&secret).header("x-purpose", "care")).await?;
    rig.must(reply.status == 200, "with a purpose of their own they read");
    let for_viewers = |one: &&Operation| !one.one() && one.needs.as_ref().is_some_and(|(role, _)| role == "viewer");
    for list in protected.iter().filter(for_viewers) {
        let without = rig.quietly(list.ask("").bearer(&secret)).await?;
        let with = rig.quietly(list.ask("").bearer(&secret).header("x-purpose", "care")).await?;
        rig.must(without.status == 403 && with.status == 200, format!("{} asks for a purpose too", list.name()));
    }

    rig.check("access-audited");
    let of_one = format!("/v1/audit?target={}/{id}&actor={reader}&page_size=100", create.path.trim_start_matches("/v1/"));
    let kept = rig.quietly(get(of_one).bearer(&tenant.owner)).await?.json();
    let entries: Vec<&Value> = kept["items"].as_array().into_iter().flatten().collect();
    let told = |entry: &&Value| entry["actor"]["id"] == reader.as_str() && entry["detail"]["purpose"] == "care";
    // That there is an entry at all is what the probe of `audit-log` shows.
    rig.must(
        entries.len() <= 1 && entries.iter().all(told),
        "the entry of the one read that was answered names caller, person and purpose",
    );
    let changed = rig.quietly(post(&create.path).bearer(&secret).header("x-purpose", "care").json(&json!({}))).await?;
    rig.must(changed.status == 403, "and a purpose is no permission: a viewer still changes nothing");
    Ok(())
}
