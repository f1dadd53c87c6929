"""Who may do what, and where: one matrix of role, action and reach.

Whoever runs the system neither issues nor opens doors. An operator may be limited to zones: what
concerns the site as a whole is then refused, and the rest holds for these zones alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What an operator is employed to do."""

    ADMIN = "admin"
    """System administrator."""
    SECURITY = "security"
    FACILITY = "facility"
    ISSUER = "issuer"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    HOST = "host"
    GUARD = "guard"


class Action(StrEnum):
    """Everything that a permission is needed for."""

    OWN_ACCOUNT = "own_account"
    READ_FLEET = "read_fleet"
    READ_RECORDS = "read_records"
    READ_CREDENTIALS = "read_credentials"
    READ_PERSONAL = "read_personal"
    READ_QUARANTINE = "read_quarantine"
    READ_AUDIT = "read_audit"
    ISSUE = "issue"
    REVOKE = "revoke"
    EDIT_HOLDERS = "edit_holders"
    EDIT_RULES = "edit_rules"
    RELEASE_POLICY = "release_policy"
    ENROL_GATEWAY = "enrol_gateway"
    REVOKE_GATEWAY = "revoke_gateway"
    MAINTAIN_GATEWAY = "maintain_gateway"
    CONFIGURE_GATEWAY = "configure_gateway"
    OPEN_DOORS = "open_doors"
    TAKE_PICTURE = "take_picture"
    MANAGE_STAFF = "manage_staff"
    MANAGE_ACCOUNTS = "manage_accounts"
    SIMULATE = "simulate"
    READ_OCCUPANCY = "read_occupancy"
    EXPORT_RECORDS = "export_records"
    EDIT_DEVICES = "edit_devices"
    HANDLE_ALERTS = "handle_alerts"
    EDIT_ALERT_RULES = "edit_alert_rules"
    READ_MAINTENANCE = "read_maintenance"
    DO_MAINTENANCE = "do_maintenance"
    APPROVE_MAINTENANCE = "approve_maintenance"
    REVOKE_IN_BULK = "revoke_in_bulk"
    SET_POSTURE = "set_posture"
    APPROVE = "approve"
    ROLL_OUT = "roll_out"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_WALL = "manage_wall"
    MANAGE_WEBHOOKS = "manage_webhooks"
    PROVISION_PEOPLE = "provision_people"
    READ_METRICS = "read_metrics"
    READ_KEEPING = "read_keeping"
    MANAGE_KEEPING = "manage_keeping"
    MANAGE_KEYS = "manage_keys"


_EVERYONE = frozenset({Action.OWN_ACCOUNT, Action.READ_FLEET})
_OFFICE = frozenset({Action.READ_CREDENTIALS, Action.READ_PERSONAL, Action.REVOKE})
_INSIGHT = frozenset(
    {Action.READ_RECORDS, Action.READ_CREDENTIALS, Action.READ_QUARANTINE, Action.SIMULATE}
)

MATRIX: Mapping[Role, frozenset[Action]] = MappingProxyType(
    {
        Role.ADMIN: _EVERYONE
        | {
            Action.READ_QUARANTINE,
            Action.ENROL_GATEWAY,
            Action.REVOKE_GATEWAY,
            Action.MAINTAIN_GATEWAY,
            Action.CONFIGURE_GATEWAY,
            Action.MANAGE_ACCOUNTS,
            Action.MANAGE_TOKENS,
            Action.MANAGE_WALL,
            Action.MANAGE_WEBHOOKS,
            Action.READ_METRICS,
            Action.EDIT_DEVICES,
            Action.EDIT_ALERT_RULES,
            Action.HANDLE_ALERTS,
            Action.ROLL_OUT,
            Action.READ_MAINTENANCE,
            Action.READ_KEEPING,
        },
        Role.FACILITY: _EVERYONE
        | {
            Action.MAINTAIN_GATEWAY,
            Action.EDIT_DEVICES,
            Action.HANDLE_ALERTS,
            Action.READ_MAINTENANCE,
            Action.DO_MAINTENANCE,
            Action.READ_METRICS,
        },
        Role.REVIEWER: _EVERYONE
        | {
            Action.READ_RECORDS,
            Action.READ_CREDENTIALS,
            Action.READ_PERSONAL,
            Action.APPROVE,
            Action.SIMULATE,
        },
        Role.HOST: _EVERYONE,
        Role.GUARD: _EVERYONE
        | {
            Action.READ_RECORDS,
            Action.READ_OCCUPANCY,
            Action.OPEN_DOORS,
            Action.HANDLE_ALERTS,
        },
        Role.ISSUER: _EVERYONE
        | _OFFICE
        | {Action.ISSUE, Action.EDIT_HOLDERS, Action.PROVISION_PEOPLE},
        Role.SECURITY: _EVERYONE
        | _OFFICE
        | _INSIGHT
        | {
            Action.EDIT_RULES,
            Action.RELEASE_POLICY,
            Action.REVOKE_GATEWAY,
            Action.MAINTAIN_GATEWAY,
            Action.OPEN_DOORS,
            Action.TAKE_PICTURE,
            Action.MANAGE_STAFF,
            Action.READ_OCCUPANCY,
            Action.EXPORT_RECORDS,
            Action.HANDLE_ALERTS,
            Action.EDIT_ALERT_RULES,
            Action.READ_MAINTENANCE,
            Action.APPROVE_MAINTENANCE,
            Action.REVOKE_IN_BULK,
            Action.SET_POSTURE,
            Action.APPROVE,
            Action.MANAGE_WALL,
            Action.MANAGE_WEBHOOKS,
            Action.READ_METRICS,
            Action.READ_KEEPING,
            Action.MANAGE_KEEPING,
            Action.MANAGE_KEYS,
        },
        Role.AUDITOR: _EVERYONE
        | _INSIGHT
        | {
            Action.READ_AUDIT,
            Action.READ_OCCUPANCY,
            Action.READ_MAINTENANCE,
            Action.EXPORT_RECORDS,
            Action.READ_KEEPING,
        },
    }
)


_CHANGES_NOTHING = frozenset({Action.SIMULATE, Action.EXPORT_RECORDS})
READS = frozenset(a for a in Action if a.value.startswith("read_")) | _CHANGES_NOTHING
"""Actions that leave everything as it is."""

NOT_FOR_PROGRAMS = frozenset({Action.OWN_ACCOUNT})
"""A token must not change its owner's password nor make further tokens."""

SEPARATED: tuple[tuple[frozenset[Action], frozenset[Action]], ...] = (
    (
        frozenset({Action.MANAGE_ACCOUNTS, Action.CONFIGURE_GATEWAY, Action.ENROL_GATEWAY}),
        frozenset(
            {
                *(Action.ISSUE, Action.EDIT_HOLDERS, Action.EDIT_RULES, Action.RELEASE_POLICY),
                *(Action.REVOKE, Action.REVOKE_IN_BULK, Action.OPEN_DOORS, Action.SET_POSTURE),
                *(Action.MANAGE_STAFF, Action.APPROVE, Action.APPROVE_MAINTENANCE),
                *(Action.READ_PERSONAL, Action.READ_AUDIT, Action.TAKE_PICTURE),
                *(Action.PROVISION_PEOPLE, Action.MANAGE_KEYS),
            }
        ),
    ),
    (frozenset({Action.ISSUE}), frozenset({Action.EDIT_RULES, Action.APPROVE})),
    (frozenset({Action.DO_MAINTENANCE}), frozenset({Action.APPROVE_MAINTENANCE})),
    (frozenset({Action.READ_AUDIT}), frozenset(Action) - READS - {Action.OWN_ACCOUNT}),
)
"""Duties that no role may hold together: who has one of the first has none of the second.

Who runs the system does not operate it; who issues does not set the rules; who works does not
verify the work; who reviews changes nothing.
"""


class Reach(StrEnum):
    """How far an action reaches, and with it whether somebody's right to it can be limited."""

    OWN = "own"
    """Concerns who does it: holds wherever they are limited to."""
    PLACE = "place"
    """Concerns a door or a device: can be limited to zones."""
    SITE = "site"
    """Concerns everybody: only for who is limited to nothing."""


REACH: Mapping[Action, Reach] = MappingProxyType(
    {
        Action.OWN_ACCOUNT: Reach.OWN,
        Action.READ_FLEET: Reach.PLACE,
        Action.READ_RECORDS: Reach.PLACE,
        Action.READ_CREDENTIALS: Reach.SITE,
        # Names beside records of these places; the list of people is read_credentials.
        Action.READ_PERSONAL: Reach.PLACE,
        Action.READ_QUARANTINE: Reach.SITE,
        Action.READ_AUDIT: Reach.SITE,
        Action.ISSUE: Reach.SITE,
        Action.REVOKE: Reach.SITE,
        Action.EDIT_HOLDERS: Reach.SITE,
        Action.EDIT_RULES: Reach.SITE,
        Action.RELEASE_POLICY: Reach.SITE,
        Action.ENROL_GATEWAY: Reach.SITE,
        Action.REVOKE_GATEWAY: Reach.SITE,
        Action.MAINTAIN_GATEWAY: Reach.PLACE,
        Action.CONFIGURE_GATEWAY: Reach.PLACE,
        Action.OPEN_DOORS: Reach.PLACE,
        Action.TAKE_PICTURE: Reach.PLACE,
        Action.MANAGE_STAFF: Reach.SITE,
        Action.MANAGE_ACCOUNTS: Reach.SITE,
        Action.SIMULATE: Reach.SITE,
        Action.READ_OCCUPANCY: Reach.PLACE,
        Action.EXPORT_RECORDS: Reach.PLACE,
        Action.EDIT_DEVICES: Reach.PLACE,
        Action.HANDLE_ALERTS: Reach.PLACE,
        Action.EDIT_ALERT_RULES: Reach.SITE,
        Action.READ_MAINTENANCE: Reach.PLACE,
        Action.DO_MAINTENANCE: Reach.PLACE,
        Action.APPROVE_MAINTENANCE: Reach.PLACE,
        Action.REVOKE_IN_BULK: Reach.SITE,
        Action.SET_POSTURE: Reach.PLACE,
        Action.APPROVE: Reach.SITE,
        Action.ROLL_OUT: Reach.SITE,
        Action.MANAGE_TOKENS: Reach.SITE,
        Action.MANAGE_WALL: Reach.SITE,
        Action.MANAGE_WEBHOOKS: Reach.SITE,
        Action.PROVISION_PEOPLE: Reach.SITE,
        Action.READ_METRICS: Reach.SITE,
        Action.READ_KEEPING: Reach.SITE,
        Action.MANAGE_KEEPING: Reach.SITE,
        Action.MANAGE_KEYS: Reach.SITE,
    }
)
"""Each action once; what is missing reaches the site."""

LIMITABLE = frozenset({Role.SECURITY, Role.FACILITY, Role.HOST, Role.GUARD})
"""Roles whose duty can end at a door. The others serve the site as a whole or not at all."""

Zones = frozenset[str] | None
"""What somebody is limited to; None: to nothing, they have the site."""


class Extent(Enum):
    """Where, when it is no set of zones."""

    WHOLE_SITE = "whole_site"
    SOMEWHERE = "somewhere"
    """At one place at least: whoever asks this looks at the place as well."""


Where = frozenset[str] | Extent
"""The zones that an act touches, all of which must be the actor's; or an extent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """On whose behalf an act runs.

    Attributes:
        operator_id: None for the program itself (its command line and its jobs).
        scope: what a token narrows the role to; None for people.
        zones: to what the operator, or the token, is limited.
    """

    name: str
    role: Role
    operator_id: int | None = None
    scope: frozenset[Action] | None = None
    zones: Zones = None


def may(role: Role, action: Action) -> bool:
    """Says whether the matrix holds the action for the role."""
    return action in MATRIX[role]


def reach_of(action: Action) -> Reach:
    """Returns how far an action reaches; the farthest for one that nobody thought about."""
    return REACH.get(action, Reach.SITE)


def allows(actor: Actor, action: Action, where: Where = Extent.WHOLE_SITE) -> bool:
    """Says whether the actor's role allows the action there, and their token as well."""
    if not may(actor.role, action) or (actor.scope is not None and action not in actor.scope):
        return False
    reach = reach_of(action)
    if actor.zones is None or reach is Reach.OWN:
        return True
    if reach is Reach.SITE or where is Extent.WHOLE_SITE:
        return False
    if isinstance(where, Extent):
        return bool(actor.zones)
    return bool(where) and where <= actor.zones


def narrower(one: Zones, other: Zones) -> Zones:
    """Returns what two limits leave together."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def for_programs(role: Role) -> frozenset[Action]:
    """Returns what a token of somebody with this role may be allowed at most."""
    return MATRIX[role] - NOT_FOR_PROGRAMS


def local_actor() -> Actor:
    """The machine's own command line: whoever holds the key files may administer."""
    return Actor(name="local", role=Role.ADMIN)
