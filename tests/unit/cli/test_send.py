"""Every command of the contract can be typed, and is written as the contract wants it."""

import json
import re
from typing import Any

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.cli.errors import FAILED, Failure
from agents.cli.fields import STAGES_ONLY, data_of, fields_of
from agents.cli.send import in_words_of_options, report
from agents.config.settings import Settings
from events import commands as c
from events.client import RefusedCommand, connection
from events.client.command_client import CommandRequest, CommandResult, encode_request
from events.codec.decode import decode_command
from events.outcomes import Rejection
from events.topics import RecordPosition, TopicName
from events.vocabulary import Refusal, Status
from tests.support.tables import every
from tests.support.worlds import CITIZEN, CORRECTING, LAPOR, MONDAY, REPLY, to_status
from workflow.policy.model import Policy

SENT_TO = RecordPosition(TopicName.COMMANDS, 0, 7)
COMPLAINT = "7f1c0f4e-6a0e-5a41-9c0e-0d8f3c1f2a11"
OUTSIDE = [
    command
    for command in c.COMMANDS
    if command.NAME not in {"register-complaint", "notice-deadline", "escalate-complaint", "reschedule-deadlines"}
    and command not in {c.PublishStory, c.UnpublishStory, c.EraseData}  # sent by `alur story` and `alur privacy`
]
RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})


def send(*arguments: str) -> tuple[int, str]:
    result = RUNNER.invoke(application(), ["--broker", "127.0.0.1:1", "send", *arguments])
    return result.exit_code, result.output


def write(command: type[c.Command], fields: dict[str, Any], expected: int | None = None) -> dict[str, Any]:
    order = CommandRequest(command.NAME, COMPLAINT, "/offices/panrb", "m1", data_of(command, fields), expected)
    with in_words_of_options():
        written: dict[str, Any] = json.loads(encode_request(order, MONDAY))
    return written


def test_the_commands_from_outside_are_offered_and_those_of_the_stages_are_not() -> None:
    _, output = send("--help")

    offered = set(re.findall(r"^\W*([a-z]+(?:-[a-z]+)+) ", output, re.MULTILINE))
    assert offered == {command.NAME for command in OUTSIDE}


@every(OUTSIDE)
def test_each_field_is_an_option_with_the_contracts_own_words(command: type[c.Command]) -> None:
    status, output = send(command.NAME, "--help")
    plain = " ".join(re.sub(r"[│╭╮╰╯─]", " ", output).split())

    assert status == 0
    assert "From " in plain
    for name, info in fields_of(command).items():
        assert f"--{name.replace('_', '-')}" in plain
        assert info.description is not None
        assert info.description in plain
    assert not any(f"--{name}" in plain for name in STAGES_ONLY)


def test_a_command_is_written_as_the_contract_wants_it() -> None:
    event = write(
        c.RecordFollowUp, {"text": "Sudah ditambal.", "evidence": ["https://x.test/1.jpg", "https://x.test/2.jpg"]}, 4
    )

    assert event == {
        "specversion": "1.0",
        "type": "lapor.command.record-follow-up.v1",
        "source": "/offices/panrb",
        "id": "m1",
        "subject": COMPLAINT,
        "time": "2026-03-02T02:00:00.000Z",
        "datacontenttype": "application/json",
        "expectedversion": 4,
        "data": {"text": "Sudah ditambal.", "evidence": ["https://x.test/1.jpg", "https://x.test/2.jpg"]},
    }


@pytest.mark.parametrize(
    ("command", "fields", "data"),
    [
        (c.VerifyComplaint, {"category": None, "edited_text": None}, {}),
        (
            c.PostponeComplaint,
            {"missing": ["title", "body"], "reason": "?"},
            {"missing": ["title", "body"], "reason": "?"},
        ),
        (c.ArchiveComplaint, {"reason": "spam", "duplicate_of": None}, {"reason": "spam"}),
        (c.RateResolution, {"rating": 4}, {"rating": 4}),
        (c.DecideExtension, {"approved": False}, {"approved": False}),
        (
            c.CompleteReport,
            {"location": '{"city": "Denpasar"}', "event_date": "2026-03-14", "secret": True, "attachments": []},
            {"location": {"city": "Denpasar"}, "event_date": "2026-03-14", "secret": True},
        ),
    ],
)
def test_what_is_not_given_is_not_written(
    command: type[c.Command], fields: dict[str, Any], data: dict[str, Any]
) -> None:
    event = write(command, fields)

    assert event["data"] == data
    assert decode_command(json.dumps(event).encode()).data.NAME == command.NAME


@pytest.mark.parametrize(
    ("command", "fields", "message"),
    [
        (c.RateResolution, {"rating": 9}, "--rating: Input should be less than or equal to 5"),
        (c.CompleteReport, {}, "name at least one field of the report"),
        (c.CompleteReport, {"location": '{"lat": '}, "--location: not JSON"),
        (c.CompleteReport, {"location": '{"lat": 100}'}, "--location.lat: Input should be less than or equal to 90"),
        (c.CompleteReport, {"event_date": "kemarin"}, "--event-date: "),
        (c.ArchiveComplaint, {"reason": "spam", "duplicate_of": "12"}, "--duplicate-of: "),
        (c.RecordFollowUp, {"text": "  "}, "--text: String should have at least 1 character"),
        (c.PostponeComplaint, {"reason": "?"}, "--missing: required"),
    ],
)
def test_what_the_contract_does_not_take_is_named_by_its_option(
    command: type[c.Command], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(Failure) as failure:
        write(command, fields)

    assert str(failure.value).startswith(message)
    assert failure.value.status == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify-complaint"], "Missing option '--complaint'"),
        (["record-follow-up", "--complaint", COMPLAINT, "--text", "x"], "Missing option '--as'"),
        (["decide-extension", "--complaint", COMPLAINT, "--as", "/offices/bali"], "Missing option '--approved'"),
        (["archive-complaint", "--complaint", COMPLAINT, "--reason", "bored"], "'bored' is not one of 'unclear'"),
        (["notice-deadline"], "No such command 'notice-deadline'"),
    ],
)
def test_a_mistyped_command_fails_in_one_line(arguments: list[str], message: str) -> None:
    status, output = send(*arguments)

    assert status == 2
    assert message in output
    assert len(output.splitlines()) == 1


def test_without_a_broker_nothing_is_sent() -> None:
    status, output = send("withdraw-complaint", "--complaint", COMPLAINT)

    assert (status, len(output.splitlines())) == (1, 1)
    assert "no Kafka broker answers at 127.0.0.1:1" in output


@pytest.mark.parametrize(
    ("policy", "way"),
    [
        (LAPOR, "a new report can name this one as `follows`"),
        (CORRECTING, "it can be reopened until 2026-03-16 16:59:59 UTC"),
    ],
)
def test_a_late_reply_names_the_way_that_is_left(policy: Policy, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    world = to_status(Status.CLOSED, policy)
    answer = world.ask(REPLY, CITIZEN)
    assert isinstance(answer, tuple)
    request = CommandRequest("reply-to-follow-up", world.id, CITIZEN, "late", {"text": REPLY.text})
    report(Settings(), CommandResult(request, SENT_TO, 0.1, answer))
    printed = capsys.readouterr().out
    assert f"it came after the closing: {way}" in printed
    assert f"command in {SENT_TO}" in printed


def test_a_refusal_is_reported_also_where_the_holder_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_ANSWER_MS", 100)
    asked = CommandRequest("close-complaint", COMPLAINT, CITIZEN, "m1", {})
    rejection = Rejection(
        command_id="m1",
        command_type="lapor.command.close-complaint.v1",
        command_source=CITIZEN,
        code=Refusal.NOT_PERMITTED,
        message="close-complaint is for an administrator",
    )
    refused = RefusedCommand(rejection, MONDAY)
    with pytest.raises(Failure, match="was refused, not-permitted: close-complaint is for") as failure:
        report(
            Settings(broker="127.0.0.1:1"),
            CommandResult(asked, SENT_TO, 0.1, refused=refused),
        )
    assert failure.value.status == FAILED
