//! A programme of people who do not exist, on a tenant of the probe's: handed over as an export, scored by a model
//! whose every answer is known beforehand, and watched.
//!
//! Nothing is drawn by chance: who is in which group and what becomes of them follows from their number, so that
//! every figure can be worked out here and compared with the one that the service tells.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, Tenant, get, post},
};
use plimsoll_core::{Clock, Time};
use serde_json::{Value, json};

/// How long a job of a few hundred people may take on a busy machine.
const SOON: Duration = Duration::from_secs(40);
const DAY: i64 = 86_400_000_000;

/// A day since 1970 as `2026-11-21`.
pub(crate) fn date(day: i64) -> String {
    let mut text = Time::from_micros(day * DAY).to_string();
    text.truncate(10);
    text
}

/// Somebody who does not exist.
pub(crate) struct Made {
    /// Tells them apart.
    pub number: usize,
    /// Their sex.
    pub woman: bool,
    /// Day of birth.
    pub born: i64,
    /// Whether they can be called.
    pub phone: bool,
    /// Where they live.
    pub state: &'static str,
    /// Days of pick-ups, with the days that each lasts.
    pub pickups: Vec<(i64, u32)>,
    /// Days of visits.
    pub visits: Vec<i64>,
}

impl Made {
    /// Their record as an export has it. `version` is later for what replaces an earlier one.
    fn record(&self, today: i64, version: usize) -> Value {
        let at = |day: i64| format!("{} 09:00:00", date(day));
        let id = |what: &str, which: usize| format!("{what}-{}-{version}-{which}", self.number);
        let visits = self
            .visits
            .iter()
            .enumerate()
            .map(|(n, day)| json!({ "visitUuid": id("v", n), "dateStarted": at(*day), "visitType": "CLINICAL" }));
        let forms =
            self.pickups.iter().enumerate().map(
                |(n, (day, _))| json!({ "encounterUuid": id("e", n), "encounterDatetime": at(*day), "pmmForm": "Pharmacy Order Form" }),
            );
        let answers = self.pickups.iter().enumerate().map(|(n, (day, lasts))| {
            json!({ "obsUuid": id("o", n), "encounterUuid": id("e", n), "obsDatetime": at(*day), "variableName": "Medication duration", "valueNumeric": lasts })
        });
        let mut person = json!({
            "patientUuid": format!("made-{}", self.number), "birthdate": date(self.born), "gender": if self.woman { "F" } else { "M" },
            "stateProvince": self.state,
        });
        if self.phone {
            person["phoneNumber"] = json!(format!("+99900{:07}", self.number));
        }
        json!({
            "touchTime": format!("{} 00:00:{version:02}", date(today - 1)),
            "messageData": {
                "demographics": person, "visits": visits.collect::<Vec<_>>(), "encounters": forms.collect::<Vec<_>>(), "obs": answers.collect::<Vec<_>>(),
            },
        })
    }
}

/// A model of one tree, as LightGBM writes it: who cannot be called is at risk.
#[derive(Clone, Copy)]
pub(crate) enum Model {
    /// Whoever it is.
    Fair,
    /// Unless she is a woman.
    Unfair,
}

/// What the models say of those at risk, and of the others.
pub(crate) const HIGH: f64 = 0.817_574_476;
/// See [`HIGH`].
pub(crate) const LOW: f64 = 0.119_202_922;

/// A registered model.
pub(crate) struct Registered {
    /// Its number.
    pub id: i64,
    /// How figures call it: the beginning of its digest.
    pub version: String,
}

/// The programme.
pub(crate) struct Programme {
    /// Its tenant.
    pub tenant: Tenant,
    /// Today, as the clock shows it.
    pub today: i64,
    /// Names of features, in order, as the service describes them.
    names: Vec<String>,
}

impl Programme {
    /// An empty programme. Where the service has no models, every check says that it has no meaning, and there is none.
    pub(crate) async fn begin(rig: &mut Rig) -> Result<Option<Programme>, Trouble> {
        let description = rig.description().await?;
        let example = &description["paths"]["/v1/models"]["post"]["requestBody"]["content"]["application/json"]["example"];
        let head = example["artifact"].as_str().unwrap_or_default();
        let names: Vec<String> = head
            .lines()
            .find_map(|line| line.strip_prefix("feature_names="))
            .map(|names| names.split(' ').map(str::to_owned).collect())
            .unwrap_or_default();
        if names.is_empty() || description["paths"]["/v1/observability/drift"].is_null() {
            for check in rig.left_out() {
                rig.check(&check);
                rig.not_applicable("no system here predicts with a model");
            }
            return Ok(None);
        }
        let tenant = rig.tenant().await?;
        Ok(Some(Programme { tenant, today: Clock::system().now().micros().div_euclid(DAY), names }))
    }

    /// A question of the programme's owner.
    pub(crate) fn asks(&self, ask: Ask) -> Ask {
        ask.bearer(&self.tenant.owner)
    }

    async fn made(&self, rig: &mut Rig, ask: Ask) -> Result<Reply, Trouble> {
        let line = ask.line();
        // A database that is busy for a moment says so; each of these orders may be given again.
        let reply = rig.until(SOON, || self.asks(ask.clone()), |reply| reply.status != 503).await?;
        let reply = reply.ok_or_else(|| Trouble::new(format!("{line} was answered 503 all the time")))?;
        if reply.good() { Ok(reply) } else { Err(Trouble::new(format!("{line} was answered {}", reply.line()))) }
    }

    /// Waits for scorings that begin by themselves, after an import or an activation.
    async fn settled(&self, rig: &mut Rig) -> Result<(), Trouble> {
        let open = |state: &str| get(format!("/v1/jobs?kind=retention.score&state={state}&page_size=1"));
        for state in ["ready", "waiting", "running"] {
            let none = |reply: &Reply| reply.json()["items"].as_array().is_some_and(Vec::is_empty);
            let ended = rig.until(SOON, || self.asks(open(state)), none).await?;
            ended.ok_or_else(|| Trouble::new("jobs of the programme did not come to their end"))?;
        }
        Ok(())
    }

    /// Waits for a job; what it came to.
    async fn done(&self, rig: &mut Rig, id: &str) -> Result<Value, Trouble> {
        let over = |reply: &Reply| ["done", "dead"].contains(&reply.str("/state").as_str());
        let job = rig.until(SOON, || self.asks(get(format!("/v1/jobs/{id}"))), over).await?;
        let job = job.filter(|job| job.str("/state") == "done").ok_or_else(|| Trouble::new("a job of the programme did not succeed"))?;
        Ok(job.json()["result"].clone())
    }

    /// Registers a model and lets it answer.
    pub(crate) async fn answers(&self, rig: &mut Rig, model: Model, name: &str) -> Result<Registered, Trouble> {
        let draft =
            json!({ "name": name, "algorithm": "lightgbm", "feature_set": "iit-v1", "artifact": self.artifact(model, rig.practice())? });
        let card = self.made(rig, post("/v1/models").json(&draft)).await?;
        let id = card.number("/id").ok_or_else(|| Trouble::new("a registered model has no number"))?;
        let model = Registered { id, version: card.str("/sha256").get(..12).unwrap_or_default().to_owned() };
        self.made_active(rig, &model).await?;
        rig.note("a model of one known tree is registered and activated");
        Ok(model)
    }

    /// Lets a registered model answer.
    pub(crate) async fn made_active(&self, rig: &mut Rig, model: &Registered) -> Result<(), Trouble> {
        self.made(rig, post(format!("/v1/models/{}/activate", model.id))).await?;
        self.settled(rig).await
    }

    /// The text of a model; another one for each probe, since the same bytes are the same model in all figures.
    fn artifact(&self, model: Model, mark: &str) -> Result<String, Trouble> {
        let place = |name: &str| {
            let at = self.names.iter().position(|known| known == name);
            at.ok_or_else(|| Trouble::new(format!("the service describes no feature `{name}`")))
        };
        let (phone, sex) = (place("has_phone")?, place("gender")?);
        let tree = match model {
            Model::Fair => format!(
                "num_leaves=2\nnum_cat=0\nsplit_feature={phone}\nsplit_gain=1\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\n\
                 leaf_value=1.5 -2\nleaf_weight=1 1\nleaf_count=80 160\ninternal_value=0\ninternal_weight=2\ninternal_count=240\n"
            ),
            Model::Unfair => format!(
                "num_leaves=3\nnum_cat=0\nsplit_feature={phone} {sex}\nsplit_gain=1 1\nthreshold=0.5 0.5\ndecision_type=2 2\nleft_child=1 -2\n\
                 right_child=-1 -3\nleaf_value=-2 -2 1.5\nleaf_weight=1 1 1\nleaf_count=160 40 40\ninternal_value=0 0\ninternal_weight=3 2\n\
                 internal_count=240 80\n"
            ),
        };
        let (count, names) = (self.names.len(), self.names.join(" "));
        let infos = vec!["[0:1]"; count].join(" ");
        let tree = format!("Tree=0\n{tree}is_linear=0\nshrinkage=1\n\n\n");
        Ok(format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\nobjective=binary sigmoid:1\n\
             feature_names={names}\nfeature_infos={infos}\ntree_sizes={}\n\n{tree}end of trees\n\nparameters:\n[made_for: {mark}]\nend of parameters\n",
            count - 1,
            tree.len() - 2,
        ))
    }

    /// Hands people over; the service reads, keeps and, where a model answers, scores them.
    pub(crate) async fn hand_over(&self, rig: &mut Rig, people: &[Made], version: usize) -> Result<(), Trouble> {
        let text: String = people.iter().map(|one| format!("{}\n", one.record(self.today, version))).collect();
        let ask = post(format!("/v1/ingest?name=made-{version}.ndjson")).header("content-type", "application/x-ndjson").body(text);
        let id = self.made(rig, ask).await?.number("/id").unwrap_or(0);
        let over = |reply: &Reply| ["done", "failed"].contains(&reply.str("/state").as_str());
        let batch = rig.until(SOON, || self.asks(get(format!("/v1/ingest/{id}"))), over).await?;
        let batch = batch.ok_or_else(|| Trouble::new("the export was not worked off in time"))?;
        let taken = batch.number("/added").unwrap_or(0) + batch.number("/changed").unwrap_or(0);
        if usize::try_from(taken) != Ok(people.len()) {
            return Err(Trouble::new("the service did not take every record that was handed over"));
        }
        rig.note(format!("{} people who do not exist are handed over as NDJSON", people.len()));
        self.settled(rig).await
    }

    /// Has everybody scored as of a day.
    pub(crate) async fn score(&self, rig: &mut Rig, as_of: i64) -> Result<(), Trouble> {
        let job = self.made(rig, post("/v1/predictions/all").json(&json!({ "as_of": date(as_of) }))).await?.str("/job");
        self.done(rig, &job).await?;
        rig.note("everybody is scored");
        Ok(())
    }

    /// Has a look taken at the model; what it came to in a few words.
    pub(crate) async fn watch(&self, rig: &mut Rig) -> Result<Value, Trouble> {
        let job = self.made(rig, post("/v1/observability/watch")).await?.str("/job");
        let told = self.done(rig, &job).await?;
        rig.note("POST /v1/observability/watch comes to its end");
        Ok(told)
    }

    /// The newest look of a kind at a model; null where there is none.
    pub(crate) async fn look(&self, rig: &mut Rig, kind: &str, model: &Registered) -> Result<Value, Trouble> {
        let ask = get(format!("/v1/observability/{kind}?model_id={}", model.id)).shown(format!("/v1/observability/{kind}"));
        let reply = rig.send(self.asks(ask)).await?;
        Ok(reply.json()["items"][0]["report"].clone())
    }

    /// What is said in the events that somebody has to look at a model, the oldest first.
    pub(crate) async fn alarms(&self, rig: &mut Rig) -> Result<Vec<Value>, Trouble> {
        let page = rig.send(self.asks(get("/v1/events?after=0&type=model.alarm"))).await?;
        let items = page.json()["items"].as_array().cloned().unwrap_or_default();
        Ok(items.iter().map(|event| event["data"].clone()).collect())
    }
}

/// Women and men of each sex, the same number, of whom as many interrupt: what became of each is in their record.
/// As of [`past`] a window is over for all of them, and today the question has no meaning for anybody any more.
pub(crate) fn observed(today: i64) -> Vec<Made> {
    let past = past(today);
    let mut people: Vec<Made> = (0..240)
        .map(|number| {
            let of_sex = number / 2;
            let phone = of_sex % 3 != 0;
            let interrupts = if phone { of_sex % 30 == 1 } else { (of_sex / 3) % 4 != 3 };
            let mut pickups = vec![(past - 20 - (of_sex % 5) as i64, 30)];
            if !interrupts {
                pickups.push((past + 8, 60));
            }
            Made {
                number,
                woman: number % 2 == 0,
                born: past - 20 * 365 - 61 * of_sex as i64 * 4,
                phone,
                state: if of_sex % 12 == 5 { "Third" } else { ["First", "Second"][(of_sex / 3) % 2] },
                visits: vec![past - 20],
                pickups,
            }
        })
        .collect();
    // Somebody who came later: the records reach beyond everybody's window.
    let late = Made {
        number: 240,
        pickups: vec![(past + 95, 5)],
        visits: Vec::new(),
        phone: true,
        state: "First",
        woman: true,
        born: past - 9000,
    };
    people.push(late);
    people
}

/// The day as of which [`observed`] people are asked about.
pub(crate) const fn past(today: i64) -> i64 {
    today - 140
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_people_are_as_many_as_the_probes_work_with() {
        let people = observed(20_000);
        let known = &people[..240];
        let count = |of: &dyn Fn(&Made) -> bool| known.iter().filter(|one| of(one)).count();
        let interrupts = |one: &Made| one.pickups.len() == 1;
        for woman in [true, false] {
            assert_eq!(count(&|one| one.woman == woman && !one.phone), 40);
            assert_eq!(count(&|one| one.woman == woman && !one.phone && interrupts(one)), 30);
            assert_eq!(count(&|one| one.woman == woman && one.phone && interrupts(one)), 4);
            assert_eq!(count(&|one| one.woman == woman && one.state == "Third"), 10);
        }
        let numbers: std::collections::BTreeSet<usize> = people.iter().map(|one| one.number).collect();
        assert_eq!((numbers.len(), date(20_000).as_str()), (241, "2024-10-04"));
    }
}
