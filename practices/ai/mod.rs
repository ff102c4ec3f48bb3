//! Models and retrieval.

mod artefacts;
mod blend;
mod clinic;
mod programme;
mod reasons;
mod versions;
mod watched;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("model-registry").proven_by(probe!(Tenants, Native, Addresses; versions::attack)),
    page!("model-artifact-store").proven_by(probe!(Copies, Native; artefacts::attack)),
    page!("model-monitoring").proven_by(probe!(Tenants, Native, Operations; watched::monitored)),
    page!("ensemble-inference").proven_by(probe!(Tenants, Native; blend::attack)),
    page!("explainability").proven_by(probe!(Tenants, Native; reasons::attack)),
    page!("vector-db"),
    page!("embedding-pipeline"),
    page!("rag"),
    page!("ai-drift").proven_by(probe!(Tenants, Native; watched::drift)),
    page!("ai-bias").proven_by(probe!(Tenants, Native; watched::bias)),
    page!("feature-store"),
    page!("hybrid-inference"),
    page!("llm-cost-guard"),
];
