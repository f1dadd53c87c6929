"""What must not get past the wall: forged, foreign, oversized, slow and flooding requests."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from doorward.events import EventCode
from doorward_edge.panel import server, wall
from doorward_edge.panel.opening import Panel
from doorward_edge.panel.visit import MOST_FIELDS
from tests.edge.panel.visitor import Visitor
from tests.fakes.panel_site import PIN, PanelSite

GOOD = {"portal": "north", "way": "in", "code": "DW0X", "cause": "phone_dead"}
PATIENCE_S = 8.0


@contextmanager
def raw(port: int, trust: ssl.SSLContext | None) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain:
        if trust is None:
            yield plain
            return
        with trust.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
            yield sock


def answer(sock: socket.socket) -> bytes:
    said = b""
    try:
        while piece := sock.recv(4096):
            said += piece
    except (ConnectionError, ssl.SSLError):
        pass
    return said


# --- Forms from elsewhere -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec_fetch_site": "cross-site"},
        {"origin": "https://evil.example", "sec_fetch_site": ""},
        {"origin": "null", "sec_fetch_site": ""},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": "", "sec_fetch_site": ""},
    ],
)
def test_a_form_of_another_site_registers_nobody(
    visitor: Visitor, site: PanelSite, headers: dict[str, str]
) -> None:
    visitor.sign_in("g-07")
    visitor.get("/manual")
    assert visitor.post("/manual", GOOD, **headers).status_code == 403
    assert site.registered == []


@pytest.mark.parametrize("token", ["", "guessed", "x" * 32])
def test_a_form_without_the_sessions_token_registers_nobody(
    visitor: Visitor, site: PanelSite, token: str
) -> None:
    visitor.sign_in("g-07")
    visitor.get("/manual")
    assert visitor.post("/manual", GOOD | {"csrf": token}).status_code == 403
    assert site.registered == []


def test_a_sign_in_form_that_we_did_not_give_this_browser_is_not_checked(
    visitor: Visitor, site: PanelSite
) -> None:
    visitor.get("/sign-in/manual")
    stolen = visitor.hidden["csrf"]
    visitor.client.cookies.clear()
    form = {"number": "g-07", "pin": PIN, "csrf": stolen}
    assert visitor.post("/sign-in/manual", form).status_code == 403
    assert site.tallies.failures == {}


def test_nobody_gets_anywhere_without_signing_in(visitor: Visitor, site: PanelSite) -> None:
    for path in ("/manual", "/manual/paper", "/service"):
        assert visitor.get(path).headers["location"].startswith("/sign-in/")
    for path in ("/manual", "/manual/overrule", "/manual/paper", "/service"):
        assert visitor.post(path, GOOD).status_code == 303
    assert (site.registered, site.records) == ([], [])


def test_a_form_that_is_sent_twice_opens_once(visitor: Visitor, site: PanelSite) -> None:
    visitor.sign_in("g-07")
    visitor.get("/manual")
    hidden = dict(visitor.hidden)
    assert visitor.post("/manual", GOOD | hidden).status_code == 200
    assert visitor.post("/manual", GOOD | hidden).status_code == 409
    assert len(site.registered) == 1


# --- Hosts, paths, methods ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "gate-1.example.evil.example", "", "127.0.0.1.nip.io", "[::1]:443"]
)
def test_a_foreign_host_gets_nothing(visitor: Visitor, host: str) -> None:
    assert visitor.get("/", host=host).status_code == 421


@pytest.mark.parametrize("host", ["gate-1.example", "GATE-1.example:8443", "127.0.0.1:1"])
def test_our_own_names_are_answered(visitor: Visitor, host: str) -> None:
    assert visitor.get("/", host=host).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/static/../panel.key",
        b"/static/../../edge.toml",
        b"/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        b"/static/..%2f..%2f..%2fetc/passwd",
        b"/static//etc/passwd",
        b"/static/%00",
        b"/static/....//....//etc/passwd",
        b"//etc/passwd",
        b"/manual/../static/../../pages.py",
        b"/static/",
    ],
)
def test_no_path_leads_out_of_the_folder(site: PanelSite, panel: Panel, path: bytes) -> None:
    with raw(panel.ports[0], site.certificate) as sock:
        sock.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        said = answer(sock)
    assert said.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400", b"HTTP/1.1 405", b"HTTP/1.1 307"))
    assert b"root:" not in said
    assert b"PRIVATE KEY" not in said
    assert b"import " not in said


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_other_methods_are_refused(visitor: Visitor, method: str) -> None:
    assert visitor.client.request(method, "/manual").status_code == 405


def test_screens_are_not_on_the_network_unless_the_site_says_so(visitor: Visitor) -> None:
    assert visitor.get("/screen/north").status_code == 404
    assert visitor.get("/screen/north/events").status_code == 404


# --- TLS ----------------------------------------------------------------------------------------


def test_plain_http_on_the_tls_port_is_not_answered(panel: Panel) -> None:
    with raw(panel.ports[0], None) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"HTTP/1.1 200" not in answer(sock)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1])
def test_old_tls_is_refused(site: PanelSite, panel: Panel, newest: ssl.TLSVersion) -> None:
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        site.certificate.minimum_version = site.certificate.maximum_version = newest
    with pytest.raises((ssl.SSLError, ConnectionError)), raw(panel.ports[0], site.certificate):
        pass


@pytest.mark.parametrize("path", ["/", "/manual", "/service", "/sign-in/manual"])
def test_only_screens_are_served_without_tls(panel: Panel, path: str) -> None:
    with httpx.Client(
        base_url=f"http://127.0.0.1:{panel.ports[1]}", trust_env=False, timeout=30
    ) as client:
        assert client.get(path).status_code == 404
        assert client.get("/screen/north").status_code == 200
        assert client.get("/screen/nowhere").status_code == 404


def test_without_tls_there_is_only_this_machine(panel: Panel) -> None:
    address = f"http://127.0.0.1:{panel.ports[1]}"
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        assert client.get("/screen/north", headers={"host": "evil.example"}).status_code == 421


# --- Too much, too slow -------------------------------------------------------------------------


@pytest.mark.parametrize("length", [wall.MOST_BODY_BYTES + 1, 10**9, 10**30])
def test_a_body_that_says_it_is_too_long_is_not_read(
    site: PanelSite, panel: Panel, length: int
) -> None:
    with raw(panel.ports[0], site.certificate) as sock:
        sock.sendall(
            b"POST /manual HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n"
            b"Content-Length: %d\r\n\r\n" % length
        )
        assert sock.recv(64).startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))


def test_a_body_that_turns_out_too_long_is_refused(site: PanelSite, panel: Panel) -> None:
    with raw(panel.ports[0], site.certificate) as sock:
        sock.sendall(
            b"POST /manual HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(20):
            sock.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        assert sock.recv(64).startswith(b"HTTP/1.1 413")


def test_a_head_that_does_not_end_is_refused(site: PanelSite, panel: Panel) -> None:
    with raw(panel.ports[0], site.certificate) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        sock.sendall(b"X-Filler: " + b"x" * (2 * server.MOST_HEAD_BYTES))
        assert sock.recv(64).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


def test_a_form_with_thousands_of_fields_is_taken_for_rubbish(
    visitor: Visitor, site: PanelSite
) -> None:
    visitor.sign_in("g-07")
    visitor.get("/manual")
    many = {f"f{n}": "" for n in range(MOST_FIELDS + 1)}
    assert visitor.post("/manual", GOOD | many).status_code == 403
    assert site.registered == []


def test_who_sends_slowly_is_hung_up_on(site: PanelSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.5)
    monkeypatch.setattr(wall, "BODY_S", 0.5)
    began = time.monotonic()
    with site.running() as panel:
        with raw(panel.ports[0], site.certificate) as silent:
            assert answer(silent) == b""
        with raw(panel.ports[0], site.certificate) as half:
            half.sendall(b"GET / HTTP/1.1\r\nHost: 127.")
            assert answer(half) == b""
        with raw(panel.ports[0], site.certificate) as second:
            second.sendall(b"GET /static/mark.svg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert second.recv(64).startswith(b"HTTP/1.1 200")
            second.sendall(b"GET / HT")
            answer(second)
        with raw(panel.ports[0], site.certificate) as body:
            body.sendall(
                b"POST /manual HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n"
                b"Content-Length: 10\r\n\r\nabc"
            )
            assert body.recv(64).startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < PATIENCE_S


def test_one_address_cannot_hold_every_connection(site: PanelSite, panel: Panel) -> None:
    held = []
    try:
        for _ in range(server.MOST_PER_CLIENT + 4):
            sock = socket.create_connection(("127.0.0.1", panel.ports[1]), PATIENCE_S)
            held.append(sock)
        over = held[-1]
        over.sendall(b"GET /screen/north HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert answer(over) == b""
        held[0].sendall(b"GET /screen/north HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert held[0].recv(64).startswith(b"HTTP/1.1 200")
    finally:
        for sock in held:
            sock.close()


def test_a_flood_of_requests_is_slowed_down(visitor: Visitor) -> None:
    codes = [visitor.client.get("/static/mark.svg").status_code for _ in range(wall.BURST + 5)]
    assert codes.count(429) >= 5
    visitor.site.clock.pass_s(5)
    assert visitor.get("/").status_code == 200


# --- Guessing -----------------------------------------------------------------------------------


def test_a_flood_of_wrong_pins_locks_the_number_and_is_recorded(
    visitor: Visitor, site: PanelSite
) -> None:
    codes = [visitor.sign_in("g-07", pin=f"{n:08}").status_code for n in range(6)]
    assert codes == [401, 401, 401, 429, 429, 429]
    right = visitor.sign_in("g-07")
    assert (right.status_code, int(right.headers["retry-after"]) > 0) == (429, True)
    assert site.told == [(EventCode.PANEL_PIN_WRONG, "staff number g-07, 4 times in a row")]
    assert visitor.sign_in("g-08").status_code == 303
    site.clock.pass_s(60)
    assert visitor.sign_in("g-07").status_code == 303


def test_a_restart_does_not_give_new_guesses(site: PanelSite) -> None:
    with site.running() as panel, Visitor(site, panel.ports[0]) as visitor:
        for n in range(4):
            visitor.sign_in("g-07", pin=f"{n:08}")
    assert site.tallies.failures["g-07"] == 4
    with site.running() as panel, Visitor(site, panel.ports[0]) as visitor:
        assert visitor.sign_in("g-07").status_code == 429


def test_an_attempt_is_counted_on_the_disk_before_the_pin_is_looked_at(
    visitor: Visitor, site: PanelSite
) -> None:
    site.tallies.is_broken = True
    assert visitor.sign_in("g-07").status_code == 503
    site.tallies.is_broken = False
    assert visitor.sign_in("g-07").status_code == 303


def test_a_number_that_does_not_exist_answers_like_one_that_does(
    visitor: Visitor, site: PanelSite
) -> None:
    there = visitor.sign_in("g-07", pin="00000000")
    not_there = visitor.sign_in("g-99", pin="00000000")
    assert there.status_code == not_there.status_code == 401
    assert "g-99" not in str(site.tallies.failures)
    for n in range(4):
        last = visitor.sign_in("g-99", pin=f"{n:08}")
    assert last.status_code == 429


@pytest.mark.parametrize("pin", ["", "1", "20468101x", "２０４６８１０１", "20468101" * 4])
def test_what_is_no_pin_is_wrong(visitor: Visitor, pin: str) -> None:
    assert visitor.sign_in("g-07", pin=pin).status_code == 401


@pytest.mark.parametrize("number", ["' or 1=1", "../g-07", "*", "?g-07", "<script>", "x" * 400])
def test_what_is_no_staff_number_is_wrong_and_harmless(visitor: Visitor, number: str) -> None:
    response = visitor.sign_in(number)
    assert response.status_code == 401
    assert "<script>" not in response.text.replace("<script src", "")


# --- What every answer carries ------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/sign-in/manual", "/static/panel.css", "/nothing"])
def test_every_answer_keeps_the_page_to_itself(visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def test_cookies_stay_on_this_host_and_away_from_scripts(visitor: Visitor) -> None:
    response = visitor.sign_in("g-07")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-panel=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))


def test_no_page_asks_for_anything_from_elsewhere(visitor: Visitor) -> None:
    visitor.sign_in("t-1", "service")
    for path in ("/", "/service"):
        assert "http" not in visitor.get(path).text.replace("http-equiv", "")
