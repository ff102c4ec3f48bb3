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


def ratio(got: Sequence[Figures], base: Sequence[Figures], key: str) -> float:
    """Within each pass, then the median: what slows the machine for a while slows both."""
    pairs = [getattr(a, key) / getattr(b, key) for a, b in zip(got, base, strict=False) if getattr(b, key)]
    return median(pairs) if pairs else float("nan")


def rates(sides: Sequence[type[Side]], rows: dict[str, list[Figures]]) -> str:
    heads = ["queue", "enqueue/s", "drain/s", "× Celery", "end to end/s", "× Celery", "pickup p50 ms", "p95 ms", ""]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * 7 + "---|"]
    for side in sides:
        got, base = rows[side.name], rows.get(AGAINST, [])
        drained, whole, waits = ratio(got, base, "drain"), ratio(got, base, "flow"), middle(got, "pickup_p95")
        verdict = ""
        if side.name.startswith("plimsoll") and base:
            verdict = "met" if whole >= RATIO and waits <= PICKUP else "MISSED"
        cells = [side.name, f"{middle(got, 'enqueue'):,.0f}", f"{middle(got, 'drain'):,.0f}", f"{drained:.2f}"]
        cells += [f"{middle(got, 'flow'):,.0f}", f"{whole:.2f}", f"{middle(got, 'pickup_p50'):.1f}", f"{waits:.1f}", verdict]
        lines.append(f"| {' | '.join(cells)} |")
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
