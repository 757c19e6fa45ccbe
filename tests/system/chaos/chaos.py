"""Chaos: workers and brokers are killed, frozen and moved under load; then the topics are audited.

    python -m tests.system.chaos.chaos --seed 1708 --minutes 5

The same seed draws the same faults in the same order; the last of a long run ends the installation. The last line is
`chaos: faults=N commands=N lost=0 doubled=0 out_of_order=0 stuck=0`; the exit status is 1 if any of the four is not 0.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from agents.cli.context import say
from agents.config.settings import Settings
from agents.local_broker.keys import with_local_keys
from agents.ops.audit import audit
from agents.ops.progress import lag
from agents.ops.topics import ensure_topics
from events.client.errors import KafkaFailure
from events.facts import Recorded
from events.outcomes import Rejection
from events.snapshot import Complaint
from events.topics import STAGES
from tests.system.chaos.brokers import Brokers, disks_possible
from tests.system.chaos.faults import LONG, SHORT, WORKERS_PER_STAGE, Fault, Machine, fill_disk
from tests.system.chaos.load import Load
from tests.system.chaos.operator_faults import ENDS, SLIPS, repair, unreported
from workflow.audit.complaint_history import Code
from workflow.audit.invariants import Audit

DRAIN_SECONDS: Final = 240.0
LEAST_FAULTS: Final = 5
"""However long each of them takes: a broker that was killed needs a while to come back."""
LONG_ENOUGH: Final = 120.0
"""Seconds from which on a run has room for faults that take a minute each."""
LONG_AGO: Final = 15.0
"""Seconds after which a deadline that passed without notice is taken to be forgotten."""
_EXPIRES: Final = frozenset({Code.REPORT_LOST, Code.COMMAND_LOST, Code.BREACH_UNANSWERED})
QUIET: Final = 5
"""So many times in a row nobody has to be behind."""


def _wait(machine: Machine, seconds: float, enough: Callable[[], bool] = lambda: False) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        machine.tend()
        if enough():
            return True
        time.sleep(0.1)
    return False


def _behind(machine: Machine) -> dict[str, int]:
    """Return the lag of each stage that has workers."""
    working = {worker.stage for worker in machine.workers}
    try:
        lags = lag(machine.settings).items()
    except KafkaFailure:
        return {"broker": 1}
    return {stage: sum(partitions.values()) for stage, partitions in lags if stage in working}


def _drained(machine: Machine) -> Callable[[], bool]:
    quiet = 0

    def probe() -> bool:
        nonlocal quiet
        quiet = 0 if any(_behind(machine).values()) else quiet + 1
        return quiet >= QUIET

    return probe


def _inflict(
    machine: Machine, lots: random.Random, seconds: float, faults: Mapping[Fault, int], inflicted: Counter[str]
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or inflicted.total() < LEAST_FAULTS:
        _wait(machine, lots.uniform(1.0, 4.0))
        [fault] = lots.choices(list(faults), list(faults.values()))
        say(f"{fault.__name__}: {fault(machine, lots)}")
        inflicted[fault.__name__] += 1


class CurrentState:
    """Reads back the topics, and keeps the state of each complaint."""

    def __init__(self) -> None:
        self.complaints: dict[str, Complaint] = {}

    def fact(self, recorded: Recorded) -> None:
        """Apply a fact."""
        self.complaints[recorded.complaint.complaint_id] = recorded.complaint

    def rejection(self, rejection: Rejection) -> None:
        """Ignore a rejection."""

    def forgotten(self, now: datetime) -> int:
        """Count the complaints whose deadline passed long ago without a notice."""
        long_ago = now - timedelta(seconds=LONG_AGO)
        clocks = (clock for each in self.complaints.values() for clock in each.clocks.values() if clock.running)
        return sum(clock.due_at is not None and clock.due_at < long_ago for clock in clocks)


def _verdict(result: Audit, faults: int, commands: int, waiting: Mapping[str, int]) -> int:
    lost, doubled = result.lost, result.doubled
    out_of_order = len(result.violations) - lost - doubled
    for violation in result.violations[:20]:
        say(str(violation))
    stuck = sum(waiting.values())
    if stuck:
        say(f"stuck: {dict(waiting)}")
    say(f"chaos: faults={faults} commands={commands} {lost=} {doubled=} {out_of_order=} {stuck=}")
    return int(bool(lost or doubled or out_of_order or stuck))


def _faults(seconds: float, only: str | None) -> tuple[dict[Fault, int], list[Fault]]:
    """Return the faults with their weights, and those of which one is last."""
    long = seconds >= LONG_ENOUGH
    if only is None:
        return (LONG | SLIPS, list(ENDS)) if long else (SHORT, [])
    last = [each for each in ENDS if each.__name__ == only]
    chosen = {fault: weight for fault, weight in (LONG | SLIPS).items() if fault.__name__ == only}
    if not (chosen or last):
        known = ", ".join(each.__name__ for each in (*LONG, *SLIPS, *ENDS))
        raise SystemExit(f"--only: there is no fault {only!r}; use one of {known}")
    return chosen or SHORT, last


def run(seed: int, minutes: float, rate: float, nodes: int, only: str | None) -> int:
    """Run it; return the exit status."""
    lots = random.Random(seed)  # noqa: S311 -- to be drawn again by its seed
    faults, ends = _faults(minutes * 60, only)
    with tempfile.TemporaryDirectory(prefix="alur-chaos-") as directory:
        brokers = Brokers(nodes, Path(directory), disks=fill_disk in faults and disks_possible())
        settings = Settings(
            broker=brokers.address, prefix=f"chaos{seed}.", policy="demo", partitions=4, replication=nodes
        )
        settings = with_local_keys(settings, os.environ)
        machine = Machine(settings, brokers, Path(directory) / "stages.log")
        try:
            brokers.start()
            ensure_topics(settings)
            for stage in STAGES:
                for _ in range(WORKERS_PER_STAGE):
                    machine.start(stage)
            inflicted: Counter[str] = Counter()
            load = Load(settings, rate, seed)
            load.start()
            try:
                _inflict(machine, lots, minutes * 60, faults, inflicted)
            finally:
                load.stop_reporting()
                machine.thaw_all()
                say(f"draining; faults so far: {dict(inflicted)}")
                _wait(machine, DRAIN_SECONDS, _drained(machine))
                load.close()
            _wait(machine, DRAIN_SECONDS, _drained(machine))
            if machine.foreign:
                repair(machine)
                _wait(machine, DRAIN_SECONDS, _drained(machine))
            # deadlines go on to pass, and each would set something going while the topics are read back
            for worker in [each for each in machine.workers if each.stage == "sla"]:
                machine.retire(worker)
            state, now = CurrentState(), datetime.now(UTC)
            _wait(machine, DRAIN_SECONDS, _drained(machine))
            behind = _behind(machine)
            result = audit(settings, state, live=True)
            # a registration, an escalation or a command sent on is lost if it expired unread: an incident has to say so
            result.violations = [
                each for each in result.violations if each.code not in _EXPIRES or each.complaint not in machine.expired
            ]
            for place in unreported(machine):
                machine.expect(f"an incident about {place}", seen=False)
            if ends:
                last = lots.choice(ends)
                say(f"{last.__name__}: {last(machine, lots)}")
            waiting = {
                **behind,
                "deadlines": state.forgotten(now),
                "commands": result.counts.pending,
                "unseen": machine.unseen,
            }
            return _verdict(result, inflicted.total(), load.acknowledged.total(), waiting)
        finally:
            machine.end()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1708)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=20.0, help="reports a second")
    parser.add_argument("--nodes", type=int, choices=[1, 3], default=1, help="brokers; three hold a copy each")
    parser.add_argument("--only", metavar="FAULT", help="no fault but this")
    given = parser.parse_args()
    sys.exit(run(given.seed, given.minutes, given.rate, given.nodes, given.only))
