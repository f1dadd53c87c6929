"""Search, charts, muster and export as a browser without scripts meets them."""

import csv
import io
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from doorward_controller import wiring
from doorward_controller.app import _api
from doorward_controller.domain.permissions import Action, Role, may
from doorward_controller.queries import audit_trail
from doorward_controller.queries.audit_trail import AuditRow
from tests.controller.conftest import StandingClock, make_config
from tests.controller.console.conftest import HOLDER, Plant, Prepared, token_of
from tests.fakes import hostile_texts

SHOWN = HOLDER.replace("<", "&lt;").replace(">", "&gt;")


def post(client: httpx.Client, path: str, **data: str) -> httpx.Response:
    token = token_of(client.get("/scans").text)
    return client.post(path, data={"csrf_token": token, **data})


def entries(plant: Plant) -> list[AuditRow]:
    return list(reversed(audit_trail.page(plant.backend.store, limit=500).items))


def rows_on(page: str) -> int:
    return len(re.findall(r'<tr id="scan-\d+"', page))


def test_person_is_found_by_name_and_the_address_holds_a_number_alone(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = post(client, "/scans/find", person=f"  {HOLDER.upper()} ", outcome="grant")
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    query = parse_qs(address.query)
    assert set(query) == {"holder", "outcome"}
    assert "hopper" not in answer.headers["location"].lower()
    page = client.get(answer.headers["location"]).text
    assert rows_on(page) == 1
    assert f"Person:</span> {SHOWN}" in page
    assert "trace_person" in {each.action for each in entries(plant)}


def test_link_to_a_search_can_be_shared_and_names_nobody_to_who_may_not(plant: Plant) -> None:
    found = post(plant.signed_in(Role.SECURITY), "/scans/find", person=HOLDER)
    page = plant.signed_in(Role.AUDITOR).get(found.headers["location"]).text
    assert rows_on(page) == 1
    assert "Hopper" not in page
    assert "Person:</span> Name hidden" in page
    assert 'name="person"' not in page


def test_nobody_of_that_name_is_said(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = post(client, "/scans/find", person="Nobody", outcome="deny")
    page = client.get(answer.headers["location"]).text
    assert "Nobody is kept under exactly this name" in page
    assert "Nobody" not in answer.headers["location"].replace("nobody=1", "")
    assert rows_on(page) == 1


def test_who_may_not_read_names_may_not_look_for_one(plant: Plant) -> None:
    client = plant.signed_in(Role.AUDITOR)
    assert post(client, "/scans/find", person=HOLDER).status_code == 403
    assert entries(plant)[-1].outcome == "forbidden"
    assert HOLDER not in str(entries(plant))


@pytest.mark.parametrize(
    ("query", "rows", "chip"),
    [
        ("outcome=deny", 1, "Outcome:</span> Refused"),
        ("portal=near-door", 2, "Portal:</span> near-door"),
        ("portal=far-door", 0, "Portal:</span> far-door"),
        ("reason=not_ours", 1, "Reason:</span>"),
        ("gateway=near", 2, "Gateway:</span> near"),
        ("show=events", 0, "Show:</span> Events"),
        ("begin=2000-01-01T00:00", 2, "From:</span> 2000-01-01 00:00"),
        ("end=2000-01-01T00:00", 0, "Until:</span> 2000-01-01 00:00"),
    ],
)
def test_each_filter_narrows_and_is_a_chip_that_takes_it_off(
    plant: Plant, query: str, rows: int, chip: str
) -> None:
    page = plant.signed_in(Role.SECURITY).get(f"/scans?{query}").text
    assert rows_on(page) == rows
    assert chip in page
    assert '<a class="filter-chip" href="/scans">' in page
    assert ("Nothing fits these filters" in page) == (rows == 0)


def test_badge_number_is_taken_as_it_is_shown(plant: Plant) -> None:
    grouped = " ".join(plant.badge[n : n + 4] for n in range(0, 16, 4)).upper()
    page = plant.signed_in(Role.AUDITOR).get("/scans", params={"badge": grouped}).text
    assert rows_on(page) == 1
    assert entries(plant)[-1].action == "trace_person"
    assert entries(plant)[-1].subject == plant.badge


@pytest.mark.parametrize("query", ["begin=yesterday", "end=2026-13-01T00:00", "badge=xyz"])
def test_value_that_is_none_is_a_friendly_refusal(plant: Plant, query: str) -> None:
    answer = plant.signed_in(Role.SECURITY).get(f"/scans?{query}")
    assert answer.status_code == 422
    assert "Go to the overview" in answer.text


def test_charts_say_in_tables_what_they_draw(plant: Plant) -> None:
    client = plant.signed_in(Role.AUDITOR)
    page = client.get("/charts?days=7").text
    assert "near-door" in page
    assert 'aria-current="true">7 days' in page
    told = client.get("/charts/times.json?days=7").json()
    assert (sum(told["granted"]), sum(told["refused"])) == (1, 1)
    assert len(told["at_s"]) == len(told["granted"]) == len(told["refused"])
    empty = client.get("/charts?begin=2000-01-01T00:00&end=2000-01-02T00:00").text
    assert "Nobody came in this time" in empty
    assert client.get("/charts?begin=2000-01-02&end=2000-01-01").status_code == 422


def test_muster_is_one_click_to_print_and_in_the_log(plant: Plant) -> None:
    page = plant.signed_in(Role.SECURITY).get("/inside").text
    assert SHOWN in page
    assert "Print the list" in page
    masked = plant.signed_in(Role.GUARD).get("/inside").text
    assert "Hopper" not in masked
    assert "Your role does not show names" in masked
    acts = [(each.actor, each.action) for each in entries(plant)]
    assert ("sam", "muster") in acts
    assert ("gus", "muster") in acts


def test_whole_list_goes_out_with_names_looks_and_an_end(plant: Plant) -> None:
    before = len(entries(plant))
    client = plant.signed_in(Role.SECURITY)
    with client.stream("GET", "/inside/list") as answer:
        assert answer.headers["cache-control"] == "no-store"
        assert "content-length" not in answer.headers, "it is sent while it is made"
        page = answer.read().decode()
    assert SHOWN in page
    assert "This is the end of the list: 1 people" in page
    assert page.rstrip().endswith("</html>")
    looks = [each.action for each in entries(plant)[before:]]
    assert looks.count("muster") == 1
    assert looks.count("read_personal") == 1
    chinese = plant.signed_in(Role.SECURITY, "zh-Hans").get("/inside/list").text
    assert "名单到此结束" in chinese
    assert "Hopper" not in plant.signed_in(Role.GUARD).get("/inside/list").text
    assert plant.signed_in(Role.FACILITY).get("/inside/list").status_code == 403


def test_overview_counts_who_is_inside_for_who_may_know(plant: Plant) -> None:
    assert 'href="/inside"' in plant.signed_in(Role.GUARD).get("/overview/part").text
    assert 'href="/inside"' not in plant.signed_in(Role.FACILITY).get("/overview/part").text


@pytest.mark.parametrize("role", Role)
def test_export_is_for_who_may_and_says_what_for(plant: Plant, role: Role) -> None:
    client = plant.signed_in(role)
    token = token_of(client.get("/account").text)
    answer = client.post(
        "/scans/export",
        data={"csrf_token": token, "form": "csv", "purpose": "inspection 7", "outcome": "grant"},
    )
    if not may(role, Action.EXPORT_RECORDS):
        assert answer.status_code == 403
        return
    assert answer.headers["content-disposition"].startswith('attachment; filename="records-')
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert row["holder"] == (HOLDER if may(role, Action.READ_PERSONAL) else "(hidden)")
    ended = entries(plant)[-1]
    assert (ended.action, ended.detail) == ("export_ended", {"rows": 1})
    without = client.post("/scans/export", data={"csrf_token": token, "form": "csv"})
    assert without.status_code == 422


def test_audit_page_filters_and_hands_out_copies(plant: Plant) -> None:
    plant.signed_in(Role.ADMIN).get("/scans")
    client = plant.signed_in(Role.AUDITOR)
    page = client.get("/audit?who=ada&outcome=refused").text
    assert len(re.findall(r'<td data-label="Entry">', page)) == 1
    assert "Looked at scans" in page
    assert "Who:</span> ada" in page
    assert "Outcome:</span> Not done" in page
    nothing = client.get("/audit?who=nobody").text
    assert "Nothing fits these filters" in nothing
    table = client.get("/audit/entries.csv?who=ada&outcome=refused")
    (row,) = csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"), newline=""))
    assert (row["who"], row["did_what"], row["outcome"]) == ("ada", "read_records", "forbidden")
    lines = client.get("/audit/entries.jsonl?who=ada").text.splitlines()
    assert len(lines) >= 1
    assert [each.action for each in entries(plant)][-2:] == ["export_audit", "export_audit"]


@pytest.mark.parametrize("family", hostile_texts.FAMILIES)
def test_hostile_text_is_shown_and_never_runs(plant: Plant, family: str) -> None:
    texts = [text for text in hostile_texts.FAMILIES[family] if "\x00" not in text]
    for text in texts:
        plant.near.by_hand(subject=text[:64], note=text[:64], detail=text[:64])
        plant.near.scan("not_ours", detail=text[:64])
    client = plant.signed_in(Role.SECURITY)
    pages = [client.get(path).text for path in ("/scans", "/inside", "/", "/charts")]
    newest = max(int(number) for number in re.findall(r'id="scan-(\d+)"', pages[0]))
    pages += [client.get(f"/scans/{newest - n}").text for n in range(2)]
    for page in pages:
        assert not re.search(r"<script(?![^>]* src=\"/static/)|<img src=x|<b>x</b>", page)
        assert not re.search(r"<[a-z][^>]*\s(onerror|onmouseover|onfocus)=", page)
        assert "49" not in re.findall(r'cell-reason">([^<]*)<', page)
    for text in texts:
        query = {"reason": text, "portal": text, "gateway": text, "holder": text}
        for name, value in query.items():
            answer = client.get("/scans", params={name: value})
            assert answer.status_code in {200, 422}, (name, value)
            assert not re.search(r"<script(?![^>]* src=\"/static/)|<img src=x", answer.text)


# --- every look at a name is in the log

NAMED = ("/", "/overview/part", "/scans", "/scans/1", "/badges", "/badges/{badge}",
         "/badges/{badge}/part", "/badges/{badge}/print", "/inside")  # fmt: skip


@pytest.mark.parametrize("role", Role)
def test_no_page_shows_a_name_without_an_entry_that_says_so(
    plant: Plant, clock: StandingClock, role: Role
) -> None:
    """Each page is opened when no earlier look is remembered any more."""
    for path in NAMED:
        clock.pass_s(301)
        before = len(entries(plant))
        page = plant.signed_in(role).get(path.format(badge=plant.badge)).text
        looks = {each.action for each in entries(plant)[before:] if each.outcome == "done"}
        if "Hopper" in page:
            assert looks & {"read_personal", "show_code"}, path
            assert may(role, Action.READ_PERSONAL) or may(role, Action.ISSUE), path


@pytest.fixture(scope="module")
def answers(prepared: Prepared) -> list[str]:
    """The paths of every GET of the interface that ends; making the description takes a second."""
    backend = wiring.open_backend(make_config(prepared.data_dir), clock=StandingClock())
    described = _api(backend).openapi()["paths"]
    backend.store.close()
    return [path for path, acts in described.items() if "get" in acts and "live" not in path]


@pytest.mark.parametrize("role", Role)
def test_no_answer_to_a_program_holds_a_name_without_an_entry_that_says_so(
    plant: Plant, answers: list[str], role: Role
) -> None:
    """Every GET of the interface, from its own description; streams are for pages."""
    client = plant.signed_in(role)
    with plant.backend.store.read() as connection:
        holder = connection.exec_driver_sql("SELECT id FROM holders").scalar_one()
    known = {"holder_id": holder, "credential_id": plant.badge, "record_id": "1", "gateway": "near"}
    assert len(answers) > 20
    named = set[str]()
    for path in answers:
        before = len(entries(plant))
        filled = re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), path)
        answer = client.get(f"/api/v1{filled}")
        assert answer.status_code < 500, path
        if "Hopper" in answer.text:
            looks = {each.action for each in entries(plant)[before:] if each.outcome == "done"}
            assert "read_personal" in looks, path
            named.add(path)
    expected = {"/holders/{holder_id}", "/occupancy/people"}
    if role is Role.SECURITY:
        assert named == expected
