"""A demonstration without a broker: people follow their scripts, and histories are valid."""

from collections import Counter
from dataclasses import replace

import pytest

from agents.config import policy_files
from agents.demo.generator import Generator, Kind, Submission
from agents.demo.people import People, Sending
from agents.demo.scripts import Answering, Completing, Conduct, OfficeConduct, Script
from agents.demo.tally import Tally
from events.facts import Recorded
from events.snapshot import Complaint, Waiting
from events.vocabulary import ArchiveReason, ClockName, Outcome, Refusal, Status
from tests.support.demo_world import BEGIN, POLICIES, World, audited

DIRECTORY = POLICIES.versions[-1].directory
FEED_SECONDS = 15
PLAIN = Script()


class Rehearsal:
    def __init__(self, submissions: list[Submission]) -> None:
        self.world = World()
        self.tally = Tally()
        self.sent: list[Sending] = []
        scripts = {each.report.complaint_id: each.script for each in submissions}
        self.people = People(POLICIES, scripts, seed=1)
        self.world.watchers += [self.tally.fact, lambda recorded: self.people.react(recorded, self.seconds())]
        for number, each in enumerate(submissions):
            self.world.later(FEED_SECONDS * number / len(submissions), lambda each=each: self.world.submit(each.raw))  # type: ignore[misc]  # a default is no parameter
        self.world.later(0, self.act)

    def seconds(self) -> float:
        return (self.world.now - BEGIN).total_seconds()

    def act(self) -> None:
        for sending in self.people.due(self.seconds()):
            self.sent.append(sending)
            self.world.send(sending.command, sending.source, sending.command_id, sending.subject)
        self.world.later(0.05, self.act)

    def names(self) -> list[str]:
        return [sending.command.NAME for sending in self.sent]


def rehearsed(kind: Kind, script: Script, seconds: float = 80) -> tuple[Rehearsal, Complaint]:
    """Rehearse one report of a kind, with the script given."""
    found = next(each for each in Generator(3, DIRECTORY, BEGIN.date()).submissions(400) if each.kind is kind)
    rehearsal = Rehearsal([replace(found, script=script)])
    rehearsal.world.run(seconds)
    return rehearsal, rehearsal.world.complaints[found.report.complaint_id]


@pytest.fixture(scope="module")
def whole() -> Rehearsal:
    rehearsal = Rehearsal(list(Generator(1708, DIRECTORY, BEGIN.date()).submissions(300)))
    rehearsal.world.run(60)
    return rehearsal


@pytest.mark.long
def test_a_whole_play_leaves_an_unbroken_history(whole: Rehearsal) -> None:
    audit = audited(whole.world)
    assert audit.violations == []
    assert (audit.counts.reports, audit.counts.complaints) == (300, 300)
    assert audit.counts.deliveries > 300


@pytest.mark.long
def test_a_whole_play_shows_everything_there_is(whole: Rehearsal) -> None:
    outcomes = Counter(each.outcome for each in whole.world.complaints.values())
    assert set(outcomes) >= set(Outcome)
    assert outcomes[Outcome.RESOLVED] > 150
    assert set(whole.names()) == {
        "complete-report",
        "archive-complaint",
        "restore-complaint",
        "withdraw-complaint",
        "dispose-complaint",
        "return-disposition",
        "record-follow-up",
        "reply-to-follow-up",
        "close-complaint",
        "rate-resolution",
        "reopen-complaint",
        "record-progress",
        "reject-follow-up",
        "appeal-complaint",
        "publish-story",
        "request-extension",
        "decide-extension",
    }
    assert whole.tally.breached
    assert set(whole.tally.escalations) == {1, 2, 3}
    assert whole.tally.exhausted


@pytest.mark.long
def test_people_are_refused_only_for_coming_too_late(whole: Rehearsal) -> None:
    outside = {rejection.code for _, source, _, rejection in whole.world.refused if not source.startswith("/stages/")}
    assert outside <= {Refusal.NOT_ALLOWED_IN_STATUS, Refusal.DEADLINE_PASSED}
    assert outside


@pytest.mark.long
def test_the_same_seed_plays_the_same_play() -> None:
    plays = [Rehearsal(list(Generator(1708, DIRECTORY, BEGIN.date()).submissions(60))) for _ in range(2)]
    for play in plays:
        play.world.run(60)
    assert len(plays[0].sent) > 60
    assert plays[0].sent == plays[1].sent
    assert audited(plays[0].world).violations == []


@pytest.mark.long
def test_no_two_commands_have_one_id(whole: Rehearsal) -> None:
    names = [(each.source, each.command_id) for each in whole.sent]
    assert len(set(names)) == len(names)


def test_a_prompt_office_is_in_time_and_silence_closes() -> None:
    rehearsal, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, rating=5))
    assert complaint.status is Status.CLOSED
    assert (complaint.breaches, complaint.rung, complaint.rating) == (0, 0, 5)
    names = [name for name in rehearsal.names() if name != "publish-story"]
    assert names[-2:] == ["record-follow-up", "rate-resolution"]


def test_a_displeased_reporter_has_it_reopened_once() -> None:
    _, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, rating=1))
    assert (complaint.status, complaint.reopenings, complaint.rating) == (Status.CLOSED, 1, 1)


def test_a_late_office_breaches_and_is_escalated() -> None:
    rehearsal, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, conduct=Conduct.LATE))
    assert rehearsal.tally.breaches[ClockName.FOLLOW_UP] == 1
    assert complaint.progress_notes == 1
    assert complaint.rung >= 1
    assert complaint.status is Status.CLOSED


def test_an_answer_without_substance_is_rejected_once() -> None:
    rehearsal, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, conduct=Conduct.EMPTY))
    [rejection] = [each for each in rehearsal.sent if each.command.NAME == "reject-follow-up"]
    assert rejection.source.startswith("/offices/")
    assert rehearsal.names().count("record-follow-up") == 2
    assert (complaint.status, complaint.follow_up_rejections) == (Status.CLOSED, 1)


def test_an_office_that_never_answers_does_when_it_has_been_escalated_far_enough() -> None:
    _, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, conduct=Conduct.NEVER))
    assert complaint.rung >= 2
    assert complaint.status is Status.CLOSED


@pytest.mark.parametrize("granted", [True, False])
def test_an_office_can_ask_for_more_time(granted: bool) -> None:  # noqa: FBT001 -- a parameter of a test
    rehearsal, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, conduct=Conduct.ASKS_TIME, granted=granted))
    assert "request-extension" in rehearsal.names()
    assert (complaint.extensions == 1) is granted
    assert complaint.status is Status.CLOSED


def test_the_wrong_office_returns_it_and_the_right_one_follows_up() -> None:
    _, complaint = rehearsed(Kind.WRONG_OFFICE, replace(PLAIN, conduct=Conduct.RETURNS))
    assert complaint.returns == 1
    assert complaint.status is Status.CLOSED


def test_after_too_many_returns_the_arbiter_decides() -> None:
    rehearsal, complaint = rehearsed(Kind.WRONG_OFFICE, replace(PLAIN, conduct=Conduct.RETURNS_AGAIN))
    assert complaint.returns == 2
    arbiters = [each for each in rehearsal.sent if each.source.startswith("/offices/panrb/")]
    assert [each.command.NAME for each in arbiters] == ["dispose-complaint"]
    assert complaint.status is Status.CLOSED


def test_a_citizen_replies_once_and_is_answered_again() -> None:
    rehearsal, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, answering=Answering.REPLIES))
    assert rehearsal.names().count("reply-to-follow-up") == 1
    assert rehearsal.names().count("record-follow-up") == 2
    assert complaint.outcome is Outcome.RESOLVED


def test_a_late_reply_is_kept() -> None:
    rehearsal, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, answering=Answering.REPLIES_LATE))
    assert rehearsal.world.refused == []
    assert (complaint.status, complaint.late_replies) == (Status.CLOSED, 1)


def test_a_citizen_takes_the_complaint_back() -> None:
    _, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, answering=Answering.WITHDRAWS, conduct=Conduct.NEVER))
    assert complaint.status is Status.WITHDRAWN


@pytest.mark.parametrize("kind", [Kind.EMPTY, Kind.TOO_SHORT, Kind.NO_PLACE, Kind.UNTITLED])
def test_a_citizen_completes_what_is_missing(kind: Kind) -> None:
    _, complaint = rehearsed(kind, PLAIN)
    assert complaint.report.revision == 2
    assert complaint.outcome is Outcome.RESOLVED


@pytest.mark.parametrize(("completing", "refusals"), [(Completing.NEVER, 0), (Completing.LATE, 1)])
def test_what_is_not_completed_in_time_counts_as_withdrawn(completing: Completing, refusals: int) -> None:
    rehearsal, complaint = rehearsed(Kind.EMPTY, replace(PLAIN, completing=completing))
    assert complaint.status is Status.WITHDRAWN
    assert len(rehearsal.world.refused) == refusals


def test_the_desk_archives_what_is_out_of_scope() -> None:
    script = replace(PLAIN, desk=OfficeConduct.ARCHIVES, reason=ArchiveReason.OUT_OF_SCOPE)
    _, complaint = rehearsed(Kind.OUT_OF_SCOPE, script)
    assert complaint.outcome is Outcome.ARCHIVED


def test_the_desk_disposes_what_no_rule_routes() -> None:
    rehearsal, complaint = rehearsed(Kind.ELSEWHERE, PLAIN)
    assert rehearsal.sent[0].source.startswith("/offices/panrb/officers/")
    assert complaint.outcome is Outcome.RESOLVED


def test_what_the_desk_archived_by_mistake_it_restores_and_disposes() -> None:
    script = replace(PLAIN, desk=OfficeConduct.ARCHIVES, reason=ArchiveReason.UNCLEAR)
    rehearsal, complaint = rehearsed(Kind.ELSEWHERE, script)
    assert rehearsal.names()[:3] == ["archive-complaint", "restore-complaint", "dispose-complaint"]
    assert (complaint.restorations, complaint.outcome) == (1, Outcome.RESOLVED)


def test_a_desk_that_waits_disposes_once_it_is_pressed() -> None:
    rehearsal, complaint = rehearsed(Kind.ELSEWHERE, replace(PLAIN, desk=OfficeConduct.WAITS))
    assert next(name for name in rehearsal.names() if name != "appeal-complaint") == "dispose-complaint"
    assert complaint.rung >= 1
    assert complaint.outcome is Outcome.RESOLVED


def test_what_the_desk_forgets_stays_visible_and_climbs() -> None:
    _, complaint = rehearsed(Kind.ELSEWHERE, replace(PLAIN, desk=OfficeConduct.FORGETS))
    assert complaint.status is Status.VERIFIED
    assert complaint.exhausted
    assert complaint.waiting_for == Waiting(who="panrb", why="no-competent-office")


def test_an_administrator_closes_by_hand() -> None:
    rehearsal, complaint = rehearsed(Kind.ORDINARY, replace(PLAIN, closes=True))
    assert "close-complaint" in rehearsal.names()
    assert complaint.status is Status.CLOSED


def test_a_complaint_without_a_script_gets_one_by_lot() -> None:
    [submission] = Generator(5, DIRECTORY, BEGIN.date()).submissions(1)
    rehearsal = Rehearsal([submission])
    rehearsal.people = People(POLICIES, {}, seed=7)
    rehearsal.world.run(80)
    assert rehearsal.sent


def test_a_policy_in_working_days_is_refused() -> None:
    submission = next(
        each for each in Generator(3, DIRECTORY, BEGIN.date()).submissions(50) if each.kind is Kind.ORDINARY
    )
    rehearsal = Rehearsal([replace(submission, script=PLAIN)])
    heard: list[Recorded] = []
    rehearsal.world.watchers = [heard.append]
    rehearsal.world.run(2)
    people = People(policy_files.load("lapor"), {submission.report.complaint_id: PLAIN}, seed=1)
    disposed = next(each for each in heard if each.fact.NAME == "disposed")
    lapor = policy_files.load("lapor").versions[-1].version
    complaint = disposed.complaint.model_copy(update={"policy": lapor})
    with pytest.raises(ValueError, match="has to count in seconds"):
        people.react(disposed._replace(complaint=complaint), 0.0)
