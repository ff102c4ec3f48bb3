"""The time between setting everything up and taking everything down, whatever happens in between."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .peers import HERE, Peer, Place, Running, all_peers
from .postgres import Postgres
from .processes import Failure


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def chosen(names: str) -> list[Peer]:
    """Peers named in a comma-separated list, in their own fixed order."""
    peers = all_peers()
    wanted = [name for name in names.split(",") if name]
    if unknown := [name for name in wanted if name not in peers]:
        raise Failure(f"unknown server {', '.join(unknown)}; known are {', '.join(peers)}")
    return [peer for name, peer in peers.items() if name in wanted]


@contextmanager
def place(peers: Sequence[Peer], folder: Path | None, server_cpus: Sequence[int], plimsoll: Path) -> Iterator[Place]:
    """A folder with every template in it, and PostgreSQL if anybody needs it; both are gone afterwards."""

    def leave(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a shell that starts this in the background has it ignored.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, leave)
    home = Path(tempfile.mkdtemp(prefix="plimsoll-bench-", dir=folder))
    home.chmod(0o755)  # PostgreSQL runs under an account of its own and has to get in
    postgres = None
    try:
        if any(peer.kind == "pg" for peer in peers):
            postgres = Postgres(home, server_cpus)
            postgres.start()
        made = Place(home, HERE / "results/raw", server_cpus, postgres, plimsoll)
        for peer in peers:
            say(f"preparing {peer.name}")
            peer.prepare(made)
        yield made
    finally:
        # A second interrupt must not cut the clearing up short.
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, signal.SIG_IGN)
        try:
            if postgres:
                postgres.stop()
        finally:
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def started(peer: Peer, where: Place) -> Iterator[Running]:
    running = peer.start(where)
    try:
        yield running
    finally:
        running.child.stop()
