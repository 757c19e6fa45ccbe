"""Channel: submits the reports of citizens."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from events.client.connection import require_topics
from events.client.publisher import Publisher
from events.client.settings import ClientSettings
from events.codec.decode import decode_report
from events.codec.encode import cloud_event
from events.ids import complaint_id
from events.reports import ReportSubmitted
from events.topics import TopicName


class Channel(AbstractContextManager["Channel"]):
    """Submits the reports of one channel, one at a time; a context manager, for one thread.

    `source` names the channel, such as `/channels/sms`. With the channel's own id of a report it identifies the
    complaint, so that a report can be submitted again. Raises the errors of `require_topics`.
    """

    def __init__(self, settings: ClientSettings, source: str) -> None:
        self.source = source
        require_topics(settings, [TopicName.INTAKE])
        self._publisher = Publisher(settings)

    def __exit__(self, *failure: object) -> None:
        self._publisher.__exit__(*failure)

    def complaint_id(self, report_id: str) -> str:
        """Return the complaint id that a report has or will have."""
        return complaint_id(self.source, report_id)

    def submit(self, report_id: str, data: Mapping[str, Any]) -> str:
        """Submit a report, and return its complaint id once all replicas have it.

        Args:
            report_id: the channel's own id of it, the same at every repeat, such as a number in its database.
            data: the report, as in the contract.

        Raises:
            Undecodable: it violates the contract; `reason` names the fields. Nothing was sent.
            Unconfirmed: it may be in the log. Submit it again.
            KafkaRefused: the broker refuses it.
        """
        value = to_json(report_event(self.source, report_id, data, datetime.now(UTC)))
        complaint = decode_report(value).complaint_id
        self._publisher.publish_now(TopicName.INTAKE, complaint, value)
        return complaint


def report_event(source: str, report_id: str, data: Mapping[str, Any], time: datetime) -> dict[str, Any]:
    """Return a report as a JSON object, not validated yet."""
    return cloud_event(ReportSubmitted.TYPE, source, report_id, time.astimezone(UTC), None, data=data)
