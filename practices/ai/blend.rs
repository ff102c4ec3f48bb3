//! Ensembles: whether the rule that is written down is the one that answers, and whether its members can be seen.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, Tenant, get, post},
};
use serde_json::{Value, json};

/// What each member says of everybody, as log-odds.
const SAYS: [f64; 3] = [-2.25, 0.75, -1.5];
/// A day in the supply that the person has, long before any clock that this runs under.
const DAY: &str = "2024-03-10";

fn sigmoid(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

fn near(found: &Value, wanted: f64) -> bool {
    found.as_f64().is_some_and(|found| (found - wanted).abs() < 1e-9)
}

/// A model that says the same of everybody, made of the description's own example; its number.
async fn model(rig: &mut Rig, tenant: &Tenant, example: &Value, says: f64) -> Result<i64, Trouble> {
    let mut draft = example.clone();
    let artifact = draft["artifact"].as_str().unwrap_or_default().replace("leaf_value=-2", &format!("leaf_value={says}"));
    (draft["artifact"], draft["name"]) = (json!(artifact), json!(format!("always {says}")));
    let made = rig.quietly(post("/v1/models").bearer(&tenant.owner).json(&draft)).await?;
    made.number("/id").ok_or_else(|| Trouble::new(format!("a model was not registered: {}", made.line())))
}

/// Somebody with one pick-up of medicine; their number.
async fn person(rig: &mut Rig, tenant: &Tenant) -> Result<i64, Trouble> {
    let body = json!({ "uuid": "probe-person", "birthdate": "1990-04-17", "gender": "F" });
    let made = rig.quietly(post("/v1/patients").bearer(&tenant.owner).json(&body)).await?;
    let id = made.number("/id").ok_or_else(|| Trouble::new(format!("a patient was not made: {}", made.line())))?;
    let form = json!({
        "uuid": "probe-form", "at": "2024-03-01 09:30:00", "form": "Pharmacy Order Form",
        "observations": [{ "uuid": "probe-answer", "variable": "Medication duration", "number": 30 }],
    });
    let path = format!("/v1/patients/{id}/encounters");
    let kept = rig.quietly(post(path).bearer(&tenant.owner).json(&form).shown("/v1/patients/{id}/encounters")).await?;
    if kept.good() { Ok(id) } else { Err(Trouble::new(format!("a pick-up was not written down: {}", kept.line()))) }
}

async fn ensemble(rig: &mut Rig, tenant: &Tenant, draft: Value) -> Result<Reply, Trouble> {
    let made = rig.send(post("/v1/ensembles").bearer(&tenant.owner).json(&draft)).await?;
    if made.status == 201 { Ok(made) } else { Err(Trouble::new(format!("an ensemble was not registered: {}", made.line()))) }
}

/// Registers models, blends them, and computes every answer from what its members say.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let description = rig.description().await?;
    if description.pointer("/paths/~1v1~1ensembles").is_none() {
        for check in ["declared-rule", "members-visible"] {
            rig.check(check);
            rig.not_applicable("no system with models is mounted");
        }
        return Ok(());
    }
    let tenant = rig.tenant().await?;
    let place = "/paths/~1v1~1models/post/requestBody/content/application~1json/example";
    let example = description.pointer(place).cloned().unwrap_or_default();
    let mut ids = Vec::new();
    for says in SAYS {
        ids.push(model(rig, &tenant, &example, says).await?);
    }
    let patient = person(rig, &tenant).await?;
    let question = json!({ "patient_id": patient, "as_of": DAY });

    rig.check("declared-rule");
    let [p, q, r] = SAYS.map(sigmoid);
    let weighted = |weights: [f64; 2]| sigmoid(weights[0] * SAYS[0] + weights[1] * SAYS[1]);
    let of = |kind: &str, rest: Value| {
        let mut draft = json!({ "name": kind, "ensemble_type": kind });
        rest.as_object().into_iter().flatten().for_each(|(name, value)| draft[name.as_str()] = value.clone());
        draft
    };
    let cases = [
        (
            "weights of a quarter and three",
            of("weighted_averaging", json!({ "model_ids": &ids[..2], "weights": [0.25, 0.75] })),
            weighted([0.25, 0.75]),
        ),
        (
            "the same weights the other way round",
            of("weighted_averaging", json!({ "model_ids": &ids[..2], "weights": [0.75, 0.25] })),
            weighted([0.75, 0.25]),
        ),
        ("a mean of probabilities", of("voting", json!({ "model_ids": ids, "voting_strategy": "soft" })), (p + q + r) / 3.0),
        ("a majority of two against one", of("voting", json!({ "model_ids": ids, "voting_strategy": "majority" })), (p + r) / 2.0),
        (
            "a regression over log-odds",
            of("stacking", json!({ "model_ids": &ids[..2], "meta": { "intercept": 0.5, "weights": [0.5, 2.0] } })),
            sigmoid(0.5 + 0.5 * SAYS[0] + 2.0 * SAYS[1]),
        ),
    ];
    let mut digests = Vec::new();
    let mut first = None;
    for (what, draft, wanted) in &cases {
        let made = ensemble(rig, &tenant, draft.clone()).await?;
        let id = made.number("/id").unwrap_or_default();
        let known = digests.contains(&made.str("/sha256")) || made.str("/sha256").len() != 64;
        rig.must(!known, format!("{what}: the rule is part of a version with a digest of its own"));
        digests.push(made.str("/sha256"));
        let path = format!("/v1/ensembles/{id}/predict");
        let said = rig.send(post(path).bearer(&tenant.owner).json(&question).shown("/v1/ensembles/{id}/predict")).await?;
        let right = near(&said.json()["prediction_score"], *wanted);
        rig.must(said.status == 201 && right, format!("{what}: the answer is what the rule makes of what the members say"));
        first.get_or_insert((id, said));
    }
    let again = ensemble(rig, &tenant, cases[0].1.clone()).await?;
    let Some((id, said)) = first else { return Err(Trouble::new("no ensemble was asked")) };
    rig.must(again.number("/id") == Some(id), "the same members under the same rule are the same version");
    let active = rig.send(post(format!("/v1/models/{id}/activate")).bearer(&tenant.owner).shown("/v1/models/{id}/activate")).await?;
    let asked = rig.send(post("/v1/predictions").bearer(&tenant.owner).json(&question)).await?;
    rig.must(
        active.status == 200 && asked.number("/model_id") == Some(id) && near(&asked.json()["prediction_score"], cases[0].2),
        "made active, it is the ensemble that answers, by the same rule",
    );

    rig.check("members-visible");
    let members = |reply: &Reply| -> Vec<(Option<i64>, Value)> {
        let all = reply.json()["members"].as_array().cloned().unwrap_or_default();
        all.into_iter().map(|one| (one["model_id"].as_i64(), one["score"].clone())).collect()
    };
    let right = |all: &[(Option<i64>, Value)]| {
        all.len() == 2
            && all.iter().zip(ids.iter().zip(SAYS)).all(|((id, score), (wanted, says))| *id == Some(*wanted) && near(score, sigmoid(says)))
    };
    rig.must(right(&members(&said)), "an answer names each member and what it said");
    let path = format!("/v1/predictions/{}", said.number("/id").unwrap_or_default());
    let kept = rig.send(get(path).bearer(&tenant.owner).shown("/v1/predictions/{id}")).await?;
    rig.must(right(&members(&kept)), "and so does the record of it");
    let card = rig.send(get(format!("/v1/ensembles/{id}")).bearer(&tenant.owner).shown("/v1/ensembles/{id}")).await?;
    let weights: Vec<f64> = card.json()["members"].as_array().into_iter().flatten().filter_map(|one| one["weight"].as_f64()).collect();
    rig.must(weights == [0.25, 0.75], "the weights of the rule can be read");
    Ok(())
}
