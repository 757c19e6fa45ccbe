"""`alur schemas`: write the published contract from the models, and hold it against them and what was released."""

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

Directory = Annotated[Path, typer.Option(metavar="DIR", help="where the contract lies")]
Examples = Annotated[Path, typer.Option(metavar="DIR", help="where an example of each message is kept, by version")]


def application() -> typer.Typer:
    """Return the commands about the published contract."""
    app = typer.Typer(help="The published contract: JSON Schemas and the AsyncAPI document. For a checkout of alur.")
    app.command("write")(write)
    app.command("check")(check)
    app.command("release")(release)
    return app


def write(directory: Directory = SCHEMAS, examples: Examples = EXAMPLES) -> None:
    """Write schemas/ anew from the models: a JSON Schema for each message, and asyncapi.json."""
    expected = documents(examples)
    with interruptible():
        changed = put(directory, expected)
    say(f"{directory}: {changed} of {len(expected)} files changed")
    for line in _broken(directory, last_released(directory)):
        note(line)


def check(directory: Directory = SCHEMAS, examples: Examples = EXAMPLES) -> None:
    """Say what in schemas/ is not as the models give it, and what they break for those who rely on the last release.

    What we read (reports, commands) may not get narrower, what we write may not get wider. Exits with 1 if there is
    anything to say; writes nothing.
    """
    expected = documents(examples)
    released = last_released(directory)
    if released is None:
        raise Failure(f"{directory}: nothing was released to compare with; keep a first set by `alur schemas release`")
    wrong = [*differences(directory, expected), *_broken(directory, released)]
    for line in wrong:
        note(line)
    if wrong:
        raise Failure(f"{directory}: {_not_in_order(wrong)}")
    say(f"{directory}: {len(expected)} files are as the models give them, and compatible with {released.version}")


def release(directory: Directory = SCHEMAS, examples: Examples = EXAMPLES) -> None:
    """Keep schemas/ as what others rely on from now on, under the version of the package, in schemas/released/."""
    released = last_released(directory)
    wrong = [*differences(directory, documents(examples)), *_broken(directory, released)]
    for line in wrong:
        note(line)
    if wrong:
        raise Failure(f"{directory}: {_not_in_order(wrong)}; nothing was released")
    with interruptible():
        released_at = keep(directory, contract_version())
    say(f"released {released_at}")


def _not_in_order(wrong: Sequence[str]) -> str:
    return f"{len(wrong)} {'thing is' if len(wrong) == 1 else 'things are'} not in order"


def _broken(directory: Path, released: Released | None) -> list[str]:
    return [] if released is None else incompatibilities(directory, released)
