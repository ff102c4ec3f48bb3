"""Connections that enqueue over HTTP: each sends its next request when the last one was answered."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator

from .side import Enqueued

# A request that is not answered within this many seconds is a fault.
PATIENCE = 30


class Call:
    """One connection and the jobs whose request is under way on it."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.numbers: range = range(0)
        self.at = 0.0
        self.buffer = b""

    def answered(self) -> int:
        """The status, once the whole answer is there; 0 before."""
        found = self.socket.recv(65536)
        if not found:
            raise ConnectionError("the connection was closed")
        self.buffer += found
        head, parted, body = self.buffer.partition(b"\r\n\r\n")
        if not parted:
            return 0
        for line in head.split(b"\r\n"):
            if line[:15].lower() == b"content-length:" and len(body) < int(line[15:]):
                return 0
        self.buffer = b""
        return int(head[9:12])


def request(authorization: str, numbers: range, pause: float) -> bytes:
    """One request that enqueues these jobs in one transaction."""
    body = json.dumps({"jobs": [{"name": f"job {number}", "ms": round(pause * 1000)} for number in numbers]})
    return (
        f"POST /v1/rehearsal/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def enqueue(port: int, authorization: str, first: int, count: int, *, connections: int, every: float, pause: float, together: int = 1) -> Enqueued:
    """Enqueue `count` jobs, `together` in one request. A fault ends its connection and nothing is tried again."""
    waiting = deque(range(at, min(at + together, first + count)) for at in range(first, first + count, together))
    calls = [Call(port) for _ in range(connections)]
    got = Enqueued(time.time(), 0.0)
    # The text is made when it is sent, as every caller has to.
    send = sender(waiting, authorization, pause)
    if every:
        paced(calls[0], send, every, got)
    else:
        driven(calls, send, got)
    got.ended = time.time()
    for call in calls:
        call.socket.close()
    return got


def sender(waiting: deque[range], authorization: str, pause: float) -> Callable[[Call], bool]:
    def send(call: Call) -> bool:
        if not waiting:
            return False
        call.numbers, call.at = waiting.popleft(), time.time()
        call.socket.sendall(request(authorization, call.numbers, pause))
        return True

    return send


def paced(call: Call, send: Callable[[Call], bool], every: float, got: Enqueued) -> None:
    due = time.time()
    while True:
        time.sleep(max(0.0, due - time.time()))
        due += every
        if not send(call):
            return
        while not (status := call.answered()):
            pass
        note(call, status, got)


def driven(calls: list[Call], send: Callable[[Call], bool], got: Enqueued) -> None:
    with selectors.DefaultSelector() as selector:
        for call in calls:
            if send(call):
                selector.register(call.socket, selectors.EVENT_READ, call)
        for call in ready(selector, got):
            try:
                status = call.answered()
                if status:
                    note(call, status, got)
                    if not send(call):
                        selector.unregister(call.socket)
            except OSError as error:
                got.faults.append(f"{type(error).__name__}: {error}")
                selector.unregister(call.socket)


def ready(selector: selectors.BaseSelector, got: Enqueued) -> Iterator[Call]:
    while selector.get_map():
        events = selector.select(PATIENCE)
        if not events:
            got.faults.append(f"no answer within {PATIENCE} s")
            return
        for key, _ in events:
            yield key.data


def note(call: Call, status: int, got: Enqueued) -> None:
    if 200 <= status < 300:
        got.sent |= dict.fromkeys(call.numbers, call.at)
    else:
        got.faults.append(f"answer {status}")
