"""The gauges of all complaints, as Prometheus reads them from the dashboard."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from prometheus_client.parser import text_string_to_metric_families

from agents.config.settings import Settings
from agents.dashboard.complaint_row import read_row
from agents.dashboard.figures import DisplayContext, Sources, figures
from agents.dashboard.metrics import METRICS, OTHER, exporter
from agents.dashboard.read_model import ReadModel
from events.codec.encode import encode_complaint, encode_snapshot
from events.vocabulary import Status
from tests.support.worlds import to_status
from workflow.machine.waiting import WHY

CONTEXT = DisplayContext(ZoneInfo("Asia/Jakarta"), environment={"policy": "lapor"})


def scraped(model: ReadModel, sources: Sources) -> dict[str, dict[str, float]]:
    """Values by metric and by its own label."""
    published = figures(model, sources, datetime.now(UTC), CONTEXT)
    text, _ = exporter(Settings(prefix="test."), CONTEXT, lambda: published, sources).read("")
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            assert sample.labels.pop("stage") == "board"
            assert sample.labels.pop("prefix") == "test."
            found.setdefault(sample.name, {})["".join(sample.labels.values())] = sample.value
    return found


def with_complaints(*statuses: Status) -> ReadModel:
    model = ReadModel()
    for number, status in enumerate(statuses):
        complaint = to_status(status).complaint
        row = read_row(encode_snapshot(complaint, encode_complaint(complaint)))
        model.put(number.to_bytes(16), row._replace(tracking_id=str(number)))
    return model


def test_every_gauge_is_there_before_the_first_complaint() -> None:
    found = scraped(ReadModel(), Sources(reading=False))
    assert {each.name for each in METRICS} <= found.keys()
    assert set(found["alur_status_complaints"]) == set(Status)
    assert set(found["alur_waiting_complaints"]) == {*WHY, OTHER}
    assert all(not any(found[each.name].values()) for each in METRICS)


def test_they_count_as_the_board_does() -> None:
    model = with_complaints(Status.REGISTERED, Status.VERIFIED, Status.VERIFIED, Status.CLOSED)
    found = scraped(model, Sources(reading=False))
    assert found["alur_open_complaints"][""] == 3
    assert found["alur_status_complaints"]["closed"] == 1
    assert found["alur_waiting_complaints"]["verification"] == 1
    assert sum(found["alur_waiting_complaints"].values()) == 3
    received = datetime.fromtimestamp(model.unverified_since or 0, UTC)
    oldest = timedelta(seconds=found["alur_oldest_unverified_seconds"][""])
    assert abs(datetime.now(UTC) - received - oldest) < timedelta(minutes=1)


def test_there_are_no_counts_of_what_is_half_read() -> None:
    found = scraped(with_complaints(Status.REGISTERED), Sources(reading=True))
    assert not found.keys() & {each.name for each in METRICS}
    assert found["alur_ready"][""] == 0
    assert scraped(ReadModel(), Sources(reading=False, trouble="unreachable"))["alur_ready"][""] == 0
