"""One run of wrk with `proxy.lua`."""

from __future__ import annotations

import json
import os
import subprocess

from .peers import HERE
from .processes import Failure


def drive(port: int, env: dict[str, str], seconds: int, connections: int, threads: int = 2) -> dict[str, float]:
    """Requests per second, percentiles in milliseconds, and how often something went wrong."""
    command = ["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{max(1, seconds)}s", "--timeout", "5s"]
    command += ["-s", str(HERE / "proxy.lua"), f"http://127.0.0.1:{port}/item"]
    try:
        done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=seconds + 30)
    except FileNotFoundError:
        raise Failure("wrk is not installed (Debian: apt-get install wrk)") from None
    for line in done.stdout.splitlines():
        if line.startswith("BENCH "):
            got = json.loads(line.removeprefix("BENCH "))
            took = max(1, got.pop("micros"))
            return {
                "rps": got["requests"] * 1e6 / took,
                **{name: got.pop(f"{name}_us") / 1000 for name in ("p50", "p99", "max")},
                **got,
            }
    raise Failure(f"wrk gave no result: {(done.stderr or done.stdout)[-600:]}")
