"""The rows every server holds: the same artists and songs, in the same order, on every machine."""

from __future__ import annotations

import csv
import random
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TextIO

ARTISTS = 10_000
SONGS = 100_000
SEED = 2
SCHEMAS = Path(__file__).resolve().parent.parent

FIRST = "Amber Blue Crimson Distant Early Fading Golden Hollow Iron Jade Little Midnight Northern Quiet Silver Velvet".split()
SECOND = "Anchors Beacons Comets Dunes Echoes Foxes Gardens Harbours Islands Lanterns Meadows Orbits Rivers Signals Tides".split()


def artists() -> Iterator[dict[str, Any]]:
    """Artist 1 to ARTISTS; the number in the name makes it unique."""
    chance = random.Random(SEED)
    for number in range(1, ARTISTS + 1):
        yield {"id": number, "name": f"{chance.choice(FIRST)} {chance.choice(SECOND)} {number}"}


def songs() -> Iterator[dict[str, Any]]:
    """Song 1 to SONGS; some optional fields are null, as in real catalogues."""
    chance = random.Random(SEED + 1)
    epoch = date(1960, 1, 1)
    for number in range(1, SONGS + 1):
        yield {
            "id": number,
            "title": f"{chance.choice(SECOND)} at {chance.choice(FIRST)} Hour {number}",
            "artist_id": chance.randint(1, ARTISTS) if chance.random() < 0.95 else None,
            "release_date": (epoch + timedelta(days=chance.randrange(23_000))).isoformat() if chance.random() < 0.9 else None,
            "url": f"https://songs.example/{number}" if chance.random() < 0.8 else None,
            "distance": chance.randrange(1, 100_000) / 8 if chance.random() < 0.7 else None,
        }


def write_sqlite(file: Path) -> None:
    """The database that the SQLite peers other than Plimsoll are given a copy of."""
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript((SCHEMAS / "schema.sqlite.sql").read_text())
        db.executemany("INSERT INTO artists VALUES (:id, :name)", artists())
        db.executemany("INSERT INTO songs VALUES (:id, :title, :artist_id, :release_date, :url, :distance)", songs())
    # Closing the last connection folds the write-ahead log into the file, so one file is the whole database.
    db.close()


def write_csv(rows: Iterator[dict[str, Any]], out: TextIO) -> None:
    """Rows for PostgreSQL's COPY; an empty field is null."""
    table = csv.writer(out, lineterminator="\n")
    table.writerows(row.values() for row in rows)
