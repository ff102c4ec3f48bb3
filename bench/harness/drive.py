"""One measurement: warm up, drive with wrk, look at the server afterwards."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import rows
from .peers import Running
from .processes import Failure, on_cpus

CASES = {
    "read": "one artist by id, ids at random over all artists",
    "page": "a page of 20 songs with the total, pages at random near the front",
    "create": "one new artist, durable before the answer",
}
SCRIPT = Path(__file__).resolve().parent.parent / "wrk.lua"


@dataclass
class Load:
    """How hard and how long; the same for every server."""

    seconds: float
    warmup: float
    connections: int
    threads: int
    pages: int
    cpus: Sequence[int]


@dataclass
class Result:
    server: str
    case: str
    number: int
    rps: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    peak_rss: int
    first_answer_ms: float
    requests: int
    load_before: float
    faults: list[str] = field(default_factory=list)

    def record(self) -> dict[str, object]:
        return asdict(self)


def wrk(running: Running, case: str, seconds: float, load: Load, seed: int) -> dict[str, int]:
    env = {
        **os.environ,
        "BENCH_CASE": case,
        "BENCH_SEED": str(seed),
        "BENCH_ARTISTS": str(rows.ARTISTS),
        "BENCH_PAGES": str(load.pages),
    }
    if running.authorization:
        env["BENCH_AUTHORIZATION"] = running.authorization
    command = ["wrk", "-t", str(load.threads), "-c", str(load.connections), "-d", f"{max(1, round(seconds))}s"]
    command += ["--timeout", "5s", "-s", str(SCRIPT), f"http://127.0.0.1:{running.port}"]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=seconds + 30, preexec_fn=on_cpus(load.cpus))
    except FileNotFoundError:
        raise Failure("wrk is not installed (Debian: apt-get install wrk)") from None
    for line in done.stdout.splitlines():
        if line.startswith("BENCH "):
            return json.loads(line.removeprefix("BENCH "))
    raise Failure(f"wrk gave no result: {(done.stderr or done.stdout)[-600:]}")


def rows_now(running: Running) -> int:
    """How many artists the server says it has."""
    answer = running.client().ask("GET", "/v1/artists?page=1&page_size=1")
    if answer.status != 200:
        raise Failure(f"counting artists answered {answer.status}: {str(answer.body)[:300]}")
    return answer.body["pagination"]["total_items"]


def measure(name: str, running: Running, case: str, number: int, load: Load) -> Result:
    """Run one case. Whatever makes the figure worthless is listed in `faults`; nothing is dropped in silence."""
    seed = number * 2
    if load.warmup > 0:
        wrk(running, case, load.warmup, load, seed)
    before, busy = rows_now(running), os.getloadavg()[0]
    got = wrk(running, case, load.seconds, load, seed + 1)
    faults = [f"{got[kind]} {kind} errors" for kind in ("connect", "read", "write", "timeout") if got[kind]]
    if got["status"]:
        faults.append(f"{got['status']} answers outside 2xx and 3xx")
    if got["requests"] == 0:
        faults.append("no answer at all")
    if running.child.exited():
        faults.append("the server ended")
    else:
        grown, wanted = rows_now(running) - before, got["requests"] if case == "create" else 0
        # Answers still on their way when wrk stops may be rows without a count, never the other way round.
        if grown < wanted or (case != "create" and grown):
            faults.append(f"{grown} new rows for {wanted} acknowledged creates")
    return Result(
        server=name,
        case=case,
        number=number,
        rps=got["requests"] * 1e6 / max(1, got["micros"]),
        p50_ms=got["p50_us"] / 1000,
        p99_ms=got["p99_us"] / 1000,
        max_ms=got["max_us"] / 1000,
        peak_rss=running.child.peak_rss(),
        first_answer_ms=running.first_answer * 1000,
        requests=got["requests"],
        load_before=busy,
        faults=faults,
    )
