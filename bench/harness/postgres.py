"""A private PostgreSQL with default, durable settings: started on a free port, removed at the end."""

from __future__ import annotations

import io
import os
import pwd
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from . import rows
from .processes import Failure, free_port, run

OWNER = "bench"  # no superuser, so that row-level security binds it


class Postgres:
    def __init__(self, folder: Path, cpus: Sequence[int]):
        self.bin = newest_bin()
        self.folder = folder / "postgres"
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.root_password = secrets.token_hex(16)
        self.cpus = ",".join(map(str, cpus))
        self.running = False
        self.templates: set[str] = set()

    def start(self) -> None:
        self.folder.mkdir()
        words = self.folder / "superuser"
        words.write_text(self.root_password + "\n")
        words.chmod(0o600)
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            for path in (self.folder, words):
                os.chown(path, account.pw_uid, account.pw_gid)
        data = str(self.folder / "data")
        self.as_postgres("initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={words}", "--encoding=UTF8", "--locale=C.UTF-8")
        # Only where it listens is set; durability and memory stay at their defaults.
        self.start_again()
        self.sql("postgres", f"CREATE ROLE {OWNER} LOGIN PASSWORD '{self.password}'")

    def start_again(self) -> None:
        """Start the server on the data that is there."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self.running = True
        data = str(self.folder / "data")
        self.as_postgres("pg_ctl", "-D", data, "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        if self.running:
            self.running = False
            self.as_postgres("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def as_postgres(self, program: str, *arguments: str) -> str:
        become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        return run([*become, "taskset", "-c", self.cpus, str(self.bin / program), *arguments])

    def sql(self, database: str, *statements: str, stdin: str | None = None) -> str:
        commands = [part for statement in statements for part in ("-c", statement)]
        url = f"postgres://postgres@127.0.0.1:{self.port}/{database}"
        psql = [str(self.bin / "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", url, *commands]
        return run(psql, stdin=stdin, env={"PGPASSWORD": self.root_password})

    def url(self, database: str, scheme: str = "postgres") -> str:
        return f"{scheme}://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> None:
        self.sql("postgres", f"CREATE DATABASE {database} OWNER {OWNER}")

    def settle(self, database: str) -> None:
        """Statistics and visibility as after a quiet night, so that autovacuum does not fall into a measurement."""
        self.sql(database, "VACUUM ANALYZE")

    def fresh_copy(self, template: str, database: str) -> None:
        self.sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database} TEMPLATE {template} OWNER {OWNER}")

    def load_plain(self, database: str) -> None:
        """The database that the peers other than Plimsoll are given a copy of."""
        self.create(database)
        schema = (rows.SCHEMAS / "schema.postgres.sql").read_text()
        self.sql(database, f"SET ROLE {OWNER};\n{schema}")
        for table, source in (("artists", rows.artists()), ("songs", rows.songs())):
            text = io.StringIO()
            rows.write_csv(source, text)
            self.sql(database, f"COPY {table} FROM STDIN WITH (FORMAT csv)", stdin=text.getvalue())
            self.sql(database, f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        self.settle(database)
        self.templates.add(database)


def newest_bin() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    raise Failure("no PostgreSQL server found: install one (Debian: apt-get install postgresql) or leave the -pg servers out")
