"""What people do when they hear of a fact: a table from facts to acts.

How long they take follows from the deadlines of the policy: some act in time, some too late, some never.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, Final
from uuid import UUID

from agents.demo import phrases
from agents.demo.scripts import Answering, Completing, Conduct, OfficeConduct, Script
from events import commands as c
from events import facts as f
from events.reports import Location
from events.snapshot import Complaint
from events.vocabulary import ArchiveReason, ClockName, Status
from workflow.deadlines.durations import Unit
from workflow.machine.transitions import HEARD_IN, OPEN
from workflow.policy.model import Policy
from workflow.policy.offices import Level
from workflow.stages.disposition import competent_office

_ANSWERS: Final = {topic.category: topic.answers for topic in phrases.TOPICS}
_ANY_ANSWER: Final = tuple(answer for answers in _ANSWERS.values() for answer in answers)
_OFFICERS: Final = 3
_DELEGATING: Final = 0.5
_PLEASED: Final = 4
_TOLD: Final = 0.5
"""Share of the complaints with a good rating of which a story is published."""
_PROMPT_AGAIN: Final = 0.8
_MOST_DAYS: Final = 2
_PRESSING_RUNG: Final = 2
"""The rung at which an office answers that otherwise never does."""


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """Something that somebody means to do."""

    after: float
    """Seconds from now."""
    source: str
    command: c.Command
    statuses: frozenset[Status] | None
    """Where the complaint has to stand by then for it to be done; None for who does not look first."""
    round: int | None = None
    """The disposition it belongs to; None if it does not matter who holds the complaint by then."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A fact, and what there is to know for whoever reacts to it."""

    recorded: f.Recorded
    script: Script
    policy: Policy
    lots: Random

    @property
    def complaint(self) -> Complaint:
        """Where the complaint stands after the fact."""
        return self.recorded.complaint

    @property
    def today(self) -> date:
        """The day of the fact."""
        return self.recorded.at.astimezone(self.policy.national_zone).date()

    @property
    def citizen(self) -> str:
        """The reporter, as a source of commands."""
        return f"/citizens/{self.script.citizen}" if self.script.citizen else self.complaint.report.source

    @property
    def desk(self) -> str:
        """The national administrator, as a source of commands."""
        return self.officer(self.policy.national)

    @property
    def holder(self) -> str:
        """The office that has to follow up, as a source of commands."""
        return self.officer(self.complaint.office or self.policy.national)

    def officer(self, office: str) -> str:
        """Return one of an office's officers, as a source of commands."""
        return f"/offices/{office}/officers/{self.lots.randint(1, _OFFICERS)}"

    def within(self, clock: ClockName, first: float, last: float) -> float:
        """Draw a time between two shares of a clock's length, in seconds.

        Raises:
            ValueError: the policy does not count in seconds, so nobody could wait for it.
        """
        length = self.policy.duration_of(clock, self.complaint.class_)
        if length.unit is not Unit.SECONDS:
            raise ValueError(f"the people of a demonstration cannot wait {length}: its policy has to count in seconds")
        return length.amount * self.lots.uniform(first, last)

    def act(self, after: float, source: str, command: c.Command, *, heedless: bool = False) -> PlannedAction:
        """Return an act that is given up if the command is not possible by then, unless somebody is heedless."""
        return PlannedAction(
            after, source, command, None if heedless else HEARD_IN[type(command)], self.complaint.round
        )


def _on_registered(scene: Situation) -> Iterator[PlannedAction]:
    if scene.script.answering is Answering.WITHDRAWS:
        command = c.WithdrawComplaint(reason=scene.lots.choice(phrases.WITHDRAWN))
        yield PlannedAction(scene.within(ClockName.FOLLOW_UP, 0.3, 3.0), scene.citizen, command, OPEN)


def _on_postponed(scene: Situation) -> Iterator[PlannedAction]:
    script = scene.script
    if script.duplicate_of is not None:
        yield scene.act(scene.within(ClockName.COMPLETION, 0.1, 0.4), scene.desk, _archiving(script))
    elif script.completing is Completing.IN_TIME:
        yield scene.act(scene.within(ClockName.COMPLETION, 0.1, 0.7), scene.citizen, _completion(scene))
    elif script.completing is Completing.LATE:
        after = scene.within(ClockName.COMPLETION, 1.1, 1.5)
        yield scene.act(after, scene.citizen, _completion(scene), heedless=True)


def _completion(scene: Situation) -> c.CompleteReport:
    fact = scene.recorded.fact
    missing = fact.missing if isinstance(fact, f.ComplaintPostponed) else ()
    cities = [each for each in scene.policy.directory if each.level is Level.CITY and each.known(scene.today)]
    city = scene.lots.choice(cities)
    return c.CompleteReport(
        title="Laporan warga" if "title" in missing else None,
        body=scene.lots.choice(phrases.ADDED) if "location" not in missing else None,
        location=Location(province=city.province, city=city.city) if "location" in missing else None,
    )


def _archiving(script: Script) -> c.ArchiveComplaint:
    repeats = script.duplicate_of if script.reason is ArchiveReason.DUPLICATE else None
    return c.ArchiveComplaint(reason=script.reason, duplicate_of=UUID(repeats) if repeats else None)


def _on_verified(scene: Situation) -> Iterator[PlannedAction]:
    """The desk sees to what no rule routes; and to repeats, for which it is too late once an office has them."""
    script = scene.script
    after = scene.within(ClockName.VERIFICATION, 0.1, 0.9)
    routed = competent_office(scene.complaint, scene.policy, scene.today) is not None
    if routed:
        if script.duplicate_of is not None:
            yield scene.act(after, scene.desk, _archiving(script), heedless=True)
    elif script.desk is OfficeConduct.ARCHIVES:
        yield scene.act(after, scene.desk, _archiving(script))
    elif script.desk is OfficeConduct.DISPOSES:
        yield scene.act(after, scene.desk, c.DisposeComplaint(office=_some_office(scene)))


def _some_office(scene: Situation) -> str:
    levels = {Level.PROVINCE, Level.CITY}
    return scene.lots.choice(
        [each.id for each in scene.policy.directory if each.level in levels and each.known(scene.today)]
    )


def _on_disposed(scene: Situation) -> Iterator[PlannedAction]:
    complaint, script = scene.complaint, scene.script
    units = scene.policy.directory.units_below(complaint.office) if complaint.office else ()
    returns = {Conduct.RETURNS: 1, Conduct.RETURNS_AGAIN: scene.policy.return_limit}.get(script.conduct, 0)
    if complaint.returns < returns:
        after = scene.within(ClockName.FOLLOW_UP, 0.1, 0.4)
        yield scene.act(after, scene.holder, c.ReturnDisposition(reason=scene.lots.choice(phrases.NOT_OURS)))
    elif units and scene.lots.random() < _DELEGATING:
        after = scene.within(ClockName.FOLLOW_UP, 0.05, 0.3)
        yield scene.act(after, scene.holder, c.DisposeComplaint(office=scene.lots.choice(units)))
    elif script.conduct is Conduct.ASKS_TIME:
        days = scene.lots.randint(1, _MOST_DAYS)
        request = c.RequestExtension(working_days=days, reason=scene.lots.choice(phrases.MORE_TIME))
        yield scene.act(scene.within(ClockName.FOLLOW_UP, 0.2, 0.5), scene.holder, request)
    elif script.conduct is Conduct.LATE:
        yield _follow_up(scene, 1.2, 2.4)
    elif script.conduct is not Conduct.NEVER:
        yield _follow_up(scene, 0.1, 0.75)


def _follow_up(scene: Situation, first: float, last: float, answers: tuple[str, ...] = ()) -> PlannedAction:
    """Return an answer that is given unless the complaint has moved on: one, not one for each cause."""
    texts = answers or _ANSWERS.get(scene.complaint.category or "", _ANY_ANSWER)
    command = c.RecordFollowUp(text=scene.lots.choice(texts))
    after = scene.within(ClockName.FOLLOW_UP, first, last)
    waiting = frozenset({Status.DISPOSED, Status.REPLIED})
    return PlannedAction(after, scene.holder, command, waiting, scene.complaint.round)


def _on_extension_requested(scene: Situation) -> Iterator[PlannedAction]:
    office = scene.complaint.office
    superior = scene.policy.directory.superior(office) if office else None
    if superior is not None:
        decision = c.DecideExtension(approved=scene.script.granted)
        yield scene.act(scene.within(ClockName.FOLLOW_UP, 0.05, 0.2), scene.officer(superior), decision)


def _on_extension_decided(scene: Situation) -> Iterator[PlannedAction]:
    yield _follow_up(scene, 0.2, 1.0)


def _on_returned(scene: Situation) -> Iterator[PlannedAction]:
    """The arbiter decides once offices have returned it too often, the desk where no rule leads on."""
    complaint, policy = scene.complaint, scene.policy
    if scene.script.desk is OfficeConduct.WAITS:
        return
    by_arbiter = complaint.returns >= policy.return_limit
    found = competent_office(complaint, policy, scene.today)
    if by_arbiter or found is None:
        office = found or _some_office(scene)
        source = scene.officer(policy.arbiter if by_arbiter else policy.national)
        yield scene.act(scene.within(ClockName.FOLLOW_UP, 0.1, 0.4), source, c.DisposeComplaint(office=office))


def _on_followed_up(scene: Situation) -> Iterator[PlannedAction]:
    script = scene.script
    reply = c.ReplyToFollowUp(text=scene.lots.choice(phrases.REPLIES))
    if script.answering is Answering.REPLIES:
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.1, 0.8), scene.citizen, reply)
    elif script.answering is Answering.REPLIES_LATE and not script.closes:
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 1.1, 1.4), scene.citizen, reply, heedless=True)
    elif script.closes:
        close = c.CloseComplaint(reason="Sudah ditindaklanjuti.")
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.2, 0.7), scene.desk, close)


def _on_replied(scene: Situation) -> Iterator[PlannedAction]:
    if scene.lots.random() < _PROMPT_AGAIN:
        yield _follow_up(scene, 0.1, 0.7, phrases.SECOND_ANSWERS)
    else:
        yield _follow_up(scene, 1.2, 2.0, phrases.SECOND_ANSWERS)


def _on_closed(scene: Situation) -> Iterator[PlannedAction]:
    if scene.script.rating is not None:
        rating = c.RateResolution(rating=scene.script.rating, text=scene.lots.choice(phrases.THANKS))
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.1, 0.6), scene.citizen, rating)


def _on_rated(scene: Situation) -> Iterator[PlannedAction]:
    if not scene.complaint.secret and (scene.complaint.rating or 0) >= _PLEASED and scene.lots.random() < _TOLD:
        category = (scene.complaint.category or "layanan publik").replace("-", " ")
        texts = _ANSWERS.get(scene.complaint.category or "", _ANY_ANSWER)
        story = c.PublishStory(title=f"Laporan tentang {category}", answer=scene.lots.choice(texts), findings=())
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.05, 0.2), scene.desk, story)


def _on_escalated(scene: Situation) -> Iterator[PlannedAction]:
    if scene.script.conduct is Conduct.NEVER and scene.complaint.rung == _PRESSING_RUNG:
        yield _follow_up(scene, 0.1, 0.8)


REACTIONS: Final[dict[type[f.Fact], Callable[[Situation], Iterator[PlannedAction]]]] = {
    f.ComplaintRegistered: _on_registered,
    f.ComplaintPostponed: _on_postponed,
    f.ComplaintVerified: _on_verified,
    f.ComplaintDisposed: _on_disposed,
    f.DispositionReturned: _on_returned,
    f.ExtensionRequested: _on_extension_requested,
    f.DeadlineExtended: _on_extension_decided,
    f.ExtensionRefused: _on_extension_decided,
    f.FollowUpRecorded: _on_followed_up,
    f.FollowUpReplied: _on_replied,
    f.ComplaintEscalated: _on_escalated,
    f.ComplaintClosed: _on_closed,
    f.ResolutionRated: _on_rated,
}


def acts_on(scene: Situation) -> Iterator[PlannedAction]:
    """Give what people mean to do now that this has happened; nothing for most facts."""
    reaction: Callable[[Situation], Iterator[Any]] | None = REACTIONS.get(type(scene.recorded.fact))
    return iter(()) if reaction is None else reaction(scene)
