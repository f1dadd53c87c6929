"""Which pages and answers are asked for, by name, where there are many records and gateways."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.big_site import DAY_MS, Plan, gateway_of, portal_of
from doorward_controller.domain.cursors import to_cursor

_WEEK = {"from_utc_ms": 60, "to_utc_ms": 67}
"""In days after the first record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One kind of page.

    Attributes:
        paths: asked for in turns.
        is_auditors: shown to auditors alone.
        is_promised: whether it has to come within a second.
    """

    name: str
    paths: tuple[str, ...]
    is_auditors: bool = False
    is_promised: bool = True


def pages(plan: Plan, chance: random.Random, person: str) -> list[Asked]:
    """Returns everything that is asked for."""
    return [*_searches(plan, chance, person), *_counts(plan), *_lists(plan, person)]


def _searches(plan: Plan, chance: random.Random, person: str) -> list[Asked]:
    portal, gateway = portal_of(plan.size.gateways // 3), gateway_of(plan.size.gateways // 3)
    seldom = portal_of(plan.size.gateways - 1)
    week = {key: plan.begin_utc_ms + days * DAY_MS for key, days in _WEEK.items()}
    badge = plan.badge(7).hex()
    wanted: dict[str, Mapping[str, object]] = {
        "newest": {},
        "scans": {"kind": "scan"},
        "a person": {"holder_id": person},
        "a person, refused": {"holder_id": person, "outcome": "deny"},
        "a badge": {"credential_id": badge},
        "a badge that never came": {"credential_id": "ff" * 8},
        "a portal": {"portal": portal},
        "a portal and refused": {"portal": portal, "outcome": "deny"},
        "a portal and a reason": {"portal": portal, "reason": "revoked"},
        "a portal and a reason that never was": {"portal": portal, "reason": "full"},
        "a gateway": {"gateway": gateway},
        "a gateway and refused": {"gateway": gateway, "outcome": "deny"},
        "a gateway and a reason": {"gateway": gateway, "reason": "expired"},
        "a gateway and events": {"gateway": gateway, "kind": "event"},
        "a gateway and another's portal": {"gateway": gateway, "portal": seldom},
        "granted": {"outcome": "grant"},
        "refused": {"outcome": "deny"},
        "a reason": {"reason": "expired"},
        "a reason that never was": {"reason": "full"},
        "granted and expired (never)": {"outcome": "grant", "reason": "expired"},
        "granted and entered (never)": {"outcome": "grant", "reason": "entered"},
        "passages that were granted (never)": {"kind": "passage", "outcome": "grant"},
        "events": {"kind": "event"},
        "by hand (never)": {"kind": "manual"},
        "a week": week,
        "a week, a portal, refused": {"portal": portal, "outcome": "deny", **week},
        "a week, a gateway, a reason": {"gateway": gateway, "reason": "expired", **week},
        "a week, a person": {"holder_id": person, **week},
    }
    return [
        Asked(
            name=f"api, search: {name}",
            paths=tuple(
                f"/api/v1/records?{urlencode({**values, **where})}"
                for where in ({}, {"cursor": _deep(plan, chance)})
            ),
        )
        for name, values in wanted.items()
    ]


def _deep(plan: Plan, chance: random.Random) -> str:
    """Returns the cursor of a page somewhere in the older half."""
    number = chance.randrange(plan.size.records // 10, plan.size.records // 2)
    return to_cursor(plan.at_utc_ms(number), number + 1)


def _counts(plan: Plan) -> list[Asked]:
    end = plan.at_utc_ms(plan.size.records - 1) + 1
    spans = [(days, end - days * DAY_MS - 1_234_567) for days in (1, 7, 30, 90, 179)]
    return [
        *(
            Asked(
                name=f"api, charts of {days} days",
                paths=(f"/api/v1/records/summary?from_utc_ms={begin}&to_utc_ms={end}",),
            )
            for days, begin in spans
        ),
        *(
            Asked(name=f"page, charts of {days} days", paths=(f"/charts?days={days}",))
            for days in (1, 7, 30, 90)
        ),
        Asked(name="api, how many are inside", paths=("/api/v1/occupancy",)),
        Asked(name="api, who is inside", paths=("/api/v1/occupancy/people",)),
        Asked(
            name="api, who is inside, 100 of them", paths=("/api/v1/occupancy/people?limit=100",)
        ),
        Asked(name="page, who is inside", paths=("/inside",)),
        Asked(name="page, everybody inside, to print", paths=("/inside/list",), is_promised=False),
    ]


def _lists(plan: Plan, person: str) -> list[Asked]:
    portal, gateway = portal_of(plan.size.gateways // 3), gateway_of(plan.size.gateways // 3)
    of_page = {
        "overview": "/",
        "overview, the part that comes again": "/overview/part",
        "overview, the chart": "/overview/rate.json",
        "scans": "/scans",
        "scans of a portal, refused": f"/scans?portal={portal}&outcome=deny",
        "scans of a person": f"/scans?holder={person}",
        "a scan": f"/scans/{plan.size.records // 3}",
        "fleet": "/gateways",
        "a gateway": f"/gateways/{gateway}",
        "devices": "/devices",
        "a device's life": f"/devices/{gateway}/life",
        "alerts": "/alerts",
        "badges": "/badges",
        "policy": "/policy",
        "maintenance": "/maintenance",
    }
    return [
        *(Asked(name=f"page, {name}", paths=(path,)) for name, path in of_page.items()),
        Asked(name="api, fleet", paths=("/api/v1/gateways",)),
        Asked(name="page, audit log", paths=("/audit",), is_auditors=True),
        Asked(name="api, audit log", paths=("/api/v1/audit",), is_auditors=True),
    ]
