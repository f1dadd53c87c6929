"""What the console's forms do, and what they refuse."""

import re

import httpx
import pytest

from doorward.credential import Form as CodeForm
from doorward_controller.domain.permissions import Role
from doorward_controller.queries import credentials
from tests.controller.conftest import StandingClock
from tests.controller.console.conftest import Plant, token_of
from tests.fakes.operators import NAMES, PASSWORD

PERSON = {"name": "Lin Wei", "kind": "visitor", "groups": "visitors"}


def post(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Sends a form of this session."""
    token = token_of(client.get("/account").text)
    return client.post(path, data={"csrf_token": token} | fields)


def test_a_wrong_password_is_refused_without_saying_which_half_was_wrong(plant: Plant) -> None:
    answers = []
    for name in (NAMES[Role.SECURITY], "nobody"):
        client = plant.visitor()
        token = token_of(client.get("/sign-in").text)
        form = {"csrf_token": token, "name": name, "password": "wrong"}
        answer = client.post("/sign-in", data=form)
        answers.append((answer.status_code, "Name or password is wrong." in answer.text))
    assert answers == [(401, True), (401, True)]


def test_signing_in_opens_a_session_that_scripts_cannot_read(plant: Plant) -> None:
    client = plant.visitor()
    form = {"csrf_token": token_of(client.get("/sign-in").text), "to": "/gateways"}
    form |= {"name": NAMES[Role.SECURITY], "password": PASSWORD}
    answer = client.post("/sign-in", data=form)
    assert answer.headers["location"] == "/gateways"
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert client.get("/gateways").status_code == 200


def test_signing_out_ends_the_session_on_the_server(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    kept = dict(client.cookies)
    assert post(client, "/sign-out").status_code == 303
    thief = plant.visitor()
    thief.cookies.update(kept)
    assert thief.get("/").headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "x"])
def test_signing_in_never_leads_to_another_host(plant: Plant, to: str) -> None:
    client = plant.signed_in(Role.SECURITY)
    assert client.get("/sign-in", params={"to": to}).headers["location"] == "/"


@pytest.mark.parametrize("token", ["", "x" * 40])
def test_a_form_without_this_sessions_token_changes_nothing(plant: Plant, token: str) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = client.post(
        f"/badges/{plant.badge}/revoke", data={"csrf_token": token, "reason": "lost"}
    )
    assert answer.status_code == 403
    assert state_of(plant) == "valid"


def test_a_form_of_another_session_changes_nothing(plant: Plant) -> None:
    other = token_of(plant.signed_in(Role.ISSUER).get("/account").text)
    answer = plant.signed_in(Role.SECURITY).post(
        f"/badges/{plant.badge}/revoke", data={"csrf_token": other, "reason": "lost"}
    )
    assert answer.status_code == 403
    assert state_of(plant) == "valid"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_that_another_site_sent_changes_nothing(
    plant: Plant, headers: dict[str, str]
) -> None:
    client = plant.signed_in(Role.SECURITY)
    form = {"csrf_token": token_of(client.get("/account").text), "cause": "lost"}
    answer = client.post(f"/badges/{plant.badge}/revoke", data=form, headers=headers)
    assert answer.status_code == 403
    assert state_of(plant) == "valid"


def test_a_badge_is_issued_from_the_form_and_its_code_can_be_kept(plant: Plant) -> None:
    client = plant.signed_in(Role.ISSUER)
    page = client.get("/badges/new").text
    days = dict(re.findall(r'name="(first_day|last_day)" type="date" value="([^"]+)"', page))
    answer = post(client, "/badges/new", **PERSON, **days)
    assert answer.status_code == 303
    place = answer.headers["location"].partition("?")[0]
    assert "Lin Wei" in client.get(place).text
    for extension, start in (("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF")):
        code = client.get(f"{place}/code.{extension}")
        assert code.content.startswith(start), extension
        assert place.rpartition("/")[2] in code.headers["content-disposition"]
    row = credentials.credential(plant.backend.store, place.rpartition("/")[2])
    assert row is not None
    assert row.expires - row.not_before == 365 * 86_400


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "  "}, "The name is missing."),
        ({"kind": "emperor"}, "Choose a class from the list."),
        ({"first_day": "2027-02-01", "last_day": "2027-01-31"}, "is before the first day"),
        ({"first_day": "2027-01-01", "last_day": "2028-01-02"}, "at most 366 days"),
        ({"first_day": "soon"}, "The first day is not a date."),
        ({"last_day": ""}, "The last day is not a date."),
        ({"groups": "emperors"}, "This was refused"),
    ],
)
def test_a_form_with_a_mistake_comes_back_filled_in_and_says_what_is_wrong(
    plant: Plant, changed: dict[str, str], said: str
) -> None:
    client = plant.signed_in(Role.ISSUER)
    fields = PERSON | {"first_day": "2027-01-01", "last_day": "2027-03-01", "purpose": "Fair"}
    answer = post(client, "/badges/new", **(fields | changed))
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Fair"' in answer.text


def test_suspending_can_be_undone_and_revoking_cannot(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    for act, cause, state in (
        ("suspend", "leave", "suspended"),
        ("restore", "found", "valid"),
        ("revoke", "lost", "revoked"),
    ):
        answer = post(client, f"/badges/{plant.badge}/{act}", cause=cause, note="in the tram")
        assert answer.status_code == 303, act
        assert state_of(plant) == state
    page = client.get(f"/badges/{plant.badge}").text
    assert "stays revoked" in page
    assert "Lost · in the tram" in page
    assert post(client, f"/badges/{plant.badge}/restore", cause="mistake").status_code == 409
    assert state_of(plant) == "revoked"


@pytest.mark.parametrize("why", [{}, {"cause": ""}, {"cause": "other", "note": "  "}])
def test_revoking_needs_a_reason(plant: Plant, why: dict[str, str]) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = post(client, f"/badges/{plant.badge}/revoke", **why)
    assert answer.status_code == 422
    assert "A reason is needed" in answer.text
    assert state_of(plant) == "valid"


@pytest.mark.parametrize("cause", ["leave", "boredom"])
def test_a_reason_that_does_not_go_with_revoking_is_refused(plant: Plant, cause: str) -> None:
    client = plant.signed_in(Role.SECURITY)
    assert post(client, f"/badges/{plant.badge}/revoke", cause=cause).status_code == 422
    assert state_of(plant) == "valid"


def test_a_revocation_says_where_it_has_arrived_and_where_not(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    post(client, f"/badges/{plant.badge}/revoke", cause="lost")
    row = credentials.credential(plant.backend.store, plant.badge)
    assert row is not None
    part = f"/badges/{plant.badge}/part"
    assert "Applied at 0 of 2 gateways" in client.get(part).text
    plant.near.apply(bundle=1, status=row.status_seq)
    page = client.get(part).text
    assert "Applied at 1 of 2 gateways" in page
    assert "unreachable since" in page
    assert 'href="/gateways/far"' in page
    plant.far.connect()
    plant.far.apply(bundle=1, status=row.status_seq)
    assert "Applied at all 2 gateways" in client.get(part).text


def test_the_policy_is_released_by_security_only(plant: Plant) -> None:
    assert post(plant.signed_in(Role.SECURITY), "/policy/propose", reason="x").status_code == 303
    assert post(plant.signed_in(Role.ISSUER), "/policy/release").status_code == 403


def test_the_chain_of_the_audit_log_is_checked_on_request(plant: Plant) -> None:
    answer = post(plant.signed_in(Role.AUDITOR), "/audit/verify")
    assert "The chain holds" in answer.text


def test_the_demonstrations_buttons_reach_the_demonstration(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    assert post(client, "/demo/near/present", badge="Grace").headers["location"].startswith("/demo")
    for act in ("cut", "restore", "kill"):
        assert post(client, f"/demo/near/{act}").status_code == 303
    assert [what[0] for what in plant.demo.pressed] == ["present", "cut", "restore", "kill"]
    assert post(client, "/demo/near/present", badge="None").status_code == 404
    assert post(client, "/demo/none/cut").status_code == 404


def test_the_guided_tour_follows_the_newest_badge(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    assert current_step(client) == "3"
    plant.demo.state = "revoked"
    assert current_step(client) == "4"
    plant.near.scan("revoked", plant.badge)
    assert current_step(client) == ""


def test_the_tour_starts_with_issuing_although_people_of_the_demonstration_have_badges(
    plant: Plant,
) -> None:
    plant.demo.is_visitors = False
    assert current_step(plant.signed_in(Role.ISSUER)) == "1"


def test_an_issuer_takes_the_whole_tour_by_what_the_lamp_says(plant: Plant) -> None:
    client = plant.signed_in(Role.ISSUER)
    assert current_step(client) == "2"
    plant.demo.see(is_granted=None)
    assert current_step(client) == "2"
    plant.demo.see(is_granted=True)
    assert current_step(client) == "3"
    plant.demo.state = "revoked"
    assert current_step(client) == "4"
    plant.demo.see(is_granted=False)
    assert current_step(client) == ""


def current_step(client: httpx.Client) -> str:
    """Returns the number of the tour's step that is to be done next."""
    found = re.search(
        r'aria-current="step">\s*<span class="tour-mark">(\d)', client.get("/demo").text
    )
    return found[1] if found else ""


def state_of(plant: Plant) -> str:
    row = credentials.credential(plant.backend.store, plant.badge)
    assert row is not None
    return row.state


def linked_numbers(plant: Plant) -> list[str]:
    narrow = credentials.CredentialFilter(form=CodeForm.FOREIGN)
    page = credentials.page(plant.backend.store, narrow, cursor=None, limit=50)
    return [row.credential_id for row in page.items]


def test_an_existing_card_is_linked_from_the_page_of_a_badge(plant: Plant) -> None:
    client = plant.signed_in(Role.ISSUER)
    path = f"/badges/{plant.badge}"
    assert f'action="{path}/link"' in client.get(path).text
    answer = post(client, f"{path}/link", number="00471108\t", family="lines")
    (linked,) = linked_numbers(plant)
    assert answer.headers["location"].startswith(f"/badges/{linked}?")
    page = client.get(answer.headers["location"]).text
    assert "Existing card or number" in page
    assert "code.svg" not in page, "a linked number has no code of ours to print"
    assert "00471108" not in page


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("123", "4 to 128 characters"),
        ("DW0ABCD", "This is a Doorward code."),
        ("00471108", "linked to another badge"),
    ],
)
def test_a_number_that_cannot_be_linked_says_why_in_the_form(
    plant: Plant, number: str, said: str
) -> None:
    client = plant.signed_in(Role.ISSUER)
    path = f"/badges/{plant.badge}/link"
    post(client, path, number="00471108", family="lines")
    answer = post(client, path, number=number, family="lines")
    assert answer.status_code in {400, 409, 422}
    assert said in answer.text
    assert len(linked_numbers(plant)) == 1


def test_security_links_no_cards(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    path = f"/badges/{plant.badge}"
    assert f"{path}/link" not in client.get(path).text
    assert post(client, f"{path}/link", number="00471108", family="lines").status_code == 403
    assert linked_numbers(plant) == []


def test_an_account_is_made_changed_and_closed_by_who_manages_accounts(plant: Plant) -> None:
    ada = plant.signed_in(Role.ADMIN)
    made = post(ada, "/accounts", name="nia", role="guard")
    found = re.search(r'once-big">([a-z0-9-]{24})<', made.text)
    assert found, made.text
    assert made.headers["cache-control"] == "no-store"
    assert post(ada, "/accounts/nia/role", role="issuer").status_code == 303
    assert "Issuer" in ada.get("/accounts/nia").text
    assert post(ada, "/accounts/nia/close").status_code == 303
    assert "Closed" in ada.get("/accounts/nia").text


@pytest.mark.parametrize("path", ["/accounts", "/accounts/gus/close", "/accounts/gus/password"])
def test_nobody_else_changes_accounts(plant: Plant, path: str) -> None:
    for role in set(Role) - {Role.ADMIN}:
        answer = post(plant.signed_in(role), path, name="eve", role="admin")
        assert answer.status_code == 403, role


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/accounts/ada/close", "Nobody changes their own account here."),
        ("/accounts/ada/role", "Nobody changes their own account here."),
        ("/accounts/gus/reopen", "The account is open already."),
    ],
)
def test_what_is_refused_about_an_account_is_said_in_words(
    plant: Plant, path: str, said: str
) -> None:
    answer = post(plant.signed_in(Role.ADMIN), path, role="host")
    assert answer.status_code == 409
    assert said in answer.text


def test_sensitive_pages_ask_again_who_it_is_and_lead_back(
    plant: Plant, clock: StandingClock
) -> None:
    ada = plant.signed_in(Role.ADMIN)
    clock.pass_s(600)
    answer = ada.get("/accounts")
    assert answer.headers["location"] == "/confirm?to=%2Faccounts"
    wrong = post(ada, "/confirm", proof="wrong password", to="/accounts")
    assert (wrong.status_code, "The password is wrong." in wrong.text) == (401, True)
    right = post(ada, "/confirm", proof=PASSWORD, to="/accounts")
    assert right.headers["location"] == "/accounts"
    assert ada.get("/accounts").status_code == 200
    evil = post(ada, "/confirm", proof=PASSWORD, to="//evil.example")
    assert evil.headers["location"] == "/"


def test_a_token_is_shown_once_and_its_hostile_label_as_text(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    fields = {"label": "<script>alert(1)</script>", "days": "30", "scope": "read_fleet"}
    made = post(client, "/account/tokens", **fields)
    found = re.search(r"dwt_[\w-]+", made.text)
    assert found
    page = client.get("/account/tokens").text
    assert found[0] not in page
    assert "&lt;script&gt;alert(1)" in page
    none = post(client, "/account/tokens", label="x", days="30")
    assert (none.status_code, "Choose at least one thing" in none.text) == (422, True)


def test_the_sign_in_page_says_what_to_do_when_an_account_is_locked(plant: Plant) -> None:
    client = plant.visitor()
    token = token_of(client.get("/sign-in").text)
    form = {"csrf_token": token, "name": NAMES[Role.GUARD], "password": "wrong password"}
    for _ in range(5):
        answer = client.post("/sign-in", data=form)
    assert "The account opens again at" in answer.text
    assert "asking your system administrator" in answer.text
