"""A site with millions of records, filled in bulk: half a year that ends now.

Portals stand one at each gateway, in pairs for the way in and the way out. People come in the
morning, at noon and in the evening; 20,000 of them have a badge. One scan in 20 is refused, one
passage in 100 did not happen, one record in 1,000 is of an event. The same number gives the same
record. Bodies are real; those of one kind are shared, since their length is what counts.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bench.big_site_rows import Making, Tell, add_records
from doorward.policy import Direction
from doorward_controller.domain.permissions import Action, Actor, Role, local_actor
from doorward_controller.domain.rule_book import PortalOptions, RuleBook
from doorward_controller.services import enrolment, holders, rules
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.enrolment import NewPortal
from doorward_controller.services.holders import HolderFields
from doorward_controller.store.schema import credentials, gateways
from doorward_controller.store.session import Store

DAYS = 180
DAY_MS = 86_400_000
PEOPLE = 20_000
BADGES_EACH = 2
"""A badge and a phone."""

_RUSH = ((0, 0.02), (6, 0.30), (9, 0.08), (11, 0.20), (14, 0.08), (16, 0.27), (19, 0.05), (24, 0.0))
"""From this hour on comes this share of the day."""

_PEOPLE_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is."""

    records: int
    gateways: int
    people: int = PEOPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which record is when; the number of a record is its place, from 0."""

    size: Size
    begin_utc_ms: int

    @property
    def per_day(self) -> int:
        """How many records a day has."""
        return -(-self.size.records // DAYS)

    def at_utc_ms(self, number: int) -> int:
        """Returns when the record with a number was made; later for every higher number."""
        day, place = divmod(number, self.per_day)
        share, before = place / self.per_day, 0.0
        for (hour, weight), (until, _) in itertools.pairwise(_RUSH):
            if share < before + weight or until == _RUSH[-1][0]:
                hours = hour + (until - hour) * (share - before) / weight
                return self.begin_utc_ms + day * DAY_MS + int(hours * 3_600_000)
            before += weight
        raise AssertionError("the shares of a day do not add up to one")

    def badge(self, person: int) -> bytes:
        """Returns one of somebody's codes: 0 to PEOPLE - 1 are badges, the next as many phones."""
        return (0xB000_0000 + person % (BADGES_EACH * self.size.people)).to_bytes(8)


def gateway_of(number: int) -> str:
    """Returns the name of a gateway, from 0."""
    return f"gate-{number:04}"


def portal_of(number: int) -> str:
    """Returns the name of the portal at a gateway."""
    return f"{gateway_of(number)}-{'out' if number % 2 else 'in'}"


def fill(backend: Backend, size: Size, tell: Tell) -> Plan:
    """Fills an initialised site that is empty; takes minutes for millions."""
    begin = backend.clock.now().utc_ms // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS
    plan = Plan(size=size, begin_utc_ms=begin)
    _quickly(backend.store)
    _add_gateways(backend, size, tell)
    _add_people(backend, plan, tell)
    add_records(
        backend.store,
        Making(
            number=size.records,
            begin_utc_ms=begin,
            portals=tuple(portal_of(number) for number in range(size.gateways)),
            badges=tuple(plan.badge(number) for number in range(BADGES_EACH * size.people)),
            moments_ms=tuple(plan.at_utc_ms(number) - begin for number in range(plan.per_day)),
        ),
        tell,
    )
    return plan


def _quickly(store: Store) -> None:
    """Nothing of this has to outlive a power cut; connections made later wait for no disk."""
    if store.is_sqlite:
        store.engine.dispose()
        sa.event.listen(store.engine, "connect", _never_flush)


def _never_flush(raw: Any, _: object) -> None:  # the driver's own connection
    raw.execute("PRAGMA synchronous = OFF")


def _add_gateways(backend: Backend, size: Size, tell: Tell) -> None:
    key = bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")
    names = [(gateway_of(number), portal_of(number)) for number in range(size.gateways)]
    for number, (gateway, portal) in enumerate(names):
        enrolment.enrol_gateway(
            backend,
            local_actor(),
            gateway=gateway,
            record_key=key,
            portals=[NewPortal(portal=portal, zone=f"zone-{number % 40 // 2:02}")],
        )
        tell("gateways", number + 1, size.gateways)
    book = RuleBook(
        zones=tuple(f"zone-{number:02}" for number in range(min(20, -(-size.gateways // 2)))),
        portals={
            portal: PortalOptions(direction=Direction.EXIT if number % 2 else Direction.ENTRY)
            for number, (_, portal) in enumerate(names)
        },
    )
    rules.save_rules(backend, Actor(name="bench", role=Role.SECURITY), book)
    with backend.store.write() as connection:
        now_ms = backend.clock.now().utc_ms
        connection.execute(sa.update(gateways).values(online=True, last_seen_at_utc_ms=now_ms))


def _add_people(backend: Backend, plan: Plan, tell: Tell) -> None:
    people, issuer = plan.size.people, Actor(name="bench", role=Role.ISSUER)
    for first in range(0, people, _PEOPLE_AT_ONCE):
        some = range(first, min(people, first + _PEOPLE_AT_ONCE))
        with act(backend, issuer, Action.EDIT_HOLDERS, name="add_holder") as doing:
            held = {person: holders.new_id() for person in some}
            for person, holder_id in held.items():
                fields = HolderFields(
                    name=f"Person Number {person:05}", contact=f"p{person:05}@example.org"
                )
                holders.insert(backend, doing, holder_id, fields)
            rows = [
                {
                    "id": plan.badge(person + turn * people), "holder_id": holder_id,
                    "credential_class": 1, "form": "dw1" if turn == 0 else "dw2",
                    "status_index": person + turn * people, "status": 0, "not_before": 0,
                    "expires": doing.now.utc_s + 365 * 86_400, "groups_json": "[]", "purpose": "",
                    "issued_at_utc_s": doing.now.utc_s, "issued_by": "bench", "key_id": 1,
                    "sealed_code": b"", "changed_reason": "", "changed_by": "", "changed_seq": 0,
                }
                for person, holder_id in held.items()
                for turn in range(BADGES_EACH)
            ]  # fmt: skip
            doing.connection.execute(sa.insert(credentials), rows)
        tell("people", some.stop, people)
