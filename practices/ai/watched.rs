//! Whether a model is watched: what comes in, how right it is, how it serves groups; with people whose every figure
//! is known beforehand.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get, post},
};
use serde_json::{Value, json};

use super::programme::{HIGH, LOW, Made, Model, Programme, Registered, observed, past};
use crate::figures::Figures;

/// How old figures may be.
const MOMENT: Duration = Duration::from_secs(5);

/// Whether a figure is the one that was worked out here.
fn about(value: &Value, wanted: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - wanted).abs() < 1e-3)
}

/// People who are on treatment today. Each `round` draws other values of the same distributions; `moved` ones are older,
/// picked up longer ago, cannot be called, and most have no visit on record.
fn on_treatment(today: i64, round: usize, moved: bool) -> Vec<Made> {
    // A sequence that fills an interval evenly, begun elsewhere in every round.
    let part = |number: usize, of: f64| ((number + 37 * round) as f64 * of).fract();
    (0..240)
        .map(|number| {
            let (age, ago) = (20.0 + 40.0 * part(number, 0.618_033_988_7), (28.0 * part(number, 0.414_213_562_4)) as i64);
            let visit = 5 + (60.0 * part(number, 0.732_050_807_6)) as i64;
            let phone = part(number, 0.236_067_977_5) < 0.8;
            Made {
                number,
                woman: number % 2 == 0,
                born: today - ((age + if moved { 30.0 } else { 0.0 }) * 365.25) as i64,
                phone: phone && !moved,
                state: ["First", "Second"][number % 2],
                pickups: vec![(today - 30 - ago, 30), (today - ago - if moved { 25 } else { 0 }, 30)],
                visits: if moved && number % 5 < 3 { Vec::new() } else { vec![today - visit] },
            }
        })
        .collect()
}

/// What a look says of one feature.
fn feature<'v>(look: &'v Value, name: &str) -> &'v Value {
    let all = look["features"].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

fn severe(word: &Value) -> bool {
    ["high", "critical"].contains(&word.as_str().unwrap_or_default())
}

/// The same people three times: as the model first saw them, others like them, and moved.
pub(crate) async fn drift(rig: &mut Rig) -> Result<(), Trouble> {
    let Some(programme) = Programme::begin(rig).await? else { return Ok(()) };
    let today = programme.today;

    rig.check("inputs-compared");
    let model = programme.answers(rig, Model::Fair, "moves").await?;
    programme.hand_over(rig, &on_treatment(today, 0, false), 0).await?;
    programme.watch(rig).await?;
    programme.hand_over(rig, &on_treatment(today, 1, false), 1).await?;
    programme.watch(rig).await?;
    let calm = programme.look(rig, "drift", &model).await?;
    let names = ["age", "days_since_last_refill", "days_since_last_visit", "has_phone", "gender"];
    let told = |name: &&str| feature(&calm, name)["psi"].is_number() && feature(&calm, name)["distance"].is_number();
    rig.must(names.iter().all(told), "each input is told with its stability index and its distance");
    rig.must(calm["rows"] == json!([240, 240]), "what comes in stands beside what the model saw first, person by person");
    let worst = names.iter().map(|name| feature(&calm, name)["psi"].as_f64().unwrap_or(9.0)).fold(0.0, f64::max);
    rig.must(worst < 0.1, "other people of the same distributions are calm: every index is below 0.1");
    programme.hand_over(rig, &on_treatment(today, 2, true), 2).await?;
    programme.watch(rig).await?;
    let moved = programme.look(rig, "drift", &model).await?;
    for name in ["age", "days_since_last_refill", "has_phone"] {
        rig.must(severe(&feature(&moved, name)["severity"]), format!("`{name}`, which was moved, is named"));
    }
    let missing = &feature(&moved, "days_since_last_visit");
    rig.must(missing["missing"][1].as_f64() == Some(0.6) && severe(&missing["severity"]), "a value that is missing more often is named");
    rig.must(feature(&moved, "gender")["severity"] == "none", "one that did not move is not");
    let again = json!({ "name": "look", "kind": "retention.watch", "cron": "30 4 * * *", "payload": {} });
    let schedule = rig.send(programme.asks(post("/v1/schedules").json(&again))).await?;
    rig.must(schedule.status == 201 && !schedule.str("/next_at").is_empty(), "the look comes back by the clock");

    rig.check("scores-compared");
    let distance = |look: &Value| look["predictions"]["distance"].as_f64().unwrap_or(-1.0);
    rig.must((0.0..0.1).contains(&distance(&calm)), "the levels of others like them are calm");
    rig.must(distance(&moved) > 0.7 && moved["predictions"]["severity"] == "critical", "the levels of moved people are not");

    rig.check("drift-alerts");
    let alarms = programme.alarms(rig).await?;
    let one = alarms.len() == 1 && alarms[0]["drift"] == "critical" && alarms[0]["model"] == model.id;
    rig.must(one, "`model.alarm` is told once: of the people who moved, and of no look before");
    noted(rig, &model, "what comes in").await
}

/// What operators are told of a model, and that requests are still sent here.
async fn noted(rig: &mut Rig, model: &Registered, what: &str) -> Result<(), Trouble> {
    if rig.site().operations.is_none() {
        return Ok(());
    }
    let health = rig.quietly(get("/health").operations()).await?.json();
    // Whether health lists its checks at all is another practice's.
    if health["checks"]["notes"].is_null() {
        return Ok(());
    }
    let wanted = |text: &str| text.split("; ").any(|note| note.contains(&model.version) && note.contains(what));
    let said = rig.until(MOMENT, || get("/health").operations(), |reply| wanted(&reply.str("/checks/notes/message"))).await?;
    rig.must(
        said.is_some_and(|reply| reply.status == 200),
        "operators read a note of it, by the model's digest, and the service stays ready",
    );
    Ok(())
}

/// What a look says of a group.
fn group<'v>(look: &'v Value, attribute: &str, name: &str) -> &'v Value {
    let all = look["groups"][attribute]["groups"].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

/// Whether a rate is the one that was worked out here, within an interval of some width.
fn rate(value: &Value, part: f64, whole: f64) -> bool {
    let (low, high) = (value["low"].as_f64().unwrap_or(2.0), value["high"].as_f64().unwrap_or(-1.0));
    about(&value["value"], part / whole) && low < part / whole && part / whole < high && low > 0.0 && high < 1.0
}

/// The same people and outcomes under two models: one finds both sexes alike, the other misses women.
pub(crate) async fn bias(rig: &mut Rig) -> Result<(), Trouble> {
    let Some(programme) = Programme::begin(rig).await? else { return Ok(()) };
    let past = past(programme.today);

    rig.check("groups-declared");
    let fair = programme.answers(rig, Model::Fair, "finds both").await?;
    programme.hand_over(rig, &observed(programme.today), 0).await?;
    programme.score(rig, past).await?;
    programme.watch(rig).await?;
    let even = programme.look(rig, "bias", &fair).await?;
    let terms = &even["terms"];
    rig.must(terms["attributes"] == json!(["sex", "age", "state"]), "the groups are declared: by sex, age and state");
    rig.must(
        terms["judged"].as_array().is_some_and(|all| all.contains(&json!("recall"))) && terms["told_below"].is_number(),
        "so are the figures by which they are compared, and the bound",
    );
    let small = group(&even, "state", "Third");
    rig.must(
        small["cases"] == 20 && small["enough"] == false && small["recall"].is_null(),
        "a group below the bound is listed with its size and is not judged",
    );

    rig.check("metrics-per-group");
    for sex in ["F", "M"] {
        let one = group(&even, "sex", sex);
        rig.must(one["cases"] == 120 && one["positives"] == 34, format!("{sex}: people and interruptions are those that were handed over"));
        rig.must(
            rate(&one["recall"], 30.0, 34.0),
            format!("{sex}: the share that was found is the one worked out beforehand, with an interval"),
        );
        rig.must(rate(&one["false_alarm"], 10.0, 86.0), format!("{sex}: so is the share of false alarms"));
        rig.must(rate(&one["selection"], 40.0, 120.0), format!("{sex}: and the share that was rated high"));
    }

    rig.check("gap-alerts");
    rig.must(even["severity"] == "none" && even["groups"]["sex"]["recall"]["sure"] == false, "where both are found alike there is no gap");
    let quiet = programme.alarms(rig).await?;
    rig.must(quiet.is_empty(), "and nobody is told of one");
    let unfair = programme.answers(rig, Model::Unfair, "misses women").await?;
    programme.score(rig, past).await?;
    programme.watch(rig).await?;
    let uneven = programme.look(rig, "bias", &unfair).await?;
    let gap = &uneven["groups"]["sex"]["recall"];
    rig.must(gap["worst"] == "F" && gap["best"] == "M" && gap["sure"] == true, "where women are missed the gap names group and figure");
    let (women, men) = (&group(&uneven, "sex", "F")["recall"], &group(&uneven, "sex", "M")["recall"]);
    let apart = women["high"].as_f64().zip(men["low"].as_f64()).is_some_and(|(high, low)| high < low);
    rig.must(apart && about(&men["value"], 30.0 / 34.0), "with intervals that do not overlap");
    let alarms = programme.alarms(rig).await?;
    let told = alarms.len() == 1 && alarms[0]["bias"] == "critical" && alarms[0]["model"] == unfair.id;
    rig.must(told, "`model.alarm` tells of it");
    noted(rig, &unfair, "how it serves groups").await
}

/// The page of metrics, once it is as `wanted`; what a page shows may be a moment old.
async fn figures(rig: &mut Rig, wanted: impl Fn(&Figures) -> bool) -> Result<Figures, Trouble> {
    let read = |reply: &Reply| Figures::read(&reply.text());
    let found = rig.until(MOMENT, || get("/metrics").operations(), |reply| read(reply).is_ok_and(|page| wanted(&page))).await?;
    let page = match found {
        Some(page) => page,
        None => rig.quietly(get("/metrics").operations()).await?,
    };
    read(&page).map_err(|line| Trouble::new(format!("the metrics cannot be read at: {line}")))
}

/// Figures of a version by the name of the metric.
fn of(page: &Figures, name: &str, model: &Registered, more: &[(&str, &str)]) -> f64 {
    page.sum(name, &[&[("model_version", model.version.as_str())], more].concat())
}

/// Known answers of two versions, their outcomes, and where both are shown.
pub(crate) async fn monitored(rig: &mut Rig) -> Result<(), Trouble> {
    let Some(programme) = Programme::begin(rig).await? else { return Ok(()) };
    let past = past(programme.today);

    rig.check("counts-and-latency");
    let first = programme.answers(rig, Model::Fair, "first").await?;
    programme.hand_over(rig, &observed(programme.today), 0).await?;
    programme.score(rig, past).await?;
    let counted = |page: &Figures, model: &Registered| of(page, "iit_model_predictions_total", model, &[]) == 240.0;
    let page = figures(rig, |page| counted(page, &first)).await?;
    rig.must(counted(&page, &first), "240 known questions raise the counter of the version by 240");
    let timed = ["iit_model_inference_latency_seconds", "iit_feature_extraction_latency_seconds"];
    let counts = timed.iter().all(|name| of(&page, &format!("{name}_count"), &first, &[]) == 240.0);
    let took = timed.iter().all(|name| of(&page, &format!("{name}_sum"), &first, &[]) > 0.0);
    rig.must(counts && took, "the model's answer and the features of each are timed");
    let scoring = of(&page, "iit_prediction_duration_seconds_count", &first, &[]);
    rig.must(
        scoring > 0.0 && of(&page, "iit_batch_size_distribution_sum", &first, &[]) == 240.0,
        "so are whole scorings, with their sizes",
    );

    rig.check("score-distribution");
    let level = |level: &str| of(&page, "iit_model_predictions_total", &first, &[("risk_level", level)]);
    rig.must((level("low"), level("critical")) == (160.0, 80.0), "levels are counted as they were worked out beforehand");
    let below = |bound: &str| of(&page, "iit_prediction_risk_distribution_bucket", &first, &[("le", bound)]);
    rig.must((below("0.1"), below("0.2"), below("0.8"), below("0.9")) == (0.0, 160.0, 160.0, 240.0), "so are the bands of the scores");
    let sum = of(&page, "iit_prediction_risk_distribution_sum", &first, &[]);
    rig.must((sum - (160.0 * LOW + 80.0 * HIGH)).abs() < 1e-3, "and their sum");
    let second = programme.answers(rig, Model::Unfair, "second").await?;
    programme.score(rig, past).await?;
    let page = figures(rig, |page| counted(page, &second)).await?;
    rig.must(
        counted(&page, &first) && counted(&page, &second),
        "another version begins a series of its own, and the first one stands still",
    );
    let named = page.samples.iter().filter(|sample| sample.name.starts_with("iit_"));
    let known = ["model_version", "risk_level", "feature", "bias_type", "le"];
    let plain = named.clone().all(|sample| sample.labels.keys().all(|label| known.contains(&label.as_str())));
    rig.must(plain && named.count() > 0, "labels say version and band, never a tenant or a person");

    rig.check("outcome-accuracy");
    programme.watch(rig).await?;
    let report = programme.look(rig, "performance", &second).await?;
    rig.must(report["cases"] == 240 && report["positives"] == 68, "the outcomes of the records are counted, and how many are known");
    // 30 of 68 who interrupted and 10 of 172 who did not are rated high; ties count half.
    rig.must(about(&report["figures"]["auc"], area(30.0, 10.0)), "the area under the curve is the one worked out beforehand");
    programme.made_active(rig, &first).await?;
    programme.score(rig, past).await?;
    programme.watch(rig).await?;
    let report = programme.look(rig, "performance", &first).await?;
    rig.must(about(&report["figures"]["auc"], area(60.0, 20.0)), "each version has its own");
    let shown = |page: &Figures| (of(page, "iit_model_auc_score", &first, &[]) - area(60.0, 20.0)).abs() < 1e-3;
    let page = figures(rig, shown).await?;
    rig.must(shown(&page), "and it stands among the metrics");
    let newest = rig.quietly(programme.asks(get("/v1/predictions?limit=1"))).await?.number("/items/0/id").unwrap_or(0);
    let left = json!({ "prediction_id": newest, "outcome": "left" });
    let said = rig.send(programme.asks(post("/v1/outcomes").json(&left))).await?;
    programme.watch(rig).await?;
    let report = programme.look(rig, "performance", &first).await?;
    rig.must(
        said.status == 201 && report["cases"] == 239 && report["censored"] == 1 && report["said"] == 1,
        "an outcome that somebody reports counts instead of the record's, and who left is told as that",
    );

    rig.check("dashboard");
    let page = rig.send(programme.asks(get("/retention/model"))).await?;
    let text = page.text();
    let told = ["Since it answers", "<svg class=\"plot\"", "239", &first.version];
    rig.must(page.status == 200 && told.iter().all(|words| text.contains(words)), "a page shows how right the version is, with a plot");
    Ok(())
}

/// The area under the curve of two scores, where so many of the 68 who interrupted and of the 172 who did not have the
/// higher one: the share of pairs in the right order, ties as halves.
fn area(found: f64, alarmed: f64) -> f64 {
    let (missed, spared) = (68.0 - found, 172.0 - alarmed);
    (found * spared + 0.5 * (found * alarmed + missed * spared)) / (68.0 * 172.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_of_two_scores_is_that_of_all_pairs() {
        let (mut right, mut pairs) = (0.0, 0.0);
        for came in 0..68 {
            for stayed in 0..172 {
                let (came, stayed): (f64, f64) = (if came < 60 { HIGH } else { LOW }, if stayed < 20 { HIGH } else { LOW });
                right += if came > stayed {
                    1.0
                } else if came == stayed {
                    0.5
                } else {
                    0.0
                };
                pairs += 1.0;
            }
        }
        assert!((area(60.0, 20.0) - right / pairs).abs() < 1e-12);
    }

    #[test]
    fn moved_people_are_still_on_treatment() {
        for (round, moved) in [(0, false), (1, false), (2, true)] {
            for one in on_treatment(20_000, round, moved) {
                let (day, lasts) = one.pickups[1];
                assert!(day + i64::from(lasts) + 28 >= 20_000, "{} {}", round, one.number);
                assert!(one.pickups[0].0 < day && one.visits.iter().all(|day| *day < 20_000));
            }
        }
        assert_eq!(on_treatment(20_000, 2, true).iter().filter(|one| one.visits.is_empty()).count(), 144);
    }
}
