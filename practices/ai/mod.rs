//! Models and retrieval.

mod artefacts;
mod clinic;
mod reasons;
mod versions;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("model-registry").proven_by(probe!(Tenants, Native, Addresses; versions::attack)),
    page!("model-artifact-store").proven_by(probe!(Copies, Native; artefacts::attack)),
    page!("model-monitoring"),
    page!("ensemble-inference"),
    page!("explainability").proven_by(probe!(Tenants, Native; reasons::attack)),
    page!("vector-db"),
    page!("embedding-pipeline"),
    page!("rag"),
    page!("ai-drift"),
    page!("ai-bias"),
    page!("feature-store"),
    page!("hybrid-inference"),
    page!("llm-cost-guard"),
];
