"""Sets the demonstration's site up through the same acts that the console uses."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from doorward.credential import BADGE_PREFIX, Form
from doorward.ids import GatewayId
from doorward_controller.demo.people import (
    CAMPUS,
    FOREIGN_CODES,
    GROUPS,
    GUESTS,
    PEOPLE,
    PORTALS,
    RESIDENTS,
    RIGHTS,
    STAFF,
    STAFF_RANK,
    TIME_ZONE,
    ZONES,
    DemoPerson,
)
from doorward_controller.demo.turnstile import Code
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.domain.rule_book import (
    GrantLine,
    GroupOptions,
    RuleBook,
    SpanRule,
    ZoneOptions,
)
from doorward_controller.services import (
    accounts,
    devices,
    enrolment,
    holders,
    issuing,
    policy_release,
    provisioning,
    rules,
)
from doorward_controller.services.backend import Backend

_DAY_S = 86_400
_TOKEN_S = 7 * _DAY_S

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike: somebody may type the password from another screen."""

ACCOUNTS = (
    ("issuer", Role.ISSUER),
    ("security", Role.SECURITY),
    ("reviewer", Role.REVIEWER),
    ("auditor", Role.AUDITOR),
    ("admin", Role.ADMIN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSetup:
    """What was set up.

    Attributes:
        provision: what each gateway is given.
        codes: everybody's badge and some codes that are not ours.
        accounts: names of accounts and what their role is.
        password: of all of them; drawn for this run.
        tokens: for the JSON API, by role.
    """

    provision: provisioning.Provisioning
    codes: tuple[Code, ...]
    accounts: tuple[tuple[str, Role], ...]
    password: str
    tokens: Mapping[Role, str]


def set_up(backend: Backend, record_keys: Mapping[GatewayId, bytes]) -> SiteSetup:
    """Makes accounts, gateways, rules, people and badges, and releases the first policy.

    Args:
        backend: of a new, empty site.
        record_keys: each gateway's public signing key.
    """
    owner = local_actor()
    password = new_password()
    for name, role in ACCOUNTS:
        accounts.create_operator(backend, owner, name=name, password=password, role=role)
    for portal in PORTALS:
        place = enrolment.NewPortal(portal=portal.name, zone=portal.zone, label=portal.label)
        enrolment.enrol_gateway(
            backend,
            owner,
            gateway=portal.name,
            record_key=record_keys[portal.name],
            portals=[place],
        )
        devices.adopt(backend, owner, portal.name, devices.Adoption(portals={}))
    # Nobody may do everything: duties are as separate here as at a real site.
    security = Actor(name="security", role=Role.SECURITY)
    issuer = Actor(name="issuer", role=Role.ISSUER)
    rules.save_rules(backend, security, _rule_book())
    codes = tuple(_issue(backend, issuer, person) for person in PEOPLE)
    policy_release.release(backend, security)
    return SiteSetup(
        provision=provisioning.provision(backend),
        codes=codes + tuple(_foreign_codes()),
        accounts=ACCOUNTS,
        password=password,
        tokens={
            role: accounts.create_token(
                backend, owner, operator=name, label="demo", lifetime_s=_TOKEN_S
            )
            for name, role in ACCOUNTS
        },
    )


def new_password() -> str:
    """Returns a password that is easy to type and that nobody knows beforehand.

    A well-known one would be shorter to print, but any program and any web page on this machine
    could then sign in while the demonstration runs.
    """
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def _rule_book() -> RuleBook:
    everyday = SpanRule(days=tuple(range(8)), from_min=0, to_min=1440)
    return RuleBook(
        time_zone=TIME_ZONE,
        zones=ZONES,
        groups=GROUPS,
        schedules={"always": (everyday,)},
        grants=tuple(GrantLine(group=g, zone=z, schedule="always") for g, z in RIGHTS),
        zone_rules={inner: ZoneOptions(within=CAMPUS) for inner in ZONES if inner != CAMPUS},
        # In a lockdown that names this rank or a lower one, the staff still pass.
        group_rules={STAFF: GroupOptions(rank=STAFF_RANK)},
        # A badge that is issued while gateways hold an older policy counts at once by its class.
        classes={"employee": (STAFF,), "resident": (RESIDENTS,), "visitor": (GUESTS,)},
    )


def _issue(backend: Backend, actor: Actor, person: DemoPerson) -> Code:
    now = backend.clock.now().utc_s
    holder = holders.add_holder(
        backend, actor, holders.HolderFields(name=person.name), groups=person.groups
    )
    issued = issuing.issue(
        backend,
        actor,
        issuing.IssueRequest(
            credential_class=person.credential_class,
            form=Form.BADGE,
            not_before=now + _DAY_S if person.begins_tomorrow else now - 3600,
            expires=now + 30 * _DAY_S,
            holder_id=holder,
            groups=person.groups,
            purpose="demo",
        ),
    )
    return Code(
        label=person.name,
        text=issued.text,
        credential_id=issued.credential_id,
        opens=frozenset() if person.begins_tomorrow else _portals_of(person),
    )


def _portals_of(person: DemoPerson) -> frozenset[str]:
    zones = {zone for group, zone in RIGHTS if group in person.groups}
    return frozenset(portal.name for portal in PORTALS if portal.zone in zones)


def _foreign_codes() -> list[Code]:
    forged = BADGE_PREFIX.decode() + "0" * 137
    codes = [Code(label=label, text=text, credential_id=None) for label, text in FOREIGN_CODES]
    return [*codes, Code(label="伪造 / A forged badge", text=forged, credential_id=None)]
