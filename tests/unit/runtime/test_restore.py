"""Restoring: the last record of each key, and no foreign record is skipped."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.runtime import restore as windows
from agents.runtime.restore import RestoreWindow
from events.provenance import state_headers

_WRITTEN = st.lists(st.tuples(st.sampled_from([None, b"a", b"b", b"c"]), st.booleans()), max_size=30)


def _record(offset: int, key: bytes | None, *, ours: bool) -> Any:
    return SimpleNamespace(offset=offset, key=key, value=b"x", headers=state_headers(7) if ours else ())


@given(_WRITTEN)
def test_each_key_comes_once_with_all_that_the_engine_wrote_in_order(written: list[tuple[bytes | None, bool]]) -> None:
    records = [_record(offset, key, ours=ours) for offset, (key, ours) in enumerate(written)]
    window = RestoreWindow()
    window.add(records[:10])
    window.add(records[10:])
    drained = list(window.drain())
    ends = [versions[-1].offset for versions in drained]
    assert ends == sorted(ends), "in the order of the log"
    assert sorted(record.offset for versions in drained for record in versions) == list(range(len(records)))
    ours = [record for record in records if record.headers]
    for versions in drained:
        assert [each.offset for each in versions] == sorted(each.offset for each in versions)
        if len(versions) > 1:
            assert all(each in ours[1:] and each.key == versions[0].key for each in versions)
    assert len([each for each in drained if each[-1].headers]) == len({record.key for record in ours[1:]}) + bool(ours)
    assert list(window.drain()) == []


def test_it_is_full_by_bytes() -> None:
    window, record = RestoreWindow(), _record(0, b"a", ours=True)
    record.value = b"x" * windows.WINDOW_BYTES
    full = [window.full]
    window.add([record])
    full.append(window.full)
    assert list(window.drain()) == [[record]]
    assert [*full, window.full] == [False, True, False]
