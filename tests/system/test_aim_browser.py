"""The page of `aim --web` in a real browser: a phone in both its ways, a desk, two languages.

Every test also fails on an error in the browser's console or a breach of the content policy.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from doorward_edge.aiming.chinese import ADVICE_ZH, WORDS_ZH
from doorward_edge.aiming.verdict import ADVICE, WORDS, Verdict
from doorward_edge.cli.aim_web import WebView
from tests.fakes.aimed import CORNERS, aimed, served, showing
from tests.system.accessibility import problems_of

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "small phone": (320, 568), "lying": (844, 390), "desk": (1280, 800)}
LANGUAGES = ("en-GB", "zh-CN")
FAULTS = {
    Verdict.TOO_SMALL: {"module_px": 1.9},
    Verdict.BLURRED: {"blur_modules": 1.31},
    Verdict.GLARE: {"washed_share": 0.2, "light_dn": 252.0},
    Verdict.TOO_DARK: {"light_dn": 31.0},
    Verdict.UNREADABLE: {},
    Verdict.NO_CODE: {},
    Verdict.GOOD: {},
}
COLOURS = {Verdict.GLARE, Verdict.UNREADABLE, Verdict.NO_CODE, Verdict.GOOD}
"""Those that differ in colour, or are long; the rest looks alike."""
LEAST_LARGE_PX, LEAST_SECOND_PX = 40, 24
"""Read at arm's length with the sun on the glass."""
EXPECTED = "Failed to load resource: the server responded with a status of 40"
"""The browser's own line about a key that was used."""


@pytest.fixture
def view() -> Iterator[WebView]:
    with served() as one:
        yield one


class Phones:
    """Browsers of some size and language, and what they complained of."""

    def __init__(self, browser: Browser, view: WebView) -> None:
        self._browser, self._view = browser, view
        self.complaints: list[str] = []

    def page(self, size: str = "phone", language: str = "en-GB") -> Page:
        width, height = SIZES[size]
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, locale=language, ignore_https_errors=True
        )
        page = context.new_page()
        said = self.complaints.append
        page.on(
            "console",
            lambda line: (
                said(line.text)
                if line.type in {"error", "warning"} and not line.text.startswith(EXPECTED)
                else None
            ),
        )
        page.on("pageerror", lambda err: said(f"script: {err}"))
        return page

    def enter(self, page: Page) -> Page:
        page.goto(self._view.address)
        page.click("#enter")
        expect(page.locator("body")).to_have_attribute("data-stage", "live")
        return page


@pytest.fixture
def phones(browser: Browser, view: WebView) -> Iterator[Phones]:
    made = Phones(browser, view)
    yield made
    for context in browser.contexts:
        context.close()
    assert made.complaints == []


def font_px(page: Page, selector: str) -> float:
    size = page.evaluate(
        "(which) => parseFloat(getComputedStyle(document.querySelector(which)).fontSize)", selector
    )
    return float(size)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_every_verdict_is_large_in_both_languages_and_fits(
    phones: Phones, view: WebView, size: str, language: str
) -> None:
    page = phones.page(size, language)
    first, second = ("zh", "en") if language == "zh-CN" else ("en", "zh")
    found = {}
    with showing(view, aimed(Verdict.NO_CODE)):
        phones.enter(page)
    for verdict, fault in FAULTS.items():
        with showing(view, aimed(verdict, **fault)):
            expect(page.locator("body")).to_have_attribute("data-verdict", verdict.value)
            expect(page.locator("#said-en")).to_have_text(WORDS[verdict].capitalize())
            expect(page.locator("#said-zh")).to_have_text(WORDS_ZH[verdict])
            expect(page.locator("#advice-en")).to_have_text(ADVICE[verdict])
            expect(page.locator("#advice-zh")).to_have_text(ADVICE_ZH[verdict])
        wrong = problems_of(page) if verdict in COLOURS else []
        is_long = verdict in {Verdict.UNREADABLE, Verdict.NO_CODE}
        if font_px(page, f"#said-{first}") < (LEAST_LARGE_PX if not is_long else 30):
            wrong.append(f"{first} is {font_px(page, f'#said-{first}')} px")
        if font_px(page, f"#said-{second}") < LEAST_SECOND_PX:
            wrong.append(f"{second} is {font_px(page, f'#said-{second}')} px")
        above = page.evaluate(
            "([a, b]) => document.getElementById(a).getBoundingClientRect().top"
            " < document.getElementById(b).getBoundingClientRect().top",
            [f"said-{first}", f"said-{second}"],
        )
        if not above:
            wrong.append(f"{second} stands first")
        if wrong:
            found[verdict.value] = wrong
    assert found == {}


def test_the_words_are_seen_without_scrolling(phones: Phones, view: WebView) -> None:
    for size in ("phone", "lying", "desk"):
        page = phones.page(size)
        with showing(view, aimed(Verdict.BLURRED, blur_modules=1.3)):
            phones.enter(page)
            expect(page.locator("#said-en")).to_be_in_viewport(ratio=1)
            expect(page.locator("#said-zh")).to_be_in_viewport(ratio=1)
            expect(page.locator("#module_px dd")).to_have_text("4.2 (≥ 3)")


def test_the_outline_lies_where_the_code_was_found(phones: Phones, view: WebView) -> None:
    page = phones.page("desk")
    with showing(view, aimed(Verdict.GOOD)):
        phones.enter(page)
        expect(page.locator("#read")).to_contain_text("✓ read")
        points = " ".join(f"{x:g},{y:g}" for x, y in CORNERS)
        expect(page.locator("#outline")).to_have_attribute("points", points)
        expect(page.locator("#frame")).to_have_attribute("viewBox", "0 0 1280 720")
        size = page.evaluate(
            "(() => { const shown = document.getElementById('picture');"
            " const frame = document.getElementById('frame').getBoundingClientRect();"
            " return [shown.naturalWidth, shown.clientWidth - frame.width,"
            " shown.clientHeight - frame.height]; })()"
        )
        assert size[0] == 1280
        assert max(map(abs, size[1:])) < 1
    with showing(view, aimed(Verdict.NO_CODE)):
        expect(page.locator("#outline")).to_have_attribute("points", "")
        expect(page.locator("#module_px dd")).to_have_text("–")


def test_what_is_to_be_mended_is_marked_among_the_numbers(phones: Phones, view: WebView) -> None:
    page = phones.page()
    with showing(view, aimed(Verdict.BLURRED, blur_modules=1.3)):
        phones.enter(page)
        expect(page.locator("#blur")).to_have_attribute("data-ok", "no")
        expect(page.locator("#module_px")).to_have_attribute("data-ok", "yes")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_used_address_says_what_to_do(phones: Phones, view: WebView, language: str) -> None:
    page, other = phones.page(), phones.page("phone", language)
    address = view.address
    with showing(view, aimed(Verdict.GOOD)):
        phones.enter(page)
        other.goto(address)
        assert problems_of(other) == []
        other.click("#enter")
        expect(other.locator("#used")).to_be_visible()
        assert problems_of(other) == []
        expect(page.locator("body")).to_have_attribute("data-stage", "live")


def test_who_comes_back_to_the_page_goes_on(phones: Phones, view: WebView) -> None:
    page = phones.page()
    with showing(view, aimed(Verdict.GOOD)):
        phones.enter(page)
        assert "key" not in page.url
        page.reload()
        expect(page.locator("body")).to_have_attribute("data-verdict", "good")


def test_the_end_is_told(phones: Phones, view: WebView) -> None:
    page = phones.page()
    with showing(view, aimed(Verdict.GOOD)):
        phones.enter(page)
        expect(page.locator("body")).to_have_attribute("data-verdict", "good")
    view.close()
    expect(page.locator("#over")).to_be_visible()
    assert problems_of(page) == []
