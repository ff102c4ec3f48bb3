"""What a job does, for RQ and for Celery: one durable write into the Redis that holds the queue.

The list takes the number of the job and when it began, so that the list alone says what ran, how often and when.
"""

from __future__ import annotations

import os
import time

import redis

_client: redis.Redis | None = None


def client() -> redis.Redis:
    """One connection for each process; a child that was forked makes its own."""
    global _client
    if _client is None:
        _client = redis.Redis.from_url(os.environ["BENCH_REDIS"])
    return _client


def note(number: int, pause: float = 0.0) -> None:
    """The job: wait, where asked to, then one durable effect."""
    began = time.time()
    if pause:
        time.sleep(pause)
    client().rpush("effects", f"{number} {began:.6f} {time.time():.6f}")
