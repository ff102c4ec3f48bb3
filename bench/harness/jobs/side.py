"""What every job queue of the comparison must be able to do."""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..postgres import Postgres
from ..processes import Child, family

# What a supervisor waits before it starts again what has ended.
RESTART = 1.0


@dataclass
class Ground:
    """Where a run happens and with what."""

    folder: Path
    cpus: Sequence[int]
    python: Path
    plimsoll: Path
    postgres: Postgres | None = None


@dataclass
class Enqueued:
    """What a number of connections enqueued: for each acknowledged job, when its call began (Unix seconds)."""

    began: float
    ended: float
    sent: dict[int, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    # Where single calls are not written down: how many were acknowledged.
    count: int = 0

    @property
    def rate(self) -> float:
        return (self.count or len(self.sent)) / max(1e-6, self.ended - self.began)


@dataclass(frozen=True)
class Effect:
    """A durable effect of a job: when this run of it began, or the effect where that is not known, and when it made the effect (Unix seconds)."""

    number: int
    began: float
    at: float


class Side(ABC):
    """One job queue with its settings, its storage and its workers. Use as a context manager."""

    name: str
    settings: str
    # How many small jobs a measurement takes: some ten seconds' worth.
    jobs: int
    # How many jobs run at once in all workers together.
    slots: int

    def __init__(self, ground: Ground):
        self.ground = ground
        self.folder = ground.folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.workers: list[Child] = []
        self.wanted = 0
        self.restarts = 0
        self.missing_since: float | None = None

    def __enter__(self) -> Side:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def open(self) -> None:
        """Start the storage, empty, without workers."""

    @abstractmethod
    def close(self) -> None:
        """End everything."""

    @abstractmethod
    def worker(self, number: int) -> Child:
        """Start one worker process."""

    @abstractmethod
    def ready(self) -> None:
        """Wait until the workers that were started take jobs."""

    @abstractmethod
    def enqueue(self, first: int, count: int, *, connections: int, every: float = 0.0, pause: float = 0.0) -> Enqueued:
        """Enqueue the jobs `first` to `first + count - 1`, each acknowledged before the connection's next."""

    @abstractmethod
    def done(self) -> int:
        """How many effects there are."""

    @abstractmethod
    def effects(self) -> list[Effect]:
        """All of them."""

    @abstractmethod
    def kill_storage(self) -> None:
        """kill -9 of what holds the queue."""

    @abstractmethod
    def revive_storage(self) -> None:
        """Start it again on the same data."""

    def failed(self) -> int:
        """Jobs that were given up and wait for a person."""
        return 0

    def staff(self, number: int) -> None:
        """Start this many workers and wait until they work."""
        self.wanted = number
        while len(self.workers) < number:
            self.workers.append(self.worker(len(self.workers)))
        self.ready()

    def dismiss(self) -> None:
        self.wanted = 0
        for child in self.workers:
            slay(child)
        self.workers = []

    def kill_workers(self) -> None:
        """kill -9 of every worker with all its children, as when their machine loses power. `tend` starts them again."""
        for child in self.workers:
            slay(child)

    def tend(self) -> None:
        """What a supervisor does: start again what has ended, a second later."""
        gone = [place for place, child in enumerate(self.workers) if child.exited()]
        if not gone:
            self.missing_since = None
        elif self.missing_since is None:
            self.missing_since = time.monotonic()
        elif time.monotonic() - self.missing_since >= RESTART:
            for place in gone:
                slay(self.workers[place])
                self.restarts += 1
                self.workers[place] = self.worker(self.restarts * 100 + place)
            self.missing_since = None

    def until_done(self, count: int, patience: float, look: float = 0.1) -> bool:
        """Wait for this many effects, tending the workers meanwhile."""
        deadline = time.monotonic() + patience
        while True:
            try:
                if self.done() >= count:
                    return True
            except OSError:
                pass
            if time.monotonic() > deadline:
                return False
            self.tend()
            time.sleep(look)


def slay(child: Child) -> None:
    """Everything a process has started, also what left its group."""
    for pid in family(child.process.pid) if not child.exited() else []:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        os.killpg(child.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.process.wait()
