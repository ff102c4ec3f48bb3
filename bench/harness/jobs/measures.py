"""Rates and waiting times of one side. Each measurement begins with an empty queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import quantiles

from ..processes import Failure
from .plimsoll import TOGETHER, Plimsoll
from .side import Effect, Enqueued, Side

WORKERS = 2


@dataclass
class Figures:
    """Jobs per second and milliseconds; what made a figure worthless is in `faults`."""

    enqueue: float = 0.0
    drain: float = 0.0
    flow: float = 0.0
    pickup_p50: float = 0.0
    pickup_p95: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def measure(side: Side, connections: int, scale: float, patience: float) -> Figures:
    jobs, got = max(100, int(side.jobs * scale)), Figures()
    with side:
        backlog(side, jobs, connections, patience, got)
    with side:
        flow(side, jobs, connections, patience, got)
    if isinstance(side, Plimsoll):
        with side:
            handed_out(side, jobs, connections, patience, got)
    with side:
        pickup(side, max(60, int(200 * scale)), patience, got)
    return got


def backlog(side: Side, jobs: int, connections: int, patience: float, got: Figures) -> None:
    """Enqueue while nobody works, then let two workers have it."""
    enqueued = side.enqueue(0, jobs, connections=connections)
    got.enqueue = enqueued.rate
    side.staff(WORKERS)
    effects = finished(side, enqueued, patience, got)
    if len(effects) < 2:
        return
    at = sorted(effect.at for effect in effects)
    # From the first effect to the last: what a worker needs to start is not in it.
    got.drain = (len(at) - 1) / max(1e-6, at[-1] - at[0])


def flow(side: Side, jobs: int, connections: int, patience: float, got: Figures) -> None:
    """Two idle workers; from the first call that enqueues to the last effect."""
    side.staff(WORKERS)
    warm(side)
    enqueued = side.enqueue(0, jobs, connections=connections)
    effects = finished(side, enqueued, patience, got)
    if effects:
        got.flow = len(effects) / max(1e-6, max(effect.at for effect in effects) - enqueued.began)


def handed_out(side: Plimsoll, jobs: int, connections: int, patience: float, got: Figures) -> None:
    """As `flow`, with a hundred jobs in the transaction of each request."""
    side.staff(WORKERS)
    warm(side)
    enqueued = side.together(0, jobs, connections=connections)
    got.extra[f"enqueue, {TOGETHER} in each transaction"] = enqueued.rate
    effects = finished(side, enqueued, patience, got)
    if effects:
        got.extra[f"end to end, {TOGETHER} in each transaction"] = len(effects) / max(1e-6, max(effect.at for effect in effects) - enqueued.began)


def pickup(side: Side, jobs: int, patience: float, got: Figures) -> None:
    """One job every 50 ms; from the call that enqueues it to its beginning in a worker."""
    side.staff(WORKERS)
    warm(side)
    enqueued = side.enqueue(0, jobs, connections=1, every=0.05)
    effects = finished(side, enqueued, patience, got)
    waits = [(effect.began - enqueued.sent[effect.number]) * 1000 for effect in effects if effect.number in enqueued.sent]
    if len(waits) < 2:
        return
    cuts = quantiles(waits, n=20, method="inclusive")
    got.pickup_p50, got.pickup_p95 = cuts[9], cuts[18]


# Numbers of jobs that are no part of a measurement.
WARM = 900_000_000


def warm(side: Side) -> None:
    side.enqueue(WARM, 20, connections=1)
    if not side.until_done(20, 60):
        raise Failure(f"the workers of {side.name} do nothing")


def finished(side: Side, enqueued: Enqueued, patience: float, got: Figures) -> list[Effect]:
    """Every effect of the measurement; complains where one is missing or comes twice."""
    before = side.done() if not enqueued.sent and not enqueued.count else 0
    count = enqueued.count or len(enqueued.sent)
    extra = sum(effect.number >= WARM for effect in side.effects())
    complete = side.until_done(max(before, count + extra), patience)
    effects = [effect for effect in side.effects() if effect.number < WARM]
    if not complete:
        got.faults.append(f"{count - len({effect.number for effect in effects})} of {count} jobs are not done after {patience:.0f} s")
    if len(effects) > len({effect.number for effect in effects}):
        got.faults.append("jobs were done twice")
    got.faults += enqueued.faults
    return effects
