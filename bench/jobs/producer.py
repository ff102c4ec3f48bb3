"""One connection that enqueues: says `ready`, waits for a line, enqueues, says what was acknowledged and when."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable


def rq(retries: int) -> Callable[[int, float], None]:
    from rq import Queue, Retry

    from effects import client, note

    queue = Queue(connection=client())
    policy = Retry(max=retries) if retries else None
    return lambda number, pause: queue.enqueue(note, number, pause, retry=policy) and None


def celery() -> Callable[[int, float], None]:
    from celery_app import note

    return lambda number, pause: note.delay(number, pause) and None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("rq", "celery"))
    parser.add_argument("--retries", type=int, default=0)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--every", type=float, default=0.0, help="seconds between two")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds a job takes")
    options = parser.parse_args()
    enqueue = rq(options.retries) if options.side == "rq" else celery()
    print("ready", flush=True)
    sys.stdin.readline()
    sent: list[float] = []
    fault, due, began = "", time.time(), time.time()
    for number in range(options.first, options.first + options.count):
        if options.every:
            time.sleep(max(0.0, due - time.time()))
            due += options.every
        at = time.time()
        try:
            enqueue(number, options.pause)
        except Exception as error:  # whatever it is, this one was not acknowledged, and nothing after it is tried
            fault = f"{type(error).__name__}: {error}"
            break
        sent.append(at)
    print(json.dumps({"began": began, "ended": time.time(), "sent": sent, "fault": fault}), flush=True)


if __name__ == "__main__":
    main()
