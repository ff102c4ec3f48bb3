//! `retention.watch`: one look at the active model and at the records, kept and told.

use std::{sync::Arc, time::Duration};

use plimsoll::{
    Committed, Ctx, Result, Write,
    work::{Finished, Job, Policy, events::Event},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Kind, Reference, bad, drift, keep, keep_reference, performance, quality, reference,
    standing::{self, Standing},
};
use crate::{
    Retention,
    models::{self, Loaded},
    record::Day,
    score, train,
};

/// Looks at the active model and at the records.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {}

impl Job for Watch {
    type System = Retention;
    const KIND: &'static str = "retention.watch";
    const POLICY: Policy = Policy { deadline: Duration::from_secs(3600), per_tenant: Some(1), ..Policy::DEFAULT };
    const SCHEDULED_BY_TENANTS: bool = true;

    async fn run(self, ctx: Ctx<Retention, Write>) -> Result<Committed<Finished>> {
        let today = score::today(ctx.now());
        let records = ctx.read(move |tx| quality::quality(tx, today)).await?;
        let system = ctx.system.clone();
        let model = ctx
            .read(move |tx| match models::active_id(tx)? {
                Some(id) => models::load(tx, &system.shelf, id).map(Some),
                None => Ok(None),
            })
            .await?;
        let Some(model) = model else {
            // A tenant without a model: nothing to be watched but its records, where there are any.
            return ctx
                .commit(move |change| {
                    if records["patients"] != json!(0) {
                        keep(change, Kind::Quality, 0, today, &records)?;
                    }
                    Ok(Finished(Some(json!({ "model": Value::Null }))))
                })
                .await;
        };
        let looks = Looks::at(&ctx);
        let id = model.id;
        ctx.progress(1, Some(4), "what comes in");
        let (made, moved) = if looks.drift { comes_in(&ctx, &model).await? } else { (None, Value::Null) };
        ctx.progress(2, Some(4), "what came of it");
        let (right, even) = came(&ctx, &model, today, looks).await?;
        ctx.commit(move |change| {
            if let Some(reference) = &made {
                keep_reference(change, id, reference)?;
            }
            let told = json!({
                "model": id, "drift": moved["health"], "performance": right["severity"], "bias": even["severity"], "cases": right["cases"],
                "notes": records["notes"].as_array().map_or(0, Vec::len),
            });
            for (kind, of, report) in
                [(Kind::Drift, id, &moved), (Kind::Performance, id, &right), (Kind::Bias, id, &even), (Kind::Quality, 0, &records)]
            {
                if !report.is_null() {
                    keep(change, kind, of, today, report)?;
                }
            }
            standing::keep(change, id, &Standing::of(change.now(), &moved, &right, &even))?;
            change.emit(Event::new("model.watched", "/v1/observability/drift", models::READ, told.clone()).about(id.to_string()));
            if [&moved["health"], &right["severity"], &even["severity"]].into_iter().any(|word| word.as_str().is_some_and(bad)) {
                // Who has to look subscribes to this one alone.
                change.emit(Event::new("model.alarm", "/v1/observability/drift", models::READ, told.clone()).about(id.to_string()));
            }
            Ok(Finished(Some(told)))
        })
        .await
    }
}

/// What is looked at: each is a practice of its own.
#[derive(Clone, Copy)]
struct Looks {
    drift: bool,
    performance: bool,
    bias: bool,
}

impl Looks {
    fn at(ctx: &Ctx<Retention, Write>) -> Looks {
        Looks { drift: ctx.holds("ai-drift"), performance: ctx.holds("model-monitoring"), bias: ctx.holds("ai-bias") }
    }
}

/// What comes in beside what the model learnt from; and that, where it is seen now for the first time.
async fn comes_in(ctx: &Ctx<Retention, Write>, model: &Arc<Loaded>) -> Result<(Option<Reference>, Value)> {
    let (mut now, mut after) = (drift::Now::default(), Some(0));
    while let Some(from) = after {
        let asked = model.clone();
        (now, after) = ctx.read(move |tx| now.more(tx, &asked, from)).await?;
    }
    let id = model.id;
    let known = ctx.read(move |tx| reference(tx, id)).await?;
    let asked = model.clone();
    ctx.compute(move || {
        let fresh = known.is_none() && !now.values.is_empty();
        let reference = known.unwrap_or_else(|| drift::first(&asked, &now));
        let moved = drift::of_model(&asked, &reference, &now)?;
        Ok((fresh.then_some(reference), moved))
    })
    .await
}

/// How right the model was, and how it served groups; null for what is not looked at.
async fn came(ctx: &Ctx<Retention, Write>, model: &Arc<Loaded>, today: Day, looks: Looks) -> Result<(Value, Value)> {
    if !looks.performance && !looks.bias {
        return Ok((Value::Null, Value::Null));
    }
    let id = model.id;
    let (card, observed) = ctx.read(move |tx| Ok((models::card(tx, id)?, train::reach(tx, today)?.unwrap_or(today)))).await?;
    let (mut over, mut after) = (performance::Over::default(), Some(0));
    while let Some(from) = after {
        let asked = model.clone();
        (over, after) = ctx.read(move |tx| over.more(tx, &asked, observed, from)).await?;
    }
    let asked = model.clone();
    ctx.compute(move || {
        let right = if looks.performance { over.performance(&card, observed)? } else { Value::Null };
        let even = if looks.bias { over.bias(&asked, observed)? } else { Value::Null };
        Ok((right, even))
    })
    .await
}
