"""The top-level packages of the distribution: no conflict with others, no stray files."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.tables import every

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
NAMES = ("agents", "events", "workflow", "schemas")

EXPECTED = {
    *("agents", "docs", "events", "schemas", "tests", "workflow"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
    *("Dockerfile", "Makefile", "docker-compose.yml", "pyproject.toml", "requirements.lock"),
}
MADE_BY_TOOLS = {"alur.egg-info", "build", "dist"}
IN_AND_OUT = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}


def owned_by_others() -> dict[str, set[str]]:
    """Return our names that another installed distribution brings too, with the distributions that do."""
    distributions = packages_distributions()
    others = {name: set(distributions.get(name, ())) - {"alur"} for name in NAMES}
    return {name: owners for name, owners in others.items() if owners}


def core_modules() -> Iterator[Path]:
    for package in ("events", "workflow"):
        yield from (ROOT / package).rglob("*.py")


def test_no_other_distribution_owns_one_of_our_names() -> None:
    assert owned_by_others() == {}, "install into an environment of its own: these shadow each other"


def test_another_owner_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = tmp_path / "openai_agents-1.0.dist-info"
    stranger.mkdir()
    stranger.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: openai-agents\nVersion: 1.0\n")
    stranger.joinpath("top_level.txt").write_text("agents\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    assert owned_by_others() == {"agents": {"openai-agents"}}


def test_our_names_are_imported_from_here() -> None:
    import agents  # noqa: PLC0415 -- the import is what is tested
    import events  # noqa: PLC0415
    import workflow  # noqa: PLC0415

    for package in (agents, events, workflow):
        assert Path(package.__file__ or "").parent == ROOT / package.__name__


def test_the_top_level_holds_what_is_expected_and_nothing_else() -> None:
    visible = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert visible - MADE_BY_TOOLS <= EXPECTED


def test_what_is_needed_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]

    locked = {_normal(pin.partition("==")[0]) for pin in pins}
    extras = project["optional-dependencies"]
    needed = {_normal(line) for line in project["dependencies"] + extras["dev"] + extras["otel"]}
    assert needed <= locked
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", pin)] == []


def test_every_package_has_an_init_and_so_is_installed() -> None:
    for package in ("agents", "events", "workflow"):
        folders = {module.parent for module in (ROOT / package).rglob("*.py")}
        assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_client_kit_brings_nothing_of_the_engine() -> None:
    """Import-linter reads the source; this reads the modules that are loaded."""
    look = "import sys, events.client; print(*{name.partition('.')[0] for name in sys.modules})"
    typed = [sys.executable, "-c", look]
    loaded = subprocess.run(typed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    assert {"events", "kafka", "pydantic"} <= set(loaded)
    assert not {"agents", "workflow", "aiokafka", "faust", "mode", "holidays", "rich", "structlog", "typer"} & set(
        loaded
    )


@every(sorted(core_modules()))
def test_the_core_calls_no_builtin_that_reaches_outside(module: Path) -> None:
    """Ruff's banned-api covers imported names only."""
    calls = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]

    assert {call.func.id for call in calls if isinstance(call.func, ast.Name)} & IN_AND_OUT == set()


def _normal(requirement: str) -> str:
    """Return the name in front of a requirement, as registries compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0]).lower()
