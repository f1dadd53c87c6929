"""Rows as CSV and as an Excel workbook, written as they come: memory does not grow with them."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook  # type: ignore[import-untyped]
from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]
from openpyxl.styles import Font  # type: ignore[import-untyped]

from doorward_controller.domain.spreadsheet_text import cell_text

BOM = "\ufeff"
"""Without it, Excel takes UTF-8 for the machine's old code page."""

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_A_SHEET = 1_000_000
"""A sheet holds 1,048,576; what is behind goes on in the next one."""

_ROWS_AT_ONCE = 200
_CHUNK_BYTES = 65_536

Cell = str | int | datetime | None


def csv_chunks(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Yields the file in pieces: UTF-8 with its mark, RFC 4180, times as ISO 8601 with offset."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    out.write(BOM)
    writer.writerow([cell_text(name) for name in header])
    for number, row in enumerate(rows, 1):
        writer.writerow([_plain(value) for value in row])
        if number % _ROWS_AT_ONCE == 0:
            yield _taken(out)
    yield _taken(out)


def xlsx_chunks(
    title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Iterator[bytes]:
    """Yields the workbook in pieces, once it is whole on the disk; a workbook has no beginning."""
    with tempfile.TemporaryFile(prefix="doorward-export-") as file:
        _write_workbook(file, title, header, rows)
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def local_time(at_utc_ms: int, zone: ZoneInfo) -> datetime:
    """Returns an instant as the site's clock shows it, to the millisecond."""
    return datetime.fromtimestamp(at_utc_ms / 1000, UTC).astimezone(zone)


def _write_workbook(
    file: IO[bytes], title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> None:
    book = Workbook(write_only=True)
    sheet = None
    for number, row in enumerate(rows):
        if sheet is None or number % ROWS_A_SHEET == 0:
            sheet = _new_sheet(book, title, header, 1 + number // ROWS_A_SHEET)
        sheet.append([_native(value) for value in row])
    if sheet is None:
        _new_sheet(book, title, header, 1)
    book.save(file)


def _new_sheet(book: Any, title: str, header: Sequence[str], number: int) -> Any:  # noqa: ANN401  # openpyxl has no types
    sheet = book.create_sheet(title if number == 1 else f"{title} {number}")
    sheet.freeze_panes = "A2"
    cells = [WriteOnlyCell(sheet, value=cell_text(name)) for name in header]
    for cell in cells:
        cell.font = Font(bold=True)
    for place in range(len(header)):
        sheet.column_dimensions[chr(ord("A") + place)].width = 20
    sheet.append(cells)
    return sheet


def _plain(value: Cell) -> str | int:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return cell_text(value) if isinstance(value, str) else "" if value is None else value


def _native(value: Cell) -> Cell:
    """Excel's times have no zone: the site's own time, which the header names."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return cell_text(value) if isinstance(value, str) else value


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()
