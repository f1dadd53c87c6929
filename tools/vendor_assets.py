"""Fetches, checks and describes the front-end libraries that the console serves itself.

    python tools/vendor_assets.py verify    committed files against README.md, no network
    python tools/vendor_assets.py fetch     takes the pinned versions from npm, writes all anew

`fetch` needs `npm`; it asks whichever registry npm is configured for. A file that differs from the
pinned package's after a `fetch` shows as a change in version control, so a vendored library cannot
be edited by hand without being noticed.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVED = ROOT / "controller/doorward_controller/console/static/vendor"
TESTS_ONLY = ROOT / "tests/controller/console/vendor"

_TEXT_FILES = (".js", ".css", ".svg", "LICENSE")

_MIT = """MIT License

{copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One npm package at one version.

    Attributes:
        files: path in the package to file name in the vendor folder.
        licence_file: path in the package, or "" when the package ships none (then `copyright_line`
            goes into the standard MIT text).
    """

    name: str
    version: str
    licence: str
    use: str
    files: dict[str, str]
    licence_file: str = ""
    copyright_line: str = ""
    target: Path = SERVED


PACKAGES = (
    Package(
        name="@alpinejs/csp",
        version="3.17.4",
        licence="MIT",
        use="small behaviour in the page, in the build that needs no unsafe-eval",
        files={"dist/cdn.min.js": "alpine-csp.min.js"},
        copyright_line="Copyright (c) 2019-2026 Caleb Porzio and contributors",
    ),
    Package(
        name="@tabler/core",
        version="1.6.1",
        licence="MIT",
        use="style sheet",
        files={"dist/css/tabler.min.css": "tabler.min.css"},
        copyright_line="Copyright (c) 2018-2026 The Tabler Authors",
    ),
    Package(
        name="htmx.org",
        version="2.0.11",
        licence="0BSD",
        use="parts of a page are replaced without reloading it",
        files={"dist/htmx.min.js": "htmx.min.js"},
        licence_file="LICENSE",
    ),
    Package(
        name="htmx-ext-sse",
        version="2.2.4",
        licence="0BSD",
        use="server-sent events for htmx",
        files={"dist/sse.min.js": "htmx-ext-sse.min.js"},
        licence_file="LICENSE",
    ),
    Package(
        name="uplot",
        version="1.6.32",
        licence="MIT",
        use="time charts",
        files={"dist/uPlot.iife.min.js": "uplot.min.js", "dist/uPlot.min.css": "uplot.min.css"},
        licence_file="LICENSE",
    ),
    Package(
        name="axe-core",
        version="4.14.1",
        licence="MPL-2.0",
        use="accessibility rules; read by the browser tests, never served",
        files={"axe.min.js": "axe.min.js"},
        licence_file="LICENSE",
        target=TESTS_ONLY,
    ),
)

ICON_PACKAGE = Package(
    name="@tabler/icons",
    version="3.51.0",
    licence="MIT",
    use="one SVG sprite of just the icons that the templates name",
    files={},
    licence_file="LICENSE",
)

_ICON_CALL = re.compile(r"\bicon\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_ICON_NAMED = re.compile(
    r"""\b(?:icon|icon_name)\s*=\s*"([a-z0-9-]+)"|\bempty\(\s*"([a-z0-9-]+)\""""
)
_NAME_IN_CALL = re.compile(r"""(?<!== )(?<!, )"([a-z0-9-]+)\"""")
"""The first argument is the icon, perhaps one of two; the second is a class."""


def icons_in_use() -> list[str]:
    """Returns the names that templates and Python modules of the console give to `icon`."""
    console = SERVED.parent.parent
    names: set[str] = set()
    for path in (*console.rglob("*.html"), *console.rglob("*.py")):
        text = path.read_text("utf-8")
        for call in _ICON_CALL.findall(text):
            names.update(_NAME_IN_CALL.findall(call))
        for pair in _ICON_NAMED.findall(text):
            names.update(filter(None, pair))
    return sorted(names)


def fetch() -> None:
    """Writes every vendored file, its licence and the README anew."""
    with tempfile.TemporaryDirectory() as scratch:
        for package in (*PACKAGES, ICON_PACKAGE):
            print(f"{package.name} {package.version}")
            tree = _unpack(package, Path(scratch))
            package.target.mkdir(parents=True, exist_ok=True)
            for source, name in package.files.items():
                text = _without_source_map(tree[source])
                (package.target / name).write_text(text, "utf-8")
            _write_licence(package, tree)
        icons = icons_in_use()
        (SERVED / "icons.svg").write_text(_sprite(tree, icons), "utf-8")
        print(f"icons.svg holds {len(icons)} icons")
    for folder in (SERVED, TESTS_ONLY):
        (folder / "README.md").write_text(_readme(folder), "utf-8")


def verify() -> list[str]:
    """Returns what is wrong with the committed files, in sentences; no network is needed."""
    wrong = []
    for folder in (SERVED, TESTS_ONLY):
        readme = folder / "README.md"
        if not readme.exists() or readme.read_text("utf-8") != _readme(folder):
            wrong.append(f"{readme.relative_to(ROOT)} does not describe the files beside it")
    held = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (SERVED / "icons.svg").read_text("utf-8")))
    missing = sorted(set(icons_in_use()) - held)
    if missing:
        wrong.append(f"icons.svg lacks {', '.join(missing)}; run tools/vendor_assets.py fetch")
    return wrong


def _unpack(package: Package, scratch: Path) -> Mapping[str, str]:
    """Returns the package's text files by their path; nothing of it is written to the disk."""
    command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    done = subprocess.run(command, cwd=scratch, check=True, capture_output=True, text=True)
    files: dict[str, str] = {}
    with tarfile.open(scratch / done.stdout.split()[-1]) as tar:
        for member in tar:
            held = tar.extractfile(member) if member.name.endswith(_TEXT_FILES) else None
            if held is not None:
                files[member.name.partition("/")[2]] = held.read().decode()
    return files


def _without_source_map(text: str) -> str:
    """A browser's developer tools would ask for the map, which is not vendored."""
    return re.sub(r"\n?(?://|/\*)# sourceMappingURL=[^\n]*", "", text)


def _licence_name(package: Package) -> str:
    return f"LICENSE.{package.name.strip('@').replace('/', '-')}.txt"


def _write_licence(package: Package, tree: Mapping[str, str]) -> None:
    if package.licence_file:
        text = tree[package.licence_file]
    else:
        text = _MIT.format(copyright=package.copyright_line)
    (package.target / _licence_name(package)).write_text(text, "utf-8")


def _sprite(tree: Mapping[str, str], names: list[str]) -> str:
    """Returns one SVG file with a symbol for each name; strokes take the text's colour."""
    symbols = []
    for name in names:
        inner = re.search(r">(.*)</svg>", tree[f"icons/outline/{name}.svg"], re.DOTALL)
        if inner is None:
            raise ValueError(f"{name}.svg is not an SVG file")
        paths = re.sub(r'<path stroke="none"[^>]*/>', "", inner[1])
        body = "".join(line.strip() for line in paths.splitlines())
        stroke = 'fill="none" stroke="currentColor" stroke-width="2"'
        round_ = 'stroke-linecap="round" stroke-linejoin="round"'
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" {stroke} {round_}>{body}</symbol>')
    joined = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{joined}\n</svg>\n'


def _readme(folder: Path) -> str:
    """Returns the description of the folder as it is on the disk."""
    lines = [
        "# Vendored files",
        "",
        "Written by `tools/vendor_assets.py fetch`; checked by `tools/vendor_assets.py verify` and",
        "by the tests. Do not edit by hand. Licences stand beside the files.",
        "",
        "| file | package | version | licence | used for | SHA-256 |",
        "|---|---|---|---|---|---|",
    ]
    for package in (*PACKAGES, ICON_PACKAGE):
        if package.target != folder:
            continue
        for name in package.files.values() or ("icons.svg",):
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            about = f"{package.name} | {package.version} | {package.licence} | {package.use}"
            lines.append(f"| `{name}` | {about} | `{digest}` |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("command", choices=["fetch", "verify"])
    if parser.parse_args().command == "fetch":
        fetch()
    wrong = verify()
    print("\n".join(wrong) or "vendored files are as described")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
