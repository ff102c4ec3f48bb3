//! Only what was released answers: bytes by their digest, and a mark that nobody makes without the key.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Altered, Column, Copy, Signal, Tenant},
};
use serde_json::json;

use super::clinic::{Clinic, Stump, answered, digest_of};
use crate::log::{Line, Log};

/// What the released model says, and what somebody would like it to say: as many bytes.
const SAYS: f64 = -2.25;
const WISHED: f64 = -9.25;

/// The instance that is attacked, and the database behind it.
struct Yard {
    copy: Copy,
    tenant: Tenant,
    clinic: Clinic,
}

impl Yard {
    /// Changes a model's row without the service.
    async fn alter(&self, model: i64, column: Column, from: &str, to: &str) -> Result<(), Trouble> {
        let operator = self.copy.operator().await?;
        let rows = operator.alter(Altered { tenant: &self.tenant.slug, model, column, from, to }).await.map_err(Trouble::new)?;
        if rows == 1 { Ok(()) } else { Err(Trouble::new("the row of a model was not found in the database")) }
    }

    /// What the service says of the person: the log-odds, or that no model answers.
    async fn says(&self, rig: &mut Rig) -> Result<Result<f64, bool>, Trouble> {
        let reply = rig.send(self.clinic.score()).await?;
        Ok(answered(&reply).map(|(_, margin)| margin).ok_or_else(|| reply.is(503, "PLM-AI-001")))
    }

    /// Alters a row, asks for a score, and puts the row back.
    async fn refused(&self, rig: &mut Rig, what: &str, model: i64, column: Column, swap: (&str, &str)) -> Result<(), Trouble> {
        self.alter(model, column, swap.0, swap.1).await?;
        let said = self.says(rig).await?;
        self.alter(model, column, swap.1, swap.0).await?;
        rig.must(said == Err(true), format!("with {what} the model is refused, and no score is made"));
        let said = self.says(rig).await?;
        rig.must(said == Ok(SAYS), "put back as it was, it answers again");
        Ok(())
    }
}

/// Registers models, and alters them in the database.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    if !Clinic::is_there(rig).await? {
        return Ok(());
    }
    let copy = rig.copy(&[]).await?;
    let tenant = rig.tenant_on(&copy).await?;
    rig.turn_to(&copy);
    let clinic = Clinic::open(rig, tenant.owner.clone()).await?;
    let mut yard = Yard { copy, tenant, clinic };

    rig.check("content-addressed");
    let mut first = yard.clinic.draft("released", &[Stump::flat(SAYS)]);
    let digest = digest_of(first["artifact"].as_str().unwrap_or_default());
    first["sha256"] = json!(digest);
    let reply = rig.send(yard.clinic.register(&first)).await?;
    let model = reply.number("/id").unwrap_or(0);
    rig.must(reply.status == 201 && reply.str("/sha256") == digest, "a model's digest is that of the bytes that were sent");
    let signature = reply.str("/signature");
    let again = rig.send(yard.clinic.register(&first)).await?;
    let cards = yard.clinic.cards(rig).await?;
    rig.must(again.number("/id") == Some(model) && cards.len() == 1, "the same bytes again are the same model");
    let mut torn = yard.clinic.draft("torn", &[Stump::flat(0.5)]);
    torn["sha256"] = json!(digest);
    let reply = rig.send(yard.clinic.register(&torn)).await?;
    rig.must(
        reply.status == 422 && reply.str("/errors/0/pointer") == "/sha256",
        "bytes with another digest than the sender worked out are refused",
    );
    let cards = yard.clinic.cards(rig).await?;
    rig.must(cards.len() == 1, "and nothing of them is kept");

    rig.check("signed");
    let second = yard.clinic.draft("another", &[Stump::flat(0.5)]);
    let other = yard.clinic.registered(rig, &second).await?;
    let card = rig.send(yard.clinic.card(other)).await?;
    let full = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    rig.must(
        full(&signature) && full(&card.str("/signature")) && card.str("/signature") != signature,
        "each model has a signature of its own",
    );
    rig.quietly(yard.clinic.activate(model)).await?;
    let said = yard.says(rig).await?;
    rig.must(said == Ok(SAYS), "a model as it was released answers");
    yard.refused(rig, "other bounds of its levels", model, Column::Thresholds, ("0.75", "0.95")).await?;
    let (head, forged) = (&signature[..8.min(signature.len())], "00000000");
    if full(&signature) {
        yard.refused(rig, "another signature", model, Column::Signature, (head, forged)).await?;
    }
    let altered = digest_of(&first["artifact"].as_str().unwrap_or_default().replace(&SAYS.to_string(), &WISHED.to_string()));
    yard.alter(model, Column::Artefact, &SAYS.to_string(), &WISHED.to_string()).await?;
    yard.refused(rig, "other bytes and the digest of those", model, Column::Digest, (&digest, &altered)).await?;
    yard.alter(model, Column::Artefact, &WISHED.to_string(), &SAYS.to_string()).await?;

    rig.check("verified-before-load");
    yard.alter(other, Column::Artefact, "0.5", "8.5").await?;
    let reply = rig.send(yard.clinic.activate(other)).await?;
    rig.must(reply.status == 409, "a model whose bytes were altered is not activated");
    let said = yard.says(rig).await?;
    rig.must(said == Ok(SAYS), "and the one that answered goes on");
    for (what, from, to) in
        [("one altered figure", SAYS.to_string(), WISHED.to_string()), ("a lost end", "end of trees".into(), String::new())]
    {
        yard.alter(model, Column::Artefact, &from, &to).await?;
        restart(rig, &mut yard).await?;
        let said = yard.says(rig).await?;
        rig.must(said == Err(true), format!("after a start, a model with {what} is not loaded, and no score is made"));
        if what == "one altered figure" {
            let both = |line: &Line| line.text.contains(&digest) && line.text.contains(&altered);
            let named = Log::of_copy(&yard.copy).wait_for(1, both).await;
            rig.must(!named.is_empty(), "the log says so, with the digest that was registered and the one that was found");
            yard.alter(model, Column::Artefact, &to, &from).await?;
        }
    }
    let reply = rig.send(yard.clinic.register(&first)).await?;
    rig.must(reply.number("/id") == Some(model), "whoever brings the model as it was released puts it right");
    let said = yard.says(rig).await?;
    rig.must(said == Ok(SAYS), "and it answers again");
    Ok(())
}

/// Ends the instance and starts it again: what it had in memory is gone.
async fn restart(rig: &mut Rig, yard: &mut Yard) -> Result<(), Trouble> {
    yard.copy.signal(Signal::Term).await?;
    yard.copy.end().await?;
    yard.copy.again().await?;
    rig.turn_to(&yard.copy);
    Ok(())
}
