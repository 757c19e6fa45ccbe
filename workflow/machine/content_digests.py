"""Content digests: keyed digests of a report's fields, to compare two reports without their content.

A digest is `<key id>:` and four characters per field. `agents.stages.report_digests` computes it; here digests are
compared and combined.
"""

from collections.abc import Iterator
from typing import Final

FIELDS: Final = (
    "class",
    "title",
    "body",
    "category",
    "event_date",
    "location",
    "office",
    "anonymous",
    "secret",
    "attachments",
    "follows",
)
"""Fields in their order within a digest. New ones are only appended."""
SLOT: Final = 4
"""Characters per field: one in 16 million changes of a field goes undetected."""
NOT_GIVEN: Final = "." * SLOT


def key_of(digests: str) -> str:
    """Return the id of the key that made `digests`."""
    return digests.rpartition(":")[0]


def differing(one: str | None, other: str | None) -> tuple[str, ...]:
    """Return the known fields in which two reports differ; none if the keys differ."""
    if one is None or other is None or key_of(one) != key_of(other):
        return ()
    pairs = zip(FIELDS, _slots(one), _slots(other), strict=False)
    return tuple(name for name, mine, theirs in pairs if mine != theirs and NOT_GIVEN not in {mine, theirs})


def completed(before: str | None, supplied: str | None) -> str | None:
    """Return the digests of a report after a completion with the digests `supplied`; None if they are unknown."""
    if before is None or supplied is None or key_of(before) != key_of(supplied):
        return None
    slots = zip(_slots(before), _slots(supplied), strict=False)
    return f"{key_of(before)}:{''.join(old if new == NOT_GIVEN else new for old, new in slots)}"


def _slots(digests: str) -> Iterator[str]:
    slots = digests.rpartition(":")[2]
    return (slots[start : start + SLOT] for start in range(0, len(slots), SLOT))
