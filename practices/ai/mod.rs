//! Models and retrieval.

mod blend;
mod programme;
mod watched;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("model-registry"),
    page!("model-artifact-store"),
    page!("model-monitoring").proven_by(probe!(Tenants, Native, Operations; watched::monitored)),
    page!("ensemble-inference").proven_by(probe!(Tenants, Native; blend::attack)),
    page!("explainability"),
    page!("vector-db"),
    page!("embedding-pipeline"),
    page!("rag"),
    page!("ai-drift").proven_by(probe!(Tenants, Native; watched::drift)),
    page!("ai-bias").proven_by(probe!(Tenants, Native; watched::bias)),
    page!("feature-store"),
    page!("hybrid-inference"),
    page!("llm-cost-guard"),
];
