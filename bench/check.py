#!/usr/bin/env python3
"""Ask every server the same questions and compare each answer with what the rows say it must be.

A benchmark of servers that answer differently measures nothing; run this before believing a table.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import rows
from harness.client import Client
from harness.peers import HERE, all_peers
from harness.processes import Failure
from harness.session import chosen, place, say, started

ARTISTS = list(rows.artists())
SONGS = list(rows.songs())


def page_of(source: list[dict[str, Any]], page: int, size: int) -> dict[str, Any]:
    pages = -(-len(source) // size)
    pagination = {
        "page": page,
        "page_size": size,
        "total_items": len(source),
        "total_pages": pages,
        "has_next": page < pages,
        "has_prev": page > 1,
    }
    return {"items": source[(page - 1) * size : page * size], "pagination": pagination}


def reads() -> Iterator[tuple[str, int, Any]]:
    """Path, status and body; a body of None is not compared, because problem texts are each server's own."""
    for number in (1, 2, 4321, rows.ARTISTS):
        yield f"/v1/artists/{number}", 200, ARTISTS[number - 1]
    yield f"/v1/artists/{rows.ARTISTS + 1}", 404, None
    yield "/v1/artists/999999999", 404, None
    last = rows.SONGS // 20
    for page in (1, 2, 50, last, last + 1):
        yield f"/v1/songs?page={page}&page_size=20", 200, page_of(SONGS, page, 20)
    yield "/v1/songs", 200, page_of(SONGS, 1, 10)
    yield "/v1/songs?page=7&page_size=100", 200, page_of(SONGS, 7, 100)
    yield "/v1/artists?page=3&page_size=20", 200, page_of(ARTISTS, 3, 20)


def faults(client: Client) -> Iterator[str]:
    for path, status, body in reads():
        answer = client.ask("GET", path)
        if answer.status != status:
            yield f"GET {path}: status {answer.status}, expected {status}"
        elif body is not None and answer.body != body:
            yield f"GET {path}: {str(answer.body)[:300]} … expected {str(body)[:300]} …"
        elif not answer.headers.get("content-type", "").split(";")[0].endswith("json"):
            yield f"GET {path}: content type {answer.headers.get('content-type')}"
    for path in ("/v1/songs?page=0", "/v1/songs?page_size=101", "/v1/songs?page=x"):
        if not 400 <= (status := client.ask("GET", path).status) < 500:
            yield f"GET {path}: status {status}, expected a refusal"
    yield from create_faults(client)


def create_faults(client: Client) -> Iterator[str]:
    answer = client.ask("POST", "/v1/artists", {"name": "Zoë of the Checks"})
    expected = {"id": rows.ARTISTS + 1, "name": "Zoë of the Checks"}
    if answer.status != 201 or answer.body != expected:
        yield f"POST /v1/artists: {answer.status} {str(answer.body)[:300]}, expected 201 {expected}"
        return
    location = answer.headers.get("location", "")
    if not location.endswith(f"/v1/artists/{expected['id']}") or client.ask("GET", f"/v1/artists/{expected['id']}").body != expected:
        yield f"POST /v1/artists: the new artist is not where Location says ({location!r})"
    for body in ({"name": ""}, {"name": "x" * 65}, {}, {"name": "ok", "nonsense": 1}, {"name": 5}):
        if not 400 <= (status := client.ask("POST", "/v1/artists", body).status) < 500:
            yield f"POST /v1/artists {str(body)[:40]}: status {status}, expected a refusal"
    total = client.ask("GET", "/v1/artists?page_size=1").body["pagination"]["total_items"]
    if total != rows.ARTISTS + 1:
        yield f"after one create and five refusals there are {total} artists, expected {rows.ARTISTS + 1}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", default=",".join(all_peers()), help="comma-separated; default: %(default)s")
    parser.add_argument("--plimsoll", type=Path, default=HERE.parent / "target/release/plimsoll", help="the binary under test")
    parser.add_argument("--dir", type=Path, help="where databases live meanwhile; default: the temporary folder")
    options = parser.parse_args()
    peers = chosen(options.servers)
    wrong = 0
    with place(peers, options.dir, sorted(os.sched_getaffinity(0)), options.plimsoll.resolve()) as where:
        for peer in peers:
            with started(peer, where) as running:
                found = list(faults(running.client()))
            wrong += bool(found)
            print(f"{peer.name}: {'answers as it must' if not found else f'{len(found)} wrong'}")
            for fault in found:
                print(f"  {fault}")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(f"check: {failure}")
        sys.exit(3)
    except KeyboardInterrupt:
        say("check: interrupted; everything that was started is ended")
        sys.exit(130)
