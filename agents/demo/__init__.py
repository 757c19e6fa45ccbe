"""The demonstration: a broker, all stages, citizens and officers for about a minute, and a reconciliation."""

from pathlib import Path

from agents.config.settings import Settings


def run(  # noqa: PLR0913 -- one for each option
    settings: Settings,
    reports: Path | None = None,
    *,
    count: int = 400,
    seed: int = 1708,
    seconds: float = 60.0,
    clean: bool = False,
) -> int:
    """Run a demonstration, print its summary, and return the exit status.

    The last line counts, all read back from the topics: distinct `reports`, `complaints`, those `settled` and `open`,
    those with a `breached` deadline and those `escalated`, commands `rejected` (without those of stages that were
    overtaken or not due yet), `dead` letters, and what was `lost` (reports, commands, facts, resolutions) or `doubled`.

    The exit status is 0 if every report became exactly one complaint and no history is broken; 1 if not, or if the
    demonstration could not run, with the reason in one line on stderr; 130 if it was interrupted.

    Args:
        settings: where Kafka is and how often records are replicated; prefix, policy and partitions are its own.
        reports: a file of reports instead of generated ones.
        count: number of reports to generate.
        seed: the same seed generates the same reports and people.
        seconds: duration of the play.
        clean: delete the topics and consumer groups at the end.
    """
    # a child process imports this package for `stages` alone
    from agents.demo.demonstration import demonstrate  # noqa: PLC0415 -- see above

    return demonstrate(settings, reports, count=count, seed=seed, seconds=seconds, clean=clean)
