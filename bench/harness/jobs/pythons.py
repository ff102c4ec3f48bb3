"""RQ and Celery on a private Redis, each in its defaults and as it is run in production."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from ..processes import Child, Failure
from .broker import Redis
from .side import Effect, Enqueued, Ground, Side

CODE = Path(__file__).resolve().parent.parent.parent / "jobs"


class OnRedis(Side):
    """What both have in common: the broker, the list of effects, eight processes that enqueue."""

    library: str
    retries = 0
    late = False

    def __init__(self, ground: Ground):
        super().__init__(ground)
        self.broker: Redis | None = None

    def redis(self) -> Redis:
        assert self.broker, "the side is not open"
        return self.broker

    def open(self) -> None:
        self.broker = Redis(self.folder / f"redis-{time.time_ns()}", self.ground.cpus)
        self.broker.start()

    def close(self) -> None:
        self.dismiss()
        if self.broker:
            self.broker.stop()

    def environment(self) -> dict[str, str]:
        return {"BENCH_REDIS": self.redis().url, "BENCH_LATE": "1" if self.late else "0", "PYTHONDONTWRITEBYTECODE": "1"}

    def child(self, number: int, command: list[str]) -> Child:
        return Child(command, self.folder / f"worker-{number}.log", self.ground.cpus, self.environment(), CODE)

    def enqueue(self, first: int, count: int, *, connections: int, every: float = 0.0, pause: float = 0.0) -> Enqueued:
        producers = self.producers(first, count, connections, every, pause)
        return collected(producers)

    def producers(self, first: int, count: int, connections: int, every: float, pause: float) -> list[tuple[subprocess.Popen[str], int]]:
        """Processes that have connected and wait to be let go, each with its first number."""
        shares = [count // connections + (place < count % connections) for place in range(connections)]
        started, at = [], first
        for share in shares:
            command = [str(self.ground.python), "producer.py", self.library, "--retries", str(self.retries), "--first", str(at)]
            command += ["--count", str(share), "--every", str(every), "--pause", str(pause)]
            pipe = subprocess.PIPE
            env = {**self.environment(), "PATH": "/usr/bin:/bin"}
            started.append((subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=CODE, env=env), at))
            at += share
        for process, _ in started:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise Failure(f"a producer of {self.name} did not start")
        return started

    def done(self) -> int:
        try:
            return int(str(self.redis().ask("LLEN", "effects")))
        except Failure:
            return 0

    def effects(self) -> list[Effect]:
        found = []
        for line in self.redis().ask("LRANGE", "effects", "0", "-1"):
            number, began, at = line.split()
            found.append(Effect(int(number), float(began), float(at)))
        return found

    def kill_storage(self) -> None:
        self.redis().kill()

    def revive_storage(self) -> None:
        self.redis().start()


def collected(producers: list[tuple[subprocess.Popen[str], int]]) -> Enqueued:
    """Let them all go at once and gather what they say."""
    for process, _ in producers:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    got = Enqueued(float("inf"), 0.0)
    for process, first in producers:
        said, _ = process.communicate(timeout=600)
        if process.returncode != 0:
            raise Failure(f"a producer ended with {process.returncode}: {said[-500:]}")
        told = json.loads(said)
        got.began, got.ended = min(got.began, told["began"]), max(got.ended, told["ended"])
        got.sent |= {first + place: at for place, at in enumerate(told["sent"])}
        got.faults += [told["fault"]] if told["fault"] else []
    return got


class Rq(OnRedis):
    """`rq worker`, which forks for every job."""

    name, library, jobs, slots = "rq", "rq", 600, 2
    settings = "defaults: a fork for each job, no retry policy"
    worker_class = "rq.Worker"
    options: tuple[str, ...] = ()

    def worker(self, number: int) -> Child:
        command = [str(self.ground.python.parent / "rq"), "worker", "--url", self.redis().url, "--quiet", "--worker-class", self.worker_class]
        return self.child(number, [*command, *self.options])

    def ready(self) -> None:
        deadline = time.monotonic() + 60
        while int(str(self.redis().ask("SCARD", "rq:workers"))) < self.wanted:
            if time.monotonic() > deadline:
                raise Failure(f"the workers of {self.name} did not come:\n{self.workers[0].last_words()}")
            time.sleep(0.05)
        # Registered, they still have their maintenance to do before the first job.
        time.sleep(1)

    def failed(self) -> int:
        return int(str(self.redis().ask("ZCARD", "rq:failed:default")))


class RqRetry(Rq):
    """With a retry policy and maintenance every half minute instead of every ten."""

    name, retries = "rq-retry", 3
    settings = "Retry(max=3), maintenance every 30 s"
    options = ("--maintenance-interval", "30")


class RqSimple(RqRetry):
    """Without the fork."""

    name, jobs, worker_class = "rq-simple", 2500, "rq.SimpleWorker"
    settings = "SimpleWorker (no fork), Retry(max=3), maintenance every 30 s"


class Celery(OnRedis):
    """`celery worker` in its defaults: acknowledged before it runs, four fetched ahead for each process."""

    name, library, jobs = "celery", "celery", 8000
    slots = 2 * (os.cpu_count() or 1)
    settings = "defaults: early acknowledgement, prefork, as many processes for each worker as CPUs"

    def worker(self, number: int) -> Child:
        command = [str(self.ground.python.parent / "celery"), "-A", "celery_app", "worker", "--loglevel", "WARNING"]
        return self.child(number, [*command, "--hostname", f"worker{number}@bench"])

    def ready(self) -> None:
        command = [str(self.ground.python.parent / "celery"), "-A", "celery_app", "inspect", "ping", "--timeout", "1"]
        deadline = time.monotonic() + 60
        while True:
            said = subprocess.run(command, capture_output=True, text=True, cwd=CODE, env=self.environment() | {"PATH": "/usr/bin:/bin"})
            if said.stdout.count("pong") >= self.wanted:
                return
            if time.monotonic() > deadline:
                raise Failure(f"the workers of {self.name} did not come:\n{self.workers[0].last_words()}")


class CeleryLate(Celery):
    """As it is run where no task may be lost."""

    name, late = "celery-late", True
    settings = "acks_late, reject_on_worker_lost, prefetch 1, visibility timeout 30 s (its default is 3600 s)"
