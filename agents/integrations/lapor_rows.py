"""Rows of the LAPOR export, with the wording of `lapor_words.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from events import facts as f
from events.ids import is_stage_source
from events.reports import Location
from events.snapshot import Complaint
from events.texts import ERASED, PLACEHOLDER
from events.vocabulary import ArchiveReason, Status
from workflow.redaction import public_view

HEADER: Final = (
    *("Tracking ID", "Tanggal Laporan Masuk", "Pelapor", "Klasifikasi Laporan", "Kategori", "Judul Laporan"),
    *("Isi Laporan Awal", "Isi Laporan Akhir", "Anonim/Rahasia", "Sumber Laporan", "Instansi Induk"),
    *("Instansi Terdisposisi", "Status Laporan", "Alasan Tunda/Arsip", "Provinsi", "Kota/Kabupaten", "Kecamatan"),
    *("Kelurahan/Desa", "Rating", "Menunggu"),
)

_FILE: Final = files("agents.integrations").joinpath("lapor_words.toml")
WORDS: Final[dict[str, dict[str, str]]] = tomllib.loads(_FILE.read_text("utf-8"))
"""LAPOR's words, by use and by the engine's names."""


@dataclass(frozen=True, slots=True)
class RowTexts:
    """The fields of a row that only facts contain: texts, reasons, and who ended the complaint."""

    title: str = ""
    first: str = ""
    final: str = ""
    reason: str = ""
    by: str = ""
    archived_for: ArchiveReason | None = None


WITH_TEXTS: Final = tuple(
    each.NAME for each in (f.ComplaintRegistered, f.ReportCompleted, f.ComplaintVerified, f.ComplaintPostponed)
)
"""The facts with words that a row shows."""


def texts_after(before: RowTexts, fact: f.Fact) -> RowTexts:
    """Return the texts of a row after `fact`."""
    changed: dict[str, Any] = {}
    match fact:
        case f.ComplaintRegistered():
            changed = {"title": fact.report.title, "first": fact.report.body}
        case f.ReportCompleted():
            changed = {"title": fact.title or before.title, "first": fact.body or before.first, "reason": ""}
        case f.ComplaintVerified():
            changed = {"final": fact.edited_text or before.final, "reason": ""}
        case f.ComplaintPostponed():
            changed = {"reason": fact.reason}
        case f.ComplaintArchived():
            changed = {"reason": WORDS["reason"][fact.reason], "by": _who(fact, "Admin"), "archived_for": fact.reason}
        case f.ComplaintClosed():
            changed = {"by": _who(fact, "Admin")}
        case f.ComplaintWithdrawn():
            changed = {"by": _who(fact, "Pelapor")}
    return replace(before, **changed)


def _who(fact: f.Fact, person: str) -> str:
    # after a deadline lifecycle, a stage, acts itself
    return "Sistem" if is_stage_source(fact.by) else person


def row(
    complaint: Complaint,
    texts: RowTexts,
    *,
    offices: Mapping[str, tuple[str, str]],
    zone: ZoneInfo,
    reporter: str | None,
) -> tuple[str, ...]:
    """Return the cells of a complaint, in the order of `HEADER`, redacted by `workflow/redaction.py`.

    The `reporter` of an anonymous complaint is omitted; that of a secret one is in, where the caller may export it.
    """
    view, texts = public_view(complaint, texts.archived_for), _with_erasures(texts, complaint)
    place = view.location or Location()
    name, parent = offices.get(view.office or "", (view.office or "", ""))
    privacy = [word for word, holds in (("Anonim", complaint.anonymous), ("Rahasia", complaint.secret)) if holds]
    return (
        complaint.tracking_id,
        complaint.received_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        "Anonim" if complaint.anonymous else reporter or "",
        WORDS["class"][complaint.class_],
        (view.category or "").replace("-", " ").title(),
        *(view.text(text) or "" for text in (texts.title, texts.first, texts.final)),
        ", ".join(privacy),
        view.detail(complaint.channel) or "",
        *(parent, name, _status(complaint, texts, name)),
        view.detail(texts.reason) or "",
        *(part or "" for part in (place.province, place.city, place.district, place.village)),
        str(view.detail(complaint.rating) or ""),
        view.detail(_waiting(complaint, place, offices)) or "",
    )


def _with_erasures(texts: RowTexts, complaint: Complaint) -> RowTexts:
    """Return the texts with a placeholder for erased ones."""
    if "texts" not in complaint.erased:
        return texts
    title, first, final, reason = (
        ERASED if text == PLACEHOLDER else text for text in (texts.title, texts.first, texts.final, texts.reason)
    )
    return replace(texts, title=title, first=first, final=final, reason=reason)


def _waiting(complaint: Complaint, place: Location, offices: Mapping[str, tuple[str, str]]) -> str:
    waiting = complaint.waiting_for
    if waiting is None:
        return ""
    who, _ = offices.get(waiting.who, (waiting.who, ""))
    category = (complaint.category or "laporan tanpa kategori").replace("-", " ")
    words = WORDS["waiting"].get(waiting.why, "{why}: {who}")
    named = place.city or place.province or "tempat yang tidak disebut"  # the export has no coordinates
    return words.format(who=who, why=waiting.why, category=category, place=named)


def _status(complaint: Complaint, texts: RowTexts, office: str) -> str:
    if complaint.status is Status.DISPOSED:
        return f"Terdisposisi ke {office}" if office else "Terdisposisi"
    if (ended := WORDS["ended"].get(complaint.status)) is not None:
        return f"{ended} oleh {texts.by or 'Sistem'}"
    return WORDS["standing"][complaint.status]
