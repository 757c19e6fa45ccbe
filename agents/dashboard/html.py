"""HTML elements of a page. All text is escaped here, and only here."""

from collections.abc import Iterable
from html import escape
from typing import Final

VOID: Final = frozenset({"input", "link", "meta", "br", "rect", "polyline", "line", "path"})
"""Elements without an end tag, or, in SVG, without content."""


class Html(str):
    """Markup."""

    __slots__ = ()


Child = str | Html | None | Iterable["Child"]
"""Content of an element: markup, or text to be escaped; None is left out."""


def h(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Html:
    """Return an element; `_` in an attribute's name becomes `-`, and a trailing one is dropped.

    An attribute that is None or False is left out, one that is True has no value.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        named = key.rstrip("_").replace("_", "-")
        parts.append(f" {named}" if value is True else f' {named}="{escape(str(value))}"')
    if name in VOID:
        return Html("".join(parts) + ("/>" if name in {"rect", "polyline", "line", "path"} else ">"))
    return Html(f"{''.join(parts)}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Concatenate children."""
    return Html("".join(map(_markup, children)))


def _markup(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    return escape(child) if isinstance(child, str) else join(child)
