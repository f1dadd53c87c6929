"""Draws the documentation's diagrams as pictures: `make diagrams`.

Needs `npm`, for the pinned drawing library, and Chromium, in which it draws. Its SVG files hold
text as text, ask nobody for anything, and are committed: nothing is drawn while pages are built.
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tools.diagrams import FOLDER, LOOKS, diagrams

NAME, VERSION = "mermaid", "11.17.2"
"""MIT. What it draws of ours is ours; nothing of it is in the pictures but their style rules."""
SHA512 = "V6K3C8EBdEsPFZXSKMJe6ppQOENxuHARr9GvHX4hh47lAbhMRD9qf4oEK7LoaRQxULMa80/qt5gHO73aCleBBg=="
_FILE = "package/dist/mermaid.min.js"
_SETTINGS = {
    "startOnLoad": False,
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False},
    "fontFamily": "system-ui, sans-serif",
    "deterministicIds": True,
    "securityLevel": "strict",
}
_THEMES = {"light": "default", "dark": "dark"}
_DRAW = """async ([settings, id, text]) => {
    mermaid.initialize(settings);
    return (await mermaid.render(id, text)).svg;
}"""
_XML = """svg => {
    const found = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
    return new XMLSerializer().serializeToString(found);
}"""


def main() -> int:
    """Draws all, removes pictures of diagrams that are no more; returns the exit status."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        library = _library()
        for diagram in diagrams():
            for look in LOOKS:
                path = diagram.picture(look)
                wanted.add(path)
                path.write_text(_drawn(browser, library, diagram.text, path.stem, look), "utf-8")
                print(path.name)
        browser.close()
    for path in set(FOLDER.glob("*.svg")) - wanted:
        path.unlink()
    return 0


def _drawn(browser: Browser, library: str, text: str, name: str, look: str) -> str:
    page: Page = browser.new_page()
    try:
        page.add_script_tag(content=library)
        settings = _SETTINGS | {"theme": _THEMES[look], "deterministicIDSeed": name}
        svg = page.evaluate(_DRAW, [settings, f"d{name}", text])
        return _sized(str(page.evaluate(_XML, svg))) + "\n"
    finally:
        page.close()


def _sized(svg: str) -> str:
    """As large as it was drawn: the library would have it as wide as the page, however small."""
    box = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg)
    if box is None:
        raise ValueError("a picture without a size was drawn")
    width, height = (round(float(each)) for each in box.groups())
    return svg.replace('width="100%"', f'width="{width}" height="{height}"', 1)


def _library() -> str:
    """Fetches it from whichever registry npm is configured for. Raises ValueError."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", f"{NAME}@{VERSION}"]
        done = subprocess.run(command, cwd=scratch, check=True, capture_output=True, text=True)
        packed = Path(scratch) / done.stdout.split()[-1]
        found = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
        if found != SHA512:
            raise ValueError(f"{packed.name} is {found}, not what was pinned")
        with tarfile.open(packed) as tar:
            file = tar.extractfile(_FILE)
            if file is None:
                raise ValueError(f"{packed.name} holds no {_FILE}")
            return file.read().decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
