"""The one HTTP client of the benchmark, for loading rows and looking at answers. wrk does the driving."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class Client:
    def __init__(self, port: int, authorization: str | None = None, timeout: float = 30):
        self.port, self.timeout = port, timeout
        self.headers = {"Authorization": authorization} if authorization else {}

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request on a connection of its own; OSError when nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            headers, text = dict(self.headers), None
            if body is not None:
                text, headers["Content-Type"] = json.dumps(body), "application/json"
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            raw = answer.read()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, json_or_text(raw))
        finally:
            connection.close()

    def answers(self, path: str) -> bool:
        """Whether the path answers 200 at this moment."""
        try:
            return self.ask("GET", path).status == 200
        except (OSError, http.client.HTTPException):
            return False


def json_or_text(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
