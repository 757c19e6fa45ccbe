"""Redaction: what may be published of a complaint outside of the offices that handle it, for every outward surface.

Of a secret complaint (*rahasia*): tracking number, class, outcome and times, since category, place or office may
identify the reporter. Of one that was withdrawn, or archived as spam or abusive: no text. The outward surfaces are
listed in `tests/unit/project/test_outward_surfaces.py`.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

from events.reports import Location
from events.snapshot import Complaint
from events.vocabulary import ArchiveReason, Outcome

T = TypeVar("T")

_TEXTS_WITHHELD: Final = frozenset({ArchiveReason.SPAM, ArchiveReason.ABUSIVE})


@dataclass(frozen=True, slots=True)
class PublicView:
    """The publishable part of one complaint."""

    secret: bool
    texts: bool
    """Whether what people wrote may be shown."""
    category: str | None
    location: Location | None
    office: str | None

    def text(self, written: T) -> T | None:
        """Return a text that a person wrote; None if it is withheld."""
        return written if self.texts else None

    def detail(self, value: T) -> T | None:
        """Return a value other than number, class, outcome and time; None for a secret complaint."""
        return redacted(value, secret=self.secret)


def public_view(complaint: Complaint, archived_for: ArchiveReason | None = None, *, secret: bool = False) -> PublicView:
    """Return the publishable part of `complaint`, nothing of an archived one without `archived_for`."""
    if complaint.secret or secret:
        return PublicView(secret=True, texts=False, category=None, location=None, office=None)
    archived = complaint.outcome is Outcome.ARCHIVED and (archived_for is None or archived_for in _TEXTS_WITHHELD)
    texts = not archived and complaint.outcome is not Outcome.WITHDRAWN
    return PublicView(
        secret=False, texts=texts, category=complaint.category, location=complaint.location, office=complaint.office
    )


def redacted(value: T, *, secret: bool) -> T | None:
    """Return `value`, which is other than number, class, outcome and time; None for a secret complaint."""
    return None if secret else value
