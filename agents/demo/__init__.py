"""The whole engine for about a minute: a broker, all stages, citizens, officers, and a reconciliation at the end."""

from pathlib import Path

from agents.config.settings import Settings


def run(
    settings: Settings,
    reports: Path | None = None,
    *,
    count: int = 400,
    seed: int = 1708,
    seconds: float = 60.0,
) -> int:
    """Put a demonstration on, print its summary, and return the exit status.

    The last line counts, all from reading the topics back: distinct `reports`, `complaints`, those that are `settled`
    and `open`, those with a deadline that was `breached` and that were `escalated`, commands that were `rejected` (but
    not those of stages that the world had overtaken or whose deadline was not due yet), `dead` letters, and what was
    `lost` (reports, commands, facts, resolutions) or `doubled`.

    The exit status is 0 if every report became exactly one complaint and no history is broken; 1 if not, or if it could
    not be put on, for which one line on standard error gives the reason; and 130 if it was interrupted.

    Args:
        settings: where Kafka is and how often records are replicated; prefix, policy and partitions are its own.
        reports: a file of reports to take in place of made-up ones.
        count: how many reports to make up.
        seed: the same seed makes up the same reports, and the same people.
        seconds: how long to play.
    """
    # what a child of it runs lies in this package too, and needs none of the rest
    from agents.demo.demonstration import demonstrate  # noqa: PLC0415 -- see above

    return demonstrate(settings, reports, count=count, seed=seed, seconds=seconds)
