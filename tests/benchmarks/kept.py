"""Memory of open and settled complaints in lifecycle: its handler in a process, without a broker."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Final, NamedTuple
from uuid import UUID

from agents.config import policy_files
from agents.demo.generator import Generator
from agents.runtime.stage import Partition
from agents.stages.lifecycle import Lifecycle
from events import commands as c
from events.cloudevents import log_moment
from events.codec.encode import encode_complaint, encode_snapshot
from events.facts import Recorded
from events.ids import stage_command_id
from events.provenance import state_headers
from events.reports import ReportSubmitted
from events.snapshot import Complaint
from tests.benchmarks.figures import Figures, Goal
from tests.benchmarks.loads import CITIZEN, LIFE, PANRB, Record, command
from tests.benchmarks.meter import resident_mb
from workflow.machine.decide import decide
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy
from workflow.stages.intake import registration

_SAMPLES: Final = 500
_AT_A_TIME: Final = 10_000
_SEED: Final = 1708
_DISPOSED: Final = 2
"""So many commands after the registration an office holds it."""
_SIDE_BY_SIDE: Final = 20_000
_STEP_SECONDS: Final = 86_400
_SPREAD_SECONDS: Final = 365 * 86_400


def facts_of_life(report: ReportSubmitted, number: int, steps: int, lots: random.Random) -> list[Recorded]:
    """Apply the first `steps` of a life to a generated report; return the last fact of each command."""
    at = datetime.now(UTC) - timedelta(seconds=lots.uniform(0, _SPREAD_SECONDS))
    policy, name, where = _policy(), report.complaint_id, report.data.location
    province, city = (where.province, where.city) if where else (None, None)
    offices = policy.directory.candidates(report.data.category, province, city, at.date())
    holder = offices[0] if offices else "denpasar-pupr"
    orders: list[tuple[c.Command, str]] = [(registration(report, partition=0, offset=number), "/stages/intake")]
    for order, sender in LIFE[:steps]:
        if isinstance(order, c.DisposeComplaint):
            orders.append((c.DisposeComplaint(office=holder), PANRB))
        elif isinstance(order, c.RecordFollowUp):
            orders.append((order, f"/offices/{holder}"))
        else:
            orders.append((order, report.source if sender == CITIZEN else sender))
    found: list[Recorded] = []
    for step, (order, sender) in enumerate(orders):
        at = log_moment(int((at.timestamp() + lots.uniform(0, _STEP_SECONDS)) * 1000))
        facts = decide(
            command(order, sender, name, stage_command_id(name, step)),
            found[-1].complaint if found else None,
            at,
            policy,
        )
        assert not isinstance(facts, Rejected), facts
        found.append(facts[-1])
    return found


@lru_cache(maxsize=1)
def _policy() -> Policy:
    return policy_files.load("lapor").versions[-1]


@lru_cache(maxsize=3)
def _templates(steps: int) -> list[list[tuple[bytes, int]]]:
    """Return for each of some lives the records of the state, without the complaint's id and its digests.

    And how many of these there were.
    """
    lots = random.Random(_SEED)  # noqa: S311 -- no secret
    made = Generator(_SEED, _policy().directory, datetime.now(UTC).date()).submissions(_SAMPLES)
    return [
        [_template(fact.complaint) for fact in facts_of_life(each.report, number, steps, lots)]
        for number, each in enumerate(made)
    ]


def _template(complaint: Complaint) -> tuple[bytes, int]:
    template = encode_snapshot(complaint, encode_complaint(complaint)).replace(b"%", b"%%")
    for digest in complaint.recent:
        template = template.replace(digest.encode(), b"%016x")
    return template.replace(complaint.complaint_id.encode(), b"%b"), len(complaint.recent)


def _filled(number: int, template: bytes, digests: int) -> Record:
    key = str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)).encode()
    drawn = ((number * 0x9E3779B97F4A7C15 + place * 0xC2B2AE3D27D4EB4F) % 2**64 for place in range(1, digests + 1))
    return key, template % (*[key] * template.count(b"%b"), *drawn)


def varied(numbers: range, *, settled: bool) -> Iterator[Record]:
    """Yield snapshots of demonstration complaints: closed and rated, or held by an office.

    Hundreds of different ones, each again with an id and digests of its own: what no two complaints have in common.
    """
    templates = _templates(len(LIFE) if settled else _DISPOSED)
    for number in numbers:
        yield _filled(number, *templates[number % len(templates)][-1])


def stored(offset: int, key: bytes, value: bytes) -> SimpleNamespace:
    """Return a record as a stage restores it."""
    return SimpleNamespace(key=key, value=value, offset=offset, headers=state_headers(offset))


SNAPSHOTS_A_LIFE: Final = len(LIFE) + 2
"""One for each command, and one for the warning of a deadline."""


def histories(count: int) -> Iterator[Record]:
    """Yield all snapshots of a number of lives, twenty thousand of them concurrent."""
    templates = _templates(len(LIFE))
    for first in range(0, count, _SIDE_BY_SIDE):
        for step in (0, 1, 2, 2, *range(3, len(LIFE) + 1)):
            for number in range(first, min(first + _SIDE_BY_SIDE, count)):
                yield _filled(number, *templates[number % len(templates)][step])


class Kept(NamedTuple):
    """Memory of a number of complaints."""

    resident_mb: float
    """Of the process, Python and all."""
    bytes_each: float
    """By how much it has grown for each."""
    record_bytes: float
    """Of a record of `complaints.state`, in the mean."""
    restore_us: float
    """Processor time to take one in."""


def _kept(count: int, settled: bool) -> Kept:  # noqa: FBT001 -- called in another process, by position
    handler = Lifecycle(Partition(0, 1, policy_files.load("lapor")))
    size, spent, before = 0, 0.0, 0.0
    for first in range(0, count, _AT_A_TIME):
        found = varied(range(first, min(first + _AT_A_TIME, count)), settled=settled)
        records = [stored(first + at, *each) for at, each in enumerate(found)]
        before = before or resident_mb()  # what is made up and remembered for it is not the handler's
        size += sum(len(record.value) for record in records)
        begun = time.process_time()
        for record in records:
            handler.restore(record)
        spent += time.process_time() - begun
        del records, record
    handler.ready()
    if handler.state_report().complaints != count:
        raise SystemExit(f"{handler.state_report().complaints:,} of {count:,} complaints were kept")
    now = resident_mb()
    return Kept(now, (now - before) * 1e6 / count, size / count, spent / count * 1e6)


def kept(figures: Figures, count: int, rounds: int) -> None:
    """Measure `lifecycle` with a number of open and settled complaints."""
    for settled in (False, True):
        found = []
        for _ in range(rounds):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                found.append(alone.submit(_kept, count, settled).result())
        what = f"d. the handler alone, {count:,} {'settled' if settled else 'open'} complaints, "
        figures.add(f"{what}MB resident", [each.resident_mb for each in found], goal=Goal(2_500, at_least=False))
        figures.add(f"{what}bytes by which it grows for each", [each.bytes_each for each in found])
        figures.add(f"{what}bytes of each in the topic", [each.record_bytes for each in found])
        figures.add(f"{what}µs of processor to take one in", [each.restore_us for each in found], ".1f")
