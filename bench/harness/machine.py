"""What the figures depend on: the machine, its disk and the versions."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .peers import HERE, Place


def describe(where: Place, server_cpus: Sequence[int], load_cpus: Sequence[int]) -> dict[str, str]:
    facts = {
        "processor": processor(),
        "server on CPUs": ",".join(map(str, server_cpus)),
        "wrk on CPUs": ",".join(map(str, load_cpus)),
        "kernel": platform.release(),
        "file system": file_system(where.folder),
        "one fdatasync": f"{sync_micros(where.folder):.0f} µs (median of 200 writes of 4 KiB)",
        "wrk": first_line(["wrk", "-v"]),
        "rustc": first_line(["rustc", "--version"]),
        "Python": first_line([str(HERE / ".venv/bin/python"), "--version"]),
        "Node": first_line(["node", "--version"]),
    }
    if where.postgres:
        facts["PostgreSQL"] = first_line([str(where.postgres.bin / "postgres"), "--version"])
    return {name: value for name, value in facts.items() if value}


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} CPUs"


def file_system(folder: Path) -> str:
    return last_line(["df", "--output=fstype", str(folder)])


def sync_micros(folder: Path) -> float:
    """The median price of making 4 KiB durable: what a create cannot beat without sharing commits."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(200):
            begun = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return sorted(took)[len(took) // 2] * 1e6


def first_line(command: Sequence[str]) -> str:
    lines = said(command)
    return lines[0].split("Copyright")[0].strip() if lines else ""


def last_line(command: Sequence[str]) -> str:
    lines = said(command)
    return lines[-1].strip() if lines else ""


def said(command: Sequence[str]) -> list[str]:
    """What a command prints, or nothing where it does not exist."""
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return (done.stdout or done.stderr).strip().splitlines()
