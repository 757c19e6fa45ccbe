"""What is shown of a complaint whose reporter asked for secrecy (*rahasia*): how it stands, and nothing of its content.

One rule for whatever shows complaints one by one: the board, and exports. Its content is what people wrote, what
it is about and where. That says more than it seems to: a category and a city are often enough to know whose it is.
"""

from dataclasses import dataclass
from typing import TypeVar

from events.reports import Location
from events.snapshot import Complaint

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Content:
    """What may be shown of a complaint's content."""

    secret: bool
    category: str | None
    location: Location | None

    def words(self, written: T) -> T | None:
        """Return what somebody wrote or asked for; None if it is kept secret."""
        return None if self.secret else written


def content_of(complaint: Complaint, *, secret: bool = False) -> Content:
    """Return what may be shown of the content of `complaint`; `secret`: it has become so since."""
    if complaint.secret or secret:
        return Content(secret=True, category=None, location=None)
    return Content(secret=False, category=complaint.category, location=complaint.location)
