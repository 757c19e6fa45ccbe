"""The dashboard's web server over real connections: answers, access, limits."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import structlog
from aiohttp import ClientPayloadError, ClientResponse, ClientSession

from agents.config.settings import Settings
from agents.dashboard import broadcaster as hubs
from agents.dashboard import server
from agents.dashboard.broadcaster import Broadcaster
from agents.dashboard.complaint_history import HistoryResult
from agents.dashboard.complaint_row import ComplaintRow, read_row
from agents.dashboard.figures import DisplayContext, Sources, figures
from agents.dashboard.listing import ListPage, Query
from agents.dashboard.mirror_list import MirrorLists
from agents.dashboard.read_model import ReadModel
from agents.dashboard.security_headers import HEADERS, host_of
from agents.dashboard.server import Board
from agents.dashboard.service import allowed_hosts
from agents.runtime.http import connection_limits
from events import commands as c
from events.client import ComplaintHistory
from events.client.errors import BrokerUnreachable
from events.codec.decode import complaint_key
from events.codec.encode import encode_complaint, encode_fact, encode_snapshot
from events.ids import complaint_id
from events.vocabulary import ArchiveReason, Status
from tests.support.mirrored import write
from tests.support.worlds import PANRB, World, to_status

CONTEXT = DisplayContext(
    ZoneInfo("Asia/Jakarta"),
    {"denpasar-pupr": "Dinas PUPR", "denpasar": "Denpasar", "badung": "Badung"},
    {"denpasar": ("denpasar-pupr",)},
    {"denpasar-pupr": "denpasar"},
    {"prefix": "test."},
    categories=("drainase",),
)


@dataclass
class Site:
    """A board on a port of its own, with one complaint."""

    broadcaster: Broadcaster = field(default_factory=Broadcaster)
    read_model: ReadModel = field(default_factory=ReadModel)
    world: World = field(default_factory=lambda: to_status(Status.DISPOSED))
    read: list[bytes] = field(default_factory=list)
    sources: Sources = field(default_factory=lambda: Sources(reading=False))
    fails: bool = False
    address: str = ""

    def know(self) -> None:
        complaint = self.world.complaint
        row = read_row(encode_snapshot(complaint, encode_complaint(complaint)))
        self.read_model.put(complaint_key(complaint.complaint_id.encode()), row)

    def know_another(self, number: str, **changes: Any) -> str:
        """Know a complaint like that one under another number; return its id."""
        name = complaint_id("/channels/web", number)
        update = {"complaint_id": name, "tracking_id": number, "follows": None, "secret": False, **changes}
        other = self.world.complaint.model_copy(update=update)
        self.read_model.put(complaint_key(name.encode()), read_row(encode_snapshot(other, encode_complaint(other))))
        return name

    async def publish(self) -> None:
        """Publish figures of the one complaint."""
        self.know()
        await self.broadcaster.publish(figures(self.read_model, self.sources, datetime.now(UTC), CONTEXT))

    def history(self, key: bytes, _standing: ComplaintRow) -> HistoryResult:
        self.read.append(key)
        time.sleep(0.02)
        if self.fails:
            raise BrokerUnreachable("kafka.internal:9092")
        return HistoryResult(ComplaintHistory(self.world.id, list(self.world.history)), complete=True)


@asynccontextmanager
async def serving(site: Site, **options: Any) -> AsyncIterator[ClientSession]:
    board = Board(
        site.broadcaster,
        lambda: site.read_model,
        site.history,
        CONTEXT,
        sources=site.sources,
        settings=Settings(prefix="test."),
        **options,
    )
    runner = connection_limits.runner(board.application(), shutdown_timeout=0.1)
    await runner.setup()
    await connection_limits.LimitedSite(runner, "127.0.0.1", 0, board.limit).start()
    site.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ClientSession(site.address, read_bufsize=2**21) as session:
            yield session
    finally:
        await runner.cleanup()


def run(site: Site, act: Callable[[ClientSession], Awaitable[None]], **options: Any) -> None:
    async def whole() -> None:
        async with asyncio.timeout(20), serving(site, **options) as session:
            await act(session)

    asyncio.run(whole())


async def until(probe: Callable[[], object], site: Site, figures: bytes) -> None:
    """Publish repeatedly until `probe` holds; `run` limits the time."""
    while not probe():
        await site.broadcaster.publish(figures)
        await asyncio.sleep(0.01)


async def event(response: ClientResponse) -> bytes:
    """Read the next event of a stream, skipping comments."""
    while True:
        found = await response.content.readuntil(b"\n\n")
        if found.startswith(b"data: "):
            return found[6:-2]


PATHS = ("/", "/board.js", "/board.css", "/icon.svg", "/figures", "/complaints", "/complaints.csv", "/offices/badung")
MISSING = ("/nothing", "/complaints/1", "/board.html")


def test_every_answer_carries_the_headers_and_nothing_can_be_written() -> None:
    async def act(session: ClientSession) -> None:
        await site.publish()
        for path in (*PATHS, *MISSING):
            async with session.get(path) as answer:
                assert answer.status == (404 if path in MISSING else 200), path
                assert {name: answer.headers[name] for name in HEADERS} == HEADERS
                assert "Server" not in answer.headers
                assert "Access-Control-Allow-Origin" not in answer.headers
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                async with session.request(method, path) as answer:
                    assert answer.status == 405, (method, path)
                    assert answer.headers["X-Frame-Options"] == "DENY"

    site = Site()
    run(site, act)


def test_the_policy_of_the_page_allows_its_own_files_only() -> None:
    rules = dict(rule.split(" ", 1) for rule in HEADERS["Content-Security-Policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert {value for name, value in rules.items() if name.endswith("-src")} == {"'none'", "'self'"}
    assert rules["require-trusted-types-for"] == "'script'"


@pytest.mark.parametrize(
    ("path", "accepts", "language"),
    [
        ("/", "", "id"),
        ("/", "en-US,en;q=0.9,id;q=0.8", "en"),
        ("/", "fr,in;q=0.9,en;q=0.5", "id"),
        ("/", "fr", "id"),
        ("/", ",;;q=x,en;q=9,*", "id"),
        ("/?lang=en", "id", "en"),
        ("/?lang=id", "en", "id"),
        ("/?lang=fr", "en", "en"),
        ("/?lang=%3Cscript%3E", "", "id"),
    ],
)
def test_the_language_is_the_one_asked_for(path: str, accepts: str, language: str) -> None:
    async def act(session: ClientSession) -> None:
        async with session.get(path, headers={"Accept-Language": accepts}) as answer:
            assert answer.headers["Content-Language"] == language
            text = await answer.text()
        assert f'<html lang="{language}">' in text
        assert "<script>" not in text
        assert "$" not in text

    site = Site()
    run(site, act)


def test_what_has_not_changed_is_not_sent_again() -> None:
    async def act(session: ClientSession) -> None:
        async with session.get("/board.js") as answer:
            tag = answer.headers["ETag"]
            assert answer.headers["Cache-Control"] == "no-cache"
        async with session.get("/board.js", headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with session.get("/figures") as answer:
            assert answer.status == 503
            assert answer.headers["Cache-Control"] == "no-store"

    run(Site(), act)


def test_only_known_host_names_are_answered() -> None:
    async def act(session: ClientSession) -> None:
        for host, status in (
            ("localhost:80", 200),
            ("board.go.id", 200),
            ("BOARD.go.id:443", 200),
            ("evil.test", 421),
        ):
            async with session.get("/", headers={"Host": host}) as answer:
                assert answer.status == status, host
            for path in ("/metrics", "/health/live"):  # Prometheus and health checks come by any address
                async with session.get(path, headers={"Host": host}) as answer:
                    assert answer.status == 200, path

    run(Site(), act, hosts=allowed_hosts("127.0.0.1", frozenset({"board.go.id"})))


def test_a_request_without_a_host_is_not_answered() -> None:
    site = Site()

    async def act(_session: ClientSession) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(site.address.rpartition(":")[2]))
        writer.write(b"GET /figures HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"421"
        writer.close()

    run(site, act, hosts=allowed_hosts("127.0.0.1", frozenset({socket.getfqdn()})))


@pytest.mark.parametrize(("header", "host"), [("a:1", "a"), ("A", "a"), ("[::1]:80", "::1"), ("[::1]", "::1")])
def test_a_host_is_known_without_its_port(header: str, host: str) -> None:
    assert host_of(header) == host


def test_a_wildcard_address_answers_to_any_name_by_default() -> None:
    assert allowed_hosts("0.0.0.0", frozenset()) == frozenset()  # noqa: S104 -- no server is started
    assert "localhost" in allowed_hosts("127.0.0.1", frozenset())
    assert allowed_hosts("0.0.0.0", frozenset({"a"})) >= {"a", "127.0.0.1"}  # noqa: S104 -- no server is started


def test_health_is_ready_once_all_is_read() -> None:
    async def act(session: ClientSession) -> None:
        async with session.get("/health/live") as answer:
            assert (answer.status, await answer.json()) == (200, {"live": True})
        async with session.get("/health/ready") as answer:
            assert (answer.status, await answer.json()) == (503, {"ready": False})
        site.sources.reading = False
        async with session.get("/health/ready") as answer:
            assert answer.status == 200

    site = Site(sources=Sources(reading=True))
    run(site, act)


@dataclass
class EndlessLists:
    """Lists with a row again and again; counts how many are being read."""

    site: Site
    opened: int = 0
    closed: int = 0

    def select(
        self, _query: Query, _now: datetime, _context: DisplayContext, *, first: int = 0, most: int | None = None
    ) -> ListPage:
        complaint = self.site.world.complaint
        row = read_row(encode_snapshot(complaint, encode_complaint(complaint)))
        return ListPage(1, self._rows(row) if most is None else [row][first:], mirrored=True)

    def _rows(self, row: ComplaintRow) -> Iterator[ComplaintRow]:
        self.opened += 1
        try:
            while True:
                yield row
        finally:
            self.closed += 1


async def problem(session: ClientSession, path: str) -> tuple[int, str]:
    """Status and text of a page that shows a problem."""
    async with session.get(path, params={"lang": "en"}) as answer:
        [message] = re.findall(r'id="problem">([^<]*)<', await answer.text())
        return answer.status, message


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


class TestLists:
    def test_a_list_is_filtered_by_its_address(self) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            for query, count in (("status=disposed", 1), ("status=closed", 0), ("office=denpasar", 1), ("page=7", 1)):
                async with session.get(f"/complaints?{query}&lang=en") as answer:
                    assert f'<strong id="count">{count}</strong>' in await answer.text(), query
            async with session.get("/complaints.csv?status=disposed") as answer:
                assert answer.content_type == "text/csv"
                assert answer.headers["Content-Disposition"].startswith("attachment")
                header, row = (await answer.text()).splitlines()
            assert (header.split(",")[0], row.split(",")[0]) == ("number", "1000000")

        site = Site()
        run(site, act)

    def test_an_office_has_its_units_its_superior_and_its_complaints(self) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            async with session.get("/offices/denpasar?lang=en") as answer:
                page = text_of(await answer.text())
            assert "Dinas PUPR 1 0 0 0" in page
            assert "1 complaints" in page
            async with session.get("/offices/denpasar-pupr?lang=en&office=badung") as answer:
                assert "Superior: Denpasar" in text_of(await answer.text()), "the path says which office"

        site = Site()
        run(site, act)

    def test_a_filter_that_cannot_be_is_named(self) -> None:
        async def act(session: ClientSession) -> None:
            status, message = await problem(session, "/complaints?status=gone")
            assert status == 400
            assert message.startswith("status is never &#34;gone&#34;: choose one of registered")
            assert (await problem(session, "/complaints?stauts=x"))[1].startswith("there is no filter stauts: did you")
            async with session.get("/complaints?status=gone&lang=id") as answer:
                assert "status tidak pernah bernilai &#34;gone&#34;: pilih salah satu dari" in await answer.text()
            assert (await problem(session, "/offices/nowhere"))[0] == 400
            async with session.get("/complaints.csv?due=x") as answer:
                assert (answer.status, answer.content_type) == (400, "text/plain")

        run(Site(), act)

    def test_a_list_without_rows_leads_on(self) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            for query, step in (("page=7", "Back to the first page"), ("category=drainase", "Show all complaints")):
                async with session.get(f"/complaints?{query}&lang=en") as answer:
                    assert step in text_of(await answer.text()), query

        site = Site()
        run(site, act)

    @pytest.mark.long
    def test_a_list_is_from_the_mirror_where_there_is_one(self, tmp_path: Path) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            site.know_another("12345678")  # which the mirror does not have yet
            async with session.get("/complaints?lang=en") as answer:
                page = await answer.text()
            assert '<strong id="count">1</strong>' in page
            assert "From the mirror, which has not copied everything yet" in page
            async with session.get("/complaints.csv") as answer:
                assert len((await answer.text()).splitlines()) == 2

        site = Site()
        facts = [encode_fact(each, encode_complaint(each.complaint)) for each in site.world.history]
        write(str(tmp_path / "mirror.duckdb"), facts, prefix="test.")
        run(site, act, mirror=MirrorLists(str(tmp_path / "mirror.duckdb"), "test."))

    def test_without_its_mirror_a_page_is_from_memory_and_warns_and_there_is_no_csv(self, tmp_path: Path) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            for _ in range(2):
                async with session.get("/complaints?lang=en") as answer:
                    page = await answer.text()
            assert '<strong id="count">1</strong>' in page
            assert "The mirror cannot be read now" in page
            assert "nowhere" not in page
            async with session.get("/complaints.csv") as answer:
                assert answer.status == 503
                assert await answer.text() == "the mirror cannot be read: see the log of alur board\n"

        site = Site()
        with structlog.testing.capture_logs() as logged:
            run(site, act, mirror=MirrorLists(str(tmp_path / "nowhere.duckdb"), "test."))
        assert [each["event"] for each in logged] == ["mirror_unreadable"]
        assert "nowhere.duckdb does not exist" in logged[0]["reason"]

    @pytest.mark.long
    def test_few_lists_are_downloaded_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lists, most = EndlessLists(Site()), server.CSV_AT_ONCE

        async def act(session: ClientSession) -> None:
            first = [await session.get("/complaints.csv") for _ in range(most)]
            assert [answer.status for answer in first] == [200] * most
            async with session.get("/complaints.csv") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
                assert (await answer.text()).endswith("try again in a moment\n")
            assert lists.opened == most
            async with session.get("/complaints?lang=en") as answer:
                assert answer.status == 200, "a page does not wait for them"
            first.pop().close()
            while (answer := await session.get("/complaints.csv")).status == 503:
                answer.close()
            assert answer.status == 200
            assert (lists.opened, lists.closed) == (most + 1, 1)
            for each in (*first, answer):
                each.close()
            while lists.closed < most + 1:
                (await session.get("/health/live")).close()

        monkeypatch.setattr(server, "_CSV_WAIT_S", 1.0)
        run(lists.site, act, mirror=lists)

    @pytest.mark.long
    def test_a_browser_that_accepts_nothing_of_a_list_makes_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lists = EndlessLists(Site())

        async def act(session: ClientSession) -> None:
            answer = await session.get("/complaints.csv")
            while not lists.closed:
                (await session.get("/health/live")).close()
            async with session.get("/complaints.csv") as another:
                assert another.status == 200
            answer.close()

        monkeypatch.setattr(server, "CSV_AT_ONCE", 1)
        run(lists.site, act, mirror=lists, send_timeout_s=0.3)

    @pytest.mark.long
    def test_a_download_ends_after_some_time_however_slowly_it_is_accepted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lists = EndlessLists(Site())

        async def act(session: ClientSession) -> None:
            answer = await session.get("/complaints.csv")
            with pytest.raises(ClientPayloadError):
                await answer.read()
            async with session.get("/complaints.csv") as another:
                assert another.status == 200

        monkeypatch.setattr(server, "CSV_AT_ONCE", 1)
        monkeypatch.setattr(server, "_CSV_S", 0.3)
        run(lists.site, act, mirror=lists)

    @pytest.mark.parametrize("path", ["/nothing", "/complaints/1/2", "/offices/"])
    def test_an_unknown_page_leads_back(self, path: str) -> None:
        async def act(session: ClientSession) -> None:
            assert await problem(session, path) == (404, "There is no such page.")
            async with session.get(path, headers={"Accept-Language": "id"}) as answer:
                assert '<a href="/?lang=id">' in await answer.text()

        run(Site(), act)

    def test_a_search_leads_to_the_complaint(self) -> None:
        async def act(session: ClientSession) -> None:
            for asked, address in (
                (" 1000000 ", "/complaints/1000000?lang=en"),
                ("../x", "/complaints/..%2Fx?lang=en"),
                ("", "/complaints/-?lang=en"),
            ):
                params = {"number": asked, "lang": "en"}
                async with session.get("/find", params=params, allow_redirects=False) as answer:
                    assert (answer.status, answer.headers["Location"]) == (303, address)

        run(Site(), act)


class TestComplaints:
    def test_one_is_found_by_its_number_and_by_its_id(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            for number in ("1000000", site.world.id, site.world.id.upper()):
                async with session.get(f"/complaints/{number}?lang=en") as answer:
                    assert answer.status == 200
                    assert answer.content_type == "text/html"
                    found = await answer.text()
                assert re.findall(r"<strong>(\w+)</strong> by", found) == ["Disposed", "Verified", "Received"]
            # nothing has happened meanwhile: it is read once
            assert len(site.read) == 1

        site = Site()
        monkeypatch.setattr(server, "_CACHE_S", 1e9)  # no new minute begins meanwhile
        run(site, act)

    def test_it_is_linked_with_what_came_before_and_after_it(self) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            complaint = site.world.complaint
            later_ones: list[dict[str, Any]] = [
                *({"follows": "1000000"}, {"follows": complaint.complaint_id}),
                *({"follows": "1000000", "secret": True}, {}),
            ]
            site.know_another("1000001")
            for number, changes in enumerate(later_ones):
                site.know_another(f"200000{number}", **changes)
            async with session.get("/complaints/1000000?lang=en") as answer:
                found = await answer.text()
            assert set(re.findall(r'/complaints/([0-9]{7})\?lang=en"', found)) >= {"1000001", "2000000", "2000001"}
            assert "2000002" not in found
            assert "2000003" not in found

        site = Site(world=to_status(Status.DISPOSED, follows="1000001"))
        run(site, act)

    @pytest.mark.parametrize("secret", [True, False])
    def test_a_secret_complaint_is_linked_with_none(self, *, secret: bool) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            site.know_another("1000001")
            site.know_another("2000000", follows="1000000")
            async with session.get("/complaints/1000000?lang=en") as answer:
                found = await answer.text()
            assert ("1000001" in found, "2000000" in found) == (not secret, not secret)

        site = Site(world=to_status(Status.DISPOSED, follows="1000001", secret=secret))
        run(site, act)

    @pytest.mark.parametrize("secret", [True, False])
    def test_none_is_linked_with_a_secret_complaint(self, *, secret: bool) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            site.know_another("1000001", secret=secret)
            original = site.know_another("1000002", secret=secret)
            archive = c.ArchiveComplaint(reason=ArchiveReason.DUPLICATE, duplicate_of=UUID(original))
            site.world.send(archive, PANRB)
            site.know()
            async with session.get("/complaints/1000000?lang=en") as answer:
                found = await answer.text()
            assert ("1000001" in found, original in found) == (not secret, not secret)

        site = Site(world=World(follows="1000001"))
        run(site, act)

    @pytest.mark.parametrize("number", ["abc", "%00", "..%2f..", "x" * 3_000, "%D9%A1", "1000000;", "<b>", "1" * 41])
    def test_an_invalid_complaint_number_is_reported(self, number: str) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            status, message = await problem(session, f"/complaints/{number}")
            assert status == 400
            assert "is neither a complaint number (digits only)" in message

        site = Site()
        run(site, act)
        assert site.read == []

    @pytest.mark.parametrize("number", ["1", "7f1c0f4e-6a0e-5a41-9c0e-0d8f3c1f2a11"])
    def test_a_number_that_no_complaint_has_is_not_found(self, number: str) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            status, message = await problem(session, f"/complaints/{number}")
            assert (status, message) == (404, f"There is no complaint with the number {number}.")

        site = Site()
        run(site, act)
        assert site.read == []

    def test_an_early_request_gets_a_reason(self) -> None:
        async def act(session: ClientSession) -> None:
            status, message = await problem(session, "/complaints/1000000")
            assert (status, message) == (404, "The board is still reading; try again in a moment.")

        run(Site(sources=Sources(reading=True)), act)

    def test_an_unreachable_kafka_is_reported_without_its_address(self) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            status, message = await problem(session, "/complaints/1000000")
            assert (status, message) == (503, "Kafka cannot be reached; try again later.")

        site = Site(fails=True)
        run(site, act)

    def test_kafka_that_is_known_to_be_away_is_not_asked(self) -> None:
        async def act(session: ClientSession) -> None:
            site.know()
            status, message = await problem(session, "/complaints/1000000")
            assert (status, message) == (503, "Kafka cannot be reached; try again later.")

        site = Site(sources=Sources(reading=False, trouble="unreachable"))
        run(site, act)
        assert site.read == []

    def test_too_many_searches_at_a_time_are_refused(self) -> None:
        async def ask(session: ClientSession) -> int:
            async with session.get("/complaints/1000000") as answer:
                await answer.read()
                return answer.status

        async def act(session: ClientSession) -> None:
            site.know()
            statuses = await asyncio.gather(*(ask(session) for _ in range(30)))
            assert {200, 503} == set(statuses)

        site = Site(fails=False)
        run(site, act)


class TestStream:
    def test_figures_come_as_they_are_and_then_as_they_change(self) -> None:
        async def act(session: ClientSession) -> None:
            await site.broadcaster.publish(b'{"n":1}')
            async with session.get("/figures/stream") as answer:
                assert answer.content_type == "text/event-stream"
                assert answer.headers["Cache-Control"] == "no-store"
                assert json.loads(await event(answer)) == {"n": 1}
                await site.broadcaster.publish(b'{"n":2}')
                assert json.loads(await event(answer)) == {"n": 2}
                assert site.broadcaster.browsers == 1
            await until(lambda: site.broadcaster.browsers == 0, site, b'{"n":3}')

        site = Site()
        run(site, act)

    @pytest.mark.long
    def test_a_client_that_reads_nothing_is_closed_and_blocks_no_other(self) -> None:
        async def act(session: ClientSession) -> None:
            await site.broadcaster.publish(figures)
            port = int(site.address.rpartition(":")[2])
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                deaf.connect(("127.0.0.1", port))
                deaf.sendall(b"GET /figures/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await until(lambda: site.broadcaster.browsers == 1, site, figures)
                async with session.get("/figures/stream") as answer:
                    assert await event(answer) == figures
                    assert site.broadcaster.browsers == 2
                    while site.broadcaster.browsers == 2:
                        await site.broadcaster.publish(figures)
                        assert await event(answer) == figures

        figures = b'"' + b"x" * 400_000 + b'"'
        site = Site()
        run(site, act, send_timeout_s=0.3)

    def test_the_number_of_streams_is_limited(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def act(session: ClientSession) -> None:
            await site.broadcaster.publish(b"{}")
            async with session.get("/figures/stream") as first:
                await event(first)
                async with session.get("/figures/stream") as second:
                    assert (second.status, second.headers["Retry-After"]) == (503, "60")
            await until(lambda: site.broadcaster.browsers == 0, site, b"{}")

        monkeypatch.setattr(hubs, "MOST_BROWSERS", 1)
        site = Site()
        run(site, act)
