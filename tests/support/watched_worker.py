"""A stage's worker behind a proxy that a test can cut: `watched_worker.py STAGE PORT GATE`.

It reaches every broker by the port of the line, is said to be silent after a second instead of ten, and does not read a
memory back before the file GATE exists.
"""

import asyncio
import importlib
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiokafka.conn import create_conn

from agents.kafka import clients
from agents.runtime.http import health
from events.topics import TopicName

stage, line, gate = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
connect: Any = create_conn
read_to_end = clients.read_to_end


async def _by_the_line(_host: str, _port: int, **options: Any) -> Any:
    return await connect("127.0.0.1", line, **options)


def _wait_at_the_gate() -> None:
    while not gate.exists():
        time.sleep(0.05)


async def _read_behind_the_gate(settings: Any, partition: Any) -> AsyncIterator[Any]:
    if not partition.topic.endswith(TopicName.INSTALLATION):
        await asyncio.to_thread(_wait_at_the_gate)
    async for records in read_to_end(settings, partition):
        yield records


module: Any = clients
module.read_to_end = _read_behind_the_gate
module.create_conn = _by_the_line
module = health
module.READY_SECONDS = 1.0

if __name__ == "__main__":
    import faust

    faust.Worker(importlib.import_module(f"agents.{stage}").app, loglevel="ERROR").execute_from_commandline()
