"""Two tables never share ids unless somebody says that they do."""

from pathlib import Path

from agents.bridges.layouts import Layout, catalogue
from agents.bridges.rows import ImportOptions
from agents.bridges.sources import source_of
from agents.cli.senders import channel
from events.base import MAX_ATTRIBUTE


def test_the_name_of_the_file_tells_tables_apart(tmp_path: Path) -> None:
    names = [f"{folder}/{name}" for folder in ("denpasar", "badung") for name in ("export.csv", "laporan #2 (Mei).csv")]
    sources = [source_of(str(tmp_path / name)) for name in names]
    assert len(set(sources)) == len(names)
    assert sources[0] == "/files/denpasar/export.csv"
    for source in sources:
        assert channel(source) == source, "it may be given as --source too"


def test_a_layout_of_its_own_keeps_its_channel() -> None:
    options = ImportOptions(origin="/files/denpasar/export.csv")
    assert options.source_of(Layout()) == "/files/denpasar/export.csv"
    assert options.source_of(catalogue().layout_named("the LAPOR export")) == "/channels/lapor"
    assert ImportOptions(source="/channels/x", origin="/files/a/b").source_of(Layout()) == "/channels/x"


def test_it_is_the_same_each_time_and_never_too_long(tmp_path: Path) -> None:
    long = str(tmp_path / ("é" * 100))
    assert source_of(long) == source_of(long)
    assert len(source_of(long)) <= MAX_ATTRIBUTE
    assert source_of(long) != source_of(f"{long}e")
