"""The real binary on free loopback ports with scratch data, for tests that come from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Failure(Exception):
    """Something is missing or did not start; the text is one line for a person."""


def binary() -> Path:
    """Builds the binary and says where it is."""
    if not shutil.which("cargo"):
        raise Failure("cargo is missing: install Rust with rustup (https://rustup.rs)")
    subprocess.run(["cargo", "build", "--quiet", "--package", "plimsoll-cli"], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "debug" / "plimsoll"


class Service:
    """A running server; `with` starts and stops it."""

    def __init__(self, program: Path, database_url: str | None = None, demo: bool = False, settings: dict[str, str] | None = None, arguments: list[str] | None = None):
        self.program = program
        self.demo = demo
        self.arguments = arguments or []
        # Settings of the caller's shell have no place in a test.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")}
        # The limits have tests of their own; here they would hide what lies behind them.
        self.environment |= {f"PLIMSOLL_LIMITS__{name}": "off" for name in ("ADDRESS", "PRINCIPAL", "TENANT", "WRITE", "AUTH")}
        if database_url:
            self.environment["PLIMSOLL_DATABASE__URL"] = database_url
        self.environment |= settings or {}
        self.base = ""

    def __enter__(self) -> Service:
        self.folder = Path(tempfile.mkdtemp(prefix="plimsoll-outside-"))
        self.log = self.folder / "log"
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Starts the server and waits until it is ready, for a minute at most."""
        serve = ["serve", "--migrate", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", *(["--demo"] if self.demo else []), *self.arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self._command(serve), cwd=self.folder, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            if found := re.search(r"listening on (\S+)", self.said()):
                self.base = found[1]
                if self._ready():
                    return
            time.sleep(0.05)
        text = self.said()
        self.stop()
        raise Failure(f"the server did not become ready:\n{text[-2000:]}")

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        """Ends the server as an operator would; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def run(self, *arguments: str, stdin: str | None = None) -> dict:
        """A command of ours beside the server; its result."""
        done = subprocess.run([*self._command(list(arguments)), "--json"], cwd=self.folder, env=self.environment, input=stdin, text=True, capture_output=True)
        if done.returncode:
            raise Failure(f"plimsoll {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def call(self, method: str, path: str, body: object = None, token: str | None = None) -> dict:
        """A request that has to succeed; its JSON answer."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.base + path, data, headers, method=method), timeout=30) as answer:
            return json.load(answer)

    def _command(self, arguments: list[str]) -> list[str]:
        return [str(self.program), *arguments, "--data", str(self.folder / "data")]

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/health/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False
