#!/usr/bin/env python3
"""Runs each tool on each repository, one after the other, and writes one table of CPU seconds and peak memory."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass
class Run:
    cpu: float
    wall: float
    mib: float
    code: int


def tools(plimsoll: Path, venv: Path, jobs: int) -> dict[str, list[str]]:
    """What is run; `{}` stands for the repository. None of them reaches the network."""
    semgrep = [str(venv / "bin/semgrep"), "scan", "--config", str(HERE / "rules.yml"), "--metrics=off", "--disable-version-check",
               "--jobs", str(jobs), "--quiet", "--json", "--output", os.devnull, "{}"]
    return {
        "plimsoll": [str(plimsoll), "assess", "{}", "--no-cache", "--json"],
        "semgrep": semgrep,
        "bandit": [str(venv / "bin/bandit"), "-q", "-r", "{}", "-f", "json", "-o", os.devnull],
        "checkov": [str(venv / "bin/checkov"), "-d", "{}", "--quiet", "--compact", "-o", "json", "--skip-download"],
    }


def measure(command: list[str], home: Path) -> Run:
    """One run with everything it started: CPU of all children, memory of the largest."""
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "SEMGREP_SEND_METRICS": "off"}
    began = time.monotonic()
    with open(home / "stderr", "wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in kibibytes, macOS in bytes.
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return Run(usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss / unit, process.returncode)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--plimsoll", type=Path, required=True)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--passes", type=int, default=3, help="every pass visits every tool in turn; medians are shown")
    parser.add_argument("--tools", default="plimsoll,semgrep,bandit,checkov")
    options = parser.parse_args()
    home = options.scratch / "home"
    home.mkdir(parents=True, exist_ok=True)
    commands = tools(options.plimsoll.resolve(), options.venv, len(os.sched_getaffinity(0)))
    chosen = options.tools.split(",")
    results: dict[tuple[str, str], list[Run]] = {}
    failed = False
    for number in range(options.passes):
        for repository in options.repositories:
            for tool in chosen:
                command = [part.replace("{}", str(repository.resolve())) for part in commands[tool]]
                run = measure(command, home)
                # 1 stands for findings, 3 of plimsoll for something left out; all else for a failure.
                if run.code not in (0, 1) and (tool, run.code) != ("plimsoll", 3):
                    failed = True
                    print(f"{tool} on {repository.name} ended with {run.code}:", (home / "stderr").read_text(errors="replace")[-600:], file=sys.stderr)
                    continue
                results.setdefault((repository.name, tool), []).append(run)
                print(f"pass {number + 1}  {repository.name}  {tool}: {run.cpu:.2f} s CPU, {run.mib:.0f} MiB", file=sys.stderr)
    print("| Repository | Tool | CPU s (user+sys) | wall s | peak MiB of the largest process | CPU, times plimsoll's |\n|---|---|---|---|---|---|")
    for repository in options.repositories:
        own = results.get((repository.name, "plimsoll"))
        base = statistics.median(run.cpu for run in own) if own else None
        for tool in chosen:
            if runs := results.get((repository.name, tool)):
                cpu, wall, mib = (statistics.median(getattr(run, field) for run in runs) for field in ("cpu", "wall", "mib"))
                times = f"{cpu / base:.1f}" if base else ""
                print(f"| {repository.name} | {tool} | {cpu:.2f} | {wall:.2f} | {mib:.0f} | {times} |")
    print(f"\nMedians of {options.passes} passes, tools in turn, load average at the end {os.getloadavg()[0]:.1f}. "
          "The tools do different work: the figures bound what a user waits for.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
