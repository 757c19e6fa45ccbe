"""Output of intake for a report: a command to register it, and the separate identity."""

from events.commands import RegisterComplaint
from events.ids import tracking_id
from events.reports import ReporterIdentity, ReportSubmitted


def registration(
    report: ReportSubmitted, *, partition: int, offset: int, reporter_digest: str | None = None
) -> RegisterComplaint:
    """Return the command that registers `report`, which is at this position of the intake log."""
    return RegisterComplaint(
        tracking_id=tracking_id(partition, offset),
        source=report.source,
        report_id=report.id,
        report=report.data.content(),
        reporter_digest=reporter_digest,
    )


def identity(report: ReportSubmitted) -> ReporterIdentity | None:
    """Return the reporter's identity, or None if the channel does not provide one."""
    reporter = report.data.reporter
    if reporter is None or reporter == type(reporter)():
        return None
    return ReporterIdentity(complaint_id=report.complaint_id, reporter=reporter)
