"""Reactions of people to facts: in time, too late, or never, by the deadlines of the policy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from random import Random
from typing import Final
from uuid import UUID

from agents.demo.phrases import phrases
from agents.demo.scripts import Answering, Completing, Conduct, OfficeConduct, Script
from events import commands as c
from events import facts as f
from events.reports import Location
from events.snapshot import Complaint
from events.vocabulary import OPEN, ArchiveReason, ClockName, Status
from workflow.deadlines.durations import Unit
from workflow.machine.clocks import ClockContext
from workflow.machine.transitions import ALLOWED_IN
from workflow.policy.model import Policy
from workflow.policy.offices import Level
from workflow.stages.disposition import competent_office

_OFFICERS: Final = 3
_DELEGATING: Final = 0.5
_GOOD_RATING: Final = 4
_STORIES: Final = 0.5
"""Share of well-rated complaints whose story is published."""
_APPEALING: Final = 0.2
"""Share of reporters who appeal once the time to settle has passed."""
_PROMPT_SECOND_ANSWERS: Final = 0.8
_MOST_DAYS: Final = 2
_PRESSING_RUNG: Final = 2
"""The rung at which an office of `Conduct.NEVER` answers."""


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """A command to be sent later."""

    after: float
    """Delay in seconds."""
    source: str
    command: c.Command
    statuses: frozenset[Status] | None
    """Statuses in which it is still sent; None if the sender does not check."""
    round: int | None = None
    """Its disposition (`round`); None if any holder will do."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A fact with the context of a reaction."""

    recorded: f.Recorded
    script: Script
    policy: Policy
    lots: Random

    @property
    def complaint(self) -> Complaint:
        """The complaint after the fact."""
        return self.recorded.complaint

    @property
    def today(self) -> date:
        """The day of the fact."""
        return self.recorded.at.astimezone(self.policy.national_zone).date()

    @property
    def citizen(self) -> str:
        """Source of the reporter's commands."""
        return f"/citizens/{self.script.citizen}" if self.script.citizen else self.complaint.report.source

    @property
    def desk(self) -> str:
        """Source of the national administrator's commands."""
        return self.officer(self.policy.national)

    @property
    def holder(self) -> str:
        """Source of the holder's commands."""
        return self.officer(self.complaint.office or self.policy.national)

    @property
    def superior(self) -> str | None:
        """Source of the commands of the office above the holder; None if there is none."""
        office = self.complaint.office
        superior = self.policy.directory.superior(office) if office else None
        return None if superior is None else self.officer(superior)

    def officer(self, office: str) -> str:
        """Return the source of an officer of an office."""
        return f"/offices/{office}/officers/{self.lots.randint(1, _OFFICERS)}"

    def within(self, clock: ClockName, first: float, last: float) -> float:
        """Draw a delay in seconds between two shares of a clock's length, which must be in seconds."""
        override = ClockContext.of(self.policy, self.complaint).override_of(clock)
        length = override.clocks[clock] if override else self.policy.duration_of(clock, self.complaint.class_)
        if length.unit is not Unit.SECONDS:
            raise ValueError(f"a demonstration cannot wait {length}: its policy has to count in seconds")
        return length.amount * self.lots.uniform(first, last)

    def act(self, after: float, source: str, command: c.Command, *, heedless: bool = False) -> PlannedAction:
        """Return an action that is dropped if the command is no longer allowed, unless the sender is `heedless`."""
        return PlannedAction(
            after, source, command, None if heedless else ALLOWED_IN[type(command)], self.complaint.round
        )


_Reaction = Callable[[Situation], Iterator[PlannedAction]]
_REACTIONS: Final[dict[type[f.Fact], _Reaction]] = {}


def _on(*facts: type[f.Fact]) -> Callable[[_Reaction], _Reaction]:

    def register(reaction: _Reaction) -> _Reaction:
        _REACTIONS.update(dict.fromkeys(facts, reaction))
        return reaction

    return register


@_on(f.ComplaintRegistered)
def _on_registered(scene: Situation) -> Iterator[PlannedAction]:
    if scene.script.answering is Answering.WITHDRAWS:
        command = c.WithdrawComplaint(reason=scene.lots.choice(phrases().withdrawn))
        yield PlannedAction(scene.within(ClockName.FOLLOW_UP, 0.3, 3.0), scene.citizen, command, OPEN)


@_on(f.ComplaintPostponed)
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
    directory = scene.policy.directory
    cities = [each for each in directory if each.level is Level.CITY and directory.exists_on(each.id, scene.today)]
    city = scene.lots.choice(cities)
    return c.CompleteReport(
        title="Laporan warga" if "title" in missing else None,
        body=scene.lots.choice(phrases().added) if "location" not in missing else None,
        location=Location(province=city.province, city=city.city) if "location" in missing else None,
    )


def _archiving(script: Script) -> c.ArchiveComplaint:
    repeats = script.duplicate_of if script.reason is ArchiveReason.DUPLICATE else None
    return c.ArchiveComplaint(reason=script.reason, duplicate_of=UUID(repeats) if repeats else None)


@_on(f.ComplaintVerified)
def _on_verified(scene: Situation) -> Iterator[PlannedAction]:
    """Plan how the desk handles complaints without a route and duplicates, unless an office holds them by then."""
    script = scene.script
    after = scene.within(ClockName.VERIFICATION, 0.1, 0.9)
    routed = competent_office(scene.complaint, scene.policy, scene.today) is not None
    if routed:
        if script.duplicate_of is not None:
            yield scene.act(after, scene.desk, _archiving(script), heedless=True)
    elif script.desk is OfficeConduct.ARCHIVES and not scene.complaint.restorations:
        yield scene.act(after, scene.desk, _archiving(script))
    elif script.desk in {OfficeConduct.DISPOSES, OfficeConduct.ARCHIVES}:
        yield scene.act(after, scene.desk, c.DisposeComplaint(office=_some_office(scene)))


@_on(f.ComplaintArchived)
def _on_archived(scene: Situation) -> Iterator[PlannedAction]:
    """Plan that the desk restores a complaint archived as unclear, as if the reporter had explained it."""
    fact = scene.recorded.fact
    if isinstance(fact, f.ComplaintArchived) and fact.reason is ArchiveReason.UNCLEAR:
        command = c.RestoreComplaint(reason=scene.lots.choice(phrases().explained))
        yield scene.act(scene.within(ClockName.VERIFICATION, 0.5, 1.5), scene.desk, command)


def _some_office(scene: Situation) -> str:
    levels, directory = {Level.PROVINCE, Level.CITY}, scene.policy.directory
    agencies = (each.id for each in directory if each.level in levels)
    return scene.lots.choice([each for each in agencies if directory.exists_on(each, scene.today)])


@_on(f.DeadlineBreached)
def _on_breached(scene: Situation) -> Iterator[PlannedAction]:
    fact = scene.recorded.fact
    settling = isinstance(fact, f.DeadlineBreached) and fact.clock is ClockName.SETTLEMENT
    if settling and scene.policy.appeal is not None and scene.lots.random() < _APPEALING:
        command = c.AppealComplaint(reason=scene.lots.choice(phrases().replies), consent=True)
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.1, 0.4), scene.citizen, command)


@_on(f.ComplaintReopened)
def _on_reopened(scene: Situation) -> Iterator[PlannedAction]:
    yield _follow_up(scene, 0.1, 0.9, phrases().second_answers)


@_on(f.ComplaintDisposed)
def _on_disposed(scene: Situation) -> Iterator[PlannedAction]:
    complaint, script = scene.complaint, scene.script
    units = scene.policy.directory.units_below(complaint.office) if complaint.office else ()
    returns = {Conduct.RETURNS: 1, Conduct.RETURNS_AGAIN: scene.policy.return_limit}.get(script.conduct, 0)
    if complaint.returns < returns:
        after = scene.within(ClockName.FOLLOW_UP, 0.1, 0.4)
        yield scene.act(after, scene.holder, c.ReturnDisposition(reason=scene.lots.choice(phrases().not_ours)))
    elif units and scene.lots.random() < _DELEGATING:
        after = scene.within(ClockName.FOLLOW_UP, 0.05, 0.3)
        yield scene.act(after, scene.holder, c.DisposeComplaint(office=scene.lots.choice(units)))
    elif script.conduct is Conduct.ASKS_TIME:
        days = scene.lots.randint(1, _MOST_DAYS)
        request = c.RequestExtension(working_days=days, reason=scene.lots.choice(phrases().more_time))
        yield scene.act(scene.within(ClockName.FOLLOW_UP, 0.2, 0.5), scene.holder, request)
    elif script.conduct is Conduct.LATE:
        if scene.policy.progress_limit:
            note = c.RecordProgress(text=scene.lots.choice(phrases().more_time))
            yield scene.act(scene.within(ClockName.FOLLOW_UP, 0.3, 0.9), scene.holder, note)
        yield _follow_up(scene, 1.2, 2.4)
    elif script.conduct is not Conduct.NEVER:
        yield _follow_up(scene, 0.1, 0.75, phrases().placeholders if script.conduct is Conduct.EMPTY else ())


def _answers(scene: Situation) -> tuple[str, ...]:
    """Return the sample answers for the complaint's category, or all of them."""
    by_category = {topic.category: topic.answers for topic in phrases().topics}
    return by_category.get(scene.complaint.category or "", tuple(chain.from_iterable(by_category.values())))


def _follow_up(scene: Situation, first: float, last: float, answers: tuple[str, ...] = ()) -> PlannedAction:
    """Return an answer, dropped if the complaint has changed, so that an office answers once."""
    command = c.RecordFollowUp(text=scene.lots.choice(answers or _answers(scene)))
    after = scene.within(ClockName.FOLLOW_UP, first, last)
    waiting = frozenset({Status.DISPOSED, Status.REPLIED})
    return PlannedAction(after, scene.holder, command, waiting, scene.complaint.round)


@_on(f.ExtensionRequested)
def _on_extension_requested(scene: Situation) -> Iterator[PlannedAction]:
    superior = scene.superior
    if superior is not None:
        decision = c.DecideExtension(approved=scene.script.granted)
        yield scene.act(scene.within(ClockName.FOLLOW_UP, 0.05, 0.2), superior, decision)


@_on(f.DeadlineExtended, f.ExtensionRefused)
def _on_extension_decided(scene: Situation) -> Iterator[PlannedAction]:
    yield _follow_up(scene, 0.2, 1.0)


@_on(f.DispositionReturned)
def _on_returned(scene: Situation) -> Iterator[PlannedAction]:
    """Plan the decision on a returned complaint: the arbiter's at the return limit, the desk's without a route."""
    complaint, policy = scene.complaint, scene.policy
    if scene.script.desk in {OfficeConduct.WAITS, OfficeConduct.FORGETS}:
        return
    by_arbiter = complaint.returns >= policy.return_limit
    competent = competent_office(complaint, policy, scene.today)
    if by_arbiter or competent is None:
        office = competent or _some_office(scene)
        source = scene.officer(policy.arbiter if by_arbiter else policy.national)
        yield scene.act(scene.within(ClockName.FOLLOW_UP, 0.1, 0.4), source, c.DisposeComplaint(office=office))


@_on(f.FollowUpRecorded)
def _on_followed_up(scene: Situation) -> Iterator[PlannedAction]:
    script, complaint = scene.script, scene.complaint
    if script.conduct is Conduct.EMPTY and complaint.follow_up_rejections < scene.policy.follow_up_rejection_limit:
        rejection = c.RejectFollowUp(reason=scene.lots.choice(phrases().empty))
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.05, 0.2), scene.superior or scene.desk, rejection)
        return
    reply = c.ReplyToFollowUp(text=scene.lots.choice(phrases().replies))
    if script.answering is Answering.REPLIES:
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.1, 0.8), scene.citizen, reply)
    elif script.answering is Answering.REPLIES_LATE and not script.closes:
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 1.1, 1.4), scene.citizen, reply, heedless=True)
    elif script.closes:
        close = c.CloseComplaint(reason="Sudah ditindaklanjuti.")
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.2, 0.7), scene.desk, close)


@_on(f.FollowUpRejected)
def _on_follow_up_rejected(scene: Situation) -> Iterator[PlannedAction]:
    yield _follow_up(scene, 0.05, 0.2, phrases().second_answers)


@_on(f.FollowUpReplied)
def _on_replied(scene: Situation) -> Iterator[PlannedAction]:
    first, last = (0.1, 0.7) if scene.lots.random() < _PROMPT_SECOND_ANSWERS else (1.2, 2.0)
    yield _follow_up(scene, first, last, phrases().second_answers)


@_on(f.ComplaintClosed)
def _on_closed(scene: Situation) -> Iterator[PlannedAction]:
    if scene.script.rating is not None:
        rating = c.RateResolution(rating=scene.script.rating, text=scene.lots.choice(phrases().thanks))
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.1, 0.6), scene.citizen, rating)


@_on(f.ResolutionRated)
def _on_rated(scene: Situation) -> Iterator[PlannedAction]:
    rating, bounds = scene.complaint.rating or 0, scene.policy.reopen
    if rating == 1 and bounds is not None and scene.complaint.reopenings < bounds.limit:
        command = c.ReopenComplaint(reason=scene.lots.choice(phrases().replies))
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.05, 0.2), scene.citizen, command)
    if not scene.complaint.secret and rating >= _GOOD_RATING and scene.lots.random() < _STORIES:
        category = (scene.complaint.category or "layanan publik").replace("-", " ")
        answer = scene.lots.choice(_answers(scene))
        title = f"Laporan {scene.complaint.tracking_id} tentang {category}"
        story = c.PublishStory(title=title, answer=answer, findings=())
        yield scene.act(scene.within(ClockName.CITIZEN_REPLY, 0.05, 0.2), scene.desk, story)


@_on(f.ComplaintEscalated)
def _on_escalated(scene: Situation) -> Iterator[PlannedAction]:
    script, complaint = scene.script, scene.complaint
    undisposed = complaint.status in {Status.VERIFIED, Status.RETURNED}
    if undisposed and script.desk is OfficeConduct.WAITS:
        after = scene.within(ClockName.ESCALATION, 0.1, 0.8)
        source = scene.officer(scene.policy.arbiter) if complaint.returns else scene.desk
        yield scene.act(after, source, c.DisposeComplaint(office=_some_office(scene)))
    elif script.conduct is Conduct.NEVER and complaint.rung == _PRESSING_RUNG:
        yield _follow_up(scene, 0.1, 0.8)


def actions(scene: Situation) -> Iterator[PlannedAction]:
    """Yield the planned actions that follow from a fact; none for most facts."""
    reaction = _REACTIONS.get(type(scene.recorded.fact))
    return iter(()) if reaction is None else reaction(scene)
