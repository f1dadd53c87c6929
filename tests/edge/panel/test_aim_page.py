"""The page of `aim --web`: who gets in, what it tells, and when it ends."""

import hashlib
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np
import pytest
from rich.text import Text
from typer.testing import CliRunner

from doorward_edge.__main__ import app
from doorward_edge.adapters.reader_zxing import ZxingReader
from doorward_edge.aiming.chinese import ADVICE_ZH, WORDS_ZH
from doorward_edge.aiming.verdict import Verdict, verdict_of
from doorward_edge.cli.aim_web import LONGEST_S, WebView, qr_text, told_of
from doorward_edge.config_panel import PanelSection
from doorward_edge.panel.aim_page import MOST_BROWSERS
from doorward_edge.panel.wall import HEADERS
from doorward_edge.scan import Symbology
from tests.edge.test_config import GOOD
from tests.fakes.aimed import ADDRESS, aimed, grey, key_in, measures, served, showing
from tests.fakes.edge_ports import FakeClock
from tests.fakes.panel_site import make_certificate

FIXED = {
    "/": "text/html; charset=utf-8",
    "/static/aim.css": "text/css; charset=utf-8",
    "/static/aim.js": "text/javascript; charset=utf-8",
}
CLOSED = ("/state", "/picture/1")


def browser(view: WebView, verify: ssl.SSLContext | bool = False) -> httpx.Client:
    """Returns a browser whose user accepted the certificate, unless told to check it."""
    parts = urlsplit(view.address)
    own = {"origin": f"{parts.scheme}://{parts.netloc}", "sec-fetch-site": "same-origin"}
    base = f"https://{ADDRESS}:{parts.port}"
    return httpx.Client(base_url=base, verify=verify, trust_env=False, timeout=30, headers=own)


def let_in(client: httpx.Client, view: WebView, key: str = "") -> int:
    return client.post("/session", data={"key": key or view.page.key}).status_code


@pytest.fixture
def view() -> Iterator[WebView]:
    with served() as one:
        yield one


def test_who_has_the_key_sees_the_picture_and_what_is_said_of_it(view: WebView) -> None:
    with browser(view) as client, showing(view, aimed(Verdict.TOO_SMALL, module_px=2.1)):
        assert let_in(client, view) == 204
        state = client.get("/state").json()
        picture = client.get(f"/picture/{state['seq']}")
    assert state["verdict"] == "too_small"
    assert (state["said_en"], state["said_zh"]) == ("Too small", "太小")
    assert state["numbers"]["module_px"] == {"value": "2.1", "aim": "≥ 3", "ok": False}
    assert state["numbers"]["blur"]["ok"]
    assert state["camera"] == "front"
    assert 0 < state["left_s"] <= LONGEST_S
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"] == "no-store"
    shown = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown is not None
    assert np.abs(shown.astype(int) - grey()).mean() < 3
    spoken = {"said_en", "said_zh", "advice_en", "advice_zh"}
    about = {"camera", "verdict", "is_read", "width", "height", "corners", "numbers"}
    assert set(state) == {"seq", "left_s", *spoken, *about}, "what the code says is not among it"


def test_a_browser_waits_for_the_next_picture_and_is_not_given_the_same_again(
    view: WebView,
) -> None:
    with browser(view) as client, showing(view, aimed(Verdict.GOOD)):
        let_in(client, view)
        numbers, seq = [], -1
        for _ in range(4):
            seq = client.get(f"/state?after={seq}").json()["seq"]
            numbers.append(seq)
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("path", CLOSED)
def test_nobody_else_sees_anything(view: WebView, path: str) -> None:
    with browser(view) as client:
        assert client.get(path).status_code == 401
        assert let_in(client, view, "guessed") == 403
        client.cookies.set("__Host-aim", "guessed")
        assert client.get(path).status_code == 401


def test_a_key_lets_one_browser_in_and_the_next_one_needs_another(view: WebView) -> None:
    key = view.page.key
    with browser(view) as first, browser(view) as second:
        assert let_in(first, view, key) == 204
        assert let_in(second, view, key) == 403
        assert view.page.key != key
        assert let_in(second, view) == 204


def test_a_program_that_only_looks_at_the_address_does_not_use_the_key_up(view: WebView) -> None:
    with browser(view) as client:
        for _ in range(3):
            assert client.get(f"/?key={view.page.key}").status_code == 200
        assert not client.cookies
        assert let_in(client, view) == 204


def test_a_form_of_another_site_lets_nobody_in(view: WebView) -> None:
    with browser(view) as client:
        client.headers.update({"origin": "https://evil.example", "sec-fetch-site": "cross-site"})
        assert let_in(client, view) == 403
        client.headers.update({"host": "evil.example"})
        assert client.get("/").status_code == 421


def test_so_many_browsers_and_no_more_look_at_once(view: WebView) -> None:
    clients = [browser(view) for _ in range(MOST_BROWSERS + 1)]
    with showing(view, aimed(Verdict.GOOD)):
        assert [let_in(client, view) for client in clients] == [204] * len(clients)
        states = [client.get("/state").status_code for client in clients]
    assert states == [401, *[200] * MOST_BROWSERS]
    for client in clients:
        client.close()


@pytest.mark.parametrize("path", [*FIXED, *CLOSED, "/nowhere"])
def test_every_answer_has_the_panels_headers(view: WebView, path: str) -> None:
    with browser(view) as client:
        answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers.get("content-type") == FIXED.get(path, answer.headers.get("content-type"))
    assert "server" not in answer.headers


def test_pictures_are_made_only_while_somebody_looks(view: WebView) -> None:
    assert not view.page.is_watched()
    view.show(aimed(Verdict.GOOD))
    with browser(view) as client:
        let_in(client, view)
        with showing(view, aimed(Verdict.GOOD)):
            assert client.get("/state").json()["seq"] == 1
        assert view.page.is_watched()


def test_it_ends_after_its_time_and_says_so() -> None:
    clock = FakeClock(1_800_000_000)
    with served(clock, seconds=60) as view, browser(view) as client:
        let_in(client, view)
        clock.pass_s(59)
        assert view.has_time()
        clock.pass_s(1)
        assert not view.has_time()
        view.page.close()
        assert client.get("/state").json() == {"over": True}


@pytest.mark.parametrize("seconds", [0.0, 3_600.0])
def test_it_never_lasts_longer_than_a_quarter_of_an_hour(seconds: float) -> None:
    clock = FakeClock(1_800_000_000)
    with served(clock, seconds) as view:
        clock.pass_s(LONGEST_S - 1)
        assert view.has_time()
        clock.pass_s(1)
        assert not view.has_time()


def test_a_certificate_made_for_it_is_the_one_that_the_terminal_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with served() as view:
        port = urlsplit(view.address).port or 0
        shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((ADDRESS, port)))
    said = capsys.readouterr().out
    fingerprint = hashlib.sha256(shown).digest().hex(":").upper()
    assert fingerprint in said
    assert key_in(view.address) in said
    assert "personal data" in said


def test_the_gateways_own_certificate_is_used_where_it_has_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trusted = make_certificate(tmp_path)
    panel = PanelSection(
        cert_file=str(tmp_path / "panel.crt"),
        key_file=str(tmp_path / "panel.key"),
        hosts=("gate-1.example", ADDRESS),
    )
    with served(panel=panel) as view, browser(view, trusted) as client:
        assert view.address.startswith("https://gate-1.example:")
        client.headers.update({"host": "gate-1.example"})
        assert client.get("/").status_code == 200
    assert "warns" not in capsys.readouterr().out


def test_a_used_key_is_told_on_the_terminal_with_the_next_one(
    view: WebView, capsys: pytest.CaptureFixture[str]
) -> None:
    with browser(view) as client:
        let_in(client, view)
    capsys.readouterr()
    view.show(aimed(Verdict.GOOD))
    assert f"For another one:\n\n  {view.address}" in capsys.readouterr().out
    view.show(aimed(Verdict.GOOD))
    assert capsys.readouterr().out == ""


def test_the_code_on_the_terminal_is_the_address() -> None:
    address = "https://192.168.100.200:8444/?key=CR0ZqcdElv43BTJqH0ifxg"
    lines = qr_text(address).plain.splitlines()
    halves = {"█": (0, 0), "▀": (0, 255), "▄": (255, 0), " ": (255, 255)}
    rows = [[halves[c][half] for c in line] for line in lines for half in (0, 1)]
    large = np.kron(np.array(rows, dtype=np.uint8), np.ones((4, 4), dtype=np.uint8))
    luma = np.asarray(large, dtype=np.uint8)
    (sighting,) = ZxingReader((Symbology.QR,)).read(luma)
    assert sighting.payload.decode() == address
    assert isinstance(qr_text(address), Text)
    assert max(map(len, lines)) <= 60, "a terminal is eighty wide"


def test_everything_is_said_in_chinese_too() -> None:
    assert set(WORDS_ZH) == set(ADVICE_ZH) == set(Verdict)
    for words in (*WORDS_ZH.values(), *ADVICE_ZH.values()):
        assert re.search(r"[\u4e00-\u9fff]", words)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_can_be_told(verdict: Verdict) -> None:
    told = told_of(aimed(verdict))
    assert told["verdict"] == verdict
    assert (told["corners"] is None) == (verdict is Verdict.NO_CODE)


NUMBERS = [
    ({}, set()),
    ({"module_px": 2.4}, {"module_px"}),
    ({"module_px": 2.1, "blur_modules": 0.9}, {"module_px"}),
    ({"module_px": 6.0, "blur_modules": 0.9}, {"blur"}),
    ({"light_dn": 40.0}, {"light"}),
    ({"light_dn": 252.0, "washed_share": 0.2}, {"light", "washed"}),
]


@pytest.mark.parametrize(("found", "marked"), NUMBERS)
def test_what_is_marked_is_what_the_verdict_judges_by(
    found: dict[str, float], marked: set[str]
) -> None:
    numbers = told_of(aimed(Verdict.BLURRED, **found))["numbers"]
    assert isinstance(numbers, dict)
    assert {name for name, number in numbers.items() if not number["ok"]} == marked
    assert (verdict_of(measures(**found)) is Verdict.GOOD) == (not marked)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--address", "203.0.113.9"], "--web at 203.0.113.9 port 8444"),
        (["--camera", "back"], "--camera is 'back'"),
    ],
)
def test_what_cannot_be_served_says_why(tmp_path: Path, words: list[str], said: str) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(GOOD, "utf-8")
    result = CliRunner().invoke(app, ["aim", "--web", "--config", str(config), *words])
    assert result.exit_code == 1
    assert said in result.stderr


def test_the_command_serves_the_configured_camera_until_its_time_is_over(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(GOOD, "utf-8")
    words = ["--config", str(config), "--address", ADDRESS, "--port", "0", "--seconds", "0.5"]
    result = CliRunner().invoke(app, ["aim", "--web", *words])
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(rf"https://{re.escape(ADDRESS)}:\d+/\?key=[\w-]{{22}}", result.stdout)
