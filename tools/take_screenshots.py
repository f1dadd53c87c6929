"""Takes the pictures of the documentation from the running demonstration.

    .venv/bin/python -m tools.take_screenshots

Needs Chromium (apt install chromium) and what `make test` installs. Writes docs/images/*.png.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from threading import Event

from playwright.sync_api import Page, ViewportSize, sync_playwright

from doorward_controller.clock import SystemClock
from doorward_controller.demo.attended import running
from doorward_controller.demo.cli import free_port
from doorward_controller.demo.world import World

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WALKING_S = 25
"""So long people walk before the pictures, so that there is something to see."""

PAGES = (("/", "console-overview"), ("/demo", "console-demo"), ("/scans", "console-scans"))
SIZE: ViewportSize = {"width": 1360, "height": 860}


def main() -> int:
    """Runs the demonstration, signs in, takes every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="doorward-", ignore_cleanup_errors=True) as folder,
        running(
            Path(folder), http_port=free_port(0), seed=3, clock=SystemClock(), say=print
        ) as world,
        sync_playwright() as playwright,
    ):
        Event().wait(WALKING_S)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=SIZE, device_scale_factor=1, locale="en-GB")
        _sign_in(page, world)
        for path, name in PAGES:
            page.goto(_address(world) + path, wait_until="load")
            page.wait_for_timeout(2500)
            page.screenshot(path=IMAGES / f"{name}.png")
            print(IMAGES / f"{name}.png")
        browser.close()
    return 0


def _address(world: World) -> str:
    return f"http://{world.config.http.host}:{world.config.http.port}"


def _sign_in(page: Page, world: World) -> None:
    page.goto(_address(world) + "/sign-in")
    page.fill("input[name=name]", "security")
    page.fill("input[name=password]", world.setup.password)
    page.click("form[action='/sign-in'] button[type=submit]")
    page.wait_for_load_state()


if __name__ == "__main__":
    sys.exit(main())
