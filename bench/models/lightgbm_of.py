"""Trains LightGBM on rows that `gates` wrote, with the settings of our trainer, and leaves the models beside them."""

import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np

folder = Path(sys.argv[1])
outcomes = np.fromfile(folder / "outcomes.u8", dtype=np.uint8)
parts = np.fromfile(folder / "parts.u8", dtype=np.uint8)
rows = np.fromfile(folder / "rows.f64", dtype=np.float64).reshape(len(outcomes), -1)
settings = {
    "objective": "binary", "num_leaves": 12, "learning_rate": 0.05, "min_data_in_leaf": 50, "lambda_l2": 1.0, "bagging_fraction": 0.8,
    "bagging_freq": 1, "feature_fraction": 0.8, "seed": 42, "num_threads": 1, "verbosity": -1,
}
# Parts: 0 train, 1 held, 2 test. LightGBM may learn from what ours holds back.
seen = parts != 2
for name, width in (("v1", 37), ("v2", 51)):
    model = lgb.train(settings, lgb.Dataset(rows[seen][:, :width], label=outcomes[seen]), 200)
    model.save_model(folder / f"lightgbm-{name}.txt")
