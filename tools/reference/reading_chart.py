"""The chart of reading distances, as SVG."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from tools.hardware.reading_table import Row, rows

WIDTH, LEFT, RIGHT, TOP = 900, 330, 20, 64
LINE, GAP = 16, 12
STEP_CM = 20
LEGEND = "dark: 3 pixels a module, comfortable; light: as far as readers just manage"
COLOURS = {
    "camera-module-3": "#2563eb",
    "camera-module-3-wide": "#0d9488",
    "global-shutter-6mm": "#b45309",
    "usb-1080p": "#7c3aed",
}


def text() -> str:
    """Returns the picture."""
    shown = [row for row in rows() if row.frame.is_usual]
    groups = {row.medium.name: [] for row in shown}  # type: dict[str, list[Row]]
    for row in shown:
        groups[row.medium.name].append(row)
    height = TOP + sum(len(found) * LINE + GAP for found in groups.values()) + 44
    most_cm = max(row.at_most.far_mm for row in shown) / 10
    scale = (WIDTH - LEFT - RIGHT) / most_cm
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="22" font-size="15" font-weight="bold">From how far a code is read</text>',
        f'<text x="16" y="42" fill="#475569">{LEGEND}</text>',
        *_axis(height, most_cm, scale),
        *_groups(groups, scale),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axis(height: int, most_cm: float, scale: float) -> Iterator[str]:
    for cm in range(0, int(most_cm) + 1, STEP_CM):
        x = LEFT + cm * scale
        ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - 36}"'
        yield f'<line {ends} stroke="#e2e8f0"/>'
        yield f'<text x="{x:.1f}" y="{height - 18}" text-anchor="middle">{cm}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{height - 3}" text-anchor="end">cm</text>'


def _groups(groups: dict[str, list[Row]], scale: float) -> Iterator[str]:
    y = TOP
    for name, found in groups.items():
        middle = y + len(found) * LINE / 2 + 4
        label = f"{name} ({found[0].medium.kind})"
        yield f'<text x="16" y="{middle:.1f}" font-weight="bold">{escape(label)}</text>'
        for row in found:
            yield from _bar(row, y, scale)
            y += LINE
        y += GAP


def _bar(row: Row, y: int, scale: float) -> Iterator[str]:
    colour = COLOURS.get(row.camera_name, "#334155")
    name = escape(row.camera_name)
    yield (
        f'<text x="{LEFT - 6}" y="{y + 11}" text-anchor="end" font-size="10" fill="{colour}">'
        f"{name}</text>"
    )
    for found, share in ((row.at_most, "0.35"), (row.comfortable, "1")):
        if found.is_empty:
            continue
        x, wide = LEFT + found.near_mm / 10 * scale, (found.far_mm - found.near_mm) / 10 * scale
        yield (
            f'<rect x="{x:.1f}" y="{y + 2}" width="{wide:.1f}" height="{LINE - 5}" rx="2" '
            f'fill="{colour}" fill-opacity="{share}"/>'
        )
