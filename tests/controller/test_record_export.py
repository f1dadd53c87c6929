"""Records as files: what stands in them, who may have it, and that nothing in them computes."""

import csv
import io
import resource
import zipfile
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import openpyxl  # type: ignore[import-untyped]
import pytest
import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward.records import Outcome, Record, RecordKind
from doorward_controller.domain.permissions import Action, Actor, Role, may
from doorward_controller.domain.spreadsheet_text import MAX_CELL_CHARACTERS, cell_text
from doorward_controller.errors import ForbiddenError, InvalidError
from doorward_controller.exports import records as record_export
from doorward_controller.exports import spreadsheets
from doorward_controller.exports.records import HEADER, HIDDEN, Exported, ExportRequest, export
from doorward_controller.queries import audit_trail
from doorward_controller.queries.record_feed import RecordFilter
from doorward_controller.services import issuing
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields, add_holder
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.store import intake
from doorward_controller.store.schema import gateways
from tests.controller.conftest import AUDITOR, ISSUER, SECURITY, enrol
from tests.fakes import hostile_texts
from tests.fakes.stored_records import BEGIN_UTC_MS, Traffic, row_of

ZONE = ZoneInfo("Asia/Shanghai")
COMPUTED = tuple("=+-@\t\r\n＝＋－＠")


def request(form: str = "csv", **changes: object) -> ExportRequest:
    values = {"wanted": RecordFilter(), "said": {"portal": "north"}, "form": form}
    return ExportRequest(**{**values, "purpose": "application 17/2026", **changes})  # type: ignore[arg-type]


def bytes_of(exported: Exported) -> bytes:
    return b"".join(exported.chunks)


def csv_rows(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def xlsx_rows(content: bytes) -> list[dict[str, object]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    rows = [row for sheet in book for row in sheet.iter_rows(min_row=2, values_only=True)]
    return [dict(zip(HEADER, row, strict=True)) for row in rows]


def entries(backend: Backend) -> list[tuple[str, str, str, str]]:
    rows = audit_trail.page(backend.store, limit=500).items
    return [(row.actor, row.action, row.subject, row.outcome) for row in reversed(rows)]


@pytest.fixture
def gateway_id(sqlite_backend: Backend) -> int:
    enrol(sqlite_backend, "gate", "north")
    with sqlite_backend.store.read() as connection:
        return int(connection.scalar(sa.select(gateways.c.id)) or 0)


@pytest.fixture
def badge(sqlite_backend: Backend) -> str:
    holder = add_holder(sqlite_backend, ISSUER, HolderFields(name='=Grace, "Hopper"'))
    now = sqlite_backend.clock.now().utc_s
    wanted = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=now,
        expires=now + 86_400,
        holder_id=holder,
    )
    return issuing.issue(sqlite_backend, ISSUER, wanted).credential_id


def fill(backend: Backend, gateway_id: int, *made: Record) -> None:
    with backend.store.write() as connection:
        rows = [row_of(record, gateway_id, seq) for seq, record in enumerate(made, 1)]
        intake.insert_records(connection, rows)


def by_hand(number: int, *, subject: str = "", note: str = "", detail: str = "in") -> Record:
    return Record(
        kind=RecordKind.MANUAL, utc_ms=BEGIN_UTC_MS + number, mono_ms=number, boot_id=bytes(8),
        clock_trust=2, portal="north", outcome=Outcome.GRANT, reason="by_hand", actor="g-07",
        cause="visitor", detail=detail, subject=subject, note=note,
    )  # fmt: skip


def known(badge: str) -> Record:
    return Record(
        kind=RecordKind.SCAN, utc_ms=BEGIN_UTC_MS, mono_ms=0, boot_id=bytes(8), clock_trust=2,
        portal="north", outcome=Outcome.GRANT, reason="granted",
        credential_id=bytes.fromhex(badge), form="dw1", online=True,
    )  # fmt: skip


def test_csv_says_what_the_records_say(
    sqlite_backend: Backend, gateway_id: int, badge: str
) -> None:
    fill(sqlite_backend, gateway_id, known(badge))
    (row,) = csv_rows(bytes_of(export(sqlite_backend, SECURITY, request(), ZONE)))
    assert tuple(row) == HEADER
    assert row["time"] == "2026-09-21T22:13:20.000+08:00"
    assert (row["gateway"], row["portal"], row["outcome"]) == ("gate", "north", "grant")
    assert (row["badge"], row["holder"]) == (badge, '\'=Grace, "Hopper"')
    assert row["journal"] == "gate/000000000001/1"


def test_workbook_says_the_same(sqlite_backend: Backend, gateway_id: int, badge: str) -> None:
    fill(sqlite_backend, gateway_id, known(badge))
    (row,) = xlsx_rows(bytes_of(export(sqlite_backend, SECURITY, request("xlsx"), ZONE)))
    assert str(row["time"]) == "2026-09-21 22:13:20"
    assert (row["badge"], row["holder"]) == (badge, '\'=Grace, "Hopper"')


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_who_may_not_read_names_gets_none(
    sqlite_backend: Backend, gateway_id: int, badge: str, form: str
) -> None:
    fill(sqlite_backend, gateway_id, known(badge), by_hand(1, subject="Li Wei", note="her host"))
    content = bytes_of(export(sqlite_backend, AUDITOR, request(form), ZONE))
    rows = csv_rows(content) if form == "csv" else xlsx_rows(content)
    text = content.decode("utf-8", "replace") if form == "csv" else str(rows)
    assert [row["holder"] or "" for row in rows] == ["", HIDDEN]
    assert [rows[0]["written_who"], rows[0]["written_note"]] == [HIDDEN, HIDDEN]
    assert "Hopper" not in text
    assert "Li Wei" not in text
    assert not any(
        action in {"read_personal", "read_by_hand"} for _, action, *_ in entries(sqlite_backend)
    )


def test_what_is_read_of_people_is_in_the_log_with_who_what_for_and_how_much(
    sqlite_backend: Backend, gateway_id: int, badge: str
) -> None:
    fill(sqlite_backend, gateway_id, known(badge), by_hand(1, subject="Li Wei"))
    before = len(entries(sqlite_backend))
    exported = export(sqlite_backend, SECURITY, request(), ZONE)
    bytes_of(exported)
    number = exported.name.removeprefix("records-").removesuffix(".csv")
    told = entries(sqlite_backend)[before:]
    assert [(action, outcome) for _, action, _, outcome in told] == [
        ("export_records", "done"), ("read_personal", "done"), ("read_by_hand", "done"),
        ("export_ended", "done"),
    ]  # fmt: skip
    begun, ended = (audit_trail.page(sqlite_backend.store).items[n] for n in (3, 0))
    assert (begun.subject, ended.subject) == (number, number)
    assert begun.detail == {
        "portal": "north", "as_form": "csv", "purpose": "application 17/2026", "names": True
    }  # fmt: skip
    assert ended.detail == {"rows": 2}


def test_export_that_the_reader_breaks_off_says_so(
    sqlite_backend: Backend, gateway_id: int
) -> None:
    traffic = Traffic(portals=("north",), gateway_ids=(gateway_id,))
    with sqlite_backend.store.write() as connection:
        intake.insert_records(connection, list(traffic.rows(0, 3000)))
    chunks = export(sqlite_backend, AUDITOR, request(), ZONE).chunks
    assert isinstance(chunks, Iterator)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    ended = audit_trail.page(sqlite_backend.store).items[0]
    assert (ended.action, ended.outcome) == ("export_ended", "broken_off")
    assert 0 < int(ended.detail["rows"] or 0) < 3000


@pytest.mark.parametrize("role", Role)
def test_only_who_may_export_may(sqlite_backend: Backend, role: Role) -> None:
    actor = Actor(name="x", role=role)
    if may(role, Action.EXPORT_RECORDS):
        assert csv_rows(bytes_of(export(sqlite_backend, actor, request(), ZONE))) == []
        return
    with pytest.raises(ForbiddenError):
        export(sqlite_backend, actor, request(), ZONE)
    (actor_name, action, _, outcome) = entries(sqlite_backend)[-1]
    assert (actor_name, action, outcome) == ("x", "export_records", "forbidden")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": ""}, "purpose_missing"),
        ({"purpose": " \n "}, "purpose_missing"),
        ({"purpose": "x" * 201}, "purpose_missing"),
        ({"form": "exe"}, "invalid"),
        ({"wanted": RecordFilter(credential_id="zz")}, "bad_credential_id"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_the_first_byte(
    sqlite_backend: Backend, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        export(sqlite_backend, AUDITOR, request(**changes), ZONE)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert entries(sqlite_backend)[-1][1:] == (
        ("export_records", entries(sqlite_backend)[-1][2], code)
    )


def test_workbook_that_would_be_too_large_points_to_csv(
    sqlite_backend: Backend, gateway_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_export, "MAX_XLSX_ROWS", 10)
    traffic = Traffic(portals=("north",), gateway_ids=(gateway_id,))
    with sqlite_backend.store.write() as connection:
        intake.insert_records(connection, list(traffic.rows(0, 11)))
    with pytest.raises(InvalidError, match="take CSV"):
        export(sqlite_backend, AUDITOR, request("xlsx"), ZONE)
    assert len(csv_rows(bytes_of(export(sqlite_backend, AUDITOR, request(), ZONE)))) == 11


# --- hostile texts


@pytest.mark.parametrize("family", hostile_texts.FAMILIES)
def test_hostile_text_stays_text_in_both_kinds_of_file(
    sqlite_backend: Backend, gateway_id: int, family: str
) -> None:
    texts = [text for text in hostile_texts.FAMILIES[family] if "\x00" not in text]
    made = [
        by_hand(number, subject=text[:64], note=text[:64], detail=text[:64])
        for number, text in enumerate(texts)
    ]
    fill(sqlite_backend, gateway_id, *made)
    names = ("detail", "written_who", "written_note")
    rows = csv_rows(bytes_of(export(sqlite_backend, SECURITY, request(), ZONE)))
    book = bytes_of(export(sqlite_backend, SECURITY, request("xlsx"), ZONE))
    native = xlsx_rows(book)
    assert len(rows) == len(native) == len(texts)
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<f " not in sheet
    for row, cells, text in zip(reversed(rows), reversed(native), texts, strict=True):
        for name in names:
            assert row[name] == cell_text(text[:64])
            assert not row[name].startswith(COMPUTED)
            assert not str(cells[name] or "").startswith(COMPUTED)


@pytest.mark.parametrize("text", hostile_texts.ALL)
def test_cell_is_never_computed_and_always_readable(text: str) -> None:
    cell = cell_text(text)
    assert not cell.lstrip(" \u00a0\u200b\ufeff").startswith(COMPUTED)
    assert len(cell) <= MAX_CELL_CHARACTERS
    cell.encode("utf-8")
    assert not any(ord(sign) < 32 and sign not in "\t\r\n" for sign in cell)
    assert not set(cell) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    (back,) = next(csv.reader(io.StringIO("".join(
        chunk.decode("utf-8-sig") for chunk in spreadsheets.csv_chunks((text,), ())
    ), newline="")))  # fmt: skip
    assert back == cell


def test_harmless_text_stays_as_it_is() -> None:
    for text in ("", "Ada", "王小明", "a=b", "1-2", "x@y.z", "O'Neil", "3 + 4", "“quoted”"):
        assert cell_text(text) == text


def test_long_text_is_cut_and_says_so() -> None:
    assert cell_text("x" * 40_000) == "x" * (MAX_CELL_CHARACTERS - 1) + "…"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_rows(kind: str) -> None:
    def write(rows: int) -> None:
        made = ((f"{number} {'x' * 60}", number) for number in range(rows))
        chunks = (
            spreadsheets.csv_chunks(("a", "b"), made)
            if kind == "csv"
            else spreadsheets.xlsx_chunks("t", ("a", "b"), made)
        )
        for _ in chunks:
            pass

    write(2_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write(30_000)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 4_000, "thirty thousand rows of this kind held would be more than 4 MB"


def test_what_is_too_much_for_one_sheet_goes_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spreadsheets, "ROWS_A_SHEET", 3)
    content = b"".join(spreadsheets.xlsx_chunks("r", ("n",), ((n,) for n in range(7))))
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["r", "r 2", "r 3"]
    assert [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in book] == [
        ["n", 0, 1, 2], ["n", 3, 4, 5], ["n", 6],
    ]  # fmt: skip
