"""What is wrong with a page in a browser, whoever looks at it."""

from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[1] / "controller/console/vendor/axe.min.js"

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def problems_of(page: Page) -> list[str]:
    """Returns what axe finds, and whether something is wider than the screen."""
    found = []
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append("wider than the screen")
    # Read as a file by the debugger's line, which the content policy does not concern.
    page.evaluate(AXE.read_text("utf-8"))
    run = f"axe.run(document, {{runOnly: {RULES}, selectors: false}})"
    violations = page.evaluate(f"{run}.then((found) => found.violations)")
    named = [f"{one['id']}: {node['html'][:160]}" for one in violations for node in one["nodes"]]
    return found + named
