"""Foreign services, bare and behind the real binary."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from service import ROOT, Failure  # noqa: E402

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "services"
PYTHON = TARGET / "py" / "bin"
NODE = TARGET / "js"


@dataclass
class Kind:
    """A service and how it is put behind the host."""

    name: str
    what: str
    # `$PORT` stands for the port it is to listen on.
    command: list[str]
    # Settings of the host, as its user would write them.
    settings: dict[str, str] = field(default_factory=dict)
    # Whether the paths are closed and the client has to send a key of the host.
    closed: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    ready: str = "/"
    # Files that it finds in its folder, `$HERE`.
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class Place:
    """Where a service is, and the key that its client has to send, if any."""

    base: str
    folder: Path
    key: str | None = None
    operations: str | None = None


def install() -> None:
    """The pinned packages, made once per version."""
    for file, folder, steps in [
        ("requirements.txt", TARGET / "py", [[sys.executable, "-m", "venv", TARGET / "py"], [PYTHON / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt"]]),
        ("package.json", NODE, [["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", NODE]]),
    ]:
        stamp, wanted = folder / f"installed-{file}", (HERE / file).read_text()
        if stamp.is_file() and stamp.read_text() == wanted:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        if file == "package.json":
            shutil.copy(HERE / file, folder)
        for step in steps:
            if not shutil.which(str(step[0])) or subprocess.run([str(word) for word in step]).returncode:
                raise Failure(f"{file} cannot be installed: it takes Python, Node.js and package registries")
        stamp.write_text(wanted)


def furnish(kind: Kind, folder: Path) -> None:
    for name, text in kind.files.items():
        (folder / name).write_text(text)


def free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def environment(kind: Kind) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")}
    return own | kind.variables | {"PATH": f"{PYTHON}:{NODE / 'node_modules' / '.bin'}:{os.environ['PATH']}"}


def answers(base: str, path: str) -> bool:
    try:
        with urllib.request.urlopen(base + path, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def wait(process: subprocess.Popen, ready, log: Path, what: str) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        if ready():
            return
        time.sleep(0.05)
    raise Failure(f"{what} did not become ready:\n{log.read_text(errors='replace')[-3000:]}")


@contextlib.contextmanager
def started(command: list[str], cwd: Path, variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen]:
    """A process with its children, ended at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=cwd, env=variables, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def bare(kind: Kind) -> Iterator[Place]:
    """The service alone."""
    folder, port = Path(tempfile.mkdtemp(prefix="plimsoll-services-")), free()
    furnish(kind, folder)
    base, log = f"http://127.0.0.1:{port}", folder / "service.log"
    command = [word.replace("$PORT", str(port)).replace("$HERE", str(folder)) for word in kind.command]
    try:
        with started(command, folder, environment(kind), log) as process:
            wait(process, lambda: answers(base, kind.ready), log, kind.name)
            yield Place(base, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def behind(program: Path, kind: Kind, limits: bool = False) -> Iterator[Place]:
    """The service behind the host, which starts it; without limits on how often one client may ask."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="plimsoll-services-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        off = () if limits else ("ADDRESS", "PRINCIPAL", "TENANT", "READ", "WRITE", "AUTH", "PAGE")
        settings = {f"LIMITS__{name}": "off" for name in off} | kind.settings
        furnish(kind, folder)
        tail = ["--", *(word.replace("$HERE", str(folder)) for word in kind.command)]
        variables = environment(kind) | {f"PLIMSOLL_{name}": value for name, value in settings.items()}
        data, log = folder / "data", folder / "host.log"
        command = [str(program), "run", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--data", str(data), *tail]
        process = stack.enter_context(started(command, folder, variables, log))
        place = Place("", folder)

        def ready() -> bool:
            said = re.search(r"listening on (\S+) .*: (http://\S+?)\)", log.read_text(errors="replace"))
            if said:
                place.base, place.operations = said[1], said[2]
            return bool(place.base) and answers(place.base, "/health/ready")

        wait(process, ready, log, f"{kind.name} behind the host")
        if kind.closed:
            place.key = key(program, data, variables)
        try:
            yield place
        except Exception:
            print(log.read_text(errors="replace")[-2000:], file=sys.stderr)
            raise


def key(program: Path, data: Path, variables: dict[str, str]) -> str:
    """A key of the host for the service's client."""

    def said(*words: str) -> str:
        done = subprocess.run([program, *words, "--data", data, "--json"], env=variables, capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"plimsoll {' '.join(words)}: {done.stderr}")
        return done.stdout

    said("tenant", "create", "client")
    return re.search(r"plm_[A-Za-z0-9_-]+", said("key", "create", "--tenant", "client", "--role", "editor"))[0]
