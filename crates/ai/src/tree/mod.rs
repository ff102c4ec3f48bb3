//! Ensembles of decision trees: what XGBoost and LightGBM wrote, scored to the last bit and explained exactly.
