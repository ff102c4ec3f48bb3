//! A score comes with what it is made of, and the parts add up.

use plimsoll_assess::{Rig, Trouble, rig::Reply};
use serde_json::{Value, json};

use super::clinic::{Clinic, Stump};

/// How far sums of a few figures may lie apart.
const NEAR: f64 = 1e-6;
/// Two questions about two things, so that what each value adds can be worked out by hand.
const AGE: Stump = Stump { feature: "age", at: 30.0, low: 0.75, high: -0.5, below: 30, above: 70 };
const SINCE: Stump = Stump { feature: "days_since_last_refill", at: 21.0, low: -1.25, high: 1.5, below: 80, above: 20 };
/// Rows of values, odd ones among them; null is what nobody knows, which goes with the low ones.
const ROWS: [(Option<f64>, Option<f64>); 8] = [
    (Some(25.0), Some(3.0)),
    (Some(60.0), Some(3.0)),
    (Some(25.0), Some(90.0)),
    (Some(60.0), Some(90.0)),
    (None, Some(90.0)),
    (Some(30.0), None),
    (Some(1e6), Some(-1e6)),
    (None, None),
];

/// What each value adds, by its name.
fn contribution(reply: &Reply, name: &str) -> Option<f64> {
    let parts = reply.json()["feature_contributions"].as_array().cloned().unwrap_or_default();
    parts.iter().find(|part| part["feature_name"] == name).and_then(|part| part["contribution"].as_f64())
}

/// The baseline and everything that is added to it.
fn sum(reply: &Reply) -> Option<f64> {
    let said = reply.json();
    let parts = said["feature_contributions"].as_array().filter(|parts| !parts.is_empty())?;
    Some(said["base"].as_f64()? + parts.iter().map(|part| part["contribution"].as_f64().unwrap_or(f64::NAN)).sum::<f64>())
}

fn near(one: Option<f64>, other: f64) -> bool {
    one.is_some_and(|one| (one - other).abs() < NEAR)
}

/// What a stump says of a value that may not be known.
fn says(stump: &Stump, value: Option<f64>) -> f64 {
    value.map_or(stump.low, |value| stump.says(value))
}

/// Asks for scores, and for what they are made of.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    if !Clinic::is_there(rig).await? {
        return Ok(());
    }
    let tenant = rig.tenant().await?;
    let clinic = Clinic::open(rig, tenant.owner).await?;
    let model = clinic.registered(rig, &clinic.draft("two questions", &[AGE, SINCE])).await?;
    rig.quietly(clinic.activate(model)).await?;

    rig.check("contributions");
    let supposed = |age: f64, since: f64| json!({ AGE.feature: age, SINCE.feature: since });
    let (_, young) = explained(rig, &clinic, &supposed(25.0, 3.0)).await?;
    let (_, old) = explained(rig, &clinic, &supposed(60.0, 3.0)).await?;
    rig.must(near(contribution(&young, AGE.feature), AGE.low - AGE.mean()), "what an age adds is what was worked out by hand");
    rig.must(near(contribution(&young, SINCE.feature), SINCE.low - SINCE.mean()), "and so is what the days since a refill add");
    rig.must(near(contribution(&old, AGE.feature), AGE.high - AGE.mean()), "another age adds something else");
    rig.must(near(contribution(&old, SINCE.feature), SINCE.low - SINCE.mean()), "and leaves what the other value adds");
    rig.must(near(contribution(&old, "gender"), 0.0), "what the model does not look at adds nothing");
    moment(rig, &clinic).await?;

    rig.check("additive");
    let mut whole = true;
    for (age, since) in ROWS {
        let (made, why) = explained(rig, &clinic, &json!({ AGE.feature: age, SINCE.feature: since })).await?;
        let margin = says(&AGE, age) + says(&SINCE, since);
        whole &= near(made.json()["margin"].as_f64(), margin) && near(sum(&why), margin);
        whole &= near(made.json()["prediction_score"].as_f64(), 1.0 / (1.0 + (-margin).exp()));
    }
    rig.must(
        whole,
        format!("for {} rows, odd ones among them, baseline and contributions add up to the log-odds of the score", ROWS.len()),
    );
    let mut tempered = clinic.draft("two questions, calibrated", &[AGE, SINCE, Stump::flat(0.125)]);
    tempered["calibration"] = json!({ "platt": { "slope": 0.5, "offset": -0.25 } });
    let model = clinic.registered(rig, &tempered).await?;
    rig.quietly(clinic.activate(model)).await?;
    let (made, why) = explained(rig, &clinic, &supposed(60.0, 90.0)).await?;
    let margin = AGE.high + SINCE.high + 0.125;
    rig.must(near(sum(&why), margin), "with a calibration they add up to the log-odds before it");
    let calibrated = 1.0 / (1.0 + (-(0.5 * margin - 0.25)).exp());
    rig.must(near(made.json()["prediction_score"].as_f64(), calibrated), "of which the calibration makes the score");
    rig.must(near(why.json()["risk_score"].as_f64(), calibrated), "that the reasons are given for");
    Ok(())
}

/// A prediction and its reasons.
async fn explained(rig: &mut Rig, clinic: &Clinic, features: &Value) -> Result<(Reply, Reply), Trouble> {
    let made = rig.quietly(clinic.supposing(features)).await?;
    let id = made.number("/id").ok_or_else(|| Trouble::new(format!("no score was made: {}", made.line())))?;
    let why = rig.quietly(clinic.why(id)).await?;
    Ok((made, why))
}

/// Reasons stay those of the moment of the score, whatever the record says later.
async fn moment(rig: &mut Rig, clinic: &Clinic) -> Result<(), Trouble> {
    let (made, before) = explained(rig, clinic, &json!({})).await?;
    let id = made.number("/id").unwrap_or(0);
    // One more pick-up, two days before the day of the score.
    clinic.hand_out(rig, "2024-03-13").await?;
    let after = rig.quietly(clinic.why(id)).await?;
    let days = |reply: &Reply| {
        let parts = reply.json()["feature_contributions"].as_array().cloned().unwrap_or_default();
        parts.iter().find(|part| part["feature_name"] == SINCE.feature).and_then(|part| part["feature_value"].as_f64())
    };
    rig.must(days(&before) == Some(14.0), "the reasons of a score from the record show the values of the record");
    rig.must(after.good() && after.json() == before.json(), "when the record has changed, a score of before has the reasons of before");
    let (_, new) = explained(rig, clinic, &json!({})).await?;
    rig.must(days(&new) == Some(2.0), "and a new one those of now");
    Ok(())
}
