"""The live stream: rows arrive as HTML that fits the search, and only for who may see them."""

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from doorward_controller.console.rendering import TEMPLATES
from doorward_controller.domain.permissions import Role
from doorward_controller.services import sign_in
from tests.controller.console.conftest import Plant


def messages(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    """Yields (event, data) of a stream; comments are left out."""
    event, data = "", []
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif not line and event:
            yield event, "\n".join(data)
            event, data = "", []


def stream_of(client: httpx.Client, page: str = "/scans") -> str:
    """Opens a page as a browser does, and returns the address of the stream that it names."""
    found = re.search(r'sse-connect="([^"]*)"', client.get(page).text)
    assert found
    return html.unescape(found[1])


def until(kind: str, answer: httpx.Response) -> str:
    """Returns the data of the first message of this kind."""
    return next(data for event, data in messages(answer) if event == kind)


def test_a_scan_arrives_as_a_row_in_the_readers_language(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY, "zh-CN")
    with client.stream("GET", stream_of(client), timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = messages(answer)
        plant.near.scan("revoked", plant.badge)
        data = next(data for event, data in stream if event == "rows")
    assert "此码已被吊销" in data
    assert data.count("<tr ") == 1


def test_rows_that_do_not_fit_the_search_do_not_arrive(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    with client.stream("GET", stream_of(client, "/scans?outcome=deny"), timeout=20) as answer:
        plant.near.scan("granted", plant.badge)
        plant.near.scan("revoked", plant.badge)
        data = until("rows", answer)
    assert data.count("<tr ") == 1
    assert "Refused" in data


def test_a_record_that_was_kept_on_a_gateway_arrives_too(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    hours_ago = plant.backend.clock.now().utc_ms - 5 * 3_600_000
    with client.stream("GET", stream_of(client), timeout=20) as answer:
        plant.near.scan("expired", plant.badge, at_utc_ms=hours_ago, online=False)
        assert "offline" in until("rows", answer)


def test_what_happens_before_the_stream_is_open_is_not_missed(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    address = stream_of(client)
    plant.near.scan("revoked", plant.badge)
    plant.near.scan("granted", plant.badge)
    with client.stream("GET", address, timeout=20) as answer:
        assert until("rows", answer).count("<tr ") == 2


def test_a_page_without_rows_hears_of_what_happened_since_it_was_made(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    address = stream_of(client, "/gateways")
    plant.near.scan("granted", plant.badge)
    with client.stream("GET", address, timeout=20) as answer:
        assert until("scan", answer) == ""


def test_a_browser_that_comes_back_gets_the_rows_in_between(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    address = stream_of(client)
    last_seen = plant.backend.feed.position
    plant.near.scan("revoked", plant.badge)
    again = client.stream("GET", address, headers={"last-event-id": last_seen}, timeout=20)
    with again as answer:
        assert until("rows", answer).count("<tr ") == 1


def test_a_page_of_an_earlier_process_is_told_to_read_everything_again(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    address = re.sub(r"since=[0-9a-f]+", "since=00000000", stream_of(client))
    plant.near.scan("revoked", plant.badge)
    with client.stream("GET", address, timeout=20) as answer:
        heard = messages(answer)
        assert next(heard)[0] == "reset"
        assert next(heard)[0] == "rows"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ISSUER])
def test_who_may_not_see_scans_gets_no_word_of_them(plant: Plant, role: Role) -> None:
    client = plant.signed_in(role)
    address = stream_of(client, "/gateways") + "&after=0"
    with client.stream("GET", address, timeout=20) as answer:
        plant.near.scan("granted", plant.badge)
        plant.near.report_health(pending=3)
        seen = next(event for event, _ in messages(answer))
    assert seen == "gateway"


def test_the_stream_is_for_people_who_have_signed_in(plant: Plant) -> None:
    assert plant.visitor().get("/live").status_code == 303


def test_a_stream_ends_when_its_session_has_ended(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doorward_controller.console.live._HEARTBEAT_S", 0.05)
    client = plant.signed_in(Role.SECURITY)
    with client.stream("GET", "/live", timeout=20) as answer:
        sign_in.sign_out(plant.backend, client.cookies[sign_in.COOKIE])
        assert list(messages(answer)) == []


def test_a_part_that_follows_the_stream_says_its_rest_and_drops_nothing() -> None:
    """htmx's `throttle` drops what comes while it rests."""
    sources = [path.read_text("utf-8") for path in TEMPLATES.rglob("*.html")]
    tags = [tag for text in sources for tag in re.findall(r"<\w+[^>]*hx-trigger=[^>]*>", text)]
    following = [tag for tag in tags if "sse:" in tag]
    assert len(following) > 20
    assert [tag for tag in following if "data-rest" not in tag or "throttle:" in tag] == []
