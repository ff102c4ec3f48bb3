"""What is lost and what is done twice when something is killed, and how long until an interrupted job runs again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ..processes import Failure
from .measures import WARM, WORKERS, warm
from .side import RESTART, Enqueued, Side

# How long the jobs take whose second run is waited for.
LONG = 2.0
# What a small job takes besides its effect, so that some are under way whenever the kill comes.
SHORT = 0.01


@dataclass
class Toll:
    """Sums over all rounds of one trial."""

    acknowledged: int = 0
    missing: int = 0
    failed: int = 0
    twice: int = 0
    # Seconds from the kill until the last interrupted job ran again; None where one did not within the patience.
    again: list[float | None] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def interrupted(side: Side, rounds: int, patience: float) -> Toll:
    """Every worker is killed while each runs jobs of two seconds; a supervisor starts them again a second later."""
    toll = Toll()
    for _ in range(rounds):
        with side:
            side.staff(WORKERS)
            warm(side)
            enqueued = side.enqueue(0, side.slots, connections=1, pause=LONG)
            time.sleep(LONG / 2)
            killed = time.time()
            side.kill_workers()
            # Some queues look after the interrupted only when there is something else to do.
            with traffic(side):
                complete = until(side, enqueued.sent, patience)
            count(side, enqueued, toll)
            last = max((effect.at for effect in side.effects() if effect.number in enqueued.sent), default=0.0)
            toll.again.append(last - LONG - killed if complete else None)
    return toll


def busy(side: Side, jobs: int, rounds: int, connections: int, patience: float) -> Toll:
    """Every worker is killed in the middle of many small jobs."""
    toll = Toll()
    for _ in range(rounds):
        with side:
            enqueued = side.enqueue(0, jobs, connections=connections, pause=SHORT)
            side.staff(WORKERS)
            side.until_done(jobs // 3, patience, look=0.005)
            side.kill_workers()
            with traffic(side):
                until(side, enqueued.sent, patience)
            settle(side)
            count(side, enqueued, toll)
    return toll


def storage(side: Side, jobs: int, rounds: int, connections: int, patience: float) -> Toll:
    """What holds the queue is killed while jobs are enqueued and run, and is started again a second later."""
    toll = Toll()
    for _ in range(rounds):
        with side:
            side.staff(WORKERS)
            warm(side)
            got: list[Enqueued] = []
            caller = threading.Thread(target=lambda: got.append(side.enqueue(0, jobs, connections=connections, pause=SHORT)))
            caller.start()
            side.until_done(20 + jobs // 10, patience, look=0.005)
            side.kill_storage()
            killed = time.time()
            time.sleep(RESTART)
            side.revive_storage()
            while caller.is_alive():
                side.tend()
                caller.join(0.1)
            if not got:
                toll.faults.append("the enqueuing side failed as a whole")
                continue
            with traffic(side):
                until(side, got[0].sent, patience)
            settle(side)
            count(side, got[0], toll)
            after = [effect.began for effect in side.effects() if effect.began > killed + RESTART / 2]
            toll.again.append(min(after) - killed if after else None)
    return toll


@contextmanager
def traffic(side: Side) -> Iterator[None]:
    """One small job a second meanwhile, as any queue in use has."""
    over = threading.Event()

    def go() -> None:
        first = WARM + 1000
        while not over.is_set():
            with suppress(OSError, Failure):
                side.enqueue(first, 3, connections=1, every=1.0)
            first += 3
            over.wait(1)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def until(side: Side, numbers: Iterable[int], patience: float) -> bool:
    """Wait until all of these are done, tending the workers meanwhile."""
    wanted, deadline = set(numbers), time.monotonic() + patience
    while time.monotonic() < deadline:
        with suppress(OSError, Failure):
            if wanted <= {effect.number for effect in side.effects()}:
                return True
        side.tend()
        time.sleep(0.5)
    return False


def settle(side: Side) -> None:
    """What runs a second time often does so right behind the rest: wait until nothing has come for two seconds."""
    seen, since = side.done(), time.monotonic()
    while time.monotonic() - since < 2:
        side.tend()
        time.sleep(0.1)
        if (now := side.done()) != seen:
            seen, since = now, time.monotonic()


def count(side: Side, enqueued: Enqueued, toll: Toll) -> None:
    times = Counter(effect.number for effect in side.effects())
    failed = side.failed()
    toll.acknowledged += len(enqueued.sent)
    missing = sum(number not in times for number in enqueued.sent)
    # What failed is still there, but nobody does it unless a person says so.
    toll.failed += min(failed, missing)
    toll.missing += missing - min(failed, missing)
    toll.twice += sum(runs > 1 for number, runs in times.items() if number in enqueued.sent)
