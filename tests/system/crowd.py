"""Fills an environment with generated complaints in every status, for a look at a board; needs no stage.

python -m tests.system.crowd --complaints 100000
"""

import argparse
import os
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from confluent_kafka import Producer

from agents.config import policy_files
from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from events import commands as c
from events.codec.encode import encode_complaint, encode_fact, encode_snapshot
from events.facts import Recorded
from events.ids import complaint_id
from events.reports import Location, ReportContent
from events.snapshot import Complaint
from events.topics import TopicName
from events.vocabulary import ArchiveReason, ComplaintClass, Status
from workflow.machine.decide import decide
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy
from workflow.stages.escalation import next_rung

CHANNEL: Final = "/channels/sms"
PANRB: Final = "/offices/panrb"
DAYS: Final = 12.0
"""Complaints came in over so many days."""
_LIVES: Final = 1_500
"""So many lives are led; the others are copies under other names."""
_FIRST: Final = 1_000_000

_TROUBLES: Final = (
    ("Jalan berlubang di depan pasar", "infrastruktur-jalan"),
    ("Lampu jalan mati sejak dua pekan", "lampu-penerangan-jalan"),
    ("Sampah tidak diangkut", "lingkungan-hidup"),
    ("Saluran air tersumbat", "drainase"),
    ("Antrean KTP terlalu lama", "kependudukan"),
    ("Parkir liar di trotoar", "parkir-liar"),
)
_STEPS: Final[dict[Status, tuple[tuple[float, str], ...]]] = {
    Status.REGISTERED: ((0.82, "verify"), (0.08, "postpone"), (0.1, "archive")),
    Status.POSTPONED: ((0.6, "complete"), (0.4, "wait")),
    Status.VERIFIED: ((0.97, "dispose"), (0.03, "wait")),
    Status.DISPOSED: ((0.7, "follow-up"), (0.08, "return"), (0.22, "wait")),
    Status.RETURNED: ((1.0, "dispose"),),
    Status.FOLLOWED_UP: ((0.25, "reply"), (0.35, "close"), (0.02, "withdraw"), (0.38, "wait")),
    Status.REPLIED: ((0.7, "follow-up"), (0.1, "close"), (0.2, "wait")),
    Status.CLOSED: ((0.4, "rate"), (0.6, "wait")),
}


class Life:
    """One complaint, with commands of people at random times."""

    def __init__(self, number: int, dice: random.Random, policy: Policy, now: datetime) -> None:
        self._dice = dice
        self._policy = policy
        self._citizen = "/citizens/anonymous" if policy.citizens == "open" else CHANNEL
        self._offices = [office.id for office in policy.directory if office.id not in {"panrb", "ombudsman"}]
        self._now = now
        self._sent = 0
        self.id = complaint_id(CHANNEL, f"crowd-{number}")
        self.history: list[Recorded] = []
        self._at = now - timedelta(days=dice.random() * DAYS)
        self._tell(self._registration(number), "/stages/intake")
        while self._step():
            pass
        self._pass_deadlines(now)

    @property
    def complaint(self) -> Complaint:
        """Its snapshot."""
        return self.history[-1].complaint

    def _registration(self, number: int) -> c.RegisterComplaint:
        title, category = self._dice.choice(_TROUBLES)
        report = ReportContent(
            class_=self._dice.choice(list(ComplaintClass)),
            title=title,
            body="Sudah dilaporkan kepada petugas setempat, belum ada tindakan.",
            category=category,
            location=Location(province="Bali", city="Denpasar"),
            anonymous=self._dice.random() < 0.4,
            secret=self._dice.random() < 0.1,
        )
        tracking = str(_FIRST + number)
        return c.RegisterComplaint(tracking_id=tracking, source=CHANNEL, report_id=f"crowd-{number}", report=report)

    def _step(self) -> bool:
        """Send the next command; False at the end."""
        if self.complaint.status not in _STEPS or self.complaint.rating:
            return False
        weights, names = zip(*_STEPS[self.complaint.status], strict=True)
        name = self._dice.choices(names, weights)[0]
        later = self._at + timedelta(hours=self._dice.expovariate(1 / 20))
        if name == "wait" or later >= self._now:
            return False
        self._pass_deadlines(later)
        self._at = max(self._at, later)
        command, by = self._order(name)
        return self._tell(command, by)

    def _order(self, name: str) -> tuple[c.Command, str]:
        holder = f"/offices/{self.complaint.office}/officers/7"
        orders: dict[str, tuple[c.Command, str]] = {
            "verify": (c.VerifyComplaint(), PANRB),
            "postpone": (c.PostponeComplaint(missing=("location",), reason="Mohon lengkapi lokasi."), PANRB),
            "archive": (c.ArchiveComplaint(reason=self._dice.choice(list(ArchiveReason)[:5])), PANRB),
            "complete": (c.CompleteReport(location=Location(city="Denpasar")), self._citizen),
            "dispose": (c.DisposeComplaint(office=self._dice.choice(self._offices)), PANRB),
            "follow-up": (c.RecordFollowUp(text="Tim sudah meninjau lokasi."), holder),
            "return": (c.ReturnDisposition(reason="Bukan wewenang kami."), holder),
            "reply": (c.ReplyToFollowUp(text="Belum selesai."), self._citizen),
            "close": (c.CloseComplaint(), PANRB),
            "withdraw": (c.WithdrawComplaint(), self._citizen),
            "rate": (c.RateResolution(rating=self._dice.randint(1, 5)), self._citizen),
        }
        return orders[name]

    def _pass_deadlines(self, until: datetime) -> None:
        """Send notices of expired deadlines, and escalate."""
        while self.history:
            passed = [
                (clock.due_at, name)
                for name, clock in self.complaint.clocks.items()
                if clock.running and clock.due_at is not None and clock.due_at < until
            ]
            rung = next_rung(self.complaint, self._policy)
            if rung is not None:
                if not self._tell(rung, "/stages/escalation"):
                    return
            elif passed:
                due, name = min(passed)
                self._at = max(self._at, due + timedelta(seconds=1))
                if not self._tell(c.NoticeDeadline(clock=name, due_at=due), "/stages/sla"):
                    return
            else:
                return

    def _tell(self, command: c.Command, by: str) -> bool:
        self._sent += 1
        event = c.CommandEvent[Any](
            specversion="1.0",
            type=c.command_type(command.NAME),
            source=by,
            id=f"crowd-{self._sent}",
            subject=UUID(self.id),
            data=command,
        )
        decided = decide(event, self.history[-1].complaint if self.history else None, self._at, self._policy)
        if isinstance(decided, Rejected):
            return False
        self.history += decided
        return bool(decided)


def copies(lives: Sequence[Life], count: int) -> Iterator[tuple[datetime, TopicName, bytes, bytes]]:
    """Yield the facts of `count` complaints in the order in which they happened, and where each stands last."""
    written = [list(_written(life)) for life in lives]
    places = [
        (at, number, index) for number in range(count) for index, (at, _, _) in enumerate(written[number % len(lives)])
    ]
    places.sort()
    for _, number, index in places:
        life = lives[number % len(lives)]
        at, topic, raw = written[number % len(lives)][index]
        key, tracking = complaint_id(CHANNEL, f"crowd-{number}").encode(), str(_FIRST + number).encode()
        named = raw.replace(life.id.encode(), key)
        yield at, topic, key, named.replace(b'"%s"' % life.complaint.tracking_id.encode(), b'"%s"' % tracking)


def _written(life: Life) -> Iterator[tuple[datetime, TopicName, bytes]]:
    for recorded in life.history:
        yield recorded.at, TopicName.EVENTS, encode_fact(recorded, encode_complaint(recorded.complaint))
    yield recorded.at, TopicName.STATE, encode_snapshot(life.complaint, encode_complaint(life.complaint))


def fill(settings: Settings, count: int, seed: int = 1708) -> None:
    """Write `count` complaints and their histories."""
    now = datetime.now(UTC)
    policy, dice = policy_files.load(settings.policy).at(now), random.Random(seed)  # noqa: S311 -- no secret
    lives = [Life(number, dice, policy, now) for number in range(min(_LIVES, count))]
    producer = Producer(
        {"bootstrap.servers": settings.broker, "partitioner": "murmur2_random", "linger.ms": 20, "acks": "all"}
    )
    for at, topic, key, value in copies(lives, count):
        while True:
            try:
                producer.produce(settings.topic(topic), value, key, timestamp=int(at.timestamp() * 1000))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(60):
        raise SystemExit("not all could be written")


def main() -> None:
    """Read the command line and the environment, and fill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--complaints", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1708)
    options = parser.parse_args()
    settings = Settings.from_environment(os.environ)
    ensure_topics(settings)
    fill(settings, options.complaints, options.seed)
    sys.stdout.write(f"wrote {options.complaints:,} complaints to {settings.topic('complaints.*')}\n")


if __name__ == "__main__":
    main()
