//! Training: boosted trees, logistic regression, calibration.
