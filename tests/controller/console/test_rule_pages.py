"""Access rules on the console: read, changed by form, kept as a draft, and released as before."""

from collections.abc import Callable, Mapping

import httpx
import pytest

from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.domain.rule_book import GrantLine, PortalOptions, RuleBook
from doorward_controller.queries import audit_trail, policies
from doorward_controller.services import accounts, policy_release, rules
from tests.controller.conftest import SECURITY
from tests.controller.console.conftest import Plant, token_of
from tests.fakes.operators import NAMES

NOTHING: Mapping[str, object] = {}
GRANT = {"group": "visitors", "zone": "site", "schedule": "always", "way": "exit"}


def send(
    plant: Plant, path: str, form: Mapping[str, object] = NOTHING, *, role: Role = Role.SECURITY
) -> httpx.Response:
    client = plant.signed_in(role)
    whole: dict[str, object] = {
        "csrf_token": token_of(client.get("/account").text),
        "edition": str(rules.edition(plant.backend).number),
        **form,
    }
    return client.post(path, data=whole)


def book_of(plant: Plant) -> RuleBook:
    return rules.current(plant.backend)


def test_a_rule_is_added_changed_and_removed_and_the_gates_wait_for_the_release(
    plant: Plant,
) -> None:
    before = book_of(plant)
    released = policies.releases(plant.backend.store, limit=1)
    added = send(plant, "/policy/rules/grants/new", GRANT)
    assert added.headers["location"] == "/policy/rules?done=rules-saved"
    line = GrantLine.model_validate(GRANT)
    assert book_of(plant).grants == (*before.grants, line)
    number, place = rules.edition(plant.backend).number, len(before.grants)
    path = f"/policy/rules/grants/{number}-{place}"
    assert send(plant, path, GRANT | {"per_day": "2"}).status_code == 303
    assert book_of(plant).grants[-1] == line.model_copy(update={"per_day": 2})
    path = f"/policy/rules/grants/{rules.edition(plant.backend).number}-{place}/remove"
    assert send(plant, path).headers["location"] == "/policy/rules?done=rules-removed"
    assert book_of(plant) == before
    assert policies.releases(plant.backend.store, limit=1) == released


def test_what_was_saved_is_compared_in_words_on_the_policy_page(plant: Plant) -> None:
    send(plant, "/policy/rules/schedules/one/working-hours", {
        "begin": ["08:00"], "end": ["17:30"], "days-0": ["0", "1", "2", "3", "4"],
    })  # fmt: skip
    said = plant.signed_in(Role.SECURITY).get("/policy/differences").text
    assert "Schedule working-hours ends at 17:30 instead of 18:00" in said


FAULTY = {
    "/policy/rules/grants/new": (GRANT | {"group": "", "per_day": "51"}, "Choose one."),
    "/policy/rules/groups/new": ({"name": "Night Shift", "rank": "7"}, "This is no name"),
    "/policy/rules/zones/new": ({"name": "site", "at_most": "12"}, "This is there already."),
    "/policy/rules/zones/one/site": ({"at_most": "-3"}, "At least 0."),
    "/policy/rules/schedules/new": (
        {"name": "late", "begin": "07:00", "end": "noon", "days-0": "1"},
        "This is no time.",
    ),
    "/policy/rules/portals/near-door": (
        {"antipassback": "timed", "pulse_ms": "1234"},
        "Say for how long.",
    ),
    "/policy/rules/calendar": (
        {"first": "2026-12-31", "last": "2026-01-01", "kind": "7"},
        "at once",
    ),
    "/policy/rules/site": ({"time_zone": "Mars/Olympus", "forget_s": "36 h"}, "no such time zone"),
}


@pytest.mark.parametrize("path", FAULTY)
def test_a_bad_entry_is_told_at_its_field_and_nothing_that_was_entered_is_lost(
    plant: Plant, path: str
) -> None:
    before = rules.edition(plant.backend)
    form, words = FAULTY[path]
    answer = send(plant, path, form)
    assert answer.status_code in {409, 422}
    assert words in answer.text
    assert "Nothing was saved" in answer.text
    for value in form.values():
        assert not value or f'value="{value}"' in answer.text, value
    assert rules.edition(plant.backend) == before


def test_the_rules_of_a_portal_are_changed_and_taken_back_to_its_enrolment(plant: Plant) -> None:
    options = {
        "direction": "both", "antipassback": "timed", "antipassback_s": "10 min",
        "interlock": "far-door", "two_persons": "yes", "escorted": "visitors", "escorts": "staff",
    }  # fmt: skip
    assert send(plant, "/policy/rules/portals/near-door", options).status_code == 303
    assert book_of(plant).portals["near-door"] == PortalOptions.model_validate(
        options | {"antipassback_s": 600, "interlock": ["far-door"], "two_persons": True,
                   "escorted": ["visitors"], "escorts": ["staff"]}
    )  # fmt: skip
    page = plant.signed_in(Role.SECURITY).get("/policy/rules/portals/near-door").text
    assert "two persons together" in page
    assert send(plant, "/policy/rules/portals/near-door/enrolled").status_code == 303
    assert "near-door" not in book_of(plant).portals


@pytest.mark.parametrize("doors", [["nowhere"], ["near-door"]])
def test_a_portal_is_not_interlocked_with_none_or_with_itself(
    plant: Plant, doors: list[str]
) -> None:
    answer = send(plant, "/policy/rules/portals/near-door", {"interlock": doors})
    assert (answer.status_code, "no such thing" in answer.text) == (422, True)


def test_without_scripts_the_typed_name_of_a_door_counts(plant: Plant) -> None:
    answer = send(plant, "/policy/rules/portals/near-door", {"choice_text": "far-door"})
    assert answer.status_code == 303
    assert book_of(plant).portals["near-door"].interlock == ("far-door",)


def test_what_is_in_use_does_not_go(plant: Plant) -> None:
    before = book_of(plant)
    for path in ("groups/one/staff", "zones/one/site", "schedules/one/always"):
        answer = send(plant, f"/policy/rules/{path}/remove")
        assert (answer.status_code, "still in use" in answer.text) == (409, True), path
    assert book_of(plant) == before


def _other_part(plant: Plant) -> None:
    send(plant, "/policy/rules/groups/new", {"name": "guards", "rank": "7"})


def _same_part(plant: Plant) -> None:
    send(plant, "/policy/rules/portals/near-door", {"pulse_ms": "5000"})


@pytest.mark.parametrize(("meanwhile", "status"), [(_other_part, 303), (_same_part, 409)])
def test_two_people_may_change_different_parts_and_nobody_overwrites_unseen(
    plant: Plant, meanwhile: Callable[[Plant], None], status: int
) -> None:
    seen = rules.edition(plant.backend).number
    meanwhile(plant)
    answer = send(
        plant, "/policy/rules/portals/near-door", {"edition": str(seen), "pulse_ms": "1000"}
    )
    assert answer.status_code == status
    assert ("somebody else has changed this" in answer.text) == (status == 409)
    if status == 409:
        assert 'value="1000"' in answer.text
        assert book_of(plant).portals["near-door"].pulse_ms == 5000
    else:
        assert book_of(plant).groups[-1] == "guards"


def test_a_draft_is_laid_aside(plant: Plant) -> None:
    policy_release.release(plant.backend, SECURITY)
    before = book_of(plant)
    send(plant, "/policy/rules/zones/new", {"name": "yard"})
    assert policies.has_unreleased_rules(plant.backend.store)
    answer = send(plant, "/policy/rules/back")
    assert answer.headers["location"] == "/policy/rules?done=rules-back"
    assert book_of(plant) == before
    assert not policies.has_unreleased_rules(plant.backend.store)


def test_a_program_lays_a_draft_aside_that_it_has_seen(plant: Plant) -> None:
    policy_release.release(plant.backend, SECURITY)
    before = book_of(plant)
    key = accounts.create_token(
        plant.backend, local_actor(), operator=NAMES[Role.SECURITY], label="t", lifetime_s=3600
    )
    program = plant.visitor()
    program.headers["Authorization"] = f"Bearer {key}"
    stale = program.get("/api/v1/rules").headers["ETag"]
    send(plant, "/policy/rules/zones/new", {"name": "yard"})
    seen = program.get("/api/v1/rules").headers["ETag"]
    codes = [
        program.post("/api/v1/rules/back", headers=sent).status_code
        for sent in ({}, {"If-Match": stale}, {"If-Match": seen})
    ]
    assert codes == [428, 412, 204]
    assert book_of(plant) == before


def test_words_and_week_follow_the_form_before_it_is_saved(plant: Plant) -> None:
    said = send(plant, "/policy/rules/grants/words", GRANT | {"way": "entry"}).text
    assert "visitors may enter by far-door and near-door at all times" in said
    assert "week-open" in said
    night = {"begin": ["22:00"], "end": ["06:00"], "days-0": ["4"]}
    said = send(plant, "/policy/rules/schedules/words", night).text
    assert "on Fridays 22:00–24:00, on Saturdays 00:00–06:00" in said
    said = send(plant, "/policy/rules/portals/near-door/words", {"antipassback": "hard"}).text
    assert "nobody enters twice or leaves twice" in said


def test_a_further_line_of_a_schedule_keeps_what_was_entered(plant: Plant) -> None:
    form = {"name": "late", "begin": "20:00", "end": "oops", "days-0": "2", "more": "1"}
    page = send(plant, "/policy/rules/schedules/new", form).text
    assert all(f'value="{each}"' in page for each in ("late", "20:00", "oops"))
    assert page.count('name="begin"') == 3


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SECURITY])
def test_nobody_else_changes_rules_and_the_attempt_is_noted(plant: Plant, role: Role) -> None:
    before = book_of(plant)
    for path in (
        "grants/new", "grants/1-0", "grants/1-0/remove", "grants/words", "groups/new",
        "zones/one/site", "zones/one/site/remove", "schedules/new", "schedules/words", "calendar",
        "site", "back", "portals/near-door", "portals/near-door/enrolled",
    ):  # fmt: skip
        answer = send(plant, f"/policy/rules/{path}", GRANT, role=role)
        assert answer.status_code == 403, path
    assert book_of(plant) == before
    newest = audit_trail.page(plant.backend.store, limit=1).items[0]
    assert (newest.action, newest.outcome) == ("edit_rules", "forbidden")


def test_a_change_is_in_the_audit_log_with_its_part(plant: Plant) -> None:
    send(plant, "/policy/rules/zones/new", {"name": "yard"})
    newest = audit_trail.page(plant.backend.store, limit=1).items[0]
    assert (newest.action, newest.outcome) == ("save_rules", "done")
    assert "zone yard" in str(newest.detail)
