"""Puts a demonstration on: broker, topics, stages, play, reconciliation, summary."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from agents.config import policy_files
from agents.config.settings import Settings
from agents.demo import deliveries, stages
from agents.demo.deliveries import Deliveries, NoReports
from agents.demo.people import People
from agents.demo.scenario import Simulation
from agents.demo.summary import last_line, print_summary
from agents.demo.tally import Tally
from agents.demo.view import Moment, View
from agents.local_broker import BrokerError, running_broker
from agents.local_broker.keys import with_local_keys
from agents.ops.audit import audit
from agents.ops.topics import broker_answers, ensure_topics
from events.client.errors import BrokerUnreachable, KafkaFailure
from events.client.security import PLAINTEXT
from events.client.settings import DEFAULT_BROKER
from workflow.policy.model import PolicyError

POLICY: Final = "demo"
PARTITIONS: Final = 4
_QUICK_LOOK: Final = 1.0
_PIPE_WIDTH: Final = 160
_FORESEEN: Final = (KafkaFailure, BrokerError, NoReports, OSError, PolicyError, stages.StagesEnded)


def demonstrate(settings: Settings, reports: Path | None, *, count: int, seed: int, seconds: float) -> int:
    """Do what `agents.demo.run` says."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    try:
        policy_set = policy_files.load(POLICY)
        now = datetime.now(UTC)
        taken = deliveries.from_file(reports) if reports else deliveries.made_up(count, seed, policy_set.at(now), now)
        _tell_skipped(console, taken)
        with _broker(settings, console) as address:
            prefix = f"{settings.prefix}demo-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}."
            # a broker of our own asks for nothing
            security = settings.security if address == settings.broker else PLAINTEXT
            own = replace(
                settings,
                broker=address,
                security=security,
                prefix=prefix,
                policy=POLICY,
                partitions=PARTITIONS,
                log="json",
            )
            own = with_local_keys(own, os.environ)
            return _put_on(own, taken, People(policy_set, taken.scripts, seed), console, seconds)
    except _FORESEEN as error:
        sys.stderr.write(f"alur demo: {' '.join(str(error).split())}\n")
        return 1


def _tell_skipped(console: Console, taken: Deliveries) -> None:
    if taken.skipped:
        first = taken.skipped[0]
        console.print(f"{len(taken.skipped)} lines are no reports; the first is line {first.line}: {first.reason}")


@contextmanager
def _broker(settings: Settings, console: Console) -> Iterator[str]:
    """Give the broker that was named, else one that runs here by default, else one for as long as the block lasts."""
    named = os.environ.get("ALUR_BROKER", "").strip() or settings.broker != DEFAULT_BROKER
    if broker_answers(settings.broker, *(() if named else (_QUICK_LOOK,)), security=settings.security):
        console.print(f"broker: {settings.broker}, which runs already")
        yield settings.broker
        return
    if named:
        raise BrokerUnreachable(settings.broker)
    started = time.monotonic()
    with running_broker(os.environ, console.print) as address:
        console.print(f"broker: {address}, started in {time.monotonic() - started:.1f} s for this demonstration")
        yield address


def _put_on(settings: Settings, taken: Deliveries, people: People, console: Console, seconds: float) -> int:
    ensure_topics(settings)
    names = settings.topic("complaints.*")
    console.print(f"topics: {names}, {settings.partitions} partitions, policy {settings.policy}")
    moment = Moment(Tally(), seconds=seconds)
    with tempfile.TemporaryDirectory(prefix="alur-demo-") as directory:
        log = Path(directory) / "stages.log"
        with stages.running(settings, log) as running, View(console, moment) as view:
            play = Simulation(settings, taken, people, view, moment, running.check)
            with _interruptible(play, view):
                caught_up = play.run()
            view.say("stopping the stages, reading the topics back")
        if not caught_up:
            console.print(f"the stages did not catch up in time; they said last: {stages.last_words(log)}")
    for reason in play.unpublished[:1]:
        console.print(f"{len(play.unpublished)} messages could not be published: {reason}")
    clean = _reconciled(settings, console)
    return 0 if clean and caught_up and not play.unpublished else 1


@contextmanager
def _interruptible(play: Simulation, view: View) -> Iterator[None]:
    """Let the first Ctrl-C end the play early, with its summary, and the second one end everything."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if play.stopped.is_set():
            raise KeyboardInterrupt
        play.stopped.set()
        view.say("stopping: the summary follows; Ctrl-C again leaves at once")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reconciled(settings: Settings, console: Console) -> bool:
    """Read the topics back, print what was found, and say whether all is well."""
    tally = Tally()
    found = audit(settings, tally)
    print_summary(console, tally, found, datetime.now(UTC))
    console.print(last_line(tally, found), soft_wrap=True)
    return not found.violations
