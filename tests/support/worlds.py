"""A complaint without a broker: send commands at given times, and look at facts and snapshots."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from agents.config.keys import Keys
from agents.config.policy_files import load
from agents.stages.report_digests import ContentDigests
from agents.stages.reporter_digests import ReporterDigests
from events import commands as c
from events import facts as f
from events.announcements import Announcement
from events.ids import complaint_id
from events.reports import Location, ReportContent, Reporter
from events.snapshot import Complaint
from events.vocabulary import ArchiveReason, ClockName, ComplaintClass, Refusal, Status
from workflow.deadlines.durations import Duration, Unit
from workflow.machine.decide import decide
from workflow.machine.evolve import replay
from workflow.machine.handlers import Rejected
from workflow.policy.model import Appeal, Policy, Reopening
from workflow.policy.overrides import Override
from workflow.stages.escalation import next_rung

LAPOR = load("lapor").versions[0]
"""Under it any citizen may speak for a reporter; tests of who speaks take another."""
DEMO = load("demo").versions[0]
CORRECTING = LAPOR.model_copy(
    update={
        "progress_limit": 3,
        "follow_up_rejection_limit": 2,
        "reopen": Reopening(within=Duration(10, Unit.WORKING_DAYS)),
        "appeal": Appeal(within=Duration(10, Unit.WORKING_DAYS)),
    }
)
"""With every way to take a decision back, which `lapor` does not have."""
OVERRIDDEN = LAPOR.model_copy(
    update={
        "overrides": tuple(
            Override.model_validate(each)
            for each in (
                {
                    "category": "kesehatan",
                    "clocks": {"verification": "1 working day", "follow_up": "3 working days"},
                    "ladder": ["national", "ombudsman"],
                },
                {
                    "category": "kesehatan",
                    "class": ComplaintClass.COMPLAINT,
                    "clocks": {"citizen_reply": "4 working days", "settlement": "9 working days"},
                },
                {
                    "class": ComplaintClass.INFORMATION_REQUEST,
                    "clocks": {"follow_up": "30 hours", "settlement": "72 hours"},
                },
                {"level": "unit", "clocks": {"follow_up": "4 working days", "escalation": "1 working day"}},
                {"level": "city", "clocks": {"follow_up": "6 days"}, "ladder": ["ombudsman"]},
            )
        )
    }
)
"""With other times and ladders for some complaints, in several units, and some of them for the same complaint."""

REPORTERS = ReporterDigests(Keys.derived("test"))
MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""Nine o'clock in Jakarta on a Monday with no holiday in the two weeks after it."""

INTAKE = "/stages/intake"
VERIFICATION = "/stages/verification"
DISPOSITION = "/stages/disposition"
SLA = "/stages/sla"
ESCALATION = "/stages/escalation"
PANRB = "/offices/panrb"
BALI = "/offices/bali"
DENPASAR = "/offices/denpasar"
PUPR = "/offices/denpasar-pupr/officers/7"
BADUNG = "/offices/badung"
CITIZEN = "/citizens/anonymous"
CHANNEL = "/channels/sms"


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def wib(text: str) -> datetime:
    """Read a time as it is in Jakarta."""
    return datetime.fromisoformat(f"{text}+07:00").astimezone(UTC)


def report(**changes: Any) -> ReportContent:
    whole: dict[str, Any] = {
        "class_": ComplaintClass.COMPLAINT,
        "title": "Jalan berlubang di depan Pasar Badung",
        "body": "Lubang besar sejak dua pekan, sudah ada yang jatuh.",
        "category": "infrastruktur-jalan",
        "location": Location(province="Bali", city="Denpasar"),
    }
    return ReportContent(**(whole | changes))


def announcement(day: date, *, at: datetime = MONDAY, day_off: bool = True, number: int = 1) -> Announcement:
    """Announce a day off, or withdraw one."""
    return Announcement(
        day=day,
        day_off=day_off,
        name="Cuti bersama",
        decree="SKB 3 Menteri",
        announced_at=at,
        by=PANRB,
        command_id=f"calendar-{number}",
    )


class World:
    """One complaint under a policy, with commands at times that never go back."""

    def __init__(
        self,
        policy: Policy = LAPOR,
        at: datetime = MONDAY,
        *,
        name: str = "1",
        contents: ContentDigests | None = None,
        subject: str | None = None,
        **changes: Any,
    ) -> None:
        self.policy = policy
        self.contents = contents
        self.now = at
        self.id = complaint_id(CHANNEL, name)
        self.history: list[f.Recorded] = []
        self.sent = 0
        self.snapshot: Complaint | None = None
        register = c.RegisterComplaint(
            tracking_id="1000000",
            source=CHANNEL,
            report_id=name,
            report=report(**changes),
            reporter_digest=REPORTERS.of_subject(self.id, Reporter(subject=subject)),
        )
        self.send(register, INTAKE)

    @property
    def complaint(self) -> Complaint:
        assert self.snapshot is not None
        return self.snapshot

    def ask(  # noqa: PLR0913 -- a command, its sender, and four ways to send it
        self,
        command: c.Command,
        by: str,
        *,
        at: datetime | None = None,
        after: timedelta = timedelta(0),
        message: str | None = None,
        expected: int | None = None,
    ) -> tuple[f.Recorded, ...] | Rejected:
        """Send a command and apply its facts; a repeat has the same `message` id."""
        self.sent += 1
        self.now = at or self.now + after
        event = c.CommandEvent[Any](
            specversion="1.0",
            type=c.command_type(command.NAME),
            source=by,
            id=message or f"m{self.sent}",
            subject=UUID(self.id),
            expectedversion=expected,
            data=command,
        )
        content = None if self.contents is None else self.contents.of(command, self.snapshot, event.subject.bytes)
        sender = REPORTERS.of_sender(by, self.snapshot)
        answer = decide(event, self.snapshot, self.now, self.policy, content, sender=sender)
        if isinstance(answer, tuple) and answer:
            self.history += answer
            self.snapshot = answer[-1].complaint
        return answer

    def refusal(self, command: c.Command, by: str, **how: Any) -> tuple[Refusal, str | None]:
        """Send a command that is refused, and changes nothing; return the code and the detail."""
        before = self.snapshot
        answer = self.ask(command, by, **how)
        assert isinstance(answer, Rejected)
        assert self.snapshot is before
        return answer.code, answer.detail

    def send(self, command: c.Command, by: str, **how: Any) -> list[str]:
        """Send a command that is accepted; return the names of its facts."""
        answer = self.ask(command, by, **how)
        assert isinstance(answer, tuple), answer
        assert replay(self.history) == self.snapshot
        return [recorded.fact.NAME for recorded in answer]

    def refuse(self, command: c.Command, by: str, **how: Any) -> Refusal:
        """Send a command that is refused and changes nothing; return the code."""
        before, facts = self.snapshot, len(self.history)
        answer = self.ask(command, by, **how)
        assert isinstance(answer, Rejected), answer
        assert answer.message
        assert "\n" not in answer.message
        assert self.snapshot is before
        assert len(self.history) == facts
        return answer.code

    def notice(self, clock: str, **how: Any) -> list[str]:
        """Send the sla stage's notice of the present deadline."""
        return self.send(self.notice_of(clock), SLA, **how)

    def notice_of(self, clock: str) -> c.NoticeDeadline:
        due = self.due(clock)
        return c.NoticeDeadline(clock=ClockName(clock), due_at=due)

    def due(self, clock: str) -> datetime:
        due = next(value.due_at for name, value in self.complaint.clocks.items() if name == clock)
        assert due is not None
        return due

    def climb(self, **how: Any) -> tuple[str, str | None]:
        """Run the escalation stage; return the fact and the office notified."""
        command = next_rung(self.complaint, self.policy)
        assert command is not None
        names = self.send(command, ESCALATION, **how)
        return names[-1], self.complaint.escalated_to[-1] if names[-1] == "escalated" else None


def to_status(status: Status, policy: Policy = LAPOR, **changes: Any) -> World:
    """Make a complaint in `status`; its holder, if any, is denpasar-pupr."""
    world = World(policy, **changes)
    for command, by in _WAYS[status]:
        world.send(command, by, after=seconds(0.1))
    assert world.complaint.status is status
    return world


FOLLOW_UP = c.RecordFollowUp(text="Tim sudah menambal lubang pada 18 Maret.")
PROGRESS = c.RecordProgress(text="Material sudah dipesan.", expected_on=date(2026, 3, 20))
REJECT = c.RejectFollowUp(reason="Jawaban tanpa isi.")
REPLY = c.ReplyToFollowUp(text="Masih berlubang.")
VERIFY = c.VerifyComplaint()
POSTPONE = c.PostponeComplaint(missing=("location",), reason="Mohon lengkapi lokasi.")
ARCHIVE = c.ArchiveComplaint(reason=ArchiveReason.UNCLEAR)
SPAM = c.ArchiveComplaint(reason=ArchiveReason.SPAM)
RESTORE = c.RestoreComplaint(reason="Bukan duplikat.")
REOPEN = c.ReopenComplaint(reason="Belum ditambal.")
APPEAL = c.AppealComplaint(reason="Belum ditambal.", consent=True)
COMPLETE = c.CompleteReport(location=Location(city="Denpasar"))
WITHDRAW = c.WithdrawComplaint()
DISPOSE = c.DisposeComplaint(office="denpasar-pupr")
RETURN = c.ReturnDisposition(reason="Bukan wewenang kami.")
CLOSE = c.CloseComplaint()
RATE = c.RateResolution(rating=4)
REQUEST = c.RequestExtension(working_days=2, reason="Menunggu aspal.")
GRANT = c.DecideExtension(approved=True)
DENY = c.DecideExtension(approved=False, reason="Sudah cukup lama.")

Steps = Iterable[tuple[c.Command, str]]
_VERIFIED: Steps = [(VERIFY, PANRB)]
_DISPOSED: Steps = [*_VERIFIED, (DISPOSE, PANRB)]
_FOLLOWED_UP: Steps = [*_DISPOSED, (FOLLOW_UP, PUPR)]
_WAYS: dict[Status, Steps] = {
    Status.REGISTERED: [],
    Status.POSTPONED: [(POSTPONE, PANRB)],
    Status.VERIFIED: _VERIFIED,
    Status.DISPOSED: _DISPOSED,
    Status.RETURNED: [*_DISPOSED, (RETURN, PUPR)],
    Status.FOLLOWED_UP: _FOLLOWED_UP,
    Status.REPLIED: [*_FOLLOWED_UP, (REPLY, CITIZEN)],
    Status.CLOSED: [*_FOLLOWED_UP, (CLOSE, PANRB)],
    Status.ARCHIVED: [(ARCHIVE, PANRB)],
    Status.WITHDRAWN: [(WITHDRAW, CITIZEN)],
}
