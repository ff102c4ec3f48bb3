//! The sets of features: names in the order in which models take them.

/// All names. The first 37 are `iit-v1`, all of them `iit-v2`; names and order never change.
pub const NAMES: [&str; 51] = [
    "age",
    "age_group",
    "gender",
    "has_state",
    "has_city",
    "has_phone",
    "has_pharmacy_history",
    "total_dispensations",
    "avg_days_supply",
    "last_days_supply",
    "days_since_last_refill",
    "refill_frequency_3m",
    "refill_frequency_6m",
    "mmd_ratio",
    "regimen_stability",
    "last_regimen_complexity",
    "adherence_counseling_count",
    "total_visits",
    "visit_frequency_3m",
    "visit_frequency_6m",
    "visit_frequency_12m",
    "days_since_last_visit",
    "visit_regularity",
    "clinical_visit_ratio",
    "who_stage",
    "has_vl_data",
    "recent_vl_tests",
    "has_tb_symptoms",
    "functional_status",
    "pregnancy_status",
    "adherence_level",
    "month",
    "quarter",
    "is_holiday_season",
    "is_rainy_season",
    "day_of_week",
    "is_year_end",
    "months_on_art",
    "days_until_due",
    "days_overdue",
    "prior_iit_count",
    "days_since_last_iit",
    "late_ratio_12m",
    "max_days_late_12m",
    "mean_days_late_12m",
    "last_days_late",
    "last_vl_log10",
    "vl_suppressed",
    "days_since_last_vl",
    "facility_level",
    "facility_rural",
];

/// A set of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Set {
    /// `iit-v1`: 37 features.
    V1,
    /// `iit-v2`: those and 14 about due dates, lateness, viral load and the facility.
    V2,
}

impl Set {
    /// Its name, as a model states it.
    pub const fn name(self) -> &'static str {
        match self {
            Set::V1 => "iit-v1",
            Set::V2 => "iit-v2",
        }
    }

    /// The set of a name.
    pub fn named(name: &str) -> Option<Set> {
        [Set::V1, Set::V2].into_iter().find(|set| set.name() == name)
    }

    /// The names of its features, in order.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Set::V1 => &NAMES[..37],
            Set::V2 => &NAMES,
        }
    }
}
