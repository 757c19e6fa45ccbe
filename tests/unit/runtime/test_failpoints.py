"""A failpoint fails at its point and count only."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime import failpoints
from agents.runtime.failpoints import POINTS, VARIABLE, Failed, InvalidFailpoint, arm

SHELL = Path(failpoints.__file__).parent


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("intake", {})


def test_it_fails_the_nth_time_in_its_stage() -> None:
    arm("intake", {VARIABLE: "intake:after-produce:2:raise"})
    failpoints.reach("after-produce")
    failpoints.reach("before-poll")
    with pytest.raises(Failed, match="after-produce"):
        failpoints.reach("after-produce")
    failpoints.reach("after-produce")


@pytest.mark.parametrize("env", [{}, {VARIABLE: ""}, {VARIABLE: "sla:before-poll:1:raise"}])
def test_otherwise_nothing_is_done(env: dict[str, str]) -> None:
    arm("intake", env)
    assert failpoints.reach is failpoints._nothing  # noqa: SLF001 -- that it costs nothing is the point
    failpoints.reach("before-poll")


@pytest.mark.parametrize(
    "setting",
    ["intake", "intake:nowhere:1", "intake:before-poll:0", "intake:before-poll:x", "intake:before-poll:1:sing", "::::"],
)
def test_a_misspelt_one_is_refused(setting: str) -> None:
    with pytest.raises(InvalidFailpoint, match="write stage:point:nth"):
        arm("intake", {VARIABLE: setting})


def test_each_point_is_in_the_runtime_once() -> None:
    text = "".join(file.read_text() for file in SHELL.glob("*.py"))
    steps = re.findall(r'@failpoints\.step\("([a-z-]+)"\)', text)
    around = [f"{side}-{step}" for step in steps for side in ("before", "after")]
    written = re.findall(r'failpoints\.reach\("([a-z-]+)"\)', text) + [each for each in around if each in POINTS]
    assert sorted(written) == sorted(POINTS)
