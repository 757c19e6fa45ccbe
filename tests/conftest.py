"""One real broker for a whole run of the tests, and an environment of its own for each test."""

import functools
import gc
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import typer.testing

from agents.config import policy_files
from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.local_broker import running_broker

# fixtures `engine` and `stopped_engine`; a second conftest.py would have the first one's name
pytest_plugins = ("tests.support.engines",)

# `quick` tries the same few examples at every run, `full` others each time; tests take their number as a share of it.
# No deadline: the duration of an example depends on the machine
hypothesis.settings.register_profile("quick", deadline=None, max_examples=10, derandomize=True, database=None)
hypothesis.settings.register_profile("full", deadline=None, max_examples=100)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("quick")

# the commands are built once, and not for each of the hundreds of runs of them; typer's runner has no other door
vars(typer.testing)["_get_command"] = functools.cache(vars(typer.testing)["_get_command"])

# so are the packaged policies, with their offices and calendars: a policy does not change
_load, _packaged = policy_files.load, functools.cache(policy_files.load)
vars(policy_files)["load"] = lambda name: (_packaged if name in policy_files.packaged() else _load)(name)

# what the person who runs the tests has set for an engine of their own is not for the tests; their broker is
for _name in [name for name in os.environ if name.startswith("ALUR_") and name not in {"ALUR_BROKER", "ALUR_HOME"}]:
    del os.environ[_name]

# nothing that collection makes is garbage: to look for it takes a fifth of its time
gc.disable()

_INTEGRATION = Path(__file__).parent / "integration"
_LONG_AT_THE_END = {"test_tutorial.py", "test_upgrade.py", "test_watching.py"}
"""Files that one process would still run when the others have nothing left."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_INTEGRATION):
            item.add_marker(pytest.mark.integration)
    items.sort(key=lambda item: item.path.name not in _LONG_AT_THE_END)


def pytest_collection_finish() -> None:
    # thousands of tests that stay: looking through them again and again takes a tenth of the time of the unit tests
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The address of a broker: the one in ALUR_BROKER, else one that lives as long as the run."""
    with running_broker(os.environ) as address:
        yield address


@pytest.fixture
def settings(broker: str, tmp_path: Path) -> Settings:
    """Settings with a prefix that no other test has, so that tests share the broker and nothing else."""
    prefix, key_file = f"t{uuid.uuid4().hex[:12]}.", tmp_path / "keys"
    Keys.generate(key_file)
    return Settings(broker=broker, prefix=prefix, policy="demo", partitions=4, key_file=str(key_file))
