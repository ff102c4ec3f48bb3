"""The figures as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .crashes import Toll
from .measures import Figures
from .side import Side

# What the jobs of Plimsoll have to reach: times Celery's rate, and milliseconds.
RATIO, PICKUP = 10.0, 25.0
AGAINST = "celery-late"


def middle(passes: Sequence[Figures], key: str) -> float:
    values = [getattr(one, key) for one in passes if getattr(one, key) > 0]
    return median(values) if values else float("nan")


def rates(sides: Sequence[type[Side]], rows: dict[str, list[Figures]]) -> str:
    lines = ["| queue | enqueue/s, 8 connections | drain/s, 2 workers | end to end/s | × Celery (late acks) | pickup p50 ms | p95 ms | |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|---|")
    for side in sides:
        got, base = rows[side.name], rows.get(AGAINST, [])
        pairs = [a.flow / b.flow for a, b in zip(got, base, strict=False) if b.flow]
        ratio = f"{median(pairs):.2f}" if pairs else "–"
        verdict = ""
        if side.name.startswith("plimsoll") and pairs:
            verdict = "met" if median(pairs) >= RATIO and middle(got, "pickup_p95") <= PICKUP else "MISSED"
        cells = [f"{middle(got, key):,.0f}" for key in ("enqueue", "drain", "flow")] + [ratio]
        cells += [f"{middle(got, key):.1f}" for key in ("pickup_p50", "pickup_p95")] + [verdict]
        lines.append(f"| {side.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def extras(rows: dict[str, list[Figures]]) -> str:
    lines = []
    for name, passes in rows.items():
        for key in sorted({key for one in passes for key in one.extra}):
            lines.append(f"- {name}, {key}: {median(one.extra[key] for one in passes if key in one.extra):,.0f}/s")
    return "\n".join(lines)


def tolls(title: str, rows: dict[str, Toll], patience: float) -> str:
    lines = [f"### {title}", "", "| queue | acknowledged | never done | given up | done twice | runs again after, s |", "|---|--:|--:|--:|--:|--:|"]
    for name, toll in rows.items():
        known = [again for again in toll.again if again is not None]
        again = f"{median(known):.1f} (at most {max(known):.1f})" if known else ""
        if late := len(toll.again) - len(known):
            again = f"{again}; " if again else ""
            again += f"not within {patience:.0f} in {late} of {len(toll.again)}"
        lines.append(f"| {name} | {toll.acknowledged} | {toll.missing} | {toll.failed} | {toll.twice} | {again or '–'} |")
    return "\n".join(lines)


def settings(sides: Sequence[type[Side]]) -> str:
    return "\n".join(f"- `{side.name}`: {side.settings}" for side in sides)
