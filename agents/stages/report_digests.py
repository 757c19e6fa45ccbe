"""Keyed digests of report contents, to compare redeliveries."""

from base64 import b64encode
from hashlib import blake2b
from typing import Final

from pydantic_core import to_json

from agents.config.keys import Keys
from events.commands import Command, CompleteReport, RegisterComplaint
from events.facts import ComplaintRegistered, Recorded
from events.reports import ReportContent
from events.snapshot import Complaint
from workflow.machine.content_digests import FIELDS, NOT_GIVEN, SLOT, key_of
from workflow.policy.model import Policy, PolicySet
from workflow.stages.duplicates import fingerprint

_PURPOSE: Final = "report content"
_DUPLICATES: Final = "duplicate report"
_BYTES: Final = SLOT * 6 // 8
_NOT_GIVEN: Final = NOT_GIVEN.encode()
_FIELDS: Final = tuple(("class_" if field == "class" else field, field.encode()) for field in FIELDS)


class ReportSignatures:
    """Signs text and location of a report; duplicates have equal signatures."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def of(self, report: ReportContent, policy: Policy) -> str | None:
        """Return the signature of a report; None if it cannot be compared."""
        print_ = fingerprint(report, policy)
        return None if print_ is None else self._keys.sign(_DUPLICATES, print_)

    def of_fact(self, recorded: Recorded, policies: PolicySet) -> dict[str, str]:
        """Return the signature of the report in a fact, in the format of `FactTexts`; empty if there is none."""
        fact, complaint = recorded.fact, recorded.complaint
        if not isinstance(fact, ComplaintRegistered) or fact.text_ref is not None:
            return {}
        signature = self.of(fact.report, policies.governing(complaint.policy, complaint.received_at))
        return {} if signature is None else {"signature": signature}


class ContentDigests:
    """Computes the digests of `workflow.machine.content_digests` with the keys of the installation.

    The complaint id is the salt: equal reports have different digests.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys.derive(_PURPOSE)
        self._signing = keys.ids[0]

    def of(self, command: Command, complaint: Complaint | None, id_bytes: bytes) -> str | None:
        """Return the digests of the content in `command`, for comparison with those of `complaint`.

        None for a command without content, and if the complaint has no digests or their key is gone. `id_bytes`: the 16
        bytes of the id.
        """
        if isinstance(command, RegisterComplaint):
            content: ReportContent | CompleteReport = command.report
        elif isinstance(command, CompleteReport):
            content = command
        else:
            return None
        if complaint is None:
            return self._digests(content, self._signing, id_bytes)
        known = complaint.report.content_digests
        return None if known is None else self._digests(content, key_of(known), id_bytes)

    def _digests(self, content: ReportContent | CompleteReport, key: str, salt: bytes) -> str | None:
        secret = self._keys.get(key)
        if secret is None:
            return None
        made = b64encode(b"".join([_digest(getattr(content, each, None), secret, salt, of) for each, of in _FIELDS]))
        if isinstance(content, CompleteReport):
            supplied = (getattr(content, each, None) is not None for each, _ in _FIELDS)
            slots = (made[start : start + SLOT] for start in range(0, len(made), SLOT))
            made = b"".join(slot if present else _NOT_GIVEN for slot, present in zip(slots, supplied, strict=True))
        return f"{key}:{made.decode()}"


def _digest(value: object, secret: bytes, salt: bytes, field: bytes) -> bytes:
    text = to_json(value, exclude_none=True)
    return blake2b(text, digest_size=_BYTES, key=secret, salt=salt, person=field).digest()
