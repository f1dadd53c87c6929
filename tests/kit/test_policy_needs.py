"""What a policy asks of gateways' software: nothing that came later is forgotten."""

import struct
from typing import Any

import pytest

from doorward import canonical
from doorward.policy_draft import PortalDraft, ZoneDraft, build_body
from doorward.policy_needs import NEEDS, Effect, Need, Use, beyond, uses
from doorward.software import Version
from tests.kit.plant import GATE, GATEWAY, LAB_DOOR, draft, policy

PLAIN = PortalDraft(zone="lab", gateway=GATEWAY)
LED = PortalDraft(
    zone="lab", gateway=GATEWAY, escorted=("visitors",), escorts=("staff",), escort_leads=3
)


def header(**changes: Any) -> dict[str, Any]:
    body = build_body(draft(**changes))
    (length,) = struct.unpack(">I", body[:4])
    found = canonical.decode(body[4 : 4 + length])
    assert isinstance(found, dict)
    return found


def test_a_plain_policy_needs_nothing() -> None:
    assert uses(policy(portals={GATE: PLAIN}, zone_rules={"lab": ZoneDraft(at_most=3)})) == ()


def test_it_is_said_what_is_used_and_where() -> None:
    found = uses(
        policy(
            portals={GATE: LED, LAB_DOOR: PLAIN},
            zone_rules={"lab": ZoneDraft(per_day=2), "site": ZoneDraft(per_day=1, per_visit=1)},
        )
    )
    assert [(use.field, use.where) for use in found] == [
        ("zone_rules.per_day", ("lab", "site")),
        ("zone_rules.per_visit", ("site",)),
        ("portals.escort_leads", (GATE,)),
    ]
    assert {use.effect for use in found} == {Effect.REFUSE}


def test_everything_that_a_bundle_may_leave_out_is_in_the_table() -> None:
    """A key that is written only where a rule uses it came later: it must say since when."""
    plain = header(portals={GATE: PLAIN}, zone_rules={"lab": ZoneDraft(at_most=3)})
    full = header(
        portals={GATE: LED}, zone_rules={"lab": ZoneDraft(at_most=3, per_day=1, per_visit=1)}
    )
    assert plain.keys() == full.keys()
    later = {f"portals.{key}" for key in full["portals"][GATE].keys() - plain["portals"][GATE]}
    ((_, of_full),) = full["zone_rules"].items()
    ((_, of_plain),) = plain["zone_rules"].items()
    later |= {f"zone_rules.{key}" for key in of_full.keys() - of_plain.keys()}
    assert {need.field for need in NEEDS} == later


@pytest.mark.parametrize(
    ("software", "expected"),
    [
        ("0.1.9", ("a", "b")),
        ("0.2.0", ("b",)),
        ("0.10.0", ()),
        ("1.0.0", ()),
        ("", ("a", "b")),
        ("0.2.0-dirty", ("a", "b")),
        ("9" * 400, ("a", "b")),
    ],
)
def test_software_reads_what_is_as_old_as_itself(software: str, expected: tuple[str, ...]) -> None:
    used = tuple(
        Use(field=name, since=since, effect=Effect.REFUSE, where=("x",))
        for name, since in (("a", Version(0, 2, 0)), ("b", Version(0, 3, 0)))
    )
    assert tuple(use.field for use in beyond(software, used)) == expected


def test_only_what_is_used_counts() -> None:
    never = Need(field="x", since=Version(9, 0, 0), effect=Effect.IGNORE, used=lambda _: iter(()))
    assert uses(policy(portals={GATE: PLAIN}), (never,)) == ()
