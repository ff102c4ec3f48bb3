//! Models and retrieval.

mod blend;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("model-registry"),
    page!("model-artifact-store"),
    page!("model-monitoring"),
    page!("ensemble-inference").proven_by(probe!(Tenants, Native; blend::attack)),
    page!("explainability"),
    page!("vector-db"),
    page!("embedding-pipeline"),
    page!("rag"),
    page!("ai-drift"),
    page!("ai-bias"),
    page!("feature-store"),
    page!("hybrid-inference"),
    page!("llm-cost-guard"),
];
