#!/usr/bin/env python3
"""Models and answers of the published XGBoost and LightGBM, for the tests of `crates/ai` to read.

    python3 -m venv VENV && VENV/bin/pip install xgboost==3.2.0 lightgbm==4.7.0
    VENV/bin/python tests/models/make.py [--seed N] [--into FOLDER]

Every case is a model, rows and what the library says of them: margin, probability, leaf of every tree, and the
contributions with the base value last. Data are made up here from the seed; the tests hold for any seed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import lightgbm as lgb
import numpy as np
import xgboost as xgb

HERE = Path(__file__).resolve().parent
ROWS = 30
NAMES = ["age", "gap", "late", "count", "site", "month", "rare"]
SETS = [4, 5]


def table(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with holes, zeros, ties, two columns of categories, and an outcome that depends on all of it."""
    age, gap = rng.normal(35, 11, rows), rng.gamma(2.0, 30.0, rows)
    late = np.where(rng.random(rows) < 0.3, np.nan, rng.integers(-7, 29, rows))
    count = rng.integers(0, 6, rows)
    site, month = rng.integers(0, 45, rows), rng.integers(1, 13, rows)
    rare = np.where(rng.random(rows) < 0.8, 0.0, rng.normal(0, 1, rows))
    logit = -1.5 + 0.03 * (gap - 60) + 0.08 * np.nan_to_num(late, nan=9.0) - 0.02 * age + (site % 3 == 1) + 0.7 * (month > 10) + rare * (count > 2)
    data = np.column_stack([age, gap, late, count, site, month, rare]).astype(np.float32)
    return data, (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)


def edges(data: np.ndarray) -> np.ndarray:
    """Rows to answer for: seen ones, then those at the edges of what a row can be."""
    rows = data[:ROWS].copy()
    rows[-1], rows[-2], rows[-3], rows[-4] = np.nan, 0, 1e6, -1e6
    rows[-5, 4], rows[-6, 5] = 77, -1
    rows[-7, 6], rows[-8, 6] = 1e-36, -1e-35
    rows[-9, 0], rows[-10, 1] = 3.4e38, -3.4e38
    rows[-11, 2] = rows[-12, 4] = np.nan
    return rows


def plain(figures: np.ndarray) -> list:
    """Lists, with null where nothing is."""
    return [[None if np.isnan(figure) else float(figure) for figure in row] for row in np.atleast_2d(figures)]


def write(folder: Path, name: str, text: str, suffix: str, rows: np.ndarray, margins, probabilities, leaves, shares) -> None:
    (folder / f"{name}.{suffix}").write_text(text)
    answers = {
        "rows": plain(rows),
        "margins": [float(figure) for figure in margins],
        "probabilities": [float(figure) for figure in probabilities],
        "leaves": np.atleast_2d(leaves).astype(int).tolist(),
        "contributions": plain(shares[-16:]),
    }
    (folder / f"{name}.answers.json").write_text(json.dumps(answers, separators=(",", ":")) + "\n")


def by_xgboost(folder: Path, name: str, rng: np.random.Generator, rounds: int, sets: bool, **settings) -> None:
    data, outcome = table(rng, 1500)
    kinds = ["c" if sets and at in SETS else "q" for at in range(len(NAMES))]
    frame = lambda rows, label=None: xgb.DMatrix(rows, label=label, feature_names=NAMES, feature_types=kinds, enable_categorical=True)
    known = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "seed": 1, **settings}
    model = xgb.train(known, frame(data, outcome), rounds)
    rows = edges(data)
    if sets:
        rows[-6, 5] = 40  # below zero is refused by the library itself
        rows[-4, SETS] = 3
    asked = frame(rows)
    text = model.save_raw("json").decode()
    said = [model.predict(asked, output_margin=True), model.predict(asked), model.predict(asked, pred_leaf=True), model.predict(asked, pred_contribs=True)]
    write(folder, name, text, "json", rows, *said)


def by_lightgbm(folder: Path, name: str, rng: np.random.Generator, rounds: int, sets: bool, **settings) -> None:
    data, outcome = table(rng, 1500)
    known = {"objective": "binary", "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1, "seed": 1, **settings}
    train = lgb.Dataset(data.astype(float), label=outcome, feature_name=NAMES, categorical_feature=SETS if sets else [], params={"verbosity": -1})
    model = lgb.train(known, train, rounds)
    rows = edges(data).astype(float)
    said = [model.predict(rows, raw_score=True), model.predict(rows), model.predict(rows, pred_leaf=True), model.predict(rows, pred_contrib=True)]
    # What follows the trees does not matter, but that training was plain boosting; every file keeps that.
    text = model.model_to_string()
    head, tail = text.split("end of trees")
    kept = [line for line in tail.splitlines() if line.startswith("[boosting")]
    write(folder, name, f"{head}end of trees\n\nparameters:\n{kept[0]}\nend of parameters\n", "txt", rows, *said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--into", type=Path, default=HERE)
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    by_xgboost(options.into, "xgb-depth4", rng, 12, False, max_depth=4, eta=0.3)
    by_xgboost(options.into, "xgb-sets", rng, 8, True, max_depth=4, eta=0.3, max_cat_to_onehot=4)
    by_xgboost(options.into, "xgb-onehot", rng, 6, True, max_depth=4, eta=0.3, max_cat_to_onehot=100)
    by_lightgbm(options.into, "lgb-leaves15", rng, 10, False, num_leaves=15, learning_rate=0.3)
    by_lightgbm(options.into, "lgb-sets", rng, 8, True, num_leaves=12, learning_rate=0.3, min_data_per_group=10, cat_smooth=1, cat_l2=1)
    by_lightgbm(options.into, "lgb-zero-missing", rng, 6, False, num_leaves=8, zero_as_missing=True)
    by_lightgbm(options.into, "lgb-no-missing", rng, 6, False, num_leaves=8, use_missing=False, sigmoid=1.5)
    by_lightgbm(options.into, "lgb-deep", rng, 3, False, num_leaves=40, max_depth=-1, min_data_in_leaf=3, learning_rate=0.3)


if __name__ == "__main__":
    main()
