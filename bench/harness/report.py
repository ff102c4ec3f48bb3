"""Medians and ratios, as Markdown for people and JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from .drive import CASES, Load, Result
from .peers import Peer

# Which server the ratios of each kind are taken against: the yardstick and the alternative.
AGAINST = {"sqlite": ("bare-full", "fastapi-sqlite"), "pg": ("bare-pg", "fastapi-pg")}

# Case, server, compared with, at least this many times.
GOALS = [
    ("read", "plimsoll-sqlite", "bare-full", 0.6),
    ("page", "plimsoll-sqlite", "bare-full", 0.6),
    ("create", "plimsoll-sqlite", "bare-full", 3.0),
    ("read", "plimsoll-sqlite", "fastify-sqlite", 1.0),
    ("page", "plimsoll-sqlite", "fastify-sqlite", 1.0),
]


class Results:
    def __init__(self, all_results: Sequence[Result]):
        self.by: dict[tuple[str, str], list[Result]] = {}
        for result in all_results:
            self.by.setdefault((result.case, result.server), []).append(result)

    def valid(self, case: str, server: str) -> list[Result]:
        return [result for result in self.by.get((case, server), []) if not result.faults]

    def middle(self, case: str, server: str, of: Callable[[Result], float]) -> float | None:
        values = [of(result) for result in self.valid(case, server)]
        return median(values) if values else None

    def ratio(self, case: str, server: str, other: str) -> float | None:
        """The ratio within each pass, then the median: drift between passes cancels."""
        rates = {result.number: result.rps for result in self.valid(case, other)}
        pairs = [result.rps / rates[result.number] for result in self.valid(case, server) if rates.get(result.number)]
        return median(pairs) if pairs else None


def figure(value: float | None, form: str = ",.0f") -> str:
    return "–" if value is None else format(value, form)


def row(results: Results, case: str, peer: Peer) -> str | None:
    runs = results.by.get((case, peer.name))
    if not runs:
        return None
    rates = [result.rps for result in results.valid(case, peer.name)]
    spread = f"{min(rates):,.0f} to {max(rates):,.0f}" if rates else "–"
    yardstick, alternative = AGAINST[peer.kind]
    invalid = sum(bool(result.faults) for result in runs)
    cells = [
        peer.name,
        figure(results.middle(case, peer.name, lambda r: r.rps)),
        spread,
        figure(results.middle(case, peer.name, lambda r: r.p50_ms), ".2f"),
        figure(results.middle(case, peer.name, lambda r: r.p99_ms), ".2f"),
        figure(results.middle(case, peer.name, lambda r: r.peak_rss / 2**20), ".0f"),
        figure(results.ratio(case, peer.name, yardstick), ".2f"),
        figure(results.ratio(case, peer.name, alternative), ".1f"),
        f"{invalid} of {len(runs)} INVALID" if invalid else "valid",
    ]
    return "| " + " | ".join(cells) + " |"


def goals(results: Results) -> list[str]:
    lines = []
    for case, server, other, least in GOALS:
        if (case, server) not in results.by or (case, other) not in results.by:
            continue
        got = results.ratio(case, server, other)
        verdict = "NO VALID PASS" if got is None else "met" if got >= least else "MISSED"
        lines.append(f"| {case} | {server} to {other} | ≥ {least:g} | {figure(got, '.2f')} | {verdict} |")
    return ["## Goals", "", "| case | ratio | goal | measured | |", "|---|---|---|---|---|", *lines, ""] if lines else []


def markdown(name: str, facts: dict[str, str], load: Load, passes: int, peers: Sequence[Peer], all_results: Sequence[Result]) -> str:
    results = Results(all_results)
    lines = [f"# Side by side: {name}", ""]
    lines.append(
        f"{load.connections} connections, {load.threads} wrk threads, {load.seconds:g} s a measurement after {load.warmup:g} s of warm-up, "
        f"{passes} interleaved {'pass' if passes == 1 else 'passes'}. Rates are medians over the valid passes; ratios are taken within each "
        "pass and then the median, so read the ratios before the rates. What is compared: README.md."
    )
    lines += ["", "; ".join(f"{fact}: {value}" for fact, value in facts.items()) + ".", ""]
    for case, what in CASES.items():
        rows = [line for peer in peers if (line := row(results, case, peer))]
        if not rows:
            continue
        lines += [f"## {case}: {what}", ""]
        lines.append("| server | requests/s | lowest to highest | p50 ms | p99 ms | peak RSS MiB | × bare, same database | × FastAPI, same database | passes |")
        lines += ["|---|--:|--:|--:|--:|--:|--:|--:|---|", *rows, ""]
    lines += goals(results)
    if faulty := [result for result in all_results if result.faults]:
        lines += ["## Invalid passes, left out of the figures", ""]
        lines += [f"- pass {r.number}, {r.server}, {r.case}: {'; '.join(r.faults)}" for r in faulty]
        lines.append("")
    return "\n".join(lines)


def write(folder: Path, name: str, text: str, facts: dict[str, str], all_results: Sequence[Result]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    record = {"schema": "plimsoll.bench/1", "name": name, "machine": facts, "results": [result.record() for result in all_results]}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / f"{name}.md").write_text(text)
    return folder / f"{name}.md"
