"""Child processes: started in a group of their own, measured, and always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path


class Failure(Exception):
    """The benchmark cannot go on; the text says why and what to do."""


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def on_cpus(cpus: Sequence[int]) -> Callable[[], None]:
    """Run in the child before it becomes the command, so that all its threads inherit it."""
    return lambda: os.sched_setaffinity(0, cpus)


class Child:
    """A server under measurement, with everything it prints in a file."""

    def __init__(self, command: Sequence[str], log: Path, cpus: Sequence[int], env: dict[str, str], cwd: Path | None = None):
        self.name = Path(command[0]).name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **env},
                start_new_session=True,
                preexec_fn=on_cpus(cpus),
            )

    def exited(self) -> bool:
        return self.process.poll() is not None

    def peak_rss(self) -> int:
        """Bytes: the sum of the peaks of the process and its descendants. Pages that workers share count once for each."""
        return sum(high_water(pid) for pid in family(self.process.pid))

    def stop(self) -> None:
        """Ask, wait ten seconds, then insist; ends the whole group."""
        for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-12:])


def family(root: int) -> list[int]:
    """The process and all its descendants that are alive."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The command in parentheses may hold spaces, so count from the closing one.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, [])
    return found


def high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def run(command: Sequence[str], *, stdin: str | None = None, env: dict[str, str] | None = None, patience: float = 120) -> str:
    """A short command; its output, or a Failure with what it said."""
    done = subprocess.run(
        list(command), input=stdin or "", capture_output=True, text=True, timeout=patience, env={**os.environ, **(env or {})}
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise Failure(f"{Path(command[0]).name} ended with {done.returncode}: {said[-1500:]}")
    return done.stdout


def wait_for(ready: Callable[[], bool], child: Child, patience: float = 20) -> float:
    """Seconds until `ready`; a child that ends or stays silent is a Failure with its last words."""
    begun = time.monotonic()
    while not ready():
        if child.exited():
            raise Failure(f"{child.name} ended with {child.process.returncode} before its first answer:\n{child.last_words()}")
        if time.monotonic() - begun > patience:
            raise Failure(f"{child.name} gave no answer in {patience:.0f} s:\n{child.last_words()}")
        time.sleep(0.01)
    return time.monotonic() - begun
