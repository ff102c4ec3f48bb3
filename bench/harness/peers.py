"""Each server of the comparison: how its rows are prepared and how it is started on a fresh copy of them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import rows
from .client import Client
from .postgres import Postgres
from .processes import Child, Failure, free_port, run, wait_for

HERE = Path(__file__).resolve().parent.parent


@dataclass
class Place:
    """Where a run happens and with what."""

    folder: Path
    logs: Path
    server_cpus: Sequence[int]
    postgres: Postgres | None
    plimsoll: Path

    def database(self) -> Postgres:
        if self.postgres is None:
            raise Failure("this server needs PostgreSQL, which was not started")
        return self.postgres


@dataclass
class Running:
    child: Child
    port: int
    authorization: str | None
    first_answer: float

    def client(self) -> Client:
        return Client(self.port, self.authorization)


class Peer(ABC):
    family: str

    def __init__(self, name: str, kind: str):
        self.name, self.kind = name, kind

    @abstractmethod
    def prepare(self, place: Place) -> None:
        """Build what is needed and load the rows once, as the template of all starts."""

    @abstractmethod
    def launch(self, place: Place, port: int) -> Child:
        """Start on a fresh copy of the template."""

    def authorization(self) -> str | None:
        return None

    def start(self, place: Place) -> Running:
        port = free_port()
        child = self.launch(place, port)
        try:
            client = Client(port, self.authorization(), timeout=2)
            first_answer = wait_for(lambda: client.answers("/v1/artists/1"), child)
            return Running(child, port, self.authorization(), first_answer)
        except BaseException:
            child.stop()
            raise

    def child(self, place: Place, command: Sequence[str], env: dict[str, str] | None = None, cwd: Path | None = None) -> Child:
        return Child(command, place.logs / f"{self.name}.log", place.server_cpus, env or {}, cwd)


class PlainPeer(Peer):
    """A server without tenants or keys: all of them share one template per database."""

    def prepare(self, place: Place) -> None:
        if self.kind == "pg":
            if "plain" not in place.database().templates:
                place.database().load_plain("plain")
        elif not (place.folder / "plain.db").exists():
            rows.write_sqlite(place.folder / "plain.db")

    def copy(self, place: Place) -> Path:
        live = place.folder / "live"
        shutil.rmtree(live, ignore_errors=True)
        live.mkdir()
        settled(shutil.copy2(place.folder / "plain.db", live / "catalogue.db"))
        return live / "catalogue.db"

    def fresh_url(self, place: Place, scheme: str = "postgres") -> str:
        place.database().fresh_copy("plain", "live")
        return place.database().url("live", scheme)


class Bare(PlainPeer):
    family = "bare"

    def __init__(self, name: str, kind: str, sync: str = "full"):
        super().__init__(name, kind)
        self.sync = sync

    def prepare(self, place: Place) -> None:
        run(["cargo", "build", "--release", "--locked", "--manifest-path", str(HERE / "bare/Cargo.toml"), "--target-dir", str(HERE / "target")], patience=900)
        super().prepare(place)

    def launch(self, place: Place, port: int) -> Child:
        command = [str(HERE / "target/release/bare"), "--listen", f"127.0.0.1:{port}"]
        if self.kind == "pg":
            command += ["--pg", self.fresh_url(place)]
        else:
            command += ["--sqlite", str(self.copy(place)), "--sync", self.sync]
        return self.child(place, command)


class FastApi(PlainPeer):
    family = "fastapi"

    def prepare(self, place: Place) -> None:
        python = HERE / ".venv/bin/python"
        if not python.exists():
            run([sys.executable, "-m", "venv", str(HERE / ".venv")])
        run([str(python), "-m", "pip", "install", "-q", "-r", str(HERE / "fastapi/requirements.txt")], patience=600)
        super().prepare(place)

    def launch(self, place: Place, port: int) -> Child:
        url = self.fresh_url(place, "postgresql+psycopg") if self.kind == "pg" else f"sqlite:///{self.copy(place)}"
        command = [str(HERE / ".venv/bin/python"), "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--workers", "2", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        return self.child(place, command, {"DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"}, HERE / "fastapi")


class Fastify(PlainPeer):
    family = "fastify"

    def prepare(self, place: Place) -> None:
        if not (HERE / "fastify/node_modules").exists():
            run(["npm", "ci", "--prefix", str(HERE / "fastify"), "--no-audit", "--no-fund"], patience=600)
        super().prepare(place)

    def launch(self, place: Place, port: int) -> Child:
        env = {"SQLITE_FILE": str(self.copy(place)), "PORT": str(port), "NODE_ENV": "production"}
        return self.child(place, ["node", str(HERE / "fastify/server.js")], env)


class Plimsoll(Peer):
    """The server under test with every layer on; its rows come in through its own command line and routes."""

    family = "plimsoll"
    key: str | None = None

    def authorization(self) -> str | None:
        return f"Bearer {self.key}" if self.key else None

    def command(self, place: Place, data: Path, database: str, *rest: str) -> list[str]:
        if not place.plimsoll.exists():
            raise Failure(f"{place.plimsoll} is not there: cargo build --release, or say --plimsoll PATH")
        store = ["--database-url", place.database().url(database)] if self.kind == "pg" else []
        return [str(place.plimsoll), "--data", str(data), "--config", str(HERE / "plimsoll.toml"), *store, *rest]

    def serve(self, place: Place, data: Path, database: str, port: int) -> Child:
        listen = ["serve", "--listen", f"127.0.0.1:{port}", "--ops-listen", f"127.0.0.1:{free_port()}"]
        return self.child(place, self.command(place, data, database, *listen))

    def prepare(self, place: Place) -> None:
        data, database = place.folder / self.name, "plimsoll"
        if self.kind == "pg":
            place.database().create(database)
            run(self.command(place, data, database, "migrate", "up"))
        run(self.command(place, data, database, "tenant", "create", "acme"))
        made = run(self.command(place, data, database, "key", "create", "--tenant", "acme", "--role", "editor", "--json"))
        self.key = json.loads(made)["key"]
        port = free_port()
        child = self.serve(place, data, database, port)
        try:
            client = Client(port, self.authorization())
            wait_for(lambda: client.answers("/v1/artists?page_size=1"), child)
            load(client)
        finally:
            child.stop()
        if self.kind == "pg":
            place.database().settle(database)

    def launch(self, place: Place, port: int) -> Child:
        live = place.folder / "live"
        shutil.rmtree(live, ignore_errors=True)
        if (place.folder / self.name).exists():
            shutil.copytree(place.folder / self.name, live)
        else:
            live.mkdir()
        for path in live.rglob("*"):
            if path.is_file():
                settled(path)
        if self.kind == "pg":
            place.database().fresh_copy("plimsoll", "live")
        return self.serve(place, live, "live", port)


def load(client: Client) -> None:
    """All rows in their order, a thousand a call; ids must come out as 1, 2, 3 …, as every other server has them."""
    for noun, source in (("artists", rows.artists()), ("songs", rows.songs())):
        batch: list[dict[str, object]] = []
        count = 0
        for row in source:
            count += 1
            batch.append({field: value for field, value in row.items() if field != "id"})
            if len(batch) == 1000:
                answer = client.ask("POST", f"/v1/{noun}/bulk", {"items": batch})
                if answer.status not in (200, 201):
                    raise Failure(f"loading {noun} up to row {count} answered {answer.status}: {str(answer.body)[:600]}")
                batch = []
        last = client.ask("GET", f"/v1/{noun}/{count}")
        total = client.ask("GET", f"/v1/{noun}?page_size=1")
        if last.status != 200 or total.body["pagination"]["total_items"] != count:
            raise Failure(f"after loading {count} {noun}: the last one answers {last.status}, the list says {total.body}")


def settled(path: str | Path) -> None:
    """Bring a copied file to the disk now, so that writing it back does not fall into a measurement."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def all_peers() -> dict[str, Peer]:
    """By name, in the order in which they take turns."""
    peers: list[Peer] = [
        Bare("bare-full", "sqlite"),
        Bare("bare-normal", "sqlite", "normal"),
        Plimsoll("plimsoll-sqlite", "sqlite"),
        FastApi("fastapi-sqlite", "sqlite"),
        Fastify("fastify-sqlite", "sqlite"),
        Bare("bare-pg", "pg"),
        Plimsoll("plimsoll-pg", "pg"),
        FastApi("fastapi-pg", "pg"),
    ]
    return {peer.name: peer for peer in peers}
