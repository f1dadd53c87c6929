"""Builds the documentation as pages into var/docs/site: `make docs`.

What is built is what lies in the repository, linked as it is there; the navigation is the index by
reader (docs/README.md). Strict: a link, an anchor or a page that leads nowhere fails the build.
No page asks another host for anything.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.diagrams import with_pictures
from tools.own_environment import program

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "var" / "docs"
OUTSIDE = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE",
    "hardware/README.md",
    "systemd/README.md",
)
"""What pages link to and does not lie in docs/."""

_LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
_WARN = {
    "nav": {"omitted_files": "warn", "not_found": "warn", "absolute_links": "warn"},
    "links": {"not_found": "warn", "anchors": "warn", "absolute_links": "warn"},
}


def main() -> int:
    """Builds the pages; returns the status of the builder."""
    source = OUT / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("template.md"))
    for name in OUTSIDE:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    if problems := _put_pictures(source):
        print(*problems, sep="\n")
        return 1
    for file in _linked_files(source):
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file.relative_to(source), file)
    config = OUT / "mkdocs.yml"
    config.write_text(json.dumps(_config(), ensure_ascii=False, indent=1), "utf-8")
    return _build(config)


def _put_pictures(source: Path) -> list[str]:
    """Shows diagrams as pictures; returns which were not drawn since they were changed."""
    problems = []
    for page in sorted((source / "docs").rglob("*.md")):
        inside = page.relative_to(source / "docs")
        text = page.read_text("utf-8")
        try:
            shown = with_pictures(ROOT / "docs" / inside, text, "../" * (len(inside.parts) - 1))
        except FileNotFoundError as err:
            problems.append(str(err))
            continue
        if shown != text:
            page.write_text(shown, "utf-8")
    return problems


def _build(config: Path) -> int:
    # Not --quiet: what is not logged does not count as a warning, and nothing would be refused.
    done = subprocess.run(
        [program("mkdocs", environment="site"), "build", "--strict", "--clean", "-f", config],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    for line in done.stderr.splitlines():
        if line and not line.startswith("INFO"):
            print(line)
    if done.returncode == 0:
        print((OUT / "site" / "index.html").relative_to(ROOT))
    return done.returncode


def navigation(index: str) -> list[dict[str, Any]]:
    """Returns the index by reader as a navigation: a part for each reader, its pages in order."""
    parts: list[dict[str, Any]] = [
        {"Doorward": "README.md"},
        {"By reader": "docs/README.md"},
        {"See it work": "docs/demo.md"},
    ]
    for part in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        reader, _, pages = part.partition("\n")
        parts.append(
            {reader.strip(): [{text: _from_root(to)} for text, to in _LINK.findall(pages)]}
        )
    return parts


def _config() -> dict[str, Any]:
    decisions = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    parts = navigation((ROOT / "docs" / "README.md").read_text("utf-8"))
    parts.append({"Decisions": [f"docs/adr/{file.name}" for file in decisions]})
    others = ("CHANGELOG.md", "SECURITY.md", "docs/runbooks.zh.md", "hardware/README.md")
    parts.append({"More": list(others)})
    return {
        "site_name": "Doorward",
        "docs_dir": "source",
        "site_dir": "site",
        "use_directory_urls": False,
        "nav": parts,
        "theme": {
            "name": "material",
            "font": False,
            "features": ["navigation.indexes"],
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default"},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate"},
            ],
        },
        "extra": {"generator": False},
        "plugins": ["search"],
        "markdown_extensions": ["tables", "fenced_code", "sane_lists", "toc"],
        "validation": _WARN,
    }


def _from_root(link: str) -> str:
    """Returns where a link of docs/README.md leads, seen from the root."""
    return link.removeprefix("../") if link.startswith("../") else f"docs/{link}"


def _linked_files(source: Path) -> Iterator[Path]:
    """Gives files beside the pages that pages link to: a rule, a board, a drawing."""
    for page in list(source.rglob("*.md")):
        for _, link in _LINK.findall(page.read_text("utf-8")):
            target = (page.parent / link).resolve()
            is_ours = ":" not in link and source in target.parents
            if is_ours and not target.exists() and (ROOT / target.relative_to(source)).is_file():
                yield target


if __name__ == "__main__":
    sys.exit(main())
