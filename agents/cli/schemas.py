"""`alur schemas`: write the published contract from the models, and check it against them and the last release."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.context import note, say
from agents.cli.errors import Failure, interruptible
from agents.contract.files import (
    EXAMPLES,
    SCHEMAS,
    Released,
    contract_version,
    differences,
    documents,
    incompatibilities,
    last_released,
)
from agents.contract.files import release as keep
from agents.contract.files import write as put
from events.wording import number_of

Directory = Annotated[Path, typer.Option(metavar="DIR", help="directory of the contract")]
Examples = Annotated[Path, typer.Option(metavar="DIR", help="directory with an example of each message, by version")]


app = typer.Typer()


@app.command()
def write(directory: Directory = SCHEMAS, examples: Examples = EXAMPLES) -> None:
    """Write schemas/ from the models: a JSON Schema for each message, and asyncapi.json."""
    expected = documents(examples)
    with interruptible():
        changed = put(directory, expected)
    say(f"{directory}: {changed} of {len(expected)} files changed")
    for line in _broken(directory, last_released(directory)):
        note(line)


@app.command()
def check(directory: Directory = SCHEMAS, examples: Examples = EXAMPLES) -> None:
    """Compare schemas/ with the models, and the models with the last release.

    What we read (reports, commands) must not narrow, what we write must not widen. Exits with 1 at any difference;
    writes nothing.
    """
    expected = documents(examples)
    released = last_released(directory)
    if released is None:
        raise Failure(f"{directory}: nothing was released to compare with; keep a first set by `alur schemas release`")
    _require_none([*differences(directory, expected), *_broken(directory, released)], directory)
    say(f"{directory}: {len(expected)} files are up to date with the models, and compatible with {released.version}")


@app.command()
def release(directory: Directory = SCHEMAS, examples: Examples = EXAMPLES) -> None:
    """Copy schemas/ to schemas/released/ under the version of the package: what others rely on from now on."""
    released = last_released(directory)
    wrong = [*differences(directory, documents(examples)), *_broken(directory, released)]
    _require_none(wrong, directory, "; nothing was released")
    with interruptible():
        released_at = keep(directory, contract_version())
    say(f"released {released_at}")


def _require_none(wrong: Sequence[str], directory: Path, consequence: str = "") -> None:
    for line in wrong:
        note(line)
    if wrong:
        raise Failure(f"{directory}: {number_of(len(wrong), 'error')}{consequence}")


def _broken(directory: Path, released: Released | None) -> list[str]:
    return [] if released is None else incompatibilities(directory, released)
