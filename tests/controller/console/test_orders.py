"""Proposals, many badges at once, postures and what a release would change, as forms and pages."""

import io
import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]

from doorward_controller.domain.permissions import Role
from doorward_controller.domain.revocations import Cause, Change, Source
from doorward_controller.errors import InvalidError
from doorward_controller.queries import credentials, policies, proposals
from doorward_controller.services import bulk_revocation, code_lists, postures
from doorward_controller.store import credentials as credential_rows
from doorward_controller.store import pieces
from tests.controller.conftest import SECURITY, StandingClock
from tests.controller.console.conftest import Plant, issue, token_of


def post(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Sends a form of this session."""
    token = token_of(client.get("/account").text)
    return client.post(path, data={"csrf_token": token} | fields)


def state_of(plant: Plant, credential_id: str) -> str:
    row = credentials.credential(plant.backend.store, credential_id)
    assert row is not None
    return row.state


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def test_a_release_is_proposed_by_one_and_approved_by_another(plant: Plant) -> None:
    sam, rae = plant.signed_in(Role.SECURITY), plant.signed_in(Role.REVIEWER)
    assert "Propose the release" in sam.get("/policy").text
    assert post(sam, "/policy/release").status_code == 409
    answer = post(sam, "/policy/propose", reason="night schedule")
    where = answer.headers["location"].split("?")[0]
    (waiting,) = proposals.waiting(plant.backend.store)
    assert where == f"/approvals/{waiting.id}"
    own = sam.get(where).text
    assert "You proposed this: somebody else decides." in own
    assert "Approve…" not in own
    refused = post(sam, f"{where}/approve")
    assert refused.status_code == 403
    assert "Nobody decides on their own proposal." in refused.text
    assert len(policies.releases(plant.backend.store)) == 1
    assert re.search(r"Approvals</span> <span[^>]*>1<", rae.get("/").text), "the navigation counts"
    assert "It is carried out at once" in rae.get(where).text
    assert post(rae, f"{where}/approve").status_code == 303
    assert len(policies.releases(plant.backend.store)) == 2
    assert "Carried out" in sam.get(where).text


def test_a_list_is_previewed_then_revoked(plant: Plant) -> None:
    second = issue(plant.backend, "Lin Wei")
    sam = plant.signed_in(Role.SECURITY)
    preview = post(
        sam,
        "/revocations/preview",
        change="revoke",
        source="list",
        codes=f"{plant.badge}\n{second[:4]} {second[4:]},Lin Wei\n",
    ).text
    assert "2 badges of 2 people" in preview
    assert "This cannot be undone." in preview
    form = {name: hidden(preview, name) for name in ("change", "source", "expected", "codes")}
    answer = post(sam, "/revocations", cause="stolen", note="locker 3", **form)
    assert answer.status_code == 303
    assert [state_of(plant, each) for each in (plant.badge, second)] == ["revoked", "revoked"]
    page = sam.get(answer.headers["location"]).text
    assert "Applied at 0 of 2 gateways" in page
    assert "Stolen · locker 3" in page


def test_bad_lines_are_named_and_there_is_no_button_to_go_on(plant: Plant) -> None:
    sam = plant.signed_in(Role.SECURITY)
    preview = post(
        sam,
        "/revocations/preview",
        change="revoke",
        source="list",
        codes=f"{plant.badge}\n<script>alert(1)</script>\n{'0' * 16}\n",
    ).text
    assert "2 lines name no badge" in preview
    assert "Line 2: <code>&lt;script&gt;" in preview
    assert "is not known here" in preview
    assert 'action="/revocations"' not in preview


def test_a_file_is_read_and_its_name_is_kept(plant: Plant) -> None:
    sam = plant.signed_in(Role.SECURITY)
    token = token_of(sam.get("/account").text)
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Badge", "Name"])
    sheet.append([plant.badge, "Grace"])
    content = io.BytesIO()
    book.save(content)
    preview = sam.post(
        "/revocations/preview",
        data={"csrf_token": token, "change": "suspend", "source": "upload"},
        files={"upload": ("left.xlsx", content.getvalue())},
    ).text
    assert "1 badge of 1 person" in preview
    assert "left.xlsx" in preview


def test_more_than_one_person_may_revoke_alone_is_proposed(plant: Plant) -> None:
    for number in range(51):
        issue(plant.backend, f"Person {number}")
    sam, rae = plant.signed_in(Role.SECURITY), plant.signed_in(Role.REVIEWER)
    ids = [
        row.credential_id
        for row in credentials.page(
            plant.backend.store, credentials.CredentialFilter(), limit=100
        ).items
    ]
    preview = post(
        sam, "/revocations/preview", change="revoke", source="list", codes="\n".join(ids)
    ).text
    assert "This needs a second person." in preview
    form = {name: hidden(preview, name) for name in ("change", "source", "expected", "codes")}
    alone = post(sam, "/revocations", cause="left", note="contract", **form)
    assert alone.status_code == 409
    answer = post(sam, "/revocations", cause="left", note="contract", is_proposal="true", **form)
    where = answer.headers["location"].split("?")[0]
    assert where.startswith("/approvals/")
    assert state_of(plant, ids[0]) == "valid"
    assert post(rae, f"{where}/approve").status_code == 303
    assert {state_of(plant, each) for each in ids} == {"revoked"}


def test_what_cannot_be_taken_back_asks_again_who_it_is(plant: Plant, clock: StandingClock) -> None:
    """The list is not kept: who comes back finds the form, and nothing has been done."""
    sam, rae = plant.signed_in(Role.SECURITY), plant.signed_in(Role.REVIEWER)
    option = re.search(
        r'name="key".*?<option value="([^"]+)"', sam.get("/revocations").text, re.DOTALL
    )
    assert option
    key = option[1]
    chosen = {"change": "revoke", "source": "key", "key": key}
    assert post(sam, "/revocations/preview", **chosen).status_code == 200
    made = post(
        sam, "/revocations", change="revoke", source="key", name=key,
        cause="key_compromised", note="leaked", expected="1", is_proposal="true",
    )  # fmt: skip
    where = made.headers["location"].split("?")[0]
    clock.pass_s(plant.backend.config.accounts.fresh_minutes * 60 + 1)
    for client, path, fields in (
        (sam, "/revocations/preview", chosen),
        (rae, f"{where}/approve", {}),
    ):
        asked = post(client, path, **fields)
        assert (asked.status_code, asked.headers["location"][:9]) == (303, "/confirm?"), path
    assert sam.get("/revocations/preview").headers["location"] == "/revocations"
    assert state_of(plant, plant.badge) == "valid"
    # A few badges of one's own list need no second person, and no second look.
    few = {"change": "revoke", "source": "list", "codes": plant.badge}
    assert post(sam, "/revocations/preview", **few).status_code == 200


def test_a_long_revocation_shows_how_far_it_is(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam = plant.signed_in(Role.SECURITY)
    assert "Badges are being changed" not in sam.get("/revocations").text
    seen: list[str] = []
    told = credential_rows.set_status

    def slowly(*args: Any, **more: Any) -> None:
        told(*args, **more)
        seen.append(sam.get("/revocations/work/part").text)

    monkeypatch.setattr(pieces, "PIECE", 1)
    monkeypatch.setattr(credential_rows, "set_status", slowly)
    badges = [plant.badge, issue(plant.backend, "Lin Wei"), issue(plant.backend, "Ada Wong")]
    lines = bulk_revocation.Selection(source=Source.LIST, lines=tuple(badges))
    order = bulk_revocation.Order(change=Change.REVOKE, cause=Cause.LOST, note="")
    bulk_revocation.carry_out(plant.backend, SECURITY, lines, order)
    assert ["Badges are being changed" in page for page in seen] == [False, True, True]
    assert "1 of 3" in seen[1]
    assert "2 of 3" in seen[2]
    assert "Badges are being changed" not in sam.get("/revocations/work/part").text


def test_a_lockdown_is_ordered_shown_everywhere_and_ended(plant: Plant) -> None:
    sam = plant.signed_in(Role.SECURITY)
    answer = post(
        sam,
        "/postures",
        where="site",
        posture="lockdown",
        cause="threat",
        note="call 110 <b>now</b>",
        pass_rank="3",
    )
    assert answer.status_code == 303
    for path in ("/", "/gateways/near", "/postures"):
        page = plant.signed_in(Role.GUARD).get(path).text
        assert "Lockdown" in page, path
        assert "call 110 &lt;b&gt;now" in page, path
    (order,) = postures.standing_orders(plant.backend)
    assert (order.pass_rank, order.ordered_by) == (3, "sam")
    assert "End it" not in plant.signed_in(Role.GUARD).get("/postures").text
    assert post(plant.signed_in(Role.GUARD), f"/postures/{order.id}/end").status_code == 403
    assert post(sam, f"/postures/{order.id}/end").status_code == 303
    assert postures.standing_orders(plant.backend) == ()
    assert "call 110" not in sam.get("/").text


@pytest.mark.parametrize(
    ("place", "ordered"),
    [
        ({"where": "portal", "portal": "near-door", "zone": "site"}, ("portal", "near-door")),
        ({"where": "portal", "choice_text": "far-door"}, ("portal", "far-door")),
        ({"where": "zone", "zone": "site", "portal": "near-door"}, ("zone", "site")),
    ],
)
def test_a_posture_is_ordered_where_it_was_chosen(
    plant: Plant, place: dict[str, str], ordered: tuple[str, str]
) -> None:
    sam = plant.signed_in(Role.SECURITY)
    answer = post(sam, "/postures", posture="closed", cause="threat", minutes="60", **place)
    assert answer.status_code == 303
    (order,) = postures.standing_orders(plant.backend)
    assert (order.scope.value, order.place) == ordered


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"where": "portal"}, "Choose a portal or a zone."),
        ({"where": "zone", "portal": "near-door"}, "Choose a portal or a zone."),
        ({"where": "everything"}, "Choose a portal or a zone."),
        ({"where": "portal", "choice_text": "nowhere"}, "There is no such place."),
    ],
)
def test_without_a_place_nothing_is_ordered_and_the_form_keeps_what_was_entered(
    plant: Plant, place: dict[str, str], words: str
) -> None:
    sam = plant.signed_in(Role.SECURITY)
    answer = post(
        sam, "/postures", posture="free", cause="event", minutes="240", note="open day", **place
    )
    assert answer.status_code in {404, 422}
    assert words in answer.text
    for kept in ('value="free" selected', 'value="240" selected', 'value="open day"'):
        assert kept in answer.text
    assert postures.standing_orders(plant.backend) == ()


def test_free_passage_without_an_end_is_refused_in_words(plant: Plant) -> None:
    answer = post(
        plant.signed_in(Role.SECURITY),
        "/postures",
        where="site",
        posture="free",
        cause="event",
        minutes="",
    )
    assert answer.status_code == 422
    assert "Free passage needs an end." in answer.text


def test_what_a_release_would_change_is_said_in_the_readers_language(plant: Plant) -> None:
    issue(plant.backend, "Lin Wei")
    english = plant.signed_in(Role.SECURITY).get("/policy/differences").text
    assert "1 code is listed that the gates do not list yet" in english
    chinese = plant.signed_in(Role.SECURITY, "zh-CN").get("/policy/differences").text
    assert "1 个通行码首次列入名单" in chinese


def test_past_scans_are_decided_again(plant: Plant) -> None:
    sam = plant.signed_in(Role.SECURITY)
    today = plant.backend.clock.now().utc_s // 86_400 * 86_400
    day = httpx.QueryParams({"first": _day(today), "last": _day(today)})
    page = sam.get(f"/policy/rerun?{day}").text
    assert "1 scan was decided again." in page
    assert "showed no code that is known here" in page
    assert sam.get("/policy/rerun?first=nonsense").status_code == 200
    assert "cannot be read" in sam.get("/policy/rerun?first=nonsense").text


def _day(utc_s: int) -> str:
    return datetime.fromtimestamp(utc_s, UTC).date().isoformat()


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 no workbook", b"\xff\xfe\x00\x00", b"x" * 900_001]
)
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidError):
        code_lists.lines_of(content)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\r\nb\n", ("a", "b")),
        ("\ufeffa\n".encode(), ("a",)),
        ("编号\n".encode("gb18030"), ("编号",)),
    ],
)
def test_files_of_the_usual_encodings_are_read(content: bytes, lines: tuple[str, ...]) -> None:
    assert code_lists.lines_of(content) == lines
