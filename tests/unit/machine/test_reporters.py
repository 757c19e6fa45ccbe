"""Only the reporter speaks for a complaint, where the policy requires it."""

from pathlib import Path
from typing import Any

import pytest

from agents.config.keys import Keys
from agents.stages.reporter_digests import ReporterDigests
from events import commands as c
from events.reports import Reporter
from events.vocabulary import Detail, Refusal, Status
from tests.support.tables import Rows, every
from tests.support.worlds import (
    CHANNEL,
    CITIZEN,
    COMPLETE,
    LAPOR,
    PANRB,
    RATE,
    REPLY,
    REPORTERS,
    WITHDRAW,
    World,
    to_status,
)
from workflow.machine.handlers import Rejected
from workflow.machine.permissions import names_a_person

STRICT = LAPOR.model_copy(update={"citizens": "reporter"})
SPEECH: list[tuple[c.Command, Status]] = [
    (COMPLETE, Status.POSTPONED),
    (REPLY, Status.FOLLOWED_UP),
    (RATE, Status.CLOSED),
    *((c.ChangePrivacy(secret=True), status) for status in Status),
    *((WITHDRAW, status) for status in (Status.REGISTERED, Status.DISPOSED, Status.REPLIED)),
]
"""What a reporter may send, and when."""


def reported(status: Status, subject: str | None = "anonymous", **changes: Any) -> World:
    return to_status(status, STRICT, subject=subject, **changes)


def detail(world: World, command: c.Command, by: str) -> tuple[Refusal, str | None]:
    before = world.complaint
    answer = world.ask(command, by)
    assert isinstance(answer, Rejected), answer
    assert world.complaint is before
    return answer.code, answer.detail


@every(Rows(SPEECH), [CITIZEN, CHANNEL])
def test_the_reporter_and_the_channel_that_reported_it_speak(command: c.Command, status: Status, by: str) -> None:
    assert reported(status).send(command, by)


@every(
    [COMPLETE, REPLY, RATE, WITHDRAW, c.ChangePrivacy(secret=True)],
    Status,
    ["/citizens/another", "/channels/other", "/channels/sms/x", "/citizens/Anonymous"],
)
def test_others_are_refused_in_every_status(command: c.Command, status: Status, by: str) -> None:
    assert detail(reported(status), command, by) == (Refusal.NOT_PERMITTED, Detail.NOT_THE_REPORTER)


def test_without_a_subject_the_channel_speaks_alone() -> None:
    world = World(STRICT)
    assert detail(world, WITHDRAW, CITIZEN) == (Refusal.NOT_PERMITTED, Detail.NOT_THE_REPORTER)
    assert world.send(WITHDRAW, CHANNEL) == ["withdrawn"]


def test_under_an_open_policy_any_citizen_speaks_and_no_channel() -> None:
    world = to_status(Status.FOLLOWED_UP, subject="one")
    assert world.refuse(REPLY, CHANNEL) is Refusal.NOT_PERMITTED
    assert world.send(REPLY, "/citizens/another") == ["replied"]


def test_an_office_does_not_speak_for_the_reporter() -> None:
    assert detail(reported(Status.CLOSED), RATE, PANRB) == (Refusal.NOT_PERMITTED, None)


@pytest.mark.parametrize(
    "subject", ["081234567890", "+62-812-3456-7890", "5171044512900001", "made@example.org", "made%40example.org"]
)
def test_an_id_that_names_a_person_is_refused(subject: str) -> None:
    assert names_a_person(subject)
    world = World(STRICT, subject=subject)
    assert detail(world, WITHDRAW, f"/citizens/{subject}") == (Refusal.NOT_PERMITTED, Detail.NOT_THE_REPORTER)


@pytest.mark.parametrize("subject", ["anonymous", "r-7f3a91c0d2", "3f2a", "1234567", "12345678901234567"])
def test_an_id_without_personal_data_is_accepted(subject: str) -> None:
    assert not names_a_person(subject)


def test_two_complaints_of_one_reporter_have_nothing_in_common() -> None:
    first, second = (World(STRICT, name=name, subject="one").complaint.report.reporter_digest for name in "ab")
    assert first is not None
    assert second is not None
    assert first.partition(":")[2] != second.partition(":")[2]


def keys(folder: Path, *lines: str) -> Keys:
    path = folder / "keys"
    path.write_text("".join(lines))
    return Keys.from_file(path)


def test_a_key_is_rotated_and_lost(tmp_path: Path) -> None:
    old, new = (f"{name}:{'A' * 42}{end}=\n" for name, end in (("old", "A"), ("new", "E")))
    world = World(STRICT, subject="one")

    def known(*lines: str) -> bool:
        made = ReporterDigests(keys(tmp_path, old)).of_subject(world.id, Reporter(subject="one"))
        report = world.complaint.report.model_copy(update={"reporter_digest": made})
        complaint = world.complaint.model_copy(update={"report": report})
        return ReporterDigests(keys(tmp_path, *lines)).of_sender("/citizens/one", complaint) == made

    assert known(old)
    assert known(new, old)
    assert not known(new), "only the channel speaks for it then"


def test_the_digest_names_the_key_and_not_the_subject() -> None:
    digest = REPORTERS.of_subject("c", Reporter(subject="made"))
    assert digest is not None
    assert digest.startswith("derived:")
    assert "made" not in digest
    assert REPORTERS.of_subject("c", Reporter(name="Made")) is None
