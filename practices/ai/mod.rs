//! Models and retrieval.

use plimsoll_assess::Practice;

pub(crate) const AREA: &[Practice] = &[
    page!("model-registry"),
    page!("model-artifact-store"),
    page!("model-monitoring"),
    page!("ensemble-inference"),
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
