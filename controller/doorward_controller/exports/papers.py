"""Reports as PDF: headings, facts and tables, in Chinese and English, with the font inside.

A PDF that only names a font shows boxes where that font is missing, so the letters that a report
uses are put into it. No font is shipped with the program: it is taken from the server, where one
with Chinese characters must be installed (Debian: `fonts-droid-fallback` or `fonts-wqy-zenhei`).
"""

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from doorward_controller.errors import ConflictError

PDF_TYPE = "application/pdf"
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
)
_FAMILY = "body"
_INK, _QUIET, _LINE = (22, 34, 46), (86, 100, 114), (223, 229, 234)

# The library tells of every table of a font that it leaves out.
logging.getLogger("fontTools").setLevel(logging.ERROR)


class NoFontError(ConflictError):
    """The server has no font in which a report could be written."""

    code = "no_font"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a report; `widths` are shares, `size_pt` is that of its letters."""

    title: str
    header: Sequence[str]
    widths: Sequence[int]
    rows: Sequence[Sequence[str]]
    empty: str
    size_pt: float = 8.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A report: what it is about, facts in pairs, tables, and a line at each page's foot."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    foot: str


def pdf(paper: Paper) -> bytes:
    """Returns the report as a file. Raises NoFontError."""
    page = _Page(paper.foot)
    page.set_title(_clean(paper.title))
    page.add_page()
    page.set_font(_FAMILY, size=18)
    page.multi_cell(0, 9, _clean(paper.title), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_text_color(*_QUIET)
    page.set_font(_FAMILY, size=10)
    page.multi_cell(0, 6, _clean(paper.subtitle), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(3)
    _facts(page, paper.facts)
    for each in paper.tables:
        _table(page, each)
    return bytes(page.output())


class _Page(FPDF):
    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = _clean(foot)
        self.set_auto_page_break(auto=True, margin=18)
        self.set_margin(15)
        self.add_font(_FAMILY, fname=font_file())
        self.set_text_color(*_INK)
        self.set_draw_color(*_LINE)

    def footer(self) -> None:
        self.set_y(-13)
        self.set_font(_FAMILY, size=8)
        self.set_text_color(*_QUIET)
        self.cell(0, 6, f"{self._foot} · {self.page_no()}", align="C")
        self.set_text_color(*_INK)


@cache
def font_file() -> Path:
    """Returns the first font of the list that is here. Raises NoFontError."""
    for name in FONTS:
        if Path(name).is_file():
            return Path(name)
    raise NoFontError("no font with Chinese characters is installed; see docs/maintenance.md")


def _facts(page: _Page, facts: Sequence[tuple[str, str]]) -> None:
    for name, value in facts:
        page.set_text_color(*_QUIET)
        page.cell(50, 6, _clean(name))
        page.set_text_color(*_INK)
        page.multi_cell(0, 6, _clean(value) or "–", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(page: _Page, table: Table) -> None:
    page.ln(5)
    page.set_font(_FAMILY, size=13)
    page.multi_cell(0, 8, _clean(table.title), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font(_FAMILY, size=table.size_pt)
    if not table.rows:
        page.multi_cell(0, 6, _clean(table.empty), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        return
    with page.table(
        col_widths=tuple(table.widths),
        text_align="LEFT",
        line_height=table.size_pt * 0.6,
        headings_style=FontFace(color=_QUIET),
        borders_layout="HORIZONTAL_LINES",
        markdown=False,
    ) as drawn:
        for row in (table.header, *table.rows):
            line = drawn.row()
            for value in row:
                line.cell(_clean(value))


def _clean(text: str) -> str:
    """Takes out what has no place on paper: control signs, and signs that turn the reading order.

    A right-to-left mark in a title could make a report read otherwise than it is stored.
    """
    kept = (sign for sign in text if unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co"})
    return "".join(kept)
