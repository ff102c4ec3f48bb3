//! How models stand by their newest looks, for operators: kept with each look, so that a restart forgets nothing, and
//! told of all tenants together: where several use the same model, the worst counts.

use std::collections::BTreeMap;

use plimsoll::{
    Result, Time, Tx, bind,
    ledger::Change,
    telemetry::{Overview, Page, Told},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{bad, meters::OTHERS};
use crate::Retention;

/// An area under the ROC curve below this asks for another model.
const POOR: f64 = 0.75;
/// Versions that are told apart.
const MOST: usize = 24;

/// What the newest look at a model came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Standing {
    /// When the look was taken that is the oldest here, in seconds since 1970.
    looked: f64,
    /// Area under the ROC curve of predictions whose window is over.
    auc: Option<f64>,
    /// The health of what comes in, the severity of a fall, the severity of a gap; null where that is not known.
    drift: Option<String>,
    performance: Option<String>,
    bias: Option<String>,
    /// The stability index of each feature.
    features: BTreeMap<String, f64>,
    /// Of each attribute the share that is found in the worst group over that in the best.
    groups: BTreeMap<String, f64>,
}

/// What is no word is not known.
fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The worst of two words of a scale.
fn worse(one: Option<String>, other: Option<String>) -> Option<String> {
    const SCALE: [&str; 8] = ["none", "healthy", "low", "warning", "moderate", "high", "degraded", "critical"];
    let place = |word: &Option<String>| word.as_ref().map(|word| SCALE.iter().position(|known| known == word));
    if place(&one) >= place(&other) { one } else { other }
}

impl Standing {
    /// Of the reports of one look; null for what was not looked at.
    pub(super) fn of(at: Time, drift: &Value, performance: &Value, bias: &Value) -> Standing {
        let features = drift["features"].as_array().into_iter().flatten();
        let groups = bias["groups"].as_object().into_iter().flatten();
        Standing {
            looked: at.micros() as f64 / 1e6,
            auc: performance["figures"]["auc"].as_f64(),
            drift: word(&drift["health"]),
            performance: word(&performance["severity"]),
            bias: word(&bias["severity"]),
            features: features.filter_map(|one| Some((word(&one["name"])?, one["psi"].as_f64()?))).collect(),
            groups: groups.filter_map(|(name, one)| Some((name.clone(), one["recall"]["ratio"].as_f64()?))).collect(),
        }
    }

    /// The worst of this one and another.
    fn join(&mut self, other: Standing) {
        self.looked = self.looked.min(other.looked);
        self.auc = [self.auc, other.auc].into_iter().flatten().min_by(f64::total_cmp);
        for (mine, more) in [(&mut self.drift, other.drift), (&mut self.performance, other.performance), (&mut self.bias, other.bias)] {
            *mine = worse(mine.take(), more);
        }
        for (name, index) in other.features {
            self.features.entry(name).and_modify(|known| *known = known.max(index)).or_insert(index);
        }
        for (name, ratio) in other.groups {
            self.groups.entry(name).and_modify(|known| *known = known.min(ratio)).or_insert(ratio);
        }
    }

    /// What of it is critical.
    fn critical(&self) -> Vec<&'static str> {
        let all = [("what comes in", &self.drift), ("how right it is", &self.performance), ("how it serves groups", &self.bias)];
        all.into_iter().filter(|(_, word)| word.as_deref() == Some("critical")).map(|(what, _)| what).collect()
    }

    /// Whether another model should be trained.
    fn outdated(&self) -> bool {
        alarming(&self.drift) || alarming(&self.performance) || self.auc.is_some_and(|auc| auc < POOR)
    }
}

fn alarming(word: &Option<String>) -> bool {
    word.as_deref().is_some_and(bad)
}

/// 1 for what somebody was told of, 0 for what is well; nothing where it is not known.
fn flagged(word: &Option<String>) -> Option<f64> {
    word.as_deref().map(|word| f64::from(u8::from(bad(word))))
}

/// Keeps how a model stands.
pub(super) fn keep(change: &mut Change<'_, '_>, model: i64, standing: &Standing) -> Result<()> {
    let now = change.now();
    change.write(
        "INSERT INTO model_standing (tenant_id, model_id, at, standing) VALUES (:tenant, :model, :now, :standing) \
         ON CONFLICT (tenant_id, model_id) DO UPDATE SET at = excluded.at, standing = excluded.standing",
        bind! { model: model, now: now, standing: serde_json::to_string(standing)? },
    )?;
    Ok(())
}

/// How the models stand that answer now, by version, and in how many tenants.
fn all(tx: &Tx<'_>) -> Result<BTreeMap<String, (Standing, u32)>> {
    // Of everybody: what comes of it says nothing about one of them.
    let rows: Vec<(String, String)> = tx.rows(
        "SELECT m.sha256, s.standing FROM model_standing s JOIN model m ON m.tenant_id = s.tenant_id AND m.id = s.model_id \
         JOIN tenant t ON t.id = s.tenant_id AND t.closed_at IS NULL WHERE s.model_id = \
         (SELECT a.model_id FROM activation a WHERE a.tenant_id = s.tenant_id ORDER BY a.id DESC LIMIT 1) ORDER BY m.sha256",
        bind! {},
    )?;
    let mut all: BTreeMap<String, (Standing, u32)> = BTreeMap::new();
    for (sha, standing) in rows {
        let standing: Standing = serde_json::from_str(&standing)?;
        let version = crate::models::version(&sha);
        let version = if all.contains_key(version) || all.len() < MOST { version } else { OTHERS };
        match all.get_mut(version) {
            Some((worst, tenants)) => {
                worst.join(standing);
                *tenants += 1;
            }
            None => {
                all.insert(version.to_owned(), (standing, 1));
            }
        }
    }
    Ok(all)
}

/// What operators are told: what is counted, and how models stand.
pub async fn tell(overview: Overview<Retention>) -> Told {
    let mut told = Told::default();
    let looked = overview.read(all).await;
    if overview.holds("model-monitoring") {
        overview.system.meters.write(&mut told.figures);
        // 0 from an exporter that sees nothing would say that all is well.
        let seen = u8::from(looked.is_ok());
        told.figures.gauge(
            "iit_model_looks_observed",
            "1 where the newest looks at models could be read, else 0 and no figure of them.",
            seen,
        );
    }
    match looked {
        Ok(all) => {
            if overview.holds("model-monitoring") {
                write(&mut told.figures, &all);
            }
            for (version, (standing, tenants)) in &all {
                let critical = standing.critical();
                if !critical.is_empty() {
                    told.notes.push(format!("model {version}, which answers in {tenants} tenants, is critical: {}", critical.join(", ")));
                }
            }
        }
        Err(error) => tracing::debug!(cause = error.cause(), "looks at models were not read: {}", error.public()),
    }
    told
}

fn write(page: &mut Page, all: &BTreeMap<String, (Standing, u32)>) {
    type Of = fn(&Standing) -> Option<f64>;
    let gauges: [(&str, &str, Of); 5] = [
        ("iit_model_auc_score", "Area under the ROC curve, of predictions whose 90 days are over.", |one| one.auc),
        ("iit_model_drift_detected", "1 where what comes in has moved so far that somebody was told.", |one| flagged(&one.drift)),
        ("iit_model_performance_drift", "1 where the area has fallen so far since training that somebody was told.", |one| {
            flagged(&one.performance)
        }),
        ("iit_model_retraining_needed", "1 where it drifted, has become worse, or has an area below 0.75.", |one| {
            Some(f64::from(u8::from(one.outdated())))
        }),
        ("iit_model_looked_timestamp_seconds", "When the newest look was taken, of the tenant where that is longest ago.", |one| {
            Some(one.looked)
        }),
    ];
    for (name, help, of) in gauges {
        page.family(name, "gauge", help);
        for (version, (standing, _)) in all {
            if let Some(value) = of(standing) {
                page.sample(name, &[("model_version", version)], value);
            }
        }
    }
    type By = fn(&Standing) -> &BTreeMap<String, f64>;
    let families: [(&str, &str, &str, By); 2] = [
        ("iit_model_data_drift_score", "feature", "Stability index of a feature: below 0.1 calm, above 0.25 act.", |one| &one.features),
        ("iit_model_bias_score", "bias_type", "Share found in the worst group over that in the best, by sex, age and state.", |one| {
            &one.groups
        }),
    ];
    for (name, label, help, of) in families {
        page.family(name, "gauge", help);
        for (version, (standing, _)) in all {
            for (what, value) in of(standing) {
                page.sample(name, &[("model_version", version), (label, what)], value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(health: &str, psi: f64, auc: Option<f64>) -> Standing {
        Standing::of(
            Time::from_micros(2_000_000),
            &json!({ "health": health, "features": [{ "name": "age", "psi": psi }, { "name": "gender", "psi": null }] }),
            &json!({ "figures": { "auc": auc }, "severity": "none" }),
            &json!({ "severity": "critical", "groups": { "sex": { "recall": { "ratio": 0.25 } }, "age": { "recall": null } } }),
        )
    }

    fn text(standing: Standing) -> String {
        let mut page = Page::default();
        write(&mut page, &BTreeMap::from([("abc".to_owned(), (standing, 2))]));
        page.text()
    }

    #[test]
    fn the_worst_of_all_who_use_a_model_is_shown() {
        let mut worst = look("healthy", 0.02, Some(0.9));
        worst.join(look("critical", 0.4, Some(0.7)));
        worst.join(look("warning", 0.1, None));
        let text = text(worst.clone());
        for line in [
            "iit_model_auc_score{model_version=\"abc\"} 0.7",
            "iit_model_drift_detected{model_version=\"abc\"} 1",
            "iit_model_performance_drift{model_version=\"abc\"} 0",
            "iit_model_retraining_needed{model_version=\"abc\"} 1",
            "iit_model_data_drift_score{model_version=\"abc\",feature=\"age\"} 0.4",
            "iit_model_bias_score{model_version=\"abc\",bias_type=\"sex\"} 0.25",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\nin\n{text}");
        }
        assert!(!text.contains("gender") && !text.contains("bias_type=\"age\""), "what is not known has no figure");
        assert_eq!(worst.critical(), ["what comes in", "how it serves groups"]);
    }

    #[test]
    fn what_nobody_looked_at_has_no_figure_and_no_alarm() {
        let never = Standing::of(Time::from_micros(0), &Value::Null, &Value::Null, &Value::Null);
        let text = text(never.clone());
        assert!(!text.contains("iit_model_auc_score{") && !text.contains("iit_model_drift_detected{"), "{text}");
        assert!(text.contains("iit_model_retraining_needed{model_version=\"abc\"} 0\n"));
        assert_eq!((never.critical().len(), worse(None, Some("none".into()))), (0, Some("none".into())));
    }
}
