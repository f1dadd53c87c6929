"""Lists of codes from files: CSV in the usual encodings, and the first sheet of an XLSX."""

import io
import zipfile

from openpyxl import load_workbook  # type: ignore[import-untyped]
from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]

from doorward_controller.errors import InvalidError

MAX_FILE_BYTES = 900_000
MAX_UNPACKED_BYTES = 50_000_000
"""A workbook is a ZIP: what it unpacks to is bounded before it is read."""
_ZIP = b"PK\x03\x04"


def lines_of(content: bytes) -> tuple[str, ...]:
    """Returns the lines of a CSV file, or the first cell of each row of a workbook.

    Raises:
        InvalidError: it is neither, or too large.
    """
    if len(content) > MAX_FILE_BYTES:
        raise InvalidError(
            f"the file has {len(content)} bytes, at most {MAX_FILE_BYTES}", code="too_large"
        )
    if content.startswith(_ZIP):
        return _sheet_lines(content)
    return tuple(_decoded(content).splitlines())


def _decoded(content: bytes) -> str:
    """UTF-8, with or without a mark, or what spreadsheets save in Western Europe and China."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InvalidError("the file is neither CSV nor XLSX", code="file_unreadable")


def _sheet_lines(content: bytes) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(each.file_size for each in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise InvalidError("the workbook is too large", code="too_large")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as err:
        raise InvalidError("the file is neither CSV nor XLSX", code="file_unreadable") from err
    try:
        sheet = book.worksheets[0]
        return tuple(_cell(row[0] if row else None) for row in sheet.iter_rows(values_only=True))
    finally:
        book.close()


def _cell(value: object) -> str:
    """A badge number of digits alone may have become a number: spreadsheets drop its zeros."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).zfill(16) if isinstance(value, int) else str(value or "")
