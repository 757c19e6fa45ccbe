"""The runbook as a page, so that the links of alerts lead to the sections."""

import re
from importlib import resources
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt

from agents.dashboard.pages import Asset

_FILE: Final = resources.files("agents.dashboard") / "page" / "runbook.md"
"""A link to docs/how-to/runbook.md, which the distribution contains."""

_ELSEWHERE: Final = re.compile(r'<a href="[^#"][^"]*">(.*?)</a>')
"""Links to other documents, which are not served."""
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runbook</title>
<link rel="stylesheet" href="/board.css"><link rel="icon" href="/icon.svg">
</head>
<body><main>{body}</main></body>
</html>
"""


def page() -> Asset:
    """Render the runbook; a section has its heading in lower case as its id."""
    renderer = MarkdownIt("commonmark", {"html": False})
    tokens = renderer.parse(_FILE.read_text(encoding="utf-8"))
    for token, content in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", content.content.lower())
    body = _ELSEWHERE.sub(r"\1", renderer.renderer.render(tokens, renderer.options, {}))
    return Asset(_PAGE.format(body=body).encode(), "text/html")
