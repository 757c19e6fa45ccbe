"""Detection of encodings, decoding of files to lines, and refusal of files that are not text."""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from charset_normalizer import from_bytes

from agents.integrations.entries import UnreadableFile

LONGEST: Final = 64 * 1024 * 1024
"""Maximum length of a line in bytes, for a list of requests in one line; a report is much smaller."""
_CHUNK: Final = 1024 * 1024
_SAMPLE: Final = 64 * 1024
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_INVALID_PER_VALID: Final = 20
_GUESSES: Final = ["cp1252"]
_NO_TEXT: Final = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "a text of a word processor (RTF)"),
    (b"\x1f\x8b", "a compressed file (gzip), to be unpacked first"),
    (b"7z\xbc\xaf", "a compressed file (7z), to be unpacked first"),
    (b"Rar!", "a compressed file (RAR), to be unpacked first"),
    (b"SQLite format 3", "a database (SQLite)"),
)


def refuse_what_is_no_text(head: bytes) -> None:
    """Raise an UnreadableFile for a known binary format, detected by its first bytes."""
    for magic, what in _NO_TEXT:
        if head.startswith(magic):
            raise UnreadableFile(f"is {what}: reports are read from .xlsx, CSV or JSON")


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines with their line ends; raise UnreadableFile for one longer than `LONGEST`, unread."""
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise UnreadableFile(_too_long(number))
        yield line


def _too_long(number: int) -> str:
    return f"line {number} has more than {LONGEST:,} bytes: write one entry a line, or several files"


def encoding_of(stream: BinaryIO, requested: str | None = None) -> str:
    """Return the encoding of a seekable stream; raise UnreadableFile for an unknown encoding or a binary file.

    UTF-8 with some invalid lines stays UTF-8, and those rows are skipped. So does a file with mostly ASCII lines and
    some that are not text.
    """
    if requested is not None:
        return _codec_name(requested)
    stream.seek(0)
    head = stream.read(_SAMPLE)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    even, odd = head[::2].count(0), head[1::2].count(0)
    if (even + odd) * 4 > len(head) and min(even, odd) * 4 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    count, right, wrong, sample = _as_utf8(stream)
    # a non-ASCII line of another encoding is rarely valid UTF-8
    if right * _INVALID_PER_VALID >= wrong:
        return "utf-8"
    guess = from_bytes(sample, cp_isolation=_GUESSES).best()
    if guess is None and wrong * 2 < count:
        return "utf-8"
    if guess is None:
        raise UnreadableFile(
            "is not text in UTF-8, UTF-16 or windows-1252: name its encoding with --encoding, or save it as UTF-8"
        )
    return guess.encoding


def _codec_name(name: str) -> str:
    try:
        codec = codecs.lookup(name)
        "a".encode(name)
    except (LookupError, UnicodeError):
        raise UnreadableFile(
            f"--encoding {name}: there is no such encoding; use one of utf-8, utf-16, cp1252 …"
        ) from None
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


def _as_utf8(stream: BinaryIO) -> tuple[int, int, int, bytes]:
    """Return the number of lines, of non-ASCII ones in valid UTF-8, of invalid ones, and a sample of the latter."""
    count = right = wrong = 0
    sample = bytearray()
    stream.seek(0)
    while line := stream.readline(_CHUNK):
        count += 1
        if line.isascii():
            continue
        try:
            codecs.utf_8_decode(line, "strict", False)  # noqa: FBT003 -- not final: a line may be cut within a character
            right += 1
        except UnicodeDecodeError:
            wrong += 1
            if len(sample) < _SAMPLE:
                sample += line[:_SAMPLE]
    return count, right, wrong, bytes(sample)


def text_lines(stream: BinaryIO, encoding: str) -> Iterator[str]:
    """Yield the decoded lines, ended by LF, CRLF or CR; raise UnreadableFile for one that is too long.

    Bytes that cannot be decoded become lone surrogates.
    """
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline="")
    number = 0
    try:
        while line := text.readline(LONGEST + 1):
            number += 1
            if len(line) > LONGEST:
                raise UnreadableFile(_too_long(number))
            yield line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeError:
        raise UnreadableFile(f"is damaged after line {number}: it is not {encoding} there") from None
    finally:
        text.detach()
