"""Where a command says that it came from: looked up if it may be a place, passed over if it is none."""

from types import SimpleNamespace

import pytest

from agents.shell.forwarding import HEADER, _first_place, forwarded

KEY = b"419535e9-5c83-5206-857a-a7517e758cf7"


def record(*claims: bytes | None) -> SimpleNamespace:
    headers = [(HEADER, claim) for claim in claims]
    return SimpleNamespace(partition=2, offset=17, key=KEY, value=b"{}", headers=[("traceparent", b"x"), *headers])


def test_what_is_sent_on_says_where_it_lay_and_nothing_older() -> None:
    output = forwarded(record(b"0/1", b"1/1"), KEY, 3)
    assert output.partition == 3
    assert [value for name, value in output.headers if name == HEADER] == [b"2/17"]
    assert ("traceparent", b"x") in output.headers
    assert _first_place(SimpleNamespace(headers=output.headers)) == (2, 17)


@pytest.mark.parametrize(
    "claim",
    [None, b"", b"/", b"0", b"0/", b"/0", b"-1/0", b"0/-1", b"0/0/0", b" 0/0", b"0/0\n", b"a/b", b"\xff/\xff", b"0/1e3"]
    + [b"0/" + b"9" * digits for digits in (19, 4_300, 5_000)]
    + [b"9" * 5_000 + b"/0", "\N{ARABIC-INDIC DIGIT ONE}/0".encode()],
)
def test_what_is_no_place_is_passed_over(claim: bytes | None) -> None:
    assert _first_place(record(claim)) is None
