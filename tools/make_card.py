"""Makes the card that hangs beside a unit: what its lamps and tones say. `make card`.

One page of A6 in both languages, from the same table by which the firmware lights and sounds; with
`--check` only the words on the page are compared.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from fpdf import FPDF

from doorward_controller.exports.papers import font_file
from doorward_edge.perception import PATTERNS, WORDS, Lamp, Pattern, sound_of
from doorward_edge.ports import Signal

CARD = Path(__file__).resolve().parent.parent / "hardware" / "card" / "lamps-and-tones.pdf"

WIDTH_MM, HEIGHT_MM, MARGIN_MM = 105, 148, 7
TOP_MM, ROW_MM = 25, 11.0
LAMP_X_MM, TONE_X_MM, WORD_X_MM = 11.5, 23, 48
FAMILY = "card"
INK, QUIET, LINE = (15, 23, 42), (71, 85, 105), (203, 213, 225)
COLOURS = {
    Lamp.GREEN: (22, 130, 62),
    Lamp.RED: (200, 30, 30),
    Lamp.YELLOW: (234, 179, 8),
    Lamp.BLUE: (37, 99, 235),
}
NAMES = {
    Lamp.GREEN: ("green", "绿"),
    Lamp.RED: ("red", "红"),
    Lamp.YELLOW: ("yellow", "黄"),
    Lamp.BLUE: ("blue", "蓝"),
}
OFFLINE = ("with a blue lamp: decides by itself", "另亮蓝灯：离线自主判断")
LOWEST_HZ, HIGHEST_HZ = 220, 880
TONE_MM_PER_MS = 0.012
SHOWN = [signal for signal in Signal if signal is not Signal.IDLE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One signal as the card tells it."""

    lamp: Lamp
    manner: tuple[str, str]
    tones: tuple[tuple[int, int], ...]
    said: tuple[str, str]


def row_of(signal: Signal) -> Row:
    """Returns what the card says of a signal."""
    pattern, words = PATTERNS[signal], WORDS[signal]
    lamp = next(iter(step.lamps for step in pattern.steps if step.lamps))
    (only,) = lamp
    return Row(
        lamp=only,
        manner=_manner(pattern, only),
        tones=sound_of(pattern),
        said=(words.en, words.zh),
    )


def _manner(pattern: Pattern, lamp: Lamp) -> tuple[str, str]:
    en, zh = NAMES[lamp]
    if not all(step.lamps for step in pattern.steps):
        return f"{en}, blinks", f"{zh}灯闪"
    return (f"{en}, stays", f"{zh}灯常亮") if pattern.stays else (en, f"{zh}灯")


def words_on_card() -> list[str]:
    """Returns every text that must be on the card."""
    rows = [row_of(signal) for signal in SHOWN]
    return [text for row in rows for text in (*row.said, *row.manner)] + list(OFFLINE)


def make_card() -> bytes:
    """Returns the PDF."""
    page = FPDF(format=(WIDTH_MM, HEIGHT_MM))
    page.set_auto_page_break(auto=False)
    page.add_font(FAMILY, fname=font_file())
    page.add_page()
    _head(page)
    for index, signal in enumerate(SHOWN):
        _row(page, row_of(signal), TOP_MM + index * ROW_MM)
    _foot(page)
    return bytes(page.output())


def _head(page: FPDF) -> None:
    page.set_text_color(*INK)
    page.set_font(FAMILY, size=13)
    page.text(MARGIN_MM, 12, "What lamps and tones say")
    page.text(MARGIN_MM, 18, "指示灯与提示音")


def _row(page: FPDF, row: Row, top: float) -> None:
    page.set_draw_color(*LINE)
    page.line(MARGIN_MM, top, WIDTH_MM - MARGIN_MM, top)
    _lamp(page, row, top + ROW_MM / 2)
    _tones(page, row, top)
    page.set_text_color(*INK)
    page.set_font(FAMILY, size=10)
    page.text(WORD_X_MM, top + 4.8, row.said[0])
    page.text(WORD_X_MM, top + 9.2, row.said[1])
    page.set_text_color(*QUIET)
    page.set_font(FAMILY, size=5.5)
    page.text(TONE_X_MM - 4.5, top + 9.9, f"{row.manner[0]}  {row.manner[1]}")


def _lamp(page: FPDF, row: Row, middle: float) -> None:
    """A disc; a ring of strokes round it means that it blinks: not by colour alone."""
    page.set_fill_color(*COLOURS[row.lamp])
    page.set_draw_color(*INK)
    page.ellipse(LAMP_X_MM - 2.6, middle - 2.6, 5.2, 5.2, style="F")
    if row.manner[0].endswith("blinks"):
        page.set_dash_pattern(dash=0.9, gap=0.9)
        page.ellipse(LAMP_X_MM - 3.8, middle - 3.8, 7.6, 7.6, style="D")
        page.set_dash_pattern()
    if row.manner[0].endswith("stays"):
        page.ellipse(LAMP_X_MM - 3.8, middle - 3.8, 7.6, 7.6, style="D")


def _tones(page: FPDF, row: Row, top: float) -> None:
    """Bars: as long as the tone, as high as its pitch."""
    page.set_fill_color(*INK)
    x = float(TONE_X_MM - 4.5)
    for hz, for_ms in row.tones:
        share = (hz - LOWEST_HZ) / (HIGHEST_HZ - LOWEST_HZ)
        wide = for_ms * TONE_MM_PER_MS
        page.rect(x, top + 6.0 - 4.2 * share, wide, 1.2, style="F")
        x += wide + 1.0


def _foot(page: FPDF) -> None:
    top = TOP_MM + len(SHOWN) * ROW_MM
    page.set_draw_color(*LINE)
    page.line(MARGIN_MM, top, WIDTH_MM - MARGIN_MM, top)
    page.set_fill_color(*COLOURS[Lamp.BLUE])
    page.ellipse(MARGIN_MM + 0.6, top + 3.4, 2.6, 2.6, style="F")
    page.set_text_color(*INK)
    page.set_font(FAMILY, size=7.5)
    page.text(MARGIN_MM + 5, top + 5.6, f"{OFFLINE[0]}  {OFFLINE[1]}")
    page.set_text_color(*QUIET)
    page.set_font(FAMILY, size=6)
    page.text(
        MARGIN_MM, top + 10.5, "bars: tones, long and high as heard · 横条：提示音的长短与高低"
    )
    page.text(MARGIN_MM, top + 13.8, "ring: stays; dashed ring: blinks · 实圈：常亮；虚圈：闪烁")


def main() -> int:
    """Writes the card, or says whether words are missing on it."""
    if "--check" not in sys.argv[1:]:
        CARD.parent.mkdir(parents=True, exist_ok=True)
        CARD.write_bytes(make_card())
        print(CARD.relative_to(CARD.parents[2]))
        return 0
    missing = missing_words(CARD)
    for word in missing:
        print(f"{CARD.name} lacks {word!r}; run: make card")
    return 1 if missing else 0


def missing_words(path: Path) -> list[str]:
    """Returns what should be on the card and is not."""
    from pypdf import PdfReader  # noqa: PLC0415  # only for the comparison

    written = "".join("".join(p.extract_text() for p in PdfReader(path).pages).split())
    return [text for text in words_on_card() if "".join(text.split()) not in written]


if __name__ == "__main__":
    sys.exit(main())
