//! Why a score is what it is, in plain words.
//!
//! Contributions are exact Shapley values in log-odds ([`Loaded::explain`]). Features that tell the
//! same story are told together: nobody in a clinic thinks in `days_until_due` and `days_overdue`.

use plimsoll::Result;
use schemars::JsonSchema;
use serde::Serialize;

use crate::models::Loaded;

/// One value and what it adds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Part {
    /// The feature.
    pub feature_name: &'static str,
    /// What it adds to the log-odds.
    pub contribution: f64,
    /// Its value; null where nothing is known.
    pub feature_value: Option<f64>,
    /// 1: adds or takes most.
    pub importance_rank: usize,
}

/// Several features as one sentence.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Reason {
    /// What it is about: `refill`, `lateness`, `supply`…
    pub about: &'static str,
    /// For people.
    pub words: String,
    /// What its features add to the log-odds together.
    pub contribution: f64,
}

/// Everything that explains a score.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Explanation {
    /// What the reasons are reasons of, and how exact they are.
    pub scale: &'static str,
    /// What all people begin with, in log-odds: the mean of the tree's nodes, weighted as its library does.
    pub base: f64,
    /// Every value; base and contributions add up to the margin.
    pub feature_contributions: Vec<Part>,
    /// What raises the risk, the strongest first, at most five.
    pub top_positive_factors: Vec<Reason>,
    /// What lowers it.
    pub top_negative_factors: Vec<Reason>,
    /// One sentence.
    pub explanation_summary: String,
    /// Share of the five strongest values in all.
    pub confidence_score: f64,
}

impl Explanation {
    /// What is not to be done: a score that comes without reasons.
    fn none() -> Explanation {
        Explanation {
            scale: "",
            base: 0.0,
            feature_contributions: Vec::new(),
            top_positive_factors: Vec::new(),
            top_negative_factors: Vec::new(),
            explanation_summary: String::new(),
            confidence_score: 0.0,
        }
    }
}

/// Explains a row of values.
///
/// # Errors
/// What [`Loaded::explain`] says.
pub fn explain(model: &Loaded, values: &[f64]) -> Result<Explanation> {
    if !model.explains() {
        return Ok(Explanation::none());
    }
    let (parts, base) = model.explain(values)?;
    let names = model.set.names();
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|a, b| parts[*b].abs().total_cmp(&parts[*a].abs()).then(a.cmp(b)));
    let all: f64 = parts.iter().map(|part| part.abs()).sum();
    let five: f64 = order.iter().take(5).map(|at| parts[*at].abs()).sum();
    let feature_contributions = order
        .iter()
        .enumerate()
        .map(|(rank, at)| Part {
            feature_name: names[*at],
            contribution: parts[*at],
            feature_value: Some(values[*at]).filter(|value| !value.is_nan()),
            importance_rank: rank + 1,
        })
        .collect();
    let reasons = reasons(names, &parts, values);
    let strongest = |sign: f64| {
        let mut some: Vec<Reason> = reasons.iter().filter(|one| one.contribution * sign > NOTHING).cloned().collect();
        some.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        some.truncate(5);
        some
    };
    let (up, down) = (strongest(1.0), strongest(-1.0));
    let list = |some: &[Reason]| some.iter().take(3).map(|one| one.words.clone()).collect::<Vec<_>>().join("; ");
    let explanation_summary = match (up.is_empty(), down.is_empty()) {
        (true, true) => "Nothing stands out.".to_owned(),
        (false, true) => format!("Raises the risk: {}.", list(&up)),
        (true, false) => format!("Lowers the risk: {}.", list(&down)),
        (false, false) => format!("Raises the risk: {}. Lowers it: {}.", list(&up), list(&down)),
    };
    Ok(Explanation {
        scale: model.scale(),
        base,
        feature_contributions,
        top_positive_factors: up,
        top_negative_factors: down,
        explanation_summary,
        confidence_score: if all > 0.0 { five / all } else { 0.0 },
    })
}

/// Log-odds that nobody would speak of.
const NOTHING: f64 = 0.02;

/// What a group of features is about, and which they are.
const GROUPS: [(&str, &[&str]); 12] = [
    ("refill", &["days_since_last_refill", "days_until_due", "days_overdue"]),
    ("lateness", &["late_ratio_12m", "max_days_late_12m", "mean_days_late_12m", "last_days_late"]),
    ("interruptions", &["prior_iit_count", "days_since_last_iit"]),
    ("supply", &["avg_days_supply", "last_days_supply", "mmd_ratio", "refill_frequency_3m", "refill_frequency_6m", "total_dispensations"]),
    ("time", &["months_on_art", "has_pharmacy_history"]),
    (
        "visits",
        &[
            "total_visits",
            "visit_frequency_3m",
            "visit_frequency_6m",
            "visit_frequency_12m",
            "days_since_last_visit",
            "visit_regularity",
            "clinical_visit_ratio",
        ],
    ),
    ("virus", &["has_vl_data", "recent_vl_tests", "last_vl_log10", "vl_suppressed", "days_since_last_vl"]),
    ("health", &["who_stage", "has_tb_symptoms", "functional_status", "pregnancy_status"]),
    ("adherence", &["adherence_level", "adherence_counseling_count", "regimen_stability", "last_regimen_complexity"]),
    ("person", &["age", "age_group", "gender", "has_state", "has_city", "has_phone"]),
    ("season", &["month", "quarter", "is_holiday_season", "is_rainy_season", "day_of_week", "is_year_end"]),
    ("facility", &["facility_level", "facility_rural"]),
];

fn reasons(names: &[&'static str], parts: &[f64], values: &[f64]) -> Vec<Reason> {
    let value = |name: &str| names.iter().position(|one| *one == name).map_or(f64::NAN, |at| values[at]);
    let part = |name: &str| names.iter().position(|one| *one == name).map_or(0.0, |at| parts[at]);
    GROUPS
        .iter()
        .map(|(about, members)| Reason { about, words: words(about, &value), contribution: members.iter().map(|name| part(name)).sum() })
        .collect()
}

/// `1 day`, `2 days`.
fn count(number: f64, one: &str) -> String {
    let number = number.round();
    if number == 1.0 { format!("1 {one}") } else { format!("{number} {one}s") }
}

fn words(about: &str, value: &dyn Fn(&str) -> f64) -> String {
    match about {
        "refill" => {
            let (overdue, due) = (value("days_overdue"), value("days_until_due"));
            if overdue > 0.0 {
                format!("refill overdue by {}", count(overdue, "day"))
            } else if due >= 0.0 {
                format!("next refill due in {}", count(due, "day"))
            } else {
                let since = value("days_since_last_refill");
                if since.is_nan() { "no refill on record".into() } else { format!("last refill {} ago", count(since, "day")) }
            }
        }
        "lateness" => {
            let (share, most) = (value("late_ratio_12m"), value("max_days_late_12m"));
            if share.is_nan() {
                "no earlier refill of this year to compare".into()
            } else if share > 0.0 {
                format!(
                    "{:.0} % of last year's refills came more than a week late, the worst by {}",
                    share * 100.0,
                    count(most.max(0.0), "day")
                )
            } else {
                "last year's refills came on time".into()
            }
        }
        "interruptions" => match value("prior_iit_count") {
            n if n >= 1.0 => format!("{} before", count(n, "interruption")),
            _ => "no interruption before".into(),
        },
        "supply" => match value("last_days_supply") {
            days if days.is_nan() => "length of supply not known".into(),
            days => format!("{} of medicine at a time", count(days, "day")),
        },
        "time" => match value("months_on_art") {
            months if months.is_nan() => "time on treatment".into(),
            months if months < 24.0 => format!("{} on treatment", count(months, "month")),
            months => format!("{} on treatment", count((months / 12.0).floor(), "year")),
        },
        "visits" => match value("days_since_last_visit") {
            days if days.is_nan() => "no visit on record".into(),
            days => format!("{} in a year, the last {} ago", count(value("visit_frequency_12m"), "visit"), count(days, "day")),
        },
        "virus" => {
            if value("has_vl_data") == 0.0 {
                "no viral load on record".into()
            } else if value("vl_suppressed") == 0.0 {
                "virus not suppressed".into()
            } else if value("vl_suppressed") == 1.0 {
                "virus suppressed".into()
            } else if value("recent_vl_tests").is_nan() {
                "nothing known of the viral load".into()
            } else {
                format!("{} of viral load in a year", count(value("recent_vl_tests"), "test"))
            }
        }
        "health" => {
            let mut said = Vec::new();
            if value("who_stage") >= 3.0 {
                said.push(format!("WHO stage {}", value("who_stage")));
            }
            if value("has_tb_symptoms") == 1.0 {
                said.push("signs of tuberculosis".to_owned());
            }
            if value("functional_status") == 1.0 {
                said.push("not able to work".to_owned());
            }
            if value("pregnancy_status") == 1.0 {
                said.push("pregnant".to_owned());
            }
            if said.is_empty() { "no advanced disease on record".into() } else { said.join(", ") }
        }
        "adherence" => match value("adherence_level") {
            2.0 => "takes the medicine regularly, as told".into(),
            1.0 => "takes the medicine fairly regularly, as told".into(),
            0.0 => "takes the medicine poorly, as told".into(),
            _ => "nothing told about taking the medicine".into(),
        },
        "person" => {
            let age = value("age");
            let sex = match value("gender") {
                1.0 => "man",
                0.0 => "woman",
                _ => "person",
            };
            let phone = if value("has_phone") == 1.0 { "can be called" } else { "no phone number" };
            if age.is_nan() { format!("{sex} of unknown age, {phone}") } else { format!("{sex} of {}, {phone}", age.floor()) }
        }
        "season" => {
            if value("is_holiday_season") == 1.0 {
                "holiday season".into()
            } else if value("is_rainy_season") == 1.0 {
                "rainy season".into()
            } else {
                "time of the year".into()
            }
        }
        _ => match (value("facility_level"), value("facility_rural")) {
            (level, rural) if level.is_nan() || rural.is_nan() => "facility".into(),
            (level, rural) => format!(
                "{} facility in {}",
                ["primary", "secondary", "tertiary"][(level as usize).min(2)],
                if rural == 1.0 { "the country" } else { "town" }
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Set;

    #[test]
    fn every_feature_is_told_in_exactly_one_group() {
        for name in Set::V2.names() {
            let groups = GROUPS.iter().filter(|(_, members)| members.contains(name)).count();
            assert_eq!(groups, 1, "{name}");
        }
        assert_eq!(GROUPS.iter().map(|(_, members)| members.len()).sum::<usize>(), Set::V2.names().len());
    }

    #[test]
    fn nothing_known_is_said_in_words_and_not_in_numbers() {
        for (about, _) in GROUPS {
            let said = words(about, &|_| f64::NAN);
            assert!(!said.is_empty() && !said.contains("NaN"), "{about}: {said}");
        }
    }
}
