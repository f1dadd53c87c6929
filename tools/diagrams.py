"""Which diagrams the documentation holds, and the pictures of them (docs/images/diagrams).

A picture is named after the diagram's text: one that was changed and not drawn anew has none, and
the build says so. `tools/draw_diagrams.py` draws; nothing is drawn while pages are built or read.
"""

import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images" / "diagrams"
LOOKS = ("light", "dark")
_BLOCK = re.compile(r"^```mermaid\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """One diagram of a page.

    Attributes:
        page: where it stands.
        title: the heading above it.
        text: what it is drawn from.
    """

    page: Path
    title: str
    text: str

    def picture(self, look: str) -> Path:
        """Returns where its picture lies."""
        mark = hashlib.sha256(self.text.encode()).hexdigest()[:12]
        return FOLDER / f"{self.page.stem}-{mark}-{look}.svg"


def diagrams(docs: Path = ROOT / "docs") -> Iterator[Diagram]:
    """Gives every diagram, page by page."""
    for page in sorted(docs.rglob("*.md")):
        yield from _in(page, page.read_text("utf-8"))


def with_pictures(page: Path, text: str, up: str) -> str:
    """Returns a page with pictures in the place of its diagrams, and their text folded below.

    Args:
        page: the page as it lies in the repository.
        text: what it holds.
        up: how its folder leads to docs/, as `../`.

    Raises:
        FileNotFoundError: a diagram was not drawn since it was changed.
    """
    found = iter(tuple(_in(page, text)))
    return _BLOCK.sub(lambda _: _shown(next(found), up), text)


def _shown(diagram: Diagram, up: str) -> str:
    """The theme shows one of the two, also without scripts: then the light one, as the page is.

    Each leads to the picture alone, for whoever looks at it on a phone.
    """
    lines = []
    for look in LOOKS:
        path = diagram.picture(look)
        if not path.is_file():
            raise FileNotFoundError(
                f"{diagram.page.relative_to(ROOT)}: the diagram below {diagram.title!r} is not"
                " drawn; run `make diagrams`"
            )
        where = f"{up}images/diagrams/{path.name}"
        lines.append(f"[![{_words(diagram)}]({where}#only-{look})]({where})")
    source = html.escape(diagram.text).replace("\n\n", "\n")
    folded = f"<details><summary>As text</summary><pre><code>{source}</code></pre></details>"
    return "\n".join(lines) + f"\n\n{folded}\n"


def _words(diagram: Diagram) -> str:
    title = re.sub(r"[\[\]`*_]", "", diagram.title)
    return f"Diagram: {title}; as text below it"


def _in(page: Path, text: str) -> Iterator[Diagram]:
    for block in _BLOCK.finditer(text):
        titles = _HEADING.findall(text, 0, block.start())
        yield Diagram(page=page, title=titles[-1] if titles else page.stem, text=block[1])
