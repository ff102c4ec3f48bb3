//! Somebody on treatment and small models that score them: what probes of models ask questions with.
//!
//! A model is written here as LightGBM writes it, one question per tree, so that everything it must
//! answer can be worked out by hand.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Ask, Reply, get, post},
};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::description::operations;

/// Where models are registered.
const MODELS: &str = "/v1/models";
/// A day within the supply that the person picked up.
const DAY: &str = "2024-03-15";

/// A tree that asks one question: `low` where the value is at most `at`, else `high`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stump {
    /// The feature.
    pub feature: &'static str,
    /// The bound.
    pub at: f64,
    /// Log-odds up to the bound,
    pub low: f64,
    /// and above it.
    pub high: f64,
    /// How many rows of the training lay up to the bound,
    pub below: u32,
    /// and above it.
    pub above: u32,
}

impl Stump {
    /// One that says the same of everybody: nobody is so old.
    pub(crate) const fn flat(margin: f64) -> Stump {
        Stump { feature: "age", at: 500.0, low: margin, high: margin, below: 10, above: 10 }
    }

    /// What it says of a value.
    pub(crate) fn says(&self, value: f64) -> f64 {
        if value <= self.at { self.low } else { self.high }
    }

    /// What it says in the mean of its training: with a single question, what the value adds is the rest.
    pub(crate) fn mean(&self) -> f64 {
        let (below, above) = (f64::from(self.below), f64::from(self.above));
        (self.low * below + self.high * above) / (below + above)
    }

    fn text(&self, number: usize, names: &[String]) -> String {
        let feature = names.iter().position(|name| name == self.feature).unwrap_or(0);
        let Stump { at, low, high, below, above, .. } = *self;
        let (all, mean) = (below + above, self.mean());
        // The rule of 10: what is not known goes to the left.
        format!(
            "Tree={number}\nnum_leaves=2\nnum_cat=0\nsplit_feature={feature}\nsplit_gain=1\nthreshold={at}\ndecision_type=10\nleft_child=-1\n\
             right_child=-2\nleaf_value={low} {high}\nleaf_weight={below} {above}\nleaf_count={below} {above}\ninternal_value={mean}\n\
             internal_weight={all}\ninternal_count={all}\nis_linear=0\nshrinkage=1\n\n\n"
        )
    }
}

/// A tenant with somebody on treatment.
pub(crate) struct Clinic {
    /// A key of its owner.
    pub owner: String,
    patient: i64,
    draft: Value,
    names: Vec<String>,
}

impl Clinic {
    /// Whether anything predicts there at all; where nothing does, every check of the probe is told so.
    ///
    /// # Errors
    /// When the service gives no description.
    pub(crate) async fn is_there(rig: &mut Rig) -> Result<bool, Trouble> {
        if operations(rig).await?.iter().any(|one| one.method == "POST" && one.path == MODELS) {
            return Ok(true);
        }
        for check in rig.left_out() {
            rig.check(&check);
            rig.not_applicable("nothing mounted here predicts with a trained model");
        }
        Ok(false)
    }

    /// Somebody who picked up medicine for a month, in the tenant of this key.
    ///
    /// # Errors
    /// When the service does not take them.
    pub(crate) async fn open(rig: &mut Rig, owner: String) -> Result<Clinic, Trouble> {
        let all = operations(rig).await?;
        let register = all.into_iter().find(|one| one.method == "POST" && one.path == MODELS);
        let draft = register.and_then(|one| one.body).map(|(_, _, example)| example).unwrap_or_default();
        let line = draft["artifact"].as_str().and_then(|text| text.lines().find_map(|line| line.strip_prefix("feature_names=")));
        let names = line.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        let person = json!({ "uuid": "probe-person", "given_name": "Probe", "gender": "F" });
        let made = rig.quietly(post("/v1/patients").bearer(&owner).json(&person)).await?;
        let patient = made.number("/id").ok_or_else(|| Trouble::new(format!("nobody was put on treatment: {}", made.line())))?;
        let clinic = Clinic { owner, patient, draft, names };
        clinic.hand_out(rig, "2024-03-01").await?;
        Ok(clinic)
    }

    /// One more pick-up, of medicine for a month.
    ///
    /// # Errors
    /// When the service does not take it.
    pub(crate) async fn hand_out(&self, rig: &mut Rig, day: &str) -> Result<(), Trouble> {
        let form = json!({
            "uuid": format!("probe-form-{day}"), "at": format!("{day} 09:30:00"), "form": "Pharmacy Order Form",
            "observations": [{ "uuid": format!("probe-answer-{day}"), "variable": "Medication duration", "number": 30 }],
        });
        let path = format!("/v1/patients/{}/encounters", self.patient);
        let kept = rig.quietly(post(path).bearer(&self.owner).json(&form)).await?;
        if kept.good() { Ok(()) } else { Err(Trouble::new(format!("a pick-up was not kept: {}", kept.line()))) }
    }

    /// A model of these trees.
    pub(crate) fn draft(&self, name: &str, stumps: &[Stump]) -> Value {
        let mut draft = self.draft.clone();
        draft["name"] = json!(name);
        draft["artifact"] = json!(self.artifact(stumps));
        draft
    }

    /// The bytes of a model of these trees.
    pub(crate) fn artifact(&self, stumps: &[Stump]) -> String {
        let trees: Vec<String> = stumps.iter().enumerate().map(|(number, stump)| stump.text(number, &self.names)).collect();
        let infos = vec!["[0:1000]"; self.names.len()].join(" ");
        let sizes: Vec<String> = trees.iter().map(|tree| tree.len().to_string()).collect();
        format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\nobjective=binary sigmoid:1\n\
             feature_names={}\nfeature_infos={infos}\ntree_sizes={}\n\n{}end of trees\n\nparameters:\n[boosting: gbdt]\n\
             [objective: binary]\nend of parameters\n\npandas_categorical:null\n",
            self.names.len().saturating_sub(1),
            self.names.join(" "),
            sizes.join(" "),
            trees.concat(),
        )
    }

    /// A request that registers a model.
    pub(crate) fn register(&self, draft: &Value) -> Ask {
        post(MODELS).bearer(&self.owner).json(draft)
    }

    /// Registers a model that has to be taken; its number.
    ///
    /// # Errors
    /// When it is not taken.
    pub(crate) async fn registered(&self, rig: &mut Rig, draft: &Value) -> Result<i64, Trouble> {
        let made = rig.quietly(self.register(draft)).await?;
        made.number("/id").filter(|_| made.good()).ok_or_else(|| Trouble::new(format!("a model was not registered: {}", made.line())))
    }

    /// A request for a model's card.
    pub(crate) fn card(&self, model: i64) -> Ask {
        get(format!("{MODELS}/{model}")).bearer(&self.owner).shown("/v1/models/{id}")
    }

    /// All cards.
    ///
    /// # Errors
    /// As for [`Rig::send`].
    pub(crate) async fn cards(&self, rig: &mut Rig) -> Result<Vec<Value>, Trouble> {
        let listed = rig.quietly(get(MODELS).bearer(&self.owner)).await?;
        Ok(listed.json()["items"].as_array().cloned().unwrap_or_default())
    }

    /// A request that makes a model the one that answers.
    pub(crate) fn activate(&self, model: i64) -> Ask {
        post(format!("{MODELS}/{model}/activate")).bearer(&self.owner).shown("/v1/models/{id}/activate")
    }

    /// A request that goes back to the one before.
    pub(crate) fn go_back(&self) -> Ask {
        post(format!("{MODELS}/rollback")).bearer(&self.owner)
    }

    /// A request that scores the person from their record.
    pub(crate) fn score(&self) -> Ask {
        self.supposing(&json!({}))
    }

    /// The same with values that stand in for those of the record.
    pub(crate) fn supposing(&self, features: &Value) -> Ask {
        let asked = json!({ "patient_id": self.patient, "as_of": DAY, "features": features });
        post("/v1/predictions").bearer(&self.owner).json(&asked)
    }

    /// A request for the reasons of a prediction.
    pub(crate) fn why(&self, prediction: i64) -> Ask {
        get(format!("/v1/predictions/{prediction}/explanation")).bearer(&self.owner).shown("/v1/predictions/{id}/explanation")
    }
}

/// Which model gave a score, and which one: its number and the log-odds.
pub(crate) fn answered(reply: &Reply) -> Option<(i64, f64)> {
    let said = reply.json();
    said["model_id"].as_i64().zip(said["margin"].as_f64()).filter(|_| reply.good())
}

/// SHA-256 as hexadecimal digits.
pub(crate) fn digest_of(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
