"""The documents agree with the code: examples, generated tables, names and figures."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from agents.contract.messages import message_schemas
from events import cloudevents
from events.announcements import CALENDAR, AnnounceHoliday, AnnouncementEvent
from events.codec import decode
from events.commands import COMMANDS, PostponeComplaint
from events.errors import Undecodable
from events.facts import FACTS
from events.ids import complaint_id
from events.outcomes import Rejection, Resolution
from events.reports import ReportSubmitted
from events.snapshot import REMEMBERED_COMMANDS
from events.topics import INWARD_RECORD_BYTES, TopicName
from events.vocabulary import ClockName, ComplaintClass, Detail, Outcome, Refusal, Status
from tests.support import generated_docs
from tests.support.tables import every

ROOT = Path(__file__).parent.parent.parent.parent
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*DOCS, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
CONTRACT = (ROOT / "docs" / "reference" / "contract.md").read_text(encoding="utf-8")
LIFECYCLE = (ROOT / "docs" / "reference" / "lifecycle.md").read_text(encoding="utf-8")
SCHEMAS = message_schemas()
ADRS = sorted((ROOT / "docs" / "adr").glob("0*.md"))


def _blocks(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each fenced block of a document: its language and its text."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


JSON: list[Any] = [
    json.loads(text)
    for path in PAGES
    for language, block in _blocks(path)
    # messages stand in the input of commands too, one a line
    for text in ([block] if language == "json" else re.findall(r'^\{"specversion".*$', block, re.MULTILINE))
]
EXAMPLES: list[dict[str, Any]] = [event for event in JSON if isinstance(event, dict) and "specversion" in event]


@pytest.mark.parametrize("event", EXAMPLES, ids=[event["type"] for event in EXAMPLES])
def test_each_example_is_read(event: dict[str, Any]) -> None:
    raw, kind = json.dumps(event).encode(), event["type"]
    if kind == ReportSubmitted.TYPE:
        decode.decode_report(raw)
    elif kind == Rejection.TYPE:
        rejection = Rejection.model_validate_json(json.dumps(event["data"]))
        assert event["causationid"] == rejection.command_id
        assert re.fullmatch(rf"{event['subject']}/rejected/\d+/\d+", event["id"])
    elif kind == Resolution.TYPE:
        Resolution.model_validate_json(json.dumps(event["data"]))
    elif kind == AnnouncementEvent.TYPE:
        decode.decode_announcement(raw)
    elif kind.startswith("lapor.command."):
        decode.decode_command(raw)
    else:
        complaint = decode.decode_fact(raw).complaint
        assert event["sequence"] == f"{complaint.version:010d}"
    Draft202012Validator(SCHEMAS[kind]).validate(event)


def test_there_is_an_example_of_each_kind_of_message() -> None:
    kinds = {event["type"] for event in EXAMPLES}
    assert kinds >= {ReportSubmitted.TYPE, Rejection.TYPE, Resolution.TYPE, "lapor.complaint.disposed.v1"}


def test_json_that_is_no_message_does_not_look_like_one() -> None:
    others = [value for value in JSON if value not in EXAMPLES]
    assert [value for value in others if "lapor." in json.dumps(value)] == []


def test_the_examples_are_of_one_complaint() -> None:
    named = complaint_id("/channels/sms", "1708-000123")
    assert f"`{named}`" in CONTRACT
    events = [
        json.loads(block)
        for language, block in _blocks(ROOT / "docs" / "reference" / "contract.md")
        if language == "json"
    ]
    assert {event.get("subject", named) for event in events} - {CALENDAR} == {named}


@pytest.mark.parametrize("name", generated_docs.DOCUMENTS)
def test_what_is_generated_is_what_the_code_gives(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "<!-- generated: " in text
    assert generated_docs.renewed(text) == text


def test_every_block_stands_in_a_document() -> None:
    found = {
        name for path in DOCS for name in re.findall(r"<!-- generated: (\w+) -->", path.read_text(encoding="utf-8"))
    }
    assert found == generated_docs.BLOCKS.keys()


def test_a_document_that_is_behind_is_named_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "a.md"
    document.write_text("# A\n<!-- generated: clocks -->\nold\n<!-- end: clocks -->\nkept\n", encoding="utf-8")
    assert generated_docs.main(["--check", str(document)]) == 1
    assert str(document) in capsys.readouterr().err
    assert generated_docs.main([str(document)]) == 0
    assert generated_docs.main(["--check", str(document)]) == 0
    text = document.read_text(encoding="utf-8")
    assert text.startswith("# A\n")
    assert text.endswith("kept\n")
    assert "citizen_reply" in text


def _first_cells(text: str, heading: str) -> list[str]:
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    return rows[2:]


def test_every_code_of_a_rejection_is_explained() -> None:
    assert sorted(_first_cells(CONTRACT, "Rejections")) == sorted(f"`{code}`" for code in Refusal)


def test_every_detail_of_a_rejection_is_explained() -> None:
    assert _first_cells(CONTRACT, "Details of rejections") == [f"`{detail}`" for detail in Detail]


def test_every_status_command_fact_and_clock_is_there() -> None:
    assert _first_cells(LIFECYCLE, "Statuses") == [f"`{status}`" for status in Status]
    assert _first_cells(LIFECYCLE, "Commands") == [f"`{command.NAME}`" for command in COMMANDS]
    assert _first_cells(LIFECYCLE, "Facts") == [f"`{fact.NAME}`" for fact in FACTS]
    assert _first_cells(LIFECYCLE, "Clocks") == [f"`{clock}`" for clock in ClockName]
    assert _first_cells(CONTRACT, "Topics") == [f"`{topic}`" for topic in TopicName]
    assert all(f"`{word}`" in CONTRACT for word in (*ComplaintClass, *Outcome))


def _longest(model: type[BaseModel], name: str) -> int:
    properties = model.model_json_schema(by_alias=True)["properties"][name]
    return int(properties["maxItems"] if "maxItems" in properties else properties["maxLength"])


def _refusal(value: str) -> str:
    with pytest.raises(Undecodable) as caught:
        decode.decode_report(f'{{"a":{value}}}'.encode())
    return caught.value.code


def test_the_limits_are_those_of_the_models() -> None:
    section = CONTRACT.split("\n## Limits\n", 1)[1].split("\n## ", 1)[0]
    cells = [line.rsplit("|", 2)[1].strip() for line in section.splitlines() if line.startswith("|")][2:]
    limits = [
        cloudevents.MAX_TITLE,
        cloudevents.MAX_BODY,
        cloudevents.MAX_TEXT,
        cloudevents.MAX_NAME,
        cloudevents.MAX_LINK,
        cloudevents.MAX_LINKS,
    ]
    figures = [int(re.sub(r"\D", "", limit)) for limit in cells]
    assert figures[: len(limits)] == limits
    most_missing, announced, attribute, digits, depth, record_mib = figures[len(limits) :]
    assert _longest(PostponeComplaint, "missing") == most_missing
    assert {_longest(AnnounceHoliday, name) for name in ("name", "decree")} == {announced}
    assert attribute == cloudevents.MAX_ATTRIBUTE
    assert record_mib * 2**20 == INWARD_RECORD_BYTES
    for value, beyond in (("1" * digits, "1" * (digits + 1)), ("[" * depth + "]" * depth, "[" * 210 + "]" * 210)):
        assert _refusal(value) == "unknown-type"
        assert _refusal(beyond) == "not-json"
    assert f"remembers the last {REMEMBERED_COMMANDS} commands" in CONTRACT


def _anchors(path: Path) -> set[str]:
    """What the headings of a document are called in links, as GitHub makes it of them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        heading_text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", heading_text).strip().replace(" ", "-")
        again = sum(each == name or re.fullmatch(rf"{re.escape(name)}-\d+", each) is not None for each in found)
        found.add(f"{name}-{again}" if name in found else name)
    return found


def _links(path: Path) -> list[str]:
    """The links of a document, those in its code left out."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^]]+\]: (\S+)$", text, re.MULTILINE)


@every(PAGES)
def test_links_lead_somewhere(path: Path) -> None:
    for target in _links(path):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), target
        assert linked.resolve().is_relative_to(ROOT), target
        if anchor:
            assert anchor in _anchors(linked), target


def _definitions(path: Path) -> Iterator[str]:
    """Yield the names that a module defines, members of its classes as `Class.member`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{getattr(member, 'name', '')}" for member in node.body)
        if isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target)


WALKED = [
    (path.parent / target, name)
    for path in DOCS
    for name, target in re.findall(r"\[`([\w.]+)`\]\(([^)\s]+\.py)\)", path.read_text(encoding="utf-8"))
]


@every(WALKED)
def test_a_name_is_defined_in_the_file_that_it_links_to(link: tuple[Path, str]) -> None:
    file, name = link
    assert name in set(_definitions(file))


def test_every_page_is_found_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in _links(index) if "://" not in target}
    decisions = {path for path in DOCS if path.parent.name == "adr"}
    assert set(DOCS) - decisions - {index} <= linked


class TestDecisions:
    def test_they_are_numbered_and_listed(self) -> None:
        index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
        numbers = [path.name[:4] for path in ADRS]
        assert numbers == sorted(set(numbers))
        assert re.findall(r"^[-|] \[\d{4}\]\((.+?)\)", index, re.MULTILINE) == [path.name for path in ADRS]

    @every(ADRS)
    def test_each_has_context_decision_and_consequences(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
