"""Demonstration: starts broker and stages, simulates people, reconciles the topics and prints a summary."""

import os
import shutil
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
from rich.table import Table

from agents.config import policy_files
from agents.config.settings import Settings
from agents.demo import programs
from agents.demo.deliveries import Deliveries, from_file, generated
from agents.demo.people import People
from agents.demo.scenario import Simulation
from agents.demo.summary import by_office, last_line, print_summary
from agents.demo.tally import Tally
from agents.demo.view import Moment, View
from agents.local_broker import running_broker
from agents.local_broker.keys import with_local_keys
from agents.local_broker.node import free_ports
from agents.mirror.definitions import FIGURES, Report
from agents.mirror.figures import Period, report
from agents.mirror.service import Mirror
from agents.mirror.stores import MirrorError, Reading, open_store
from agents.ops.audit import audit
from agents.ops.topics import broker_answers, ensure_topics
from events.client.administration import admin_client
from events.client.errors import BrokerUnreachable
from events.client.security import PLAINTEXT
from events.client.settings import DEFAULT_BROKER
from events.errors import AlurError
from events.topics import ALL_TOPICS, STAGES
from events.wording import number_of

POLICY: Final = "demo"
PARTITIONS: Final = 4
_QUICK_CHECK_S: Final = 1.0
_PIPE_WIDTH: Final = 160
_SCORECARD: Final = ("received", "verified", "answered_share", "on_time_share", "returned", "rating")
"""Figures in addition to the tables above."""


def demonstrate(  # noqa: PLR0913 -- one for each option
    settings: Settings, reports: Path | None, *, count: int, seed: int, seconds: float, clean: bool
) -> int:
    """Run a demonstration, print its summary, and return the exit status.

    `reports`: a file to use instead of `count` generated ones. `seed` determines generated reports and people. `clean`
    deletes topics and consumer groups at the end. Of `settings`, only broker and replication are used.

    The last line counts what the topics contain: distinct `reports`, `complaints`, those `settled`, `open`, with a
    `breached` deadline and `escalated`, commands `rejected` (without those of stages that were overtaken or not due
    yet), `dead` letters, and what was `lost` (reports, commands, facts, resolutions) or `doubled`.

    The exit status is 0 if every report became exactly one complaint and the audit found no violation; 1 if not, or if
    the demonstration could not run; 130 if it was interrupted.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    try:
        policy_set = policy_files.load(POLICY)
        now = datetime.now(UTC)
        chosen = from_file(reports) if reports else generated(count, seed, policy_set.at(now), now)
        _report_skipped(console, chosen)
        with _broker(settings, console) as address:
            prefix = f"{settings.prefix}demo-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}."
            # a broker started here has no access control
            security = settings.security if address == settings.broker else PLAINTEXT
            place = replace(settings, broker=address, security=security, prefix=prefix)
            own = with_local_keys(replace(place, policy=POLICY, partitions=PARTITIONS, log="json"), os.environ)
            caught_up = _play(own, chosen, People(policy_set, chosen.scripts, seed), console, seconds)
            tally = Tally()
            audited = audit(own, tally)
            print_summary(console, tally, audited, datetime.now(UTC))
            _print_scorecard(own, console, keep=not clean)
            if clean:
                _delete(own)
            left = "" if address != settings.broker else own.prefix
            console.print("nothing is left of it" if clean else _what_is_left(settings, left), soft_wrap=True)
            console.print(last_line(tally, audited), soft_wrap=True)
            return 0 if caught_up and not audited.violations else 1
    except (AlurError, OSError) as error:
        sys.stderr.write(f"alur demo: {' '.join(str(error).split())}\n")
        return 1


def _report_skipped(console: Console, chosen: Deliveries) -> None:
    if chosen.skipped:
        first = chosen.skipped[0]
        number = "1 line is" if len(chosen.skipped) == 1 else f"{len(chosen.skipped)} lines are"
        console.print(f"{number} left out; the first, line {first.line}: {first.reason}", soft_wrap=True)


@contextmanager
def _broker(settings: Settings, console: Console) -> Iterator[str]:
    """Yield the address of the configured broker, else of a running local one, else of a temporary one."""
    named = os.environ.get("ALUR_BROKER", "").strip() or settings.broker != DEFAULT_BROKER
    if broker_answers(settings.broker, *(() if named else (_QUICK_CHECK_S,)), security=settings.security):
        console.print(f"broker: {settings.broker}, which runs already")
        yield settings.broker
        return
    if named:
        raise BrokerUnreachable(settings.broker)
    started = time.monotonic()
    with running_broker(os.environ, console.print) as address:
        console.print(f"broker: {address}, started in {time.monotonic() - started:.1f} s for this demonstration")
        yield address


def _play(settings: Settings, chosen: Deliveries, people: People, console: Console, seconds: float) -> bool:
    """Run the simulation; return whether everything was published and the stages caught up."""
    ensure_topics(settings)
    names = settings.topic("complaints.*")
    console.print(f"topics: {names}, {settings.partitions} partitions, policy {settings.policy}")
    [port] = free_ports(1)
    console.print(f"dashboard: http://127.0.0.1:{port}/ until the play ends")
    moment = Moment(Tally(), seconds=seconds)
    with tempfile.TemporaryDirectory(prefix="alur-demo-") as directory:
        log = Path(directory) / "stages.log"
        with (
            programs.running(settings, Path(directory) / "board.log", "board", "--port", str(port)),
            programs.running(settings, log, "run") as check,
            View(console, moment) as view,
        ):
            play = Simulation(settings, chosen, people, view, moment, check)
            with _interruptible(play, view):
                caught_up = play.run()
            view.say("stopping the stages, reading the topics back")
        if not caught_up:
            console.print(f"the stages did not catch up in time; their log ends with: {programs.last_lines(log)}")
    for reason in play.unpublished[:1]:
        console.print(f"not published: {number_of(len(play.unpublished), 'message')}, the first because {reason}")
    return caught_up and not play.unpublished


def _print_scorecard(settings: Settings, console: Console, *, keep: bool) -> None:
    """Mirror the topics, and print the figures that make sense if a day lasts seconds."""
    directory = Path(tempfile.mkdtemp(prefix="alur-demo-"))
    target = str(directory / "mirror.duckdb")
    try:
        with open_store(target, rebuild=True) as store:
            for _ in Mirror(settings, store).sync():
                pass
        with Reading(target) as reading:
            period = Period.parse(f"{datetime.now(UTC):%Y}")
            scorecard = report(reading, Report.SCORECARD, period)
            offices = report(reading, Report.OFFICES, period)
    except MirrorError as error:
        console.print(f"no scorecard: {error}", soft_wrap=True)
        return
    finally:
        if not keep:
            shutil.rmtree(directory)
    if not scorecard:
        console.print("no scorecard: no complaint was registered before the end", soft_wrap=True)
        return
    table = Table("scorecard", "", "", box=None, pad_edge=False)
    for line in scorecard:
        for name in _SCORECARD:
            table.add_row(name, FIGURES[name].formatted(line.values[name]), FIGURES[name].definition)
    console.print(table)
    console.print(by_office(offices))
    if keep:
        console.print(f"more figures: {_program()} report offices --from {target}", soft_wrap=True)
        console.print(f"as a site: {_program()} site build build/site --from {target}", soft_wrap=True)


def _program() -> str:
    """Return the command for `alur` in this shell: `make demo` does not put `alur` on the path."""
    return "alur" if shutil.which("alur") else os.path.relpath(Path(sys.executable).with_name("alur"))


def _what_is_left(settings: Settings, prefix: str) -> str:
    alur = _program()
    if not prefix:
        return f"its topics ended with its broker; to keep those of the next, `{alur} broker start`, then `{alur} demo`"
    options = replace(settings, prefix=prefix, policy=POLICY).options
    return f"to look at it: {alur} {options}board (or watch, show NUMBER, export)"


def _delete(settings: Settings) -> None:
    with admin_client(settings) as client:
        client.delete_topics([settings.topic(name) for name in ALL_TOPICS])
        client.delete_groups([settings.group(stage) for stage in STAGES])


@contextmanager
def _interruptible(play: Simulation, view: View) -> Iterator[None]:
    """End the simulation, with its summary, at the first Ctrl-C, and the process at the second."""

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
