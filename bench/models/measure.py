#!/usr/bin/env python3
"""Every library does the same work in turns, on one thread; medians of CPU time and their ratios in one table.

Answers are compared before anything is printed: a figure for wrong answers would be worth nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from pathlib import Path

import lightgbm as lgb
import numpy as np
import shap
import xgboost as xgb

HERE = Path(__file__).resolve().parent
SEED = 41
ALONE = 2000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", type=Path, required=True, help="the binary of this folder")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, help="a folder with models and rows; default: train them")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="scored together; default: %(default)s")
    parser.add_argument("--explained", type=int, default=2000, help="by the libraries; ten times as many by ours; at most a tenth of the rows; default: %(default)s")
    parser.add_argument("--name", help="results/NAME.md")
    return parser.parse_args()


def models(options: argparse.Namespace) -> tuple[Path, Path, np.ndarray]:
    """The two models and some rows of as many columns as the wider one reads."""
    if options.vectors:
        rows = np.genfromtxt(options.vectors / "rows.csv", delimiter=",", skip_header=1, dtype=np.float32)[:990, 3:]
        return options.vectors / "xgb_v1_300x6.json", options.vectors / "lgb_v2_300x31.txt", rows
    rng = np.random.default_rng(SEED)
    rows = rng.normal(size=(26_000, 51)).astype(np.float32)
    rows[:, ::3] = np.round(rows[:, ::3] * 4)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    logit = np.nan_to_num(rows[:, :8]) @ np.linspace(0.2, 1.0, 8) - 2.5 + np.nan_to_num(rows[:, 8] * rows[:, 9])
    outcome = rng.random(len(rows)) < 1 / (1 + np.exp(-logit))
    ours = options.scratch / "xgb.json", options.scratch / "lgb.txt"
    if not all(file.exists() for file in ours):
        say("training a model of each library")
        known = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.05, "min_child_weight": 10, "nthread": 1, "seed": SEED}
        xgb.train(known, xgb.DMatrix(rows[:, :37], label=outcome), 300).save_model(ours[0])
        known = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.05, "num_threads": 1, "verbosity": -1, "seed": SEED}
        lgb.train(known, lgb.Dataset(rows.astype(float), label=outcome), 300).save_model(ours[1])
    return *ours, rows[:1000]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def spent(work) -> tuple[float, object]:
    begun = time.process_time()
    done = work()
    return time.process_time() - begun, done


def one_by_one(rows: list[np.ndarray], predict) -> tuple[float, float]:
    """CPU microseconds a row, and the median of the wall."""
    for row in rows[:50]:
        predict(row)
    walls = []
    begun = time.process_time()
    for row in rows:
        start = time.perf_counter_ns()
        predict(row)
        walls.append((time.perf_counter_ns() - start) / 1e3)
    return (time.process_time() - begun) / len(rows) * 1e6, statistics.median(walls)


class Side:
    """A library with its model: the figures of one pass, and its answers."""

    def __init__(self, model: Path, rows: np.ndarray, explained: int) -> None:
        self.rows, self.explained = rows, explained
        self.alone = [rows[at : at + 1].copy() for at in range(ALONE)]

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Margins."""
        raise NotImplementedError

    def explain(self, rows: np.ndarray) -> np.ndarray:
        """Contributions, the base value last."""
        raise NotImplementedError

    def run(self) -> dict[str, float]:
        cpu, wall = one_by_one(self.alone, self.predict)
        batch, self.margins = spent(lambda: self.predict(self.rows))
        shares, self.shares = spent(lambda: self.explain(self.rows[: self.explained]))
        tree, _ = spent(lambda: self.tree.shap_values(self.rows[: self.explained]))
        one = spent(lambda: [self.explain(row) for row in self.alone[:100]])[0] / 100 * 1e6
        return {"single": cpu, "wall": wall, "batch": len(self.rows) / batch, "shap": self.explained / shares, "shap package": self.explained / tree, "single shap": one}


class XGBoost(Side):
    def __init__(self, model: Path, rows: np.ndarray, explained: int) -> None:
        super().__init__(model, rows, explained)
        self.booster = xgb.Booster(model_file=str(model))
        self.booster.set_param({"nthread": 1})
        self.booster.feature_names = None
        self.tree = shap.TreeExplainer(self.booster)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.booster.inplace_predict(rows, predict_type="margin")

    def explain(self, rows: np.ndarray) -> np.ndarray:
        return self.booster.predict(xgb.DMatrix(rows, nthread=1), pred_contribs=True)


class LightGBM(Side):
    def __init__(self, model: Path, rows: np.ndarray, explained: int) -> None:
        super().__init__(model, rows.astype(float), explained)
        self.booster = lgb.Booster(model_file=str(model))
        self.tree = shap.TreeExplainer(self.booster)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.booster.predict(rows, raw_score=True, num_threads=1)

    def explain(self, rows: np.ndarray) -> np.ndarray:
        return self.booster.predict(rows, pred_contrib=True, num_threads=1)


def ours(options: argparse.Namespace, model: Path, rows: Path, answers: Path, explained: int) -> dict[str, float]:
    command = [options.ours, model, rows, str(options.rows), str(explained), answers]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    figures = {"single": said["single"], "wall": said["p50"], "batch": options.rows / said["batch"], "shap": explained / said["shap"], "single shap": said["single_shap"]}
    return figures | {"ready": (said["read"] + said["ready"] + said["able"]) * 1e3}


def compare(side: Side, answers: Path, width: int) -> str:
    """Fails unless margins agree to the bit and explanations to the library's precision."""
    found = np.fromfile(answers)
    margins, shares = found[: len(side.rows)], found[len(side.rows) :].reshape(-1, width + 1)[: side.explained]
    apart = int((margins != side.margins).sum())
    off = float(np.abs(shares - side.shares).max())
    limit = 5e-6 if isinstance(side, XGBoost) else 1e-9
    written = ""
    if isinstance(side, LightGBM):
        again = lgb.Booster(model_file=f"{answers}.txt")
        same = bool((again.predict(side.rows[:20_000], raw_score=True, num_threads=1) == side.margins[:20_000]).all())
        written = f"; LightGBM reads the model that we wrote again, and its margins are {'the same' if same else 'OTHERS'}"
        apart += not same
    if apart or off > limit:
        raise SystemExit(f"{type(side).__name__}: {apart} margins differ, contributions by up to {off:g}")
    return f"{type(side).__name__}: all {len(margins):,} margins equal to the bit, contributions of {len(shares):,} rows within {off:.1e}{written}."


def main() -> None:
    options = arguments()
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        options.folder = Path(folder)
        run(options)


def run(options: argparse.Namespace) -> None:
    by_xgboost, by_lightgbm, seen = models(options)
    rng = np.random.default_rng(SEED)
    rows = seen[rng.integers(0, len(seen), options.rows)]
    rows[:, 0] += rng.random(options.rows, dtype=np.float32)
    figures: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    agreed = {}
    for kind, model, width in [(XGBoost, by_xgboost, 37), (LightGBM, by_lightgbm, rows.shape[1])]:
        place, answers = options.folder / f"rows{width}.f32", options.folder / f"{kind.__name__}.answers"
        own = np.ascontiguousarray(rows[:, :width])
        own.tofile(place)
        side = kind(model, own, options.explained)
        for number in range(options.passes):
            figures[kind.__name__, "library"].append(side.run())
            mine = ours(options, model, place, answers, 10 * options.explained)
            figures[kind.__name__, "ours"].append(mine)
            say(f"pass {number + 1}, {kind.__name__}: {figures[kind.__name__, 'library'][-1]} ours: {mine}")
        agreed[kind.__name__] = compare(side, answers, width)
    text = report(options, figures, agreed)
    print(text)
    if options.name:
        (HERE.parent / "results" / f"{options.name}.md").write_text(text)


def report(options: argparse.Namespace, figures: dict, agreed: dict[str, str]) -> str:
    def middle(kind: str, side: str, name: str) -> float:
        return statistics.median(one[name] for one in figures[kind, side])

    lines = [
        "# Tree models\n",
        f"{options.passes} passes in turns, one thread, medians; CPU time, on {os.cpu_count()} processors with a load of {os.getloadavg()[0]:.0f}. "
        f"Python {platform.python_version()}, xgboost {xgb.__version__}, lightgbm {lgb.__version__}, shap {shap.__version__}. "
        f"{'The shared vectors' if options.vectors else 'Models trained for this run'}: XGBoost 300 trees of depth 6, LightGBM 300 trees of 31 leaves.\n",
        *agreed.values(),
        "\n| | library | ours | ratio |\n|---|---|---|---|",
    ]
    for kind in agreed:
        cells = [
            ("one row, CPU µs", "single", "single", True),
            ("one row, wall µs (median)", "wall", "wall", True),
            (f"{options.rows:,} rows, rows per CPU second", "batch", "batch", False),
            ("explanations, rows per CPU second", "shap", "shap", False),
            ("the same by `shap.TreeExplainer`", "shap package", "shap", False),
            ("one explanation, CPU µs", "single shap", "single shap", True),
        ]
        for name, theirs, own, less in cells:
            a, b = middle(kind, "library", theirs), middle(kind, "ours", own)
            show = (lambda x: f"{x:,.1f}") if less else (lambda x: f"{x:,.0f}")
            lines.append(f"| {kind}: {name} | {show(a)} | {show(b)} | {(a / b if less else b / a):,.1f} × |")
        lines.append(f"| {kind}: reading the model and making it ready, CPU ms | | {middle(kind, 'ours', 'ready'):,.0f} | |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
