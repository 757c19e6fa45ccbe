"""`alur schemas`: what is written, printed, and may be released."""

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.contract.files import Released, incompatibilities, last_released, release
from agents.contract.messages import message_schemas

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent.parent.parent
RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
REPORT = "lapor.report.submitted.v1.json"
FACT = "lapor.complaint.closed.v1.json"


def schemas(command: str, directory: Path, examples: Path = ROOT / "tests" / "golden") -> Result:
    options = ["--directory", str(directory), "--examples", str(examples)]
    return RUNNER.invoke(application(), ["schemas", command, *options])


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """What is published, to spoil; the same was released as 0.1.0."""
    directory = tmp_path / "schemas"
    shutil.copytree(ROOT / "schemas", directory, ignore=lambda _, names: {"released"} & set(names))
    release(directory, "0.1.0")
    return directory


def spoil(path: Path, change: Callable[[Any], object]) -> None:
    schema = json.loads(path.read_bytes())
    change(schema)
    path.write_text(json.dumps(schema))


def test_the_published_files_are_up_to_date(published: Path) -> None:
    result = schemas("check", published)
    assert result.exit_code == 0
    assert "files are up to date with the models, and compatible with" in result.output


def test_written_files_pass_the_check(published: Path) -> None:
    (published / REPORT).unlink()
    (published / "old.v1.json").write_text("{}\n")
    assert f"{published}: 2 of " in schemas("write", published).output
    assert schemas("check", published).exit_code == 0
    assert f"{published}: 0 of " in schemas("write", published).output


def test_each_outdated_file_is_one_line(published: Path) -> None:
    (published / FACT).unlink()
    (published / "old.v1.json").write_text("{}\n")
    (published / "asyncapi.json").write_text("{")
    spoil(published / REPORT, lambda schema: schema["$defs"]["ReportData"]["properties"]["title"]["anyOf"].pop())
    (published / "story.v1.json").write_text((published / "story.v1.json").read_text() + "\n")
    spoil(published / "lapor.command.rejected.v1.json", lambda schema: schema.update(title="no"))
    result = schemas("check", published)
    assert result.exit_code == 1
    todo = "; run `alur schemas write` and review the difference"
    lines = dict(line.split(": ", 1) for line in result.stderr.splitlines())
    assert lines[str(published / FACT)] == f"does not exist{todo}"
    assert lines[str(published / "old.v1.json")] == f"describes no message{todo}"
    for name in ("asyncapi.json", REPORT, "story.v1.json", "lapor.command.rejected.v1.json"):
        assert lines[str(published / name)] == f"differs from the models{todo}"
    assert lines["alur"] == f"{published}: 6 errors"


def broken(*changes: tuple[str, Callable[[Any], object]]) -> list[str]:
    """The models cannot be changed here, so what was released is."""
    old = deepcopy(dict(message_schemas()))
    for name, change in changes:
        change(old[name.removesuffix(".json")])
    return incompatibilities(Path("schemas"), Released("0.1.0", old))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            REPORT,
            lambda schema: schema["$defs"]["ComplaintClass"]["enum"].append("pengaduan"),
            'data.class: "pengaduan" was removed; breaks senders of 0.1.0: valid messages would be refused; undo',
        ),
        (
            REPORT,
            lambda schema: schema["$defs"]["ReportData"]["required"].remove("class"),
            "data.class: is required; breaks senders of 0.1.0: ",
        ),
        (
            REPORT,
            lambda schema: schema["$defs"]["ReportData"]["properties"].update(subdistrict={"type": "string"}),
            "data.subdistrict: was removed; breaks senders of 0.1.0: valid messages would be refused; ",
        ),
        (
            FACT,
            lambda schema: schema["$defs"]["Complaint"]["properties"].update(mood={"type": "string"}),
            "data.complaint.mood: was removed; breaks readers of 0.1.0: they may need it; ",
        ),
        (
            FACT,
            lambda schema: schema["$defs"]["Complaint"]["properties"]["rung"].update(maximum=3),
            "data.complaint.rung: is without a limit, was 3; breaks readers of 0.1.0: they may not expect it; ",
        ),
        (
            FACT,
            lambda schema: schema["$defs"]["Status"]["enum"].remove("withdrawn"),
            'data.complaint.status: "withdrawn" is new; breaks readers of 0.1.0: ',
        ),
    ],
)
def test_a_breaking_change_is_one_line_with_field_reason_and_remedy(
    name: str, change: Callable[[Any], object], message: str
) -> None:
    (line,) = broken((name, change))
    assert line.startswith(f"schemas/{name}: {message}")
    assert line.endswith("; undo it, or keep v1 unchanged and add v2, with an upcast")


def test_a_breaking_change_fails_the_check_and_is_named_on_writing(published: Path) -> None:
    def change(schema: Any) -> None:
        schema["$defs"]["ReportData"]["required"].remove("class")

    spoil(published / "released" / "0.1.0" / REPORT, change)
    error = broken((REPORT, change))[0].replace("schemas/", f"{published}/", 1)
    checked, kept, written = (schemas(command, published) for command in ("check", "release", "write"))
    assert [result.exit_code for result in (checked, kept, written)] == [1, 1, 0]
    assert checked.stderr == f"{error}\nalur: {published}: 1 error\n"
    assert kept.stderr == f"{error}\nalur: {published}: 1 error; nothing was released\n"
    assert written.stderr == f"{error}\n"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (REPORT, lambda schema: schema["$defs"]["ComplaintClass"]["enum"].pop()),
        (REPORT, lambda schema: schema["$defs"]["ReportData"]["properties"].pop("office")),
        (REPORT, lambda schema: schema["$defs"]["ReportData"]["required"].append("location")),
        (FACT, lambda schema: schema["$defs"]["Complaint"]["properties"].pop("rung")),
        (FACT, lambda schema: schema["$defs"]["Complaint"]["required"].remove("rung")),
        (FACT, lambda schema: schema["$defs"]["Status"]["enum"].append("paused")),
    ],
)
def test_a_widening_change_is_not_breaking(name: str, change: Callable[[Any], object]) -> None:
    assert broken((name, change)) == []


def test_the_documents_show_such_a_line() -> None:
    def longer(schema: Any) -> None:
        data = schema["properties"]["data"]["$ref"].rpartition("/")[2]
        schema["$defs"][data]["properties"]["title"]["anyOf"][0]["maxLength"] = 400

    (line,) = broken((REPORT, longer), ("lapor.command.complete-report.v1.json", longer))
    assert f"\n{line}\n" in (ROOT / "docs" / "reference" / "schemas.md").read_text(encoding="utf-8")


def test_a_part_of_many_messages_is_one_line() -> None:
    def moody(schema: Any) -> None:
        schema["$defs"]["Complaint"]["properties"]["mood"] = {"type": "string"}

    kinds = [kind for kind in message_schemas() if kind.startswith("lapor.complaint.")]
    (line,) = broken(*((kind, moody) for kind in kinds))
    assert line.startswith(f"schemas/{min(kinds)}.json (and {len(kinds) - 1} more): data.complaint.mood: ")


def test_a_message_that_is_gone_is_a_line() -> None:
    old = {**message_schemas(), "lapor.report.withdrawn.v1": {"type": "object"}}
    (line,) = incompatibilities(Path("schemas"), Released("0.1.0", old))
    assert line == (
        "schemas/lapor.report.withdrawn.v1.json: message: was removed; breaks users of 0.1.0: "
        "it would be unknown; keep it as long as it is used"
    )


def test_the_highest_version_is_the_last_one(published: Path) -> None:
    for version_number in ("0.9.0", "0.10.0", "0.10.0rc1"):
        shutil.copytree(published / "released" / "0.1.0", published / "released" / version_number)
    last = last_released(published)
    assert last is not None
    assert last.version == "0.10.0"


class TestReleasing:
    def test_a_valid_contract_is_kept_under_the_version_of_the_package(self, published: Path) -> None:
        shutil.rmtree(published / "released")
        assert "nothing was released to compare with" in schemas("check", published).stderr
        assert schemas("release", published).output == f"released {published / 'released' / version('alur')}\n"
        assert schemas("check", published).exit_code == 0

    def test_a_version_is_released_once(self, published: Path) -> None:
        release(published, "99.0.0")
        result = schemas("release", published)
        assert result.exit_code == 1
        assert result.stderr.startswith("alur: 99.0.0 has been released; give pyproject.toml a higher version")

    def test_one_that_is_interrupted_leaves_nothing(self, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before, copied = set(published.rglob("*")), list[Path]()

        def copy(source: Path, target: Path) -> None:
            if len(copied) == 3:
                raise KeyboardInterrupt
            copied.append(target)
            target.write_bytes(source.read_bytes())

        monkeypatch.setattr(shutil, "copyfile", copy)
        with pytest.raises(KeyboardInterrupt):
            release(published, "99.0.0")
        assert set(published.rglob("*")) == before
        monkeypatch.undo()
        kept = release(published, "99.0.0")
        assert {path.name for path in kept.iterdir()} == {path.name for path in kept.parent.joinpath("0.1.0").iterdir()}

    def test_an_outdated_contract_is_not_released(self, published: Path) -> None:
        (published / REPORT).unlink()
        result = schemas("release", published)
        assert result.exit_code == 1
        assert "nothing was released" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"), [(None, "there is no example of this message; keep one there"), ("{", "is not JSON: ")]
)
def test_an_example_that_is_not_there_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    golden = Path(shutil.copytree(ROOT / "tests" / "golden", tmp_path / "golden"))
    example = golden / "v1" / REPORT
    example.unlink()
    if text is not None:
        example.write_text(text)
    result = schemas("write", tmp_path / "schemas", golden)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"alur: {example}: {message}")


def test_outside_of_a_checkout_it_is_one_line(tmp_path: Path) -> None:
    for command in ("write", "check", "release"):
        result = schemas(command, tmp_path / "schemas", tmp_path / "golden")
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert result.stderr.startswith(f"alur: {tmp_path / 'golden'}: there is no such folder; run this in a checkout")
    assert list(tmp_path.iterdir()) == []


def test_a_released_file_that_cannot_be_read_is_one_line(published: Path) -> None:
    (published / "released" / "0.1.0" / REPORT).write_text("{")
    result = schemas("check", published)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "is not JSON" in result.stderr
    assert "restore the release from git" in result.stderr
