"""A private Redis that has everything on its disk before it answers; it can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from ..processes import Child, Failure, free_port, wait_for


class Redis:
    def __init__(self, folder: Path, cpus: Sequence[int]):
        self.folder, self.cpus, self.port = folder, cpus, free_port()
        folder.mkdir(parents=True)
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "always"]
        try:
            self.child = Child(command, self.folder / "log", self.cpus, {})
        except FileNotFoundError:
            raise Failure("redis-server is not installed (Debian: apt-get install redis-server)") from None
        wait_for(self.answers, self.child)

    def answers(self) -> bool:
        try:
            return self.ask("PING") == "PONG"
        except (OSError, Failure):
            return False

    def kill(self) -> None:
        if self.child:
            os.killpg(self.child.process.pid, signal.SIGKILL)
            self.child.process.wait()

    def stop(self) -> None:
        if self.child:
            self.child.stop()

    def ask(self, *words: str) -> str | list[str]:
        """One command over a connection of its own, so that the harness needs no package."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            connection.sendall(text.encode())
            with connection.makefile("rb") as answer:
                return value(answer)


def value(answer) -> str | list[str]:
    line = answer.readline().decode().rstrip("\r\n")
    kind, rest = line[:1], line[1:]
    if kind in ("+", ":"):
        return rest
    if kind == "$":
        text = answer.read(int(rest) + 2)[:-2] if int(rest) >= 0 else b""
        return text.decode()
    if kind == "*":
        return [value(answer) for _ in range(int(rest))]
    raise Failure(f"Redis answered {line or 'nothing'}")
