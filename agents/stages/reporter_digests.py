"""Keyed digests of reporters, to recognize their commands."""

from typing import Final

from agents.config.keys import Keys
from events.reports import Reporter
from events.snapshot import Complaint
from workflow.machine.permissions import subject_of

_PURPOSE: Final = "reporter subject"


class ReporterDigests:
    """Computes digests of the reporter's subject, with the keys of the installation.

    The complaint id is the salt: complaints of one reporter have different digests.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def of_subject(self, complaint_id: str, reporter: Reporter | None) -> str | None:
        """Return the digest of the reporter; None if the channel gives no subject."""
        if reporter is None or reporter.subject is None:
            return None
        return self._keys.sign(_PURPOSE, complaint_id.encode(), reporter.subject.encode())

    def of_sender(self, source: str, complaint: Complaint | None) -> str | None:
        """Return the digest of a command's sender, for comparison with that of the complaint's reporter.

        None for a sender who is not a citizen, and if the complaint has no digest or its key is gone.
        """
        known = None if complaint is None else complaint.report.reporter_digest
        subject = None if known is None else subject_of(source)
        if complaint is None or known is None or subject is None:
            return None
        key, _, _ = known.partition(":")
        return self._keys.sign_with(key, _PURPOSE, complaint.complaint_id.encode(), subject.encode())
