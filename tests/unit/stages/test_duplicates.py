"""Duplicates are recognized in any spelling, and nothing else is."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from events import commands as c
from events.ids import complaint_id
from events.reports import Location
from events.vocabulary import ArchiveReason, Status
from tests.support.worlds import DEMO, LAPOR, MONDAY, VERIFICATION, World, report, seconds
from workflow.policy.model import Policy
from workflow.stages.duplicates import Index, fingerprint
from workflow.stages.verification import verification

TITLE = "Jalan berlubang di depan Pasar Badung"
BODY = "Lubang besar sejak dua pekan, sudah ada yang jatuh."
PLACE: dict[str, Any] = {"province": "Bali", "city": "Denpasar", "district": "Denpasar Barat", "village": "Pemecutan"}
MACHINE = DEMO.model_copy(update={"machine": DEMO.machine | {"archive"}})
MONTH = timedelta(days=30)


def print_of(policy: Policy = LAPOR, **changes: Any) -> bytes | None:
    return fingerprint(report(**{"title": TITLE, "body": BODY, "location": Location(**PLACE)} | changes), policy)


def _duplicates(**changes: Any) -> Policy:
    return LAPOR.model_copy(update={"duplicates": LAPOR.duplicates.model_copy(update=changes)})


class TestFingerprint:
    def test_it_is_short(self) -> None:
        found = print_of()
        assert found is not None
        assert len(found) == 16

    @pytest.mark.parametrize(
        "changes",
        [
            {"title": TITLE.upper(), "body": f"  {BODY.lower()} "},
            {"title": "Jalan   berlubang, di depan -- Pasar Badung!!", "body": BODY.replace(",", "\n")},
            {"title": f"{TITLE}. {BODY}", "body": ""},
            {"title": "", "body": f"{TITLE}\n\n{BODY}"},
            {"title": "\uff2aalan berlubang di depan Pasar Badung"},  # a full-width J, as some keyboards write it
            {"category": "lampu-penerangan", "anonymous": True, "secret": True, "office": "denpasar"},
            {"location": Location(province="PROVINSI BALI", city="Kota Denpasar", district="Kec. Denpasar Barat",
                                  village="Desa Pemecutan")},
        ],
    )  # fmt: skip
    def test_what_makes_no_difference(self, changes: dict[str, Any]) -> None:
        assert print_of(**changes) == print_of()

    @pytest.mark.parametrize(
        "changes",
        [
            {"title": TITLE.replace("Badung", "Kumbasari")},
            {"body": BODY.replace("dua", "tiga")},
            {"location": Location(**PLACE | {"village": "Dauh Puri"})},
            {"location": Location(province="Bali")},
            {"location": Location(**PLACE, lat=-8.65, lon=115.21)},
            {"location": None, "office": "denpasar"},
        ],
    )
    def test_what_makes_another_report_of_it(self, changes: dict[str, Any]) -> None:
        found = print_of(**changes)
        assert found is not None
        assert found != print_of()

    def test_coordinates_are_as_exact_as_a_street_corner(self) -> None:
        here = print_of(location=Location(lat=-8.65631, lon=115.21232))
        assert print_of(location=Location(lat=-8.65628, lon=115.21219, city="Denpasar")) == here
        assert print_of(location=Location(lat=-8.6551, lon=115.21232)) != here
        assert print_of(location=Location(lat=-0.0001, lon=110.0)) == print_of(location=Location(lat=0.0, lon=110.0))

    @pytest.mark.parametrize(
        "changes",
        [
            {"title": "Jalan rusak", "body": ""},
            {"title": "Jalan rusak", "body": "." * 500},
            {"location": None},
            {"location": Location(lat=-8.65)},
            {"location": Location(city="-")},
        ],
    )
    def test_what_cannot_be_compared(self, changes: dict[str, Any]) -> None:
        assert print_of(**changes) is None

    def test_how_much_text_it_takes_is_the_policys(self) -> None:
        short = report(title="Jalan rusak", body="")
        assert fingerprint(short, LAPOR) is None
        assert fingerprint(short, _duplicates(min_text=10)) is not None
        assert fingerprint(short, _duplicates(min_text=11)) is None

    def test_kota_and_kabupaten_of_one_name_are_two_places(self) -> None:
        def at(city: str, province: str | None = "Jawa Timur") -> bytes | None:
            return print_of(location=Location(province=province, city=city))

        assert len({at("Kota Malang"), at("Kabupaten Malang"), at("Malang")}) == 3
        assert at("Kab. Malang") == at("KABUPATEN MALANG")
        # where one of that name is known only, its kind need not be given; where none is, two names are not one place
        assert at("Surabaya") == at("Kota Surabaya") != at("Kabupaten Surabaya")
        assert at("Bandung", None) != at("Kota Bandung", None)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("ꦗꦭꦤ꧀ꦫꦸꦱꦏ꧀", "ꦗꦭꦤꦫꦱꦏ"),
            ("ᬚᬮᬦ᭄ᬭᬸᬲᬓ᭄", "ᬚᬮᬦᬭᬲᬓ"),
            ("jalan 👍", "jalan 👎"),
            ("👍👍", "👍"),
        ],
    )
    def test_combining_marks_and_emoji_count(self, one: str, other: str) -> None:
        assert print_of(title=f"{TITLE} {one}") != print_of(title=f"{TITLE} {other}")
        assert print_of(title=f"{TITLE} {one}") == print_of(title=f" {one.join((TITLE + '  ', '!'))}".upper())

    def test_an_emoji_is_one_however_it_is_shown_and_spaced(self) -> None:
        assert print_of(title=f"{TITLE}❤️") == print_of(title=f"{TITLE} ❤ .")

    @pytest.mark.parametrize("category", ["kependudukan", "Kependudukan", "kependudukan-ktp", "Kependudukan KTP"])
    def test_equal_words_prove_nothing_in_personal_matters(self, category: str) -> None:
        personal = _duplicates(personal=frozenset({"kependudukan"}))
        assert print_of(personal, category=category) is None
        assert print_of(personal, category="kependudukan2") is not None
        assert print_of(category=category) is not None


class TestIndex:
    """A is the first, the others come later; names sort otherwise."""

    A, B, C, D, E = (complaint_id("/channels/x", number) for number in "12345")

    def test_the_earliest_is_the_original_in_whatever_order_they_are_read(self) -> None:
        for order in ((self.A, self.B), (self.B, self.A)):
            index = Index(MONTH)
            at = {self.A: MONDAY, self.B: MONDAY + seconds(1)}
            for each in order:
                index.add(b"p", at[each], each)
            index.add(b"q", at[self.B], self.C)
            assert index.original(self.B, MONTH) == self.A
            assert index.original(self.A, MONTH) is None
            assert index.original(self.C, MONTH) is None

    def test_of_two_at_the_same_moment_one_is_the_original(self) -> None:
        index = Index(MONTH)
        for each in (self.A, self.B):
            index.add(b"p", MONDAY, each)
        first, second = sorted((self.A, self.B))
        assert index.original(second, MONTH) == first
        assert index.original(first, MONTH) is None

    def test_what_lies_too_far_back_is_no_original(self) -> None:
        index = Index(MONTH)
        index.add(b"p", MONDAY, self.A)
        index.add(b"p", MONDAY + MONTH, self.B)
        assert index.original(self.B, MONTH) == self.A
        assert index.original(self.B, MONTH - seconds(1)) is None
        late = MONDAY + MONTH + timedelta(milliseconds=1)
        index.add(b"p", late, self.C)
        assert index.original(self.C, MONTH) is None
        index.add(b"p", late + seconds(1), self.D)
        assert index.original(self.D, MONTH) == self.C
        # read late, from a partition that was slow: it does not push the newer one out
        index.add(b"p", MONDAY, self.E)
        assert index.original(self.D, MONTH) == self.C

    def test_what_is_too_short_is_known_and_has_no_original(self) -> None:
        index = Index(MONTH)
        for each in (self.A, self.B):
            assert each not in index
            index.add(None, MONDAY, each)
            assert each in index
        assert index.original(self.B, MONTH) is index.original(self.A, MONTH) is None

    def test_an_erased_report_is_no_original(self) -> None:
        index = Index(MONTH)
        for number, each in enumerate((self.A, self.B, self.C)):
            index.add(b"p", MONDAY + seconds(number), each)
        index.remove(MONDAY, self.B, erased=True)
        assert (index.original(self.B, MONTH), index.original(self.C, MONTH)) == (None, self.A)
        index.remove(MONDAY, self.A)
        assert index.original(self.C, MONTH) is None
        assert self.A in index

    def test_what_has_ended_is_no_original(self) -> None:
        index = Index(MONTH)
        index.add(b"p", MONDAY, self.A)
        index.remove(MONDAY, self.A)
        index.add(b"p", MONDAY + seconds(1), self.B)
        assert index.original(self.B, MONTH) is None
        index.remove(MONDAY, self.A)
        index.add(b"p", MONDAY + seconds(2), self.C)
        assert index.original(self.C, MONTH) == self.B
        # an earlier one takes the place of a later one, whose end then ends nothing
        index.add(b"p", MONDAY, self.D)
        index.remove(MONDAY + seconds(3), self.B)
        assert index.original(self.C, MONTH) == self.D

    def test_what_is_open_again_is_an_original_again(self) -> None:
        index = Index(MONTH)
        index.add(b"p", MONDAY, self.A)
        index.remove(MONDAY + seconds(1), self.A)
        index.put_back(self.A)
        index.add(b"p", MONDAY + seconds(2), self.B)
        assert index.original(self.B, MONTH) == self.A
        # one that took its place meanwhile makes room for the earlier one
        index.remove(MONDAY + seconds(3), self.A)
        index.add(b"p", MONDAY + seconds(4), self.C)
        index.put_back(self.A)
        assert index.original(self.C, MONTH) == self.A

    def test_but_not_if_its_words_are_erased_or_were_never_read(self) -> None:
        index = Index(MONTH)
        index.add(b"p", MONDAY, self.A)
        index.remove(MONDAY, self.A, erased=True)
        index.remove(MONDAY, self.D)
        for name in (self.A, self.D):
            index.put_back(name)
        index.add(b"p", MONDAY + seconds(1), self.B)
        assert index.original(self.B, MONTH) is None

    def test_what_has_ended_before_its_words_are_read_is_no_original(self) -> None:
        index = Index(MONTH)
        index.remove(MONDAY + seconds(9), self.A)
        index.add(b"p", MONDAY, self.A)
        index.add(b"p", MONDAY + seconds(10), self.B)
        assert index.original(self.B, MONTH) is None
        assert self.A in index

    def test_it_holds_what_the_window_holds(self) -> None:
        index = Index(seconds(100))
        names = [complaint_id("/channels/x", str(number)) for number in range(20_000)]
        for number, name in enumerate(names):
            index.add(number.to_bytes(16, "big"), MONDAY + seconds(number), name)
            assert len(index) <= 2_200
        index.add((19_900).to_bytes(16, "big"), MONDAY + seconds(19_999), self.B)
        assert index.original(self.B, seconds(100)) == names[19_900]


class TestVerdict:
    ORIGINAL = complaint_id("/channels/web", "first")

    def test_a_duplicate_is_archived_where_a_machine_may(self) -> None:
        world = World(MACHINE)
        command = verification(world.complaint, MACHINE, self.ORIGINAL)
        assert command == c.ArchiveComplaint(
            reason=ArchiveReason.DUPLICATE, duplicate_of=UUID(self.ORIGINAL), revision=1, status=Status.REGISTERED
        )
        assert world.send(command, VERIFICATION) == ["archived"]
        assert verification(world.complaint, MACHINE, self.ORIGINAL) is None

    def test_it_is_judged_like_any_other_where_a_machine_may_not(self) -> None:
        assert verification(World(DEMO).complaint, DEMO, self.ORIGINAL) == c.VerifyComplaint(
            revision=1, status=Status.REGISTERED
        )
        lacks = World(DEMO, body="")
        assert verification(lacks.complaint, DEMO, self.ORIGINAL) == verification(lacks.complaint, DEMO)
        assert verification(World().complaint, LAPOR, self.ORIGINAL) is None

    def test_what_is_no_duplicate_is_judged_as_usual(self) -> None:
        world = World(MACHINE)
        command = verification(world.complaint, MACHINE)
        assert command == c.VerifyComplaint(revision=1, status=Status.REGISTERED)
        assert world.send(command, VERIFICATION) == ["verified"]
        assert world.complaint.status is Status.VERIFIED
