"""Command-line reference in Markdown: `make docs` writes it to `build/docs/cli.md`."""

import html
import sys
from pathlib import Path
from typing import Any

from typer.cli import get_docs_for_click
from typer.main import get_command

from agents.cli.app import all_commands, application


def main(path: str) -> None:
    """Write the reference to a file."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    context: Any = get_command(application()).context_class(all_commands())
    target.write_text(html.unescape(get_docs_for_click(obj=all_commands(), ctx=context, name="alur")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
