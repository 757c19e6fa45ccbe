"""Faust app of a stage.

Faust provides the agents, the worker with its signals, timers, web views and command line. Its consumer and producer
are not used: with them, an exception in an agent acknowledges the record (docs/adr/0003).
"""

import asyncio
import gc
import logging
import os
import tempfile
from collections.abc import Collection
from typing import Any, Final, NoReturn, cast, get_args

import faust
from aiokafka.errors import KafkaConnectionError
from faust.app.base import BootStrategy
from faust.worker import setproctitle  # type: ignore[attr-defined]  # does nothing where the library is missing

from agents.config import policy_files
from agents.config.settings import LogFormat, Settings
from agents.observability import logs
from agents.observability.tracing import tracing
from agents.runtime import failpoints, lifeline
from agents.runtime.http import health
from agents.runtime.http.server import StageWeb
from agents.runtime.process import NOT_ALLOWED, STOP_SECONDS, exit_with_error
from agents.runtime.stage import RefusedToStart, Stage
from agents.runtime.stage_consumer import Poll, PollChannel, StageConsumer
from events.access import ROLES
from events.client.administration import check_access, topics_missing
from events.client.errors import AccessRefused, KafkaFailure, NotAllowed
from events.client.settings import SettingsError
from events.topics import TopicName
from workflow.policy.model import PolicyError, PolicySet

_COLLECTOR: Final = (100_000, 50, 100)
"""Thresholds of the garbage collector: Python's defaults would scan millions of objects repeatedly during a restore."""


class _OwnReader(BootStrategy):
    enable_kafka = False


class StageWorker(faust.Worker):
    """Faust's worker without its log format and spinner, which writes escape codes to files."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 -- Faust's arguments
        super().__init__(*args, **{**options, "override_logging": False})
        self.spinner = None
        logging.captureWarnings(capture=True)

    def _setproctitle(self, _info: str, *, ident: str = "alur") -> None:
        """Name the process after its stage: forked ones have the command line of the supervisor."""
        setproctitle(f"{ident} {cast(StageApp, self.app).stage.name}")

    def execute_from_commandline(self) -> NoReturn:
        """Run until stopped, then exit the process without the interpreter's teardown, which takes a second."""
        try:
            super().execute_from_commandline()
        except SystemExit as ended:
            logging.shutdown()  # flushes the counts of repeated library messages
            os._exit(ended.code if isinstance(ended.code, int) else os.EX_SOFTWARE)

    async def _sentinel_task(self) -> None:
        """Replace Faust's wait of a second at shutdown: all tasks have ended by then."""


class StageApp(faust.App):
    """The app of one stage, with the channel for its polls."""

    def __init__(self, stage: Stage, settings: Settings, policy_set: PolicySet) -> None:
        super().__init__(
            settings.group(stage.name),
            broker=[f"kafka://{address}" for address in settings.broker.split(",")],
            datadir=tempfile.gettempdir(),
            web_enabled=False,
            topic_disable_leader=True,
            Worker=StageWorker,
        )
        self.boot_strategy = _OwnReader(self)
        self.stage = stage
        self.alur = settings
        self.polls = self.channel(maxsize=1, value_type=None)
        polls = cast(PollChannel, self.polls)  # Faust's type is events, but any value works
        self.stage_consumer = StageConsumer(stage, settings, policy_set, polls, tracing(stage.name, os.environ))
        self.boot_strategy.enable_web = settings.web is not None
        if settings.web is not None:
            self.web_server(StageWeb(self.stage_consumer, settings.web))
        self.task(self._begin)

    async def _begin(self) -> None:
        self.flow_control.resume()
        try:
            with logs.muted("aiokafka"):
                await self.add_runtime_dependency(self.stage_consumer)
        except Exception as error:  # noqa: BLE001 -- any failed start is reported in one line
            if self.stage_consumer.should_stop:
                return  # its clients are closed already
            exit_with_error(
                self.stage.name,
                await asyncio.to_thread(_explained, error, self.alur, ROLES[self.stage.name].topics),
            )
        self.stage_consumer.add_future(health.watch_kafka(self.stage_consumer))
        if self.stage.tick_seconds is not None:
            self.stage_consumer.add_future(self._tick(self.stage.tick_seconds))

    async def _tick(self, every: float) -> None:
        while not self.stage_consumer.should_stop:
            await self.stage_consumer.tick()
            await asyncio.sleep(every)

    async def process(self, poll: Poll) -> None:
        """Process one poll: decide, write, commit."""
        await self.stage_consumer.process(poll)


def stage_app(stage: Stage) -> StageApp:
    """Return the app of `stage`, configured from the environment; an invalid environment ends the process."""
    lifeline.hold(os.environ, STOP_SECONDS)
    try:
        settings = Settings.from_environment(os.environ)
        policy_set = policy_files.load(settings.policy)
        failpoints.arm(stage.name, os.environ)
        app = StageApp(stage, settings, policy_set)
    except (SettingsError, PolicyError, failpoints.InvalidFailpoint) as error:
        log_format = os.environ.get("ALUR_LOG")
        logs.configure(cast("LogFormat", log_format) if log_format in get_args(LogFormat) else "auto")
        exit_with_error(stage.name, RefusedToStart(str(error)))
    logs.configure(settings.log, stage=stage.name)
    gc.set_threshold(*_COLLECTOR)
    app.stage_consumer.metrics.read_restarts(os.environ)
    return app


def _explained(error: Exception, settings: Settings, topics: Collection[TopicName]) -> Exception:
    """Return the cause of an `error` at the start: missing access, missing rights, or no broker.

    The client reports denied access as an unreachable broker. A missing right to write usually means that the user
    has no rights on the topics at all.
    """
    try:
        if isinstance(error, KafkaConnectionError):
            check_access(settings)
        elif isinstance(error, NOT_ALLOWED):
            topics_missing(settings, topics)
    except (AccessRefused, NotAllowed) as refused:
        return RefusedToStart(str(refused))
    except KafkaFailure:
        return error
    return error
