"""Who may do what where: the rule, and the accounts and tokens that it is about."""

from zoneinfo import ZoneInfo

import pytest

from doorward_controller.domain.permissions import (
    LIMITABLE,
    MATRIX,
    REACH,
    Action,
    Actor,
    Extent,
    Reach,
    Role,
    Where,
    Zones,
    allows,
    narrower,
)
from doorward_controller.errors import ActError, ConflictError, ForbiddenError, InvalidError
from doorward_controller.queries import (
    audit_trail,
    operators,
    record_feed,
    record_filter,
    record_summary,
    record_walk,
)
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.queries.record_filter import RecordFilter
from doorward_controller.services import accounts, sign_in, tokens
from doorward_controller.services.acting import act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind, FeedEvent
from doorward_controller.services.sight import Sight
from doorward_controller.store import accounts as rows
from tests.controller.conftest import ADMIN
from tests.fakes.two_zones import HERE, THERE, two_zones

PASSWORD = "correct horse battery"
EAST, WEST = frozenset({"east"}), frozenset({"west"})
GUARD = Role.GUARD


def guard(zones: Zones, scope: frozenset[Action] | None = None) -> Actor:
    return Actor(name="gus", role=GUARD, zones=zones, scope=scope)


def test_every_action_says_how_far_it_reaches() -> None:
    assert set(REACH) == set(Action)


def test_what_is_for_all_the_site_cannot_be_limited() -> None:
    """Listed, so that nobody makes one of these a matter of a place by accident."""
    assert {action for action, reach in REACH.items() if reach is Reach.SITE} >= {
        Action.RELEASE_POLICY, Action.EDIT_RULES, Action.MANAGE_ACCOUNTS, Action.MANAGE_TOKENS,
        Action.READ_AUDIT, Action.MANAGE_STAFF, Action.ISSUE, Action.REVOKE,
        Action.REVOKE_IN_BULK, Action.APPROVE, Action.ENROL_GATEWAY, Action.ROLL_OUT,
        Action.MANAGE_WEBHOOKS, Action.MANAGE_WALL, Action.READ_CREDENTIALS,
    }  # fmt: skip


def test_roles_that_can_be_limited_have_something_to_do_at_a_place() -> None:
    for role in LIMITABLE:
        assert any(REACH[action] is Reach.PLACE for action in MATRIX[role]), role


@pytest.mark.parametrize(
    ("zones", "action", "where", "expected"),
    [
        (None, Action.OPEN_DOORS, Extent.WHOLE_SITE, True),
        (None, Action.OPEN_DOORS, EAST, True),
        (None, Action.OPEN_DOORS, frozenset(), True),
        (None, Action.RELEASE_POLICY, Extent.WHOLE_SITE, False),
        (EAST, Action.OPEN_DOORS, EAST, True),
        (EAST, Action.OPEN_DOORS, WEST, False),
        (EAST, Action.OPEN_DOORS, EAST | WEST, False),
        (EAST | WEST, Action.OPEN_DOORS, EAST, True),
        (EAST, Action.OPEN_DOORS, frozenset(), False),
        (EAST, Action.OPEN_DOORS, Extent.SOMEWHERE, True),
        (EAST, Action.OPEN_DOORS, Extent.WHOLE_SITE, False),
        (frozenset(), Action.OPEN_DOORS, Extent.SOMEWHERE, False),
        (frozenset(), Action.OPEN_DOORS, frozenset(), False),
        (EAST, Action.OWN_ACCOUNT, Extent.WHOLE_SITE, True),
        (frozenset(), Action.OWN_ACCOUNT, Extent.WHOLE_SITE, True),
        (EAST, Action.ISSUE, EAST, False),
    ],
)
def test_the_rule(zones: Zones, action: Action, where: Where, expected: bool) -> None:
    assert allows(guard(zones), action, where) is expected


@pytest.mark.parametrize("where", [EAST, Extent.SOMEWHERE, Extent.WHOLE_SITE])
def test_what_reaches_the_site_is_refused_to_who_is_limited_wherever_it_is_asked(
    where: Where,
) -> None:
    limited = Actor(name="sam", role=Role.SECURITY, zones=EAST)
    for action in MATRIX[Role.SECURITY]:
        if REACH[action] is Reach.SITE:
            assert not allows(limited, action, where), action


def test_a_token_narrows_actions_also_where_its_zones_fit() -> None:
    assert not allows(guard(EAST, frozenset({Action.READ_RECORDS})), Action.OPEN_DOORS, EAST)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (None, None, None),
        (EAST, None, EAST),
        (None, EAST, EAST),
        (EAST, WEST, frozenset()),
        (EAST | WEST, WEST, WEST),
    ],
)
def test_two_limits_count_together(one: Zones, other: Zones, both: Zones) -> None:
    assert narrower(one, other) == both


def test_an_act_that_names_no_place_is_undone_for_who_is_limited(sqlite_backend: Backend) -> None:
    """Forgetting to say where must not open anything."""
    with (
        pytest.raises(ForbiddenError) as refused,
        act(sqlite_backend, guard(EAST), Action.OPEN_DOORS, placed=True) as doing,
    ):
        rows.add_operator(doing.connection, "eve", Role.ADMIN, "x", 1)
    assert refused.value.code == "not_your_place"
    assert operators.one_operator(sqlite_backend.store, "eve") is None
    newest = audit_trail.page(sqlite_backend.store, AuditFilter(), limit=1).items[0]
    assert (newest.actor, newest.outcome) == ("gus", "not_your_place")


def test_an_act_that_is_not_placed_is_refused_before_it_begins(sqlite_backend: Backend) -> None:
    with (
        pytest.raises(ForbiddenError),
        act(sqlite_backend, guard(EAST), Action.OPEN_DOORS),
    ):
        pytest.fail("it began")
    with pytest.raises(ForbiddenError):
        check_read(sqlite_backend, guard(EAST), Action.READ_RECORDS)


# --- accounts


def made(backend: Backend, name: str, role: Role, zones: Zones = None) -> str:
    accounts.create_operator(backend, ADMIN, name=name, password=PASSWORD, role=role, zones=zones)
    result = sign_in.sign_in(backend, name=name, password=PASSWORD, client="here")
    assert isinstance(result, sign_in.SignedIn)
    return result.token


def test_a_session_carries_the_zones_of_its_account(backend: Backend) -> None:
    session = sign_in.resume(backend, made(backend, "gus", GUARD, EAST | WEST))
    assert session is not None
    assert session.actor.zones == EAST | WEST


def test_other_zones_end_what_was_begun_with_the_old_ones(backend: Backend) -> None:
    cookie = made(backend, "gus", GUARD)
    token = accounts.create_token(backend, ADMIN, operator="gus", label="t", lifetime_s=3600)
    accounts.change_zones(backend, ADMIN, "gus", EAST)
    assert sign_in.resume(backend, cookie) is None
    assert sign_in.resume_bearer(backend, token) is None
    row = operators.one_operator(backend.store, "gus")
    assert row is not None
    assert row.zones == ("east",)
    newest = audit_trail.page(backend.store, AuditFilter(), limit=1).items[0]
    assert (newest.action, newest.subject) == ("change_zones", "gus")
    assert dict(newest.detail) == {"before": "site", "zones": "east"}
    accounts.change_zones(backend, ADMIN, "gus", None)
    row = operators.one_operator(backend.store, "gus")
    assert row is not None
    assert row.zones is None


@pytest.mark.parametrize("role", sorted(set(Role) - LIMITABLE))
def test_roles_that_serve_the_site_are_not_limited(sqlite_backend: Backend, role: Role) -> None:
    with pytest.raises(ConflictError) as refused:
        accounts.create_account(sqlite_backend, ADMIN, name="x", role=role, zones=EAST)
    assert refused.value.code == "role_not_limitable"


def test_a_limited_account_does_not_become_wide_by_another_role(sqlite_backend: Backend) -> None:
    made(sqlite_backend, "gus", GUARD, EAST)
    accounts.change_role(sqlite_backend, ADMIN, "gus", Role.SECURITY)
    row = operators.one_operator(sqlite_backend.store, "gus")
    assert row is not None
    assert row.zones == ("east",)
    with pytest.raises(ConflictError) as refused:
        accounts.change_role(sqlite_backend, ADMIN, "gus", Role.REVIEWER)
    assert refused.value.code == "role_not_limitable"


@pytest.mark.parametrize("zones", [frozenset[str](), frozenset({"East Wing"}), frozenset({"a b"})])
def test_zones_must_be_some_and_have_names(sqlite_backend: Backend, zones: frozenset[str]) -> None:
    made(sqlite_backend, "gus", GUARD)
    with pytest.raises(InvalidError) as refused:
        accounts.change_zones(sqlite_backend, ADMIN, "gus", zones)
    assert refused.value.code == "bad_zones"


def test_nobody_changes_their_own_zones(sqlite_backend: Backend) -> None:
    admin = accounts.create_operator(
        sqlite_backend, ADMIN, name="ada", password=PASSWORD, role=Role.ADMIN
    )
    ada = Actor(name="ada", role=Role.ADMIN, operator_id=admin)
    with pytest.raises(ConflictError) as refused:
        accounts.change_zones(sqlite_backend, ada, "ada", EAST)
    assert refused.value.code == "own_account"


# --- tokens


@pytest.mark.parametrize(
    ("owners", "asked", "expected"),
    [
        (None, None, None),
        (None, EAST, EAST),
        (EAST | WEST, WEST, WEST),
        (EAST, None, EAST),
        (EAST, WEST, "zones_too_wide"),
        (EAST, EAST | WEST, "zones_too_wide"),
        (None, frozenset(), "bad_zones"),
    ],
)
def test_a_token_is_limited_as_its_owner_or_more(
    sqlite_backend: Backend, owners: Zones, asked: Zones, expected: Zones | str
) -> None:
    made(sqlite_backend, "gus", GUARD, owners)
    try:
        token = tokens.create_token(
            sqlite_backend, ADMIN, operator="gus", label="t", lifetime_s=3600, zones=asked
        )
    except ActError as refusal:
        assert refusal.code == expected  # noqa: PT017  # a table of both ends
        return
    actor = sign_in.resume_bearer(sqlite_backend, token)
    assert actor is not None
    assert actor.zones == expected


# --- searches of records


SEARCHES = (
    RecordFilter(),
    RecordFilter(kind="scan"),
    RecordFilter(kinds=("scan", "manual")),
    RecordFilter(outcome="deny"),
    RecordFilter(reason="not_ours"),
    RecordFilter(reason="granted"),
    RecordFilter(kinds=("manual",)),
    RecordFilter(gateway="alpha"),
    RecordFilter(gateway="bravo"),
    RecordFilter(portal="alpha-door"),
    RecordFilter(portal="bravo-door"),
)


@pytest.mark.parametrize("most_walks", [0, 40])
def test_a_limited_search_finds_what_is_in_the_zones_of_what_a_wide_one_finds(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, most_walks: int
) -> None:
    """By whichever index, portal by portal or all at once, a page at a time."""
    monkeypatch.setattr(record_filter, "MAX_WALKS", most_walks)
    site = two_zones(backend)
    searches = (*SEARCHES, RecordFilter(credential_id=site.badge))
    for wanted in searches:
        everything = record_feed.page(backend.store, wanted, limit=500).items
        for zones in (frozenset({HERE}), frozenset({HERE, THERE}), frozenset({"nowhere"})):
            theirs = record_filter.limited_to(backend.store, wanted, zones)
            expected = [
                row.id for row in everything
                if (HERE in zones and row.portal == "alpha-door")
                or (THERE in zones and row.portal == "bravo-door")
            ]  # fmt: skip
            found: list[int] = []
            cursor = None
            while True:
                page = record_feed.page(backend.store, theirs, cursor=cursor, limit=2)
                found += [row.id for row in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert found == expected, (wanted, zones)
            walked = [row.id for part in record_walk.walk(backend.store, theirs) for row, _ in part]
            assert walked == expected, (wanted, zones)


@pytest.mark.parametrize("zone_name", ["UTC", "Asia/Shanghai", "Asia/Kolkata"])
def test_limited_counts_are_those_of_the_records(backend: Backend, zone_name: str) -> None:
    """In a zone whose hours begin with UTC's by the sums, elsewhere by the records."""
    two_zones(backend)
    now_ms = backend.clock.now().utc_ms
    span = record_summary.Span(
        from_utc_ms=now_ms - 5 * record_summary.HOUR_MS, to_utc_ms=now_ms + 60_000
    )
    zones = frozenset({THERE})
    counted = record_summary.summary(backend.store, span, ZoneInfo(zone_name), zones)
    assert [(each.portal, each.granted, each.refused) for each in counted.portals] == [
        ("bravo-door", 2, 1)
    ]
    assert (counted.granted, counted.refused) == (2, 1)
    assert [(each.reason, each.refused) for each in counted.reasons] == [("not_ours", 1)]
    today = record_summary.since(backend.store, now_ms - 60_000, zones=zones)
    assert (today.grants, today.denies, today.reasons) == (1, 1, (("not_ours", 1),))
    nobody = record_summary.summary(
        backend.store, span, ZoneInfo(zone_name), frozenset({"nowhere"})
    )
    assert (nobody.granted, nobody.refused, nobody.portals) == (0, 0, ())


# --- the live feed


@pytest.mark.parametrize(
    ("kind", "data", "is_shown"),
    [
        (EventKind.SCAN, {"portal": "alpha-door", "gateway": "alpha"}, True),
        (EventKind.SCAN, {"portal": "bravo-door", "gateway": "bravo"}, False),
        (EventKind.SCAN, {"portal": "", "gateway": "alpha"}, False),
        (EventKind.GATEWAY, {"gateway": "alpha"}, True),
        (EventKind.GATEWAY, {"gateway": "bravo"}, False),
        (EventKind.COMMAND, {"gateway": "bravo"}, False),
        (EventKind.COMMAND, {"roll_out": 1}, False),
        (EventKind.POSTURE, {"portal": "alpha-door"}, True),
        (EventKind.POSTURE, {"told": 7}, False),
        (EventKind.QUARANTINE, {"gateway": "alpha"}, False),
        (EventKind.PROPAGATION, {"what": "status", "total": 12}, False),
        (EventKind.PROPOSAL, {"id": "x"}, False),
        (EventKind.ALERT, {}, True),
        (EventKind.RESET, {}, True),
    ],
)
def test_the_feed_tells_of_ones_own_places(
    sqlite_backend: Backend, kind: EventKind, data: dict[str, object], is_shown: bool
) -> None:
    two_zones(sqlite_backend)
    event = FeedEvent(id="x-1", kind=kind, data=data)
    limited = Sight.of(sqlite_backend.store, frozenset({HERE}))
    assert limited.shows(event) is is_shown
    assert Sight.of(sqlite_backend.store, None).shows(event)
    assert not Sight.of(sqlite_backend.store, frozenset({THERE})).shows(event) or (
        not is_shown or kind in {EventKind.ALERT, EventKind.RESET}
    )
