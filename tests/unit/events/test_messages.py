"""Golden messages of version 1: each is still read, and still written the same.

A file here is never changed. A field that moves gets a new version of its message, and a step that reads the old one.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from events.announcements import CALENDAR, CALENDAR_TYPE, AnnouncementEvent
from events.cloudevents import CONTENT_TYPE, Frozen, log_moment, timestamp
from events.codec import decode, encode, partial
from events.codec.parsing import read_ours
from events.commands import COMMANDS, CompleteReport, RecordFollowUp, command_type
from events.facts import FACTS, FollowUpRecorded, fact_type
from events.ids import complaint_id, digest, fact_id, rejection_id, stage_command_id, tracking_id
from events.outcomes import Rejection, RejectionEvent, Resolution, ResolutionReopened, Story
from events.reports import ReportContent, ReportData, ReporterIdentity, ReportSubmitted
from events.snapshot import STATE_TYPE, Complaint
from events.texts import Erasure, FactTexts
from events.vocabulary import ComplaintClass
from tests.support.tables import every

GOLDEN = Path(__file__).parent.parent.parent / "golden" / "v1"

REPORT = ReportSubmitted.TYPE
COMMAND_TYPES = [command_type(command.NAME) for command in COMMANDS]
FACT_TYPES = [fact_type(fact.NAME) for fact in FACTS]
CALENDAR_TYPES = [AnnouncementEvent.TYPE, CALENDAR_TYPE]
VALUES: dict[str, type[Frozen]] = {
    "reporter-identity.v1": ReporterIdentity,
    "story.v1": Story,
    "fact-texts.v1": FactTexts,
    "erasure.v1": Erasure,
}
ALL = [
    REPORT,
    *COMMAND_TYPES,
    *FACT_TYPES,
    *CALENDAR_TYPES,
    STATE_TYPE,
    Rejection.TYPE,
    Resolution.TYPE,
    ResolutionReopened.TYPE,
]


def golden(kind: str) -> bytes:
    return (GOLDEN / f"{kind}.json").read_bytes()


def test_there_is_one_example_of_each_message() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"{kind}.json" for kind in [*ALL, *VALUES]}


@pytest.mark.parametrize("kind", VALUES)
def test_values(kind: str) -> None:
    value = read_ours(VALUES[kind], golden(kind))
    again = encode.encode_texts(value) if isinstance(value, FactTexts) else encode.encode_value(value)
    assert json.loads(again) == json.loads(golden(kind))


@every(ALL)
def test_each_is_a_cloud_event(kind: str) -> None:
    event = json.loads(golden(kind))
    assert (event["specversion"], event["type"], event["datacontenttype"]) == ("1.0", kind, "application/json")
    assert event["source"].startswith("/")
    assert event["id"]
    # extension attributes have names of lower-case letters and digits, and no structure
    assert all(name.isalnum() and name == name.lower() for name in event)
    assert all(isinstance(value, str) for name, value in event.items() if name != "data")


@every(COMMAND_TYPES)
def test_commands(kind: str) -> None:
    raw = golden(kind)
    event = decode.decode_command(raw)
    assert event.time is not None
    again = encode.encode_command(
        event.data, source=event.source, command_id=event.id, subject=str(event.subject), time=event.time
    )
    assert json.loads(again) == json.loads(raw)
    assert decode.decode_command(again) == event


@every(FACT_TYPES)
def test_facts(kind: str) -> None:
    raw = golden(kind)
    recorded = decode.decode_fact(raw)
    again = encode.encode_fact(recorded, encode.encode_complaint(recorded.complaint))
    assert json.loads(again) == json.loads(raw)
    assert decode.decode_fact(again) == recorded
    headers = dict(encode.fact_headers(recorded))
    assert headers["content-type"] == CONTENT_TYPE.encode()
    assert headers["fact"].decode() == recorded.fact.NAME
    assert headers["writer"] == b"1"


def test_snapshot() -> None:
    raw = golden(STATE_TYPE)
    complaint = decode.decode_snapshot(raw)
    written = encode.encode_complaint(complaint)
    again = encode.encode_snapshot(complaint, written)
    assert json.loads(again) == json.loads(raw)
    expected = (written, complaint.complaint_id.encode(), complaint.version, complaint.status)
    for laid_out in (again, raw):
        assert partial.snapshot_in(laid_out, ours=True) == partial.snapshot_in(laid_out, ours=False) == expected
    assert decode.read_complaint(written) == complaint


def test_announcement() -> None:
    raw = golden(AnnouncementEvent.TYPE)
    event = decode.decode_announcement(raw)
    assert decode.is_announcement(raw)
    assert event.time is not None
    again = encode.encode_command(
        event.data, source=event.source, command_id=event.id, subject=CALENDAR, time=event.time
    )
    assert json.loads(again) == json.loads(raw)


def test_calendar() -> None:
    raw = golden(CALENDAR_TYPE)
    found = decode.decode_calendar(raw)
    assert found.revision == len(found.announcements)
    again = encode.encode_calendar(found, partition=3, time=found.announcements[-1].announced_at)
    assert json.loads(again) == json.loads(raw)


def test_a_calendar_of_a_time_without_folding_is_read() -> None:
    raw = (GOLDEN.parent / "without-folding" / f"{CALENDAR_TYPE}.json").read_bytes()
    assert decode.decode_calendar(raw) == decode.decode_calendar(golden(CALENDAR_TYPE))


def test_report() -> None:
    raw = golden(REPORT)
    report = decode.decode_report(raw)
    assert report.data.model_dump(mode="json", by_alias=True) == _with_nulls(json.loads(raw)["data"])
    assert report.complaint_id == json.loads(golden(STATE_TYPE))["subject"]
    assert not hasattr(report.data.content(), "reporter")


def _with_nulls(data: dict[str, Any]) -> dict[str, Any]:
    files = [
        file if isinstance(file, str) else {"name": None, "media_type": None} | file for file in data["attachments"]
    ]
    return data | {"attachments": files}


def test_rejection() -> None:
    event = json.loads(golden(Rejection.TYPE))
    rejection = Rejection.model_validate_json(json.dumps(event["data"]))
    moment = decode.decode_command(golden(COMMAND_TYPES[0])).time
    assert moment is not None
    written = encode.encode_rejection(rejection, subject=event["subject"], time=moment, partition=1, offset=5021)
    assert json.loads(written) == event


def test_a_command_that_comes_twice_gets_two_rejections() -> None:
    names = {rejection_id("419535e9", partition, offset) for partition in (0, 1) for offset in (0, 1, 10)}
    assert len(names) == 6


def test_a_rejection_of_a_time_without_details_is_read() -> None:
    raw = (GOLDEN.parent / "without-detail" / f"{Rejection.TYPE}.json").read_bytes()
    assert read_ours(RejectionEvent, raw).data.detail is None


def test_resolution() -> None:
    event = json.loads(golden(Resolution.TYPE))
    resolution = Resolution.model_validate_json(json.dumps(event["data"]))
    last = decode.decode_fact(golden("lapor.complaint.rated.v1"))
    again = encode.encode_resolution(resolution, subject=event["subject"], version=last.complaint.version, time=last.at)
    assert json.loads(again) == event


def test_a_resolution_that_is_taken_back() -> None:
    event = json.loads(golden(ResolutionReopened.TYPE))
    reopened = decode.decode_fact(golden("lapor.complaint.reopened.v1"))
    again = encode.encode_resolution(
        ResolutionReopened.model_validate_json(json.dumps(event["data"])),
        subject=event["subject"],
        version=reopened.complaint.version,
        time=reopened.at,
    )
    assert json.loads(again) == event
    assert decode.decode_resolution(again).data == ResolutionReopened(tracking_id="1041007", reopened_at=reopened.at)


@pytest.mark.parametrize("kind", ["lapor.complaint.registered.v1", "lapor.complaint.report-completed.v1", STATE_TYPE])
def test_complaints_of_a_time_without_digests_are_read(kind: str) -> None:
    raw = (GOLDEN.parent / "without-digests" / f"{kind}.json").read_bytes()
    complaint = decode.decode_snapshot(raw) if kind == STATE_TYPE else decode.decode_fact(raw).complaint
    assert (complaint.report.content_digests, complaint.report.completed_digests) == (None, None)


@pytest.mark.parametrize("kind", ["lapor.complaint.disposed.v1", STATE_TYPE])
def test_clocks_of_a_time_when_their_zone_was_not_kept_are_read(kind: str) -> None:
    raw = (GOLDEN.parent / "without-zone" / f"{kind}.json").read_bytes()
    complaint = decode.decode_snapshot(raw) if kind == STATE_TYPE else decode.decode_fact(raw).complaint
    assert complaint.clocks
    assert {clock.zone for clock in complaint.clocks.values()} == {None}


@pytest.mark.parametrize("kind", ["lapor.complaint.registered.v1", STATE_TYPE])
def test_complaints_of_a_time_without_digests_of_reporters_are_read(kind: str) -> None:
    raw = (GOLDEN.parent / "without-reporter-digest" / f"{kind}.json").read_bytes()
    complaint = decode.decode_snapshot(raw) if kind == STATE_TYPE else decode.decode_fact(raw).complaint
    assert complaint.report.reporter_digest is None


@pytest.mark.parametrize("kind", ["lapor.complaint.closed.v1", STATE_TYPE])
def test_complaints_of_a_time_when_each_story_was_published_are_read(kind: str) -> None:
    raw = (GOLDEN.parent / "without-stories" / f"{kind}.json").read_bytes()
    complaint = decode.decode_snapshot(raw) if kind == STATE_TYPE else decode.decode_fact(raw).complaint
    assert complaint.story_published is None


def test_a_fact_is_its_own_fields_and_by_and_the_complaint() -> None:
    event = json.loads(golden("lapor.complaint.disposed.v1"))
    assert event["data"].keys() == {"office", "round", "by", "complaint"}
    complaint = Complaint.model_validate_json(json.dumps(event["data"]["complaint"]))
    assert event["id"] == fact_id(complaint.complaint_id, complaint.version)
    assert event["sequence"] == f"{complaint.version:010d}"
    assert (event["source"], event["subject"]) == ("/stages/lifecycle", complaint.complaint_id)


class TestNames:
    def test_a_channel_can_compute_the_complaint_id(self) -> None:
        # uuid5 in the URL namespace, as any language has it
        assert complaint_id("/channels/sms", "1708-000123") == "419535e9-5c83-5206-857a-a7517e758cf7"

    def test_stage_commands_are_named_after_what_they_were_decided_on(self) -> None:
        complaint = complaint_id("/channels/sms", "1")
        assert stage_command_id(complaint, "verify", 1) == stage_command_id(complaint, "verify", 1)
        assert len({stage_command_id(complaint, "verify", 1), stage_command_id(complaint, "verify", 2)}) == 2

    def test_two_senders_never_share_a_digest(self) -> None:
        assert digest("/a", "b") != digest("/a#", "b") != digest("/a", "#b")
        assert digest("a", "#b") != digest("a#", "b")
        assert len(digest("/a", "b")) == 16

    def test_tracking_ids_are_digits_and_differ(self) -> None:
        ids = [tracking_id(partition, offset) for partition in range(13) for offset in (0, 1, 999, 1000, 10**6, 10**9)]
        assert len(set(ids)) == len(ids)
        assert all(each.isdigit() and len(each) >= 7 for each in ids)


def test_moments_are_written_in_milliseconds() -> None:
    moment = decode.decode_fact(golden("lapor.complaint.disposed.v1")).at
    assert timestamp(moment.replace(microsecond=999_999)).endswith(".999Z")
    assert timestamp(moment.replace(microsecond=0)).endswith(".000Z")


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        (1_773_627_060_123, "2026-03-16T02:11:00.123Z"),
        (-2, "1970-01-01T00:00:00.000Z"),
        (-(10**15), "1970-01-01T00:00:00.000Z"),
        (2**63 - 1, "9998-12-31T23:59:59.000Z"),
    ],
)
def test_every_stamp_that_kafka_takes_is_a_moment(stamp: int, moment: str) -> None:
    assert timestamp(log_moment(stamp)) == moment


class TestPlausible:
    UNSEEN = ("\u200b", "\u2060\ufeff \u200d", "\u3164\u115f", "\u2800")

    @pytest.mark.parametrize("text", UNSEEN)
    def test_a_text_in_which_nothing_is_seen_is_empty(self, text: str) -> None:
        with pytest.raises(ValidationError, match="a report needs a title or a body that is not empty"):
            ReportData.model_validate({"class": ComplaintClass.COMPLAINT, "title": text, "body": text})
        with pytest.raises(ValidationError, match="its text is invisible"):
            RecordFollowUp(text=text)
        with pytest.raises(ValidationError, match="its title is invisible"):
            CompleteReport(title=text)

    @pytest.mark.parametrize("text", ["ａ", "👍🏽", "ꦗꦭꦤ꧀", "x\u200b"])  # noqa: RUF001 -- wide on purpose
    def test_any_other_is_not(self, text: str) -> None:
        assert ReportData.model_validate({"class": ComplaintClass.COMPLAINT, "title": text}).title == text

    @pytest.mark.parametrize(
        "link",
        ["javascript:alert(1)", "JAVA\tSCRIPT:alert(1)", " data:text/html,x", "file:///etc/passwd", "ftp://x.test/1"],
    )
    def test_a_link_of_another_scheme_is_no_attachment_and_no_evidence(self, link: str) -> None:
        data = {"class": ComplaintClass.COMPLAINT, "title": "x"}
        for attachment in (link, {"url": link}):
            with pytest.raises(ValidationError, match="is not an attachment: use http or https"):
                ReportData.model_validate(data | {"attachments": [attachment]})
        with pytest.raises(ValidationError, match="is not an attachment"):
            RecordFollowUp(text="Sudah.", evidence=(link,))

    def test_values_that_were_once_accepted_are_read_unchanged(self) -> None:
        data = {"class": ComplaintClass.COMPLAINT, "title": "\u200b", "attachments": ["javascript:alert(1)"]}
        assert ReportContent.model_validate(data).attachments == ("javascript:alert(1)",)
        assert (
            FollowUpRecorded(by="/offices/a", office="a", text="\u200b", evidence=("ftp://x.test/1",)).text == "\u200b"
        )
