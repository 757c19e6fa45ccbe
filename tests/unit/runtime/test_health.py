"""Readiness and liveness of a worker with the reason; tests/integration has a real broker."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from aiokafka import TopicPartition
from structlog.testing import capture_logs

from agents.config import policy_files
from agents.config.settings import Settings
from agents.kafka.deferred_commits import DeferredCommits
from agents.runtime.http import health, health_check
from agents.runtime.output_writer import OutputWriter
from agents.runtime.partition_processor import PartitionProcessor
from agents.runtime.stage import Stage
from agents.runtime.stage_consumer import StageConsumer
from agents.runtime.worker import Worker

ONE, TWO = (TopicPartition("complaints.intake", number) for number in (1, 2))


class Member:
    """As much of a consumer as health needs."""

    def __init__(self, *assigned: TopicPartition, fetched_seconds_ago: float | None = 0.0) -> None:
        self._assigned = set(assigned)
        self._fetched = fetched_seconds_ago

    def assignment(self) -> set[TopicPartition]:
        return self._assigned

    def last_poll_timestamp(self, _source: TopicPartition) -> int | None:
        return None if self._fetched is None else int((time.time() - self._fetched) * 1000)


class Shared(StageConsumer):
    """A reader that has been given its partitions."""

    def __init__(self, *owned: TopicPartition, fetched_seconds_ago: float | None = 0.0) -> None:
        super().__init__(
            Stage("intake", lambda _: NotImplemented), Settings(), policy_files.load("demo"), NotImplemented
        )
        consumer: Any = Member(*owned, fetched_seconds_ago=fetched_seconds_ago)
        commits, writer = DeferredCommits(consumer, print), OutputWriter(self.settings)
        self.worker = Worker(self.stage, self.settings, consumer, writer, commits, self.metrics)
        self.assignment.rebalancing = False
        for source in owned:
            self._lease(source).next_offset = 7

    def _lease(self, source: TopicPartition) -> PartitionProcessor:
        self.processors[source] = self.processor(source)
        return self.processors[source]

    def load(self, source: TopicPartition) -> None:
        self._lease(source)

    def stand_still(self, seconds: float) -> None:
        self.metrics.polled_at = time.monotonic() - seconds


def test_a_worker_that_polls_is_well() -> None:
    stage_consumer = Shared(ONE, TWO)
    assert health.readiness_problem(stage_consumer) is None
    assert health.liveness_problem(stage_consumer) is None


def test_before_the_group_has_shared_out_its_partitions_it_is_not_ready_and_need_not_be_killed() -> None:
    stage_consumer = StageConsumer(
        Stage("intake", lambda _: NotImplemented), Settings(), policy_files.load("demo"), NotImplemented
    )
    assert health.readiness_problem(stage_consumer) == "the group has not assigned its partitions yet"
    assert health.liveness_problem(stage_consumer) is None


def test_loading_names_the_partitions() -> None:
    stage_consumer = Shared(ONE)
    stage_consumer.load(TWO)
    assert health.readiness_problem(stage_consumer) == "reading back the memory of partitions 2"
    assert health.liveness_problem(stage_consumer) is None


def test_a_poll_that_does_not_end_is_not_ready_first_and_not_live_later() -> None:
    stage_consumer = Shared(ONE)
    stage_consumer.stand_still(health.READY_SECONDS + 1)
    assert health.readiness_problem(stage_consumer) == "a poll has not ended for 11 s"
    assert health.liveness_problem(stage_consumer) is None
    stage_consumer.stand_still(health.LIVE_SECONDS + 1)
    assert health.liveness_problem(stage_consumer) == "a poll has not ended for 61 s"


def test_a_worker_that_waits_for_another_topic_is_loading_however_long_its_poll_takes() -> None:
    stage_consumer = Shared(ONE)
    stage_consumer.wait_reason = lambda: "reading earlier reports: 7 facts to go"
    stage_consumer.stand_still(health.LIVE_SECONDS + 1)
    assert health.readiness_problem(stage_consumer) == "reading earlier reports: 7 facts to go"
    assert health.liveness_problem(stage_consumer) is None


def test_a_silent_kafka_is_not_ready_but_live() -> None:
    stage_consumer = Shared(ONE, fetched_seconds_ago=health.READY_SECONDS + 3)
    assert health.readiness_problem(stage_consumer) == "Kafka has not answered for 13 s"
    assert health.liveness_problem(stage_consumer) is None


def test_a_commit_is_an_answer_of_kafka_too() -> None:
    stage_consumer = Shared(ONE, fetched_seconds_ago=health.READY_SECONDS + 3)
    stage_consumer.metrics.batch_processed(1, [0], time.monotonic())
    assert health.readiness_problem(stage_consumer) is None


def test_a_silent_kafka_is_logged_once_and_so_is_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    silence = [13.0]
    monkeypatch.setattr(health, "_WATCH_SECONDS", 0.001)
    monkeypatch.setattr(health, "READY_SECONDS", 0.005)
    monkeypatch.setattr(health, "_silent_seconds", lambda _: silence[0])
    stage_consumer = Shared(ONE)

    async def watched() -> None:
        stage_consumer.load(TWO)
        watch = asyncio.create_task(health.watch_kafka(stage_consumer))
        await asyncio.sleep(0.03)
        assert lines == [], "it reads back its memory, and asks nothing"
        del stage_consumer.processors[TWO]
        await asyncio.sleep(0.03)
        assert [line["event"] for line in lines] == ["kafka_silent"]
        stage_consumer.load(TWO)
        silence[0] = 0.0
        await asyncio.sleep(0.03)
        assert len(lines) == 1, "while it asks nothing, nothing is an answer"
        del stage_consumer.processors[TWO]
        await asyncio.sleep(0.03)
        stage_consumer._stopped.set()  # noqa: SLF001 -- as `stop` does first
        await watch

    with capture_logs() as lines:
        asyncio.run(watched())
    assert [line["event"] for line in lines] == ["kafka_silent", "kafka_answered"]
    assert lines[0]["seconds"] == 13


def test_one_that_stops_is_not_ready() -> None:
    stage_consumer = Shared(ONE)
    stage_consumer._stopped.set()  # noqa: SLF001 -- as `stop` does first
    assert health.readiness_problem(stage_consumer) == "stopping"


class Answer(BaseHTTPRequestHandler):
    """Answers as configured."""

    def __init__(self, status: int, *request: object) -> None:
        self._status = status
        super().__init__(*request)  # type: ignore[arg-type]  # as the server calls it

    def do_GET(self) -> None:
        self.send_response(self._status)
        self.end_headers()
        self.wfile.write(f"{self._status} {self.path}\n".encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(status: int) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Answer, status)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"0.0.0.0:{server.server_port}"
        server.shutdown()


class TestProbe:
    @pytest.mark.long
    def test_it_repeats_the_answer_of_the_stage(self, capsys: pytest.CaptureFixture[str]) -> None:
        with answering(200) as address:
            assert health_check.main(["ready"], {"ALUR_WEB": address, "http_proxy": "http://127.0.0.1:1"}) == 0
        assert capsys.readouterr().out == "200 /health/ready\n"

    @pytest.mark.long
    def test_a_negative_answer_is_an_exit_status(self, capsys: pytest.CaptureFixture[str]) -> None:
        with answering(503) as address:
            assert health_check.main(["live"], {"ALUR_WEB": address}) == 1
        assert capsys.readouterr().out == "503 /health/live\n"

    @pytest.mark.parametrize(
        ("arguments", "address", "reason"),
        [
            (["ready"], "127.0.0.1:1", "127.0.0.1:1 does not answer: "),
            (["ready"], "", "ALUR_WEB is not set, so no stage answers"),
            (["ready"], "6066", "ALUR_WEB: '6066' is not host:port"),
            (["well"], "127.0.0.1:1", "ask one of live, ready"),
            ([], "127.0.0.1:1", "ask one of live, ready"),
        ],
    )
    def test_each_failure_is_reported_in_one_line(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str], address: str, reason: str
    ) -> None:
        assert health_check.main(arguments, {"ALUR_WEB": address}) == 1
        line = capsys.readouterr().out
        assert line.startswith(reason)
        assert line.count("\n") == 1
