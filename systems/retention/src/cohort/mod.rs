//! A synthetic cohort: people on treatment, their visits, pick-ups and results, for demonstrations and tests.
