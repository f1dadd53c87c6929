"""The gateway's pages in a real browser: three widths, two languages, and nothing from elsewhere.

Every test also fails on an error in the browser's console or a breach of the content policy.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from doorward.reasons import REASON_TEXTS, Reason
from doorward_edge.by_hand import Answer, Registration
from doorward_edge.panel.opening import Panel
from doorward_edge.perception import WORDS
from doorward_edge.ports import Signal
from tests.fakes.panel_site import NORTH, PIN, PanelSite, granted
from tests.system.accessibility import problems_of

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "kiosk": (800, 480), "desk": (1440, 900)}
LANGUAGES = {
    "en-GB": {"open": "Opened and recorded.", "not": "Not opened.", "paper": "is on record"},
    "zh-CN": {"open": "已放行并记录。", "not": "未放行", "paper": "纸质登记已保存。"},
}
REASONS = {
    Signal.REFUSED: Reason.NOT_AUTHORISED,
    Signal.UNREADABLE: Reason.MALFORMED,
    Signal.NOT_ENROLLED: Reason.POLICY_MISSING,
    Signal.WAITING: Reason.SECOND_PERSON_NEEDED,
    Signal.LOCKDOWN: Reason.LOCKDOWN,
}
EXPECTED = "Failed to load resource: the server responded with a status of 4"
"""The browser's own line about a form that was not accepted."""


class Post:
    """A gateway's pages, and browsers of some size and language that look at them."""

    def __init__(self, site: PanelSite, panel: Panel, browser: Browser) -> None:
        self.site, self.browser = site, browser
        self.address = f"https://127.0.0.1:{panel.ports[0]}"
        self.kiosk = f"http://127.0.0.1:{panel.ports[1]}"
        self.complaints: list[str] = []

    def page(self, size: str = "kiosk", language: str = "en-GB", theme: str = "light") -> Page:
        width, height = SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            locale=language,
            color_scheme="dark" if theme == "dark" else "light",
            ignore_https_errors=True,
            # What moves without end keeps a processor busy as long as a page is open.
            reduced_motion="reduce",
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
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((self.address, self.kiosk))
                else said(f"asked another host: {asked.url}")
            ),
        )
        return page

    def sign_in(self, page: Page, number: str, purpose: str = "manual") -> None:
        self.site.clock.pass_s(30)
        page.goto(f"{self.address}/sign-in/{purpose}")
        page.fill("#number", number)
        page.fill("#pin", PIN)
        page.press("#pin", "Enter")
        page.wait_for_url(f"{self.address}/{purpose}")

    def screen(self, page: Page) -> Page:
        self.site.clock.pass_s(30)
        page.goto(f"{self.kiosk}/screen/north")
        expect(page.locator("#clock")).to_have_text("16:00", timeout=5000)
        return page

    def show(self, signal: Signal, *, offline: bool = False) -> None:
        self.site.board.screen(NORTH).show(signal, offline=offline, reason=REASONS.get(signal))


@pytest.fixture
def post(tmp_path: Path, browser: Browser) -> Iterator[Post]:
    site = PanelSite(tmp_path)
    with site.running() as panel:
        made = Post(site, panel, browser)
        yield made
        for context in browser.contexts:
            context.close()
    assert made.complaints == []


CUT_OFF = """() => [...document.querySelectorAll('main p, main svg, header p, footer p')]
    .filter((each) => each.getClientRects().length)
    .filter((each) => {
        const box = each.getBoundingClientRect();
        return box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight;
    }).map((each) => each.id || each.className.baseVal || each.className)"""


@pytest.mark.parametrize("size", SIZES)
def test_every_signal_is_on_the_screen_whole_and_in_two_languages(post: Post, size: str) -> None:
    page = post.screen(post.page(size))
    found = {}
    for signal in Signal:
        post.show(signal, offline=signal is Signal.REFUSED)
        expect(page.locator("body")).to_have_attribute("data-signal", signal.value)
        words = WORDS[signal]
        expect(page.locator("#zh")).to_have_text(words.zh)
        expect(page.locator("#en")).to_have_text(words.en)
        if signal in REASONS:
            text = REASON_TEXTS[REASONS[signal]]
            expect(page.locator("#why-zh")).to_have_text(text.zh)
            expect(page.locator("#next-en")).to_have_text(text.next_en)
        else:
            expect(page.locator("#why")).to_be_hidden()
        if wrong := [*page.evaluate(CUT_OFF), *problems_of(page)]:
            found[signal.value] = wrong
    assert found == {}


def test_the_blue_dot_says_that_the_portal_decides_by_itself(post: Post) -> None:
    page = post.screen(post.page())
    expect(page.get_by_text("Deciding offline")).to_be_hidden()
    post.show(Signal.GRANTED, offline=True)
    expect(page.get_by_text("Deciding offline")).to_be_visible()
    post.show(Signal.GRANTED, offline=False)
    expect(page.get_by_text("Deciding offline")).to_be_hidden()


def test_an_answer_ends_and_the_screen_is_idle_again_without_being_told(post: Post) -> None:
    page = post.screen(post.page())
    post.show(Signal.REFUSED)
    expect(page.locator("body")).to_have_attribute("data-signal", "refused")
    post.site.clock.pass_s(7)
    expect(page.locator("body")).to_have_attribute("data-signal", "idle")


def test_a_camera_that_fails_is_on_the_idle_screen(post: Post) -> None:
    page = post.screen(post.page())
    post.site.camera_well = False
    expect(page.locator("#zh")).to_have_text(WORDS[Signal.CAMERA_FAULT].zh)
    post.site.camera_well = True
    expect(page.locator("#zh")).to_have_text(WORDS[Signal.IDLE].zh)


def test_a_clock_that_cannot_be_believed_is_not_shown(post: Post) -> None:
    post.site.offset_s = None
    page = post.page()
    page.goto(f"{post.kiosk}/screen/north")
    expect(page.locator("#date")).to_have_text("")
    expect(page.locator("#clock")).to_have_text("--:--")


def test_nothing_on_the_screen_moves_faster_than_three_times_a_second(post: Post) -> None:
    page = post.page()
    page.emulate_media(reduced_motion="no-preference")
    post.screen(page)
    durations = page.evaluate(
        "document.getAnimations().map((each) => each.effect.getTiming().duration)"
    )
    assert durations
    assert min(durations) >= 1000


def test_who_wants_no_motion_gets_none(post: Post) -> None:
    page = post.page()
    page.emulate_media(reduced_motion="reduce")
    post.screen(page)
    assert page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_a_guard_is_refused_overrules_and_enters_a_paper_form(
    post: Post, size: str, language: str
) -> None:
    words = LANGUAGES[language]

    def expired(registration: Registration) -> Answer:
        if registration.overrules or registration.is_paper:
            return granted(registration)
        return Answer(is_open=False, reason=Reason.EXPIRED, may_be_overruled=True, is_recorded=True)

    post.site.answer = expired
    page = post.page(size, language)
    post.sign_in(page, "g-08")
    page.check('input[value="north"]')
    page.check('input[value="in"]')
    page.fill("#code", "DW0X")
    page.select_option("#cause", "badge_damaged")
    page.click("button.main")
    expect(page.locator(".told h1")).to_contain_text(words["not"])
    page.fill("#note", "I know her")
    page.click("button.danger")
    expect(page.locator(".told h1")).to_have_text(words["open"])
    page.reload()
    assert sum(each.overrules for each in post.site.registered) == 1

    post.site.clock.pass_s(30)
    page.goto(f"{post.address}/manual/paper")
    page.fill("#happened", "2027-01-15T09:30")
    page.check('input[value="south"]')
    page.check('input[value="out"]')
    page.fill("#subject", "Visitor 17")
    page.select_option("#cause", "power_failed")
    page.click("button.main")
    expect(page.locator(".told h1")).to_contain_text(words["paper"])
    assert post.site.registered[-1].is_paper


@pytest.mark.parametrize(
    ("size", "language", "theme"),
    [("phone", "zh-CN", "dark"), ("kiosk", "en-GB", "light"), ("desk", "zh-CN", "light")],
)
def test_every_page_passes_the_accessibility_rules_and_fits_its_width(
    post: Post, size: str, language: str, theme: str
) -> None:
    post.site.service.entries = [
        post.site.entry(),
        post.site.entry(seq=2, part="Strike", serial_old="A" * 40, serial_new="B" * 40),
    ]
    post.site.pending = ((2, 2),)
    page = post.page(size, language, theme)
    found = {}

    def look(path: str) -> None:
        post.site.clock.pass_s(30)
        page.goto(f"{post.address}{path}")
        if wrong := problems_of(page):
            found[path] = wrong

    look("/")
    look("/sign-in/manual")
    post.sign_in(page, "g-08")
    look("/manual")
    page.click("button.main")
    if wrong := problems_of(page):
        found["/manual with problems"] = wrong
    look("/manual/paper")
    page.context.clear_cookies()
    post.sign_in(page, "t-1", "service")
    look("/service")
    look("/manual")
    assert found == {}


def test_the_forms_work_by_keyboard_alone(post: Post) -> None:
    page = post.page()
    post.sign_in(page, "g-07")
    page.locator('input[name="portal"]').first.focus()
    for key in ("Space", "Tab", "Space", "Tab"):
        page.keyboard.press(key)
    page.keyboard.type("DW0X")
    for key in ("Tab", "Tab"):
        page.keyboard.press(key)
    page.keyboard.type("The phone")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".told h1")).to_have_text("Opened and recorded.")
    assert post.site.registered[0].cause == "phone_dead"
