"""The reference has every key of a policy and every variable, with the defaults that the models have."""

import re
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from tests.support.tables import every
from workflow.deadlines.durations import Duration
from workflow.policy import document, model, offices_document, overrides, terms

ROOT = Path(__file__).parents[3]
POLICY = (ROOT / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
ENVIRONMENT = (ROOT / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    "File": document._Document,  # noqa: SLF001 -- only the reader and this test need the form of a file
    "Calendar": document._CalendarChanges,  # noqa: SLF001 -- the same
    "Versions": model.Rules,
    "Clocks": terms.Clocks,
    "Completeness": model.Completeness,
    "Duplicates": model.Duplicates,
    "Reopening": model.Reopening,
    "Appeal": model.Appeal,
    "Extension": terms.Extension,
    "Overrides": overrides.Override,
    "Offices": offices_document._Agency,  # noqa: SLF001 -- the same
    "Units": offices_document._Unit,  # noqa: SLF001 -- the same
}


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the one table in a text, without its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"][2:]


def section(heading: str) -> str:
    return re.split(r"^#+ ", POLICY.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def as_written(value: Any) -> Any:
    """A default as one would write it in TOML."""
    match value:
        case Duration() | ZoneInfo():
            return str(value)
        case frozenset() | tuple():
            return [str(each) for each in value]
        case BaseModel():
            return {}
    return value


@every(SECTIONS)
def test_every_key_is_there_with_its_default(heading: str) -> None:
    fields = SECTIONS[heading].model_fields
    defaults = {row[0].strip("`"): row[2] for row in rows(section(heading))}
    assert list(defaults) == [field.alias or name for name, field in fields.items()]
    for name, field in zip(defaults, fields.values(), strict=True):
        if field.is_required():
            assert defaults[name] == "required"
            continue
        default = as_written(field.get_default(call_default_factory=True))
        written = defaults[name].strip("`")
        documented = None if written == "none" else tomllib.loads(f"value = {written}")["value"]
        if isinstance(default, list):
            assert sorted(documented or ()) == sorted(default), name
        else:
            assert documented == default, name


def test_every_section_is_of_a_model() -> None:
    headings = re.findall(r"^#+ (.+)$", POLICY, re.MULTILINE)
    headed = [heading for heading in headings if "\n| key " in section(heading)]
    assert headed == list(SECTIONS)


def test_every_variable_is_there() -> None:
    code = "\n".join(path.read_text() for folder in ("agents", "events") for path in (ROOT / folder).rglob("*.py"))
    # the first three are between our own processes, the others stand for several
    others = {"ALUR_RESTARTS", "ALUR_LIFELINE", "ALUR_READY", "ALUR_SASL", "ALUR_TLS"}
    read = set(re.findall(r"\bALUR_[A-Z_]*[A-Z]\b", code)) - others
    assert {row[0].strip("`") for row in rows(ENVIRONMENT)} == read
