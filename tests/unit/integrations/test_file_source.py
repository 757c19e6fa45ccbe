"""Two tables share ids only on request."""

from pathlib import Path

import pytest

from agents.cli.options import channel
from agents.integrations.entries import BadLayout, Report, Skipped
from agents.integrations.file_source import source_of
from agents.integrations.layouts import Layout, catalogue
from agents.integrations.report_rows import ImportOptions
from events.cloudevents import MAX_ATTRIBUTE
from tests.support.table_files import items, opened, report, reports


def test_tables_differ_by_the_name_of_their_file(tmp_path: Path) -> None:
    names = [f"{folder}/{name}" for folder in ("denpasar", "badung") for name in ("export.csv", "laporan #2 (Mei).csv")]
    sources = [source_of(str(tmp_path / name)) for name in names]
    assert len(set(sources)) == len(names)
    assert sources[0] == "/files/denpasar/export.csv"
    for source in sources:
        assert channel(source) == source, "it may be given as --source too"


@pytest.mark.parametrize(
    "names",
    [
        ("export-2026-03-16.csv", "export-2026-03-17.csv", "export_20260318.csv", "export 2026-03-19T0911.csv"),
        ("export.csv", "export (1).csv", "export 16 Maret 2026.csv", "Export.csv".lower()),
        ("monday.csv", "Tuesday.csv", "senin.csv", "hari1.csv", "day 2.csv"),
        ("rekap_januari_2026.xlsx", "rekap_februari_2026.xlsx", "rekap-Agt-2026.xlsx"),
    ],
)
def test_the_exports_of_two_days_are_of_one_channel(names: tuple[str, ...], tmp_path: Path) -> None:
    assert len({source_of(str(tmp_path / name)) for name in names}) == 1


def test_names_with_other_numbers_differ(tmp_path: Path) -> None:
    names = [
        "kantor1.csv",
        "kantor2.csv",
        "dinas-7.csv",
        "dinas-8.csv",
        "maret.csv",
        "maretha.csv",
        "blok 12.csv",
        "sep.csv",
        "des.csv",
    ]
    assert len({source_of(str(tmp_path / name)) for name in names}) == len(names)


def test_a_layout_of_its_own_keeps_its_channel() -> None:
    options = ImportOptions(origin="/files/denpasar/export.csv")
    assert options.within(Layout()).origin == "/files/denpasar/export.csv"
    assert options.within(catalogue().layout_named("the LAPOR export")).origin == "/channels/lapor"
    assert ImportOptions(source="/channels/x", origin="/files/a/b").within(Layout()).origin == "/channels/x"


def test_a_table_with_an_unknown_channel_asks_for_it() -> None:
    content = "id,judul\n1,Jalan\n"
    with pytest.raises(BadLayout, match="the channel of its ids is unknown: name it with --source"):
        opened(content, origin=None)
    assert report(content, origin=None, source="/channels/sms").source == "/channels/sms"
    assert report('[{"service_request_id": 1, "description": "x"}]', origin=None).source == "/channels/open311"


class TestOfAFileOfRejects:
    TABLE = "alurline,alurreason,alursource,id,judul\n2,x,/files/a/b.csv,1,Jalan\n3,y,,2,Lampu\n"

    def test_each_row_is_of_the_channel_that_it_names(self) -> None:
        assert [each.source for each in reports(self.TABLE)] == ["/files/a/b.csv", "/channels/web"]
        assert [each.source for each in reports(self.TABLE, source="/channels/x")] == ["/channels/x"] * 2
        first, second = items(self.TABLE, origin=None)
        assert isinstance(first, Report)
        assert isinstance(second, Skipped)
        assert second.reason == "alursource: empty, and there is no --source"

    def test_so_is_each_request(self) -> None:
        requests = '[{"service_request_id": 1, "description": "x", "alursource": "/channels/denpasar"}]'
        assert report(requests).source == "/channels/denpasar"


def test_it_is_the_same_each_time_and_never_too_long(tmp_path: Path) -> None:
    long = str(tmp_path / ("é" * 100))
    assert source_of(long) == source_of(long)
    assert len(source_of(long)) <= MAX_ATTRIBUTE
    assert source_of(long) != source_of(f"{long}e")
