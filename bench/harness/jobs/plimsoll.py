"""Plimsoll's jobs: a process that answers requests and two that run jobs, or one that does both."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

from ..client import Client
from ..peers import HERE
from ..processes import Child, Failure, free_port, run, wait_for
from . import caller
from .side import RESTART, Effect, Enqueued, Ground, Side, slay

# Jobs of this many in one request make one transaction.
TOGETHER = 100
EFFECTS = "SELECT name, created_at FROM artist"
COUNT = "SELECT count(*) FROM artist"
DEAD = "SELECT count(*) FROM job WHERE state = 'dead'"


class Plimsoll(Side):
    """The binary under test, on the embedded database, with two processes that run jobs."""

    name, jobs = "plimsoll-sqlite", 20_000
    settings = "SQLite, synchronous=FULL; `plimsoll serve` that runs no jobs, and two `plimsoll worker`"
    kind = "sqlite"
    # How many jobs each process runs at once.
    places = 32
    slots = 2 * places
    served = 0

    def __init__(self, ground: Ground):
        super().__init__(ground)
        self.server: Child | None = None
        self.port = 0
        self.key = ""
        self.data = self.folder
        self.database = ""

    def command(self, *rest: str) -> list[str]:
        if not self.ground.plimsoll.exists():
            raise Failure(f"{self.ground.plimsoll} is not there: cargo build --release, or say --plimsoll PATH")
        store = ["--database-url", self.ground.postgres.url(self.database)] if self.kind == "pg" and self.ground.postgres else []
        return [str(self.ground.plimsoll), "--data", str(self.data), "--config", str(HERE / "plimsoll.toml"), *store, *rest]

    def open(self) -> None:
        self.restarts, self.missing_since = 0, None
        self.data = self.folder / f"data-{time.time_ns()}"
        if self.kind == "pg":
            if self.ground.postgres is None:
                raise Failure("this queue needs PostgreSQL, which was not started")
            self.database = f"jobs{time.time_ns()}"
            self.ground.postgres.create(self.database)
            run(self.command("migrate", "up"))
        run(self.command("tenant", "create", "acme"))
        self.key = "Bearer " + json.loads(run(self.command("key", "create", "--tenant", "acme", "--role", "editor", "--json")))["key"]
        self.port = free_port()
        self.serve()

    def serve(self) -> None:
        listen = ["serve", "--rehearsal", "--listen", f"127.0.0.1:{self.port}", "--ops-listen", f"127.0.0.1:{free_port()}"]
        env = {"PLIMSOLL_WORK__SLOTS": str(self.served)}
        self.server = Child(self.command(*listen), self.folder / "server.log", self.ground.cpus, env)
        wait_for(lambda: Client(self.port, timeout=2).answers("/health/ready"), self.server)

    def close(self) -> None:
        self.dismiss()
        if self.server:
            self.server.stop()
            self.server = None
        if self.database and self.ground.postgres:
            self.ground.postgres.sql("postgres", f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
            self.database = ""
        if self.data != self.folder:
            shutil.rmtree(self.data, ignore_errors=True)

    def worker(self, number: int) -> Child:
        command = self.command("worker", "--rehearsal", "--slots", str(self.places), "--ops-listen", f"127.0.0.1:{free_port()}")
        return Child(command, self.folder / f"worker-{number}.log", self.ground.cpus, {})

    def ready(self) -> None:
        for child in self.workers:
            wait_for(lambda child=child: "running jobs" in child.log.read_text(errors="replace"), child)

    def enqueue(self, first: int, count: int, *, connections: int, every: float = 0.0, pause: float = 0.0) -> Enqueued:
        return caller.enqueue(self.port, self.key, first, count, connections=connections, every=every, pause=pause)

    def together(self, first: int, count: int, *, connections: int) -> Enqueued:
        """Many in one transaction, as a handler does that has much to hand out."""
        return caller.enqueue(self.port, self.key, first, count, connections=connections, every=0.0, pause=0.0, together=TOGETHER)

    def ask(self, sql: str) -> list[tuple[str, ...]]:
        if self.kind == "pg":
            assert self.ground.postgres
            lines = self.ground.postgres.sql(self.database, sql).splitlines()
            return [tuple(line.split("|")) for line in lines]
        with sqlite3.connect(f"file:{self.data / 'plimsoll.db'}?mode=ro", uri=True) as db:
            found = [tuple(map(str, row)) for row in db.execute(sql)]
        db.close()
        return found

    def done(self) -> int:
        try:
            return int(self.ask(COUNT)[0][0])
        except (Failure, sqlite3.OperationalError):
            return 0

    def effects(self) -> list[Effect]:
        found = []
        for name, created in self.ask(EFFECTS):
            at = int(created) / 1e6
            found.append(Effect(int(name.removeprefix("job ")), at, at))
        return found

    def failed(self) -> int:
        return int(self.ask(DEAD)[0][0])

    def kill_storage(self) -> None:
        """The process that takes the jobs. The database is a file and cannot be killed."""
        if self.server:
            slay(self.server)

    def revive_storage(self) -> None:
        self.serve()


class Embedded(Plimsoll):
    """One process that answers requests and runs jobs, as the embedded database is mostly used."""

    name = "plimsoll-one"
    settings = "SQLite, synchronous=FULL; one `plimsoll serve` that answers requests and runs the jobs"
    slots = 64

    def open(self) -> None:
        self.served = 0
        super().open()

    def staff(self, number: int) -> None:
        """It is its own worker: it is started anew with places for jobs."""
        if self.server:
            self.server.stop()
        self.served = self.slots
        self.serve()

    def kill_workers(self) -> None:
        if self.server:
            slay(self.server)

    def tend(self) -> None:
        if self.server and self.server.exited():
            time.sleep(RESTART)
            self.serve()


class OnPostgres(Plimsoll):
    """The same on PostgreSQL."""

    name, jobs, kind = "plimsoll-pg", 8000, "pg"
    settings = "PostgreSQL with its defaults (durable); `plimsoll serve` that runs no jobs, and two `plimsoll worker`"

    def kill_storage(self) -> None:
        assert self.ground.postgres
        postmaster = int((self.ground.postgres.folder / "data/postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in [postmaster, *map(int, children)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while any(Path(f"/proc/{pid}").exists() for pid in [postmaster, *children]):
            time.sleep(0.01)

    def revive_storage(self) -> None:
        assert self.ground.postgres
        self.ground.postgres.start_again()
