"""The Celery application, in its defaults or as it is run where no task may be lost (`BENCH_LATE=1`)."""

from __future__ import annotations

import os

from celery import Celery

from effects import note as effect

app = Celery("bench", broker=os.environ["BENCH_REDIS"])
app.conf.update(broker_connection_retry_on_startup=True, task_ignore_result=True, worker_hijack_root_logger=False)
if os.environ.get("BENCH_LATE") == "1":
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        # The default is an hour. Half a minute is as short as one can dare: a task that takes longer runs twice.
        broker_transport_options={"visibility_timeout": 30},
    )


@app.task(name="bench.note")
def note(number: int, pause: float = 0.0) -> None:
    effect(number, pause)
