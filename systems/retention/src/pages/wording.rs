//! What figures about a model are called in front of people.

use serde_json::Value;

/// A feature in words, with its unit where it has one.
pub fn feature(name: &str) -> &str {
    match name {
        "age" => "Age, years",
        "age_group" => "Age, tens of years",
        "gender" => "Sex",
        "has_state" => "State is known",
        "has_city" => "City is known",
        "has_phone" => "Can be called",
        "has_pharmacy_history" => "Has picked up before",
        "total_dispensations" => "Pick-ups so far",
        "avg_days_supply" => "Days of medicine at a time, half a year",
        "last_days_supply" => "Days of medicine, last time",
        "days_since_last_refill" => "Days since the last pick-up",
        "refill_frequency_3m" => "Pick-ups in 3 months",
        "refill_frequency_6m" => "Pick-ups in 6 months",
        "mmd_ratio" => "Share of pick-ups for 2 months or more",
        "regimen_stability" => "Kept the same regimen",
        "last_regimen_complexity" => "Regimen without dolutegravir",
        "adherence_counseling_count" => "Counselled in 6 months",
        "total_visits" => "Visits so far",
        "visit_frequency_3m" => "Visits in 3 months",
        "visit_frequency_6m" => "Visits in 6 months",
        "visit_frequency_12m" => "Visits in a year",
        "days_since_last_visit" => "Days since the last visit",
        "visit_regularity" => "Regular visits",
        "clinical_visit_ratio" => "Share of clinical visits",
        "who_stage" => "WHO stage",
        "has_vl_data" => "Viral load is known",
        "recent_vl_tests" => "Viral loads in a year",
        "has_tb_symptoms" => "Signs of tuberculosis",
        "functional_status" => "Not able to work",
        "pregnancy_status" => "Pregnant",
        "adherence_level" => "Takes the medicine, as told",
        "months_on_art" => "Months on treatment",
        "days_until_due" => "Days until the next pick-up is due",
        "days_overdue" => "Days overdue",
        "prior_iit_count" => "Interruptions before",
        "days_since_last_iit" => "Days since the last interruption",
        "late_ratio_12m" => "Share of pick-ups a week late",
        "max_days_late_12m" => "Days late at most in a year",
        "mean_days_late_12m" => "Days late on average in a year",
        "last_days_late" => "Days late last time",
        "last_vl_log10" => "Viral load, log10 copies per ml",
        "vl_suppressed" => "Virus suppressed",
        "days_since_last_vl" => "Days since the last viral load",
        "facility_level" => "Level of the facility",
        "facility_rural" => "Facility in the country",
        // What says only which day it is, and what a later set adds.
        other => other,
    }
}

/// A severity or a health, as a colour and as a word for people.
pub fn standing(value: &Value) -> (&'static str, &'static str) {
    match value.as_str() {
        Some("healthy" | "none") => ("low", "all well"),
        Some("low") => ("medium", "a little"),
        Some("warning" | "moderate") => ("medium", "worth a look"),
        Some("degraded" | "high") => ("high", "act on it"),
        Some("critical") => ("critical", "do not rely on it"),
        _ => ("unknown", "not judged"),
    }
}

/// A group in words: ages and sexes have names of their own.
pub fn group<'n>(attribute: &str, name: &'n str) -> &'n str {
    match (attribute, name) {
        ("sex", "F") => "Women",
        ("sex", "M") => "Men",
        (_, other) => other,
    }
}

/// The area under the ROC curve as what it says of people.
pub fn area(auc: f64) -> String {
    format!(
        "Of two people, one who interrupted and one who stayed, it gives the higher risk to the right one {:.0} times in 100",
        auc * 100.0
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{features::NAMES, watch::CALENDAR};

    #[test]
    fn every_feature_that_is_compared_has_words_of_its_own() {
        let mut known = std::collections::BTreeSet::new();
        for name in NAMES.iter().filter(|name| !CALENDAR.contains(name)) {
            assert!(feature(name) != *name && !feature(name).contains('_'), "{name}");
            assert!(known.insert(feature(name)), "{name} is called as another feature");
        }
    }

    #[test]
    fn what_is_not_known_is_not_called_well() {
        assert_eq!(standing(&Value::Null), ("unknown", "not judged"));
        assert_eq!((standing(&json!("none")).0, standing(&json!("critical")).0), ("low", "critical"));
        assert_eq!((group("sex", "F"), group("state", "F")), ("Women", "F"));
    }
}
