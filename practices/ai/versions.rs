//! Which model answers is what was decided, and can be taken back.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get},
};
use serde_json::{Value, json};

use super::clinic::{Clinic, Stump, answered, digest_of};

/// Log-odds of the three models: each says the same of everybody, and another thing than the others.
const SAYS: [f64; 3] = [-2.25, 1.5, 0.75];
/// Activations that are sent at once.
const AT_ONCE: usize = 12;
/// Scores that are asked for while the model changes.
const ASKED: usize = 24;

/// The numbers of the models that are said to be active.
fn active(cards: &[Value]) -> Vec<i64> {
    cards.iter().filter(|card| card["active"] == true).filter_map(|card| card["id"].as_i64()).collect()
}

/// Registers models, has them answer in turn, from many requests at once and back again.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    if !Clinic::is_there(rig).await? {
        return Ok(());
    }
    let tenant = rig.tenant().await?;
    let clinic = Clinic::open(rig, tenant.owner).await?;

    rig.check("version-record");
    let mut models = Vec::new();
    for (number, says) in SAYS.iter().enumerate() {
        let mut draft = clinic.draft(&format!("probe {number}"), &[Stump::flat(*says)]);
        draft["figures"] = json!({ "cases": 400, "auc": 0.75 });
        draft["origin"] = json!({ "kind": "imported", "from": format!("probe {number}") });
        let reply = rig.send(clinic.register(&draft)).await?;
        let card = reply.json();
        rig.must(reply.status == 201 && card["id"].is_i64(), "a model is registered and has a number");
        let digest = digest_of(draft["artifact"].as_str().unwrap_or_default());
        rig.must(card["sha256"] == digest.as_str(), "its card has the SHA-256 of the bytes that were sent");
        rig.must(card["figures"]["auc"] == 0.75 && card["figures"]["cases"] == 400, "and the figures it was measured with");
        rig.must(card["origin"] == draft["origin"], "and where it came from");
        rig.must(card["stage"] == "candidate" && card["active"] == false, "and says that it does not answer");
        rig.must(card["created_by"].is_string() && card["created_at"].is_string(), "and who registered it, and when");
        models.push(card["id"].as_i64().unwrap_or(0));
    }
    let none = rig.send(clinic.score()).await?;
    rig.must(none.is(503, "PLM-AI-001"), "before one is activated nothing answers, and no score is made up");
    rig.quietly(clinic.activate(models[0])).await?;
    let card = rig.send(clinic.card(models[0])).await?.json();
    rig.must(card["stage"] == "active" && card["active"] == true, "the card of the one that was activated says so");
    let entries = rig.send(get("/v1/audit?action=models.activate").bearer(&clinic.owner)).await?.json();
    let target = format!("models/{}", models[0]);
    rig.must(entries["items"][0]["target"] == target.as_str(), "the ledger has who activated which");

    rig.check("one-active");
    let wished = (0..AT_ONCE).map(|number| clinic.activate(models[number % models.len()])).collect();
    let replies = rig.together(wished).await?;
    rig.note(format!("{AT_ONCE} activations of {} models at once", models.len()));
    rig.must(replies.iter().all(Reply::good), "each activation is done");
    let now = active(&clinic.cards(rig).await?);
    rig.must(now.len() == 1, "exactly one model is active afterwards");
    let said = answered(&rig.send(clinic.score()).await?);
    rig.must(said.is_some_and(|(model, _)| now == [model]), "and it is the one that answers");

    rig.check("switchable");
    for (number, model) in models.iter().enumerate() {
        let mut waiting = Vec::new();
        for _ in 0..ASKED / 3 {
            waiting.push(rig.begin(clinic.score())?);
        }
        let switched = rig.quietly(clinic.activate(*model)).await?;
        rig.must(switched.status == 200, format!("model {number} is activated while scores are asked for"));
        let mut whole = true;
        for pending in waiting {
            let said = answered(&pending.reply().await?);
            let place = said.and_then(|(model, margin)| Some((models.iter().position(|one| *one == model)?, margin)));
            whole &= place.is_some_and(|(place, margin)| margin == SAYS[place]);
        }
        rig.must(whole, "each of them is answered, with the score of the model that it names");
        let said = answered(&rig.quietly(clinic.score()).await?);
        rig.must(said == Some((*model, SAYS[number])), format!("from then on model {number} answers"));
    }

    rig.check("reversible");
    back(rig, &clinic, &models).await
}

/// What was answered before is answered again, step by step, until nothing lies before.
async fn back(rig: &mut Rig, clinic: &Clinic, models: &[i64]) -> Result<(), Trouble> {
    // The last three activations were those of the check before, one of each model in their order.
    for number in [1, 0] {
        let reply = rig.send(clinic.go_back()).await?;
        rig.must(reply.status == 200, "one step back is done");
        let said = answered(&rig.quietly(clinic.score()).await?);
        rig.must(said == Some((models[number], SAYS[number])), format!("model {number} answers again, to the last digit"));
        let now = active(&clinic.cards(rig).await?);
        rig.must(now == [models[number]], "and is the only one that is active");
    }
    let entries = rig.send(get("/v1/audit?action=models.rollback").bearer(&clinic.owner)).await?.json();
    rig.must(entries["pagination"]["total_items"] == 2, "each step back is in the ledger");
    rig.quietly(clinic.activate(models[2])).await?;
    let said = answered(&rig.quietly(clinic.score()).await?);
    rig.must(said == Some((models[2], SAYS[2])), "and what was taken back can be activated again");
    Ok(())
}
