"""Who may do what: one matrix of role and action.

Whoever runs the system neither issues nor opens doors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
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


_EVERYONE = frozenset({Action.READ_FLEET})
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
            Action.EDIT_DEVICES,
            Action.EDIT_ALERT_RULES,
            Action.HANDLE_ALERTS,
            Action.ROLL_OUT,
            Action.READ_MAINTENANCE,
        },
        Role.FACILITY: _EVERYONE
        | {
            Action.MAINTAIN_GATEWAY,
            Action.EDIT_DEVICES,
            Action.HANDLE_ALERTS,
            Action.READ_MAINTENANCE,
            Action.DO_MAINTENANCE,
        },
        Role.REVIEWER: _EVERYONE
        | {Action.READ_RECORDS, Action.READ_CREDENTIALS, Action.READ_PERSONAL, Action.APPROVE},
        Role.HOST: _EVERYONE,
        Role.GUARD: _EVERYONE
        | {
            Action.READ_RECORDS,
            Action.READ_OCCUPANCY,
            Action.OPEN_DOORS,
            Action.HANDLE_ALERTS,
        },
        Role.ISSUER: _EVERYONE | _OFFICE | {Action.ISSUE, Action.EDIT_HOLDERS},
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
        },
        Role.AUDITOR: _EVERYONE
        | _INSIGHT
        | {
            Action.READ_AUDIT,
            Action.READ_OCCUPANCY,
            Action.READ_MAINTENANCE,
            Action.EXPORT_RECORDS,
        },
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """On whose behalf an act runs.

    Attributes:
        operator_id: None for the program itself (its command line and its jobs).
    """

    name: str
    role: Role
    operator_id: int | None = None


def may(role: Role, action: Action) -> bool:
    """Says whether the matrix holds the action for the role."""
    return action in MATRIX[role]


def local_actor() -> Actor:
    """The machine's own command line: whoever holds the key files may administer."""
    return Actor(name="local", role=Role.ADMIN)
