"""`alur submit`: what is told of a file that could not be submitted to its end."""

from pathlib import Path

import pytest

from agents.bridges.items import Skipped, UnreadableFile
from agents.cli.errors import Failure
from agents.cli.submit import Tally, _conclude
from events.client.errors import KafkaFailure

GONE = KafkaFailure("Kafka at kafka:9092 does not answer.")
BEFORE = " (before that 1 were submitted; doing it again does no harm)"
TOLD = "line 3: nothing in it\nsubmitted 1, skipped 1\n"


def tally() -> Tally:
    """One report that Kafka has, and one line that is none."""
    return Tally(handed_over=1, accepted=1, complaints={"one"}, skipped=[Skipped(3, "nothing in it")])


@pytest.mark.parametrize(
    ("ended_by", "raised"), [(GONE, Failure), (UnreadableFile("line 4 is no CSV"), UnreadableFile)], ids=type
)
def test_what_was_skipped_before_it_could_not_go_on_is_told_and_written(
    ended_by: UnreadableFile | KafkaFailure, raised: type[Exception], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(raised) as failure:
        _conclude(tally(), rejects, "line", ended_by)
    assert str(failure.value) == f"{ended_by}{BEFORE}"
    assert capsys.readouterr().out == TOLD
    assert rejects.read_text() == "line,reason\n3,nothing in it\n"


def test_where_kafka_fails_before_anything_was_read_there_is_nothing_else_to_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(Failure) as failure:
        _conclude(Tally(), rejects, "line", GONE)
    assert str(failure.value) == str(GONE)
    assert capsys.readouterr().out == ""
    assert not rejects.exists()


def test_rejects_that_cannot_be_written_hide_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unwritten = f"--rejects: {tmp_path} cannot be written (Is a directory); what was submitted is submitted"
    with pytest.raises(Failure) as failure:
        _conclude(tally(), tmp_path, "line", None)
    assert (str(failure.value), capsys.readouterr().out) == (unwritten, TOLD)

    with pytest.raises(Failure) as failure:
        _conclude(tally(), tmp_path, "line", GONE)
    assert (str(failure.value), capsys.readouterr().out) == (f"{GONE}{BEFORE}", f"{TOLD}{unwritten}\n")
