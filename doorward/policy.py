"""The policy bundle: who may pass where and when, as a gateway reads it (docs/protocol.md §5).

`Policy.from_body` checks everything that can be checked before anything is applied; after that the
only part that can still surprise is a profile of the roster, which is read when it is needed.
"""

import itertools
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from doorward import canonical
from doorward.credential import CredentialClass
from doorward.errors import MalformedError, RollbackError, WrongRecipientError
from doorward.ids import GatewayId, PortalId, SiteId
from doorward.policy_fields import number
from doorward.policy_header import HEADER_KEYS, parse_header
from doorward.policy_rules import (
    DEFAULT_FORGET_S,
    DEFAULT_MAX_AGE_S,
    DEFAULT_WAIT_S,
    MAX_ENTRIES,
    MAX_LED,
    MAX_RANK,
    AntiPassback,
    Direction,
    Foreign,
    GrantRule,
    GroupRule,
    InDoubt,
    PortalRule,
    Posture,
    PostureOrder,
    PresenceDoubt,
    Unlisted,
    ZoneRule,
)
from doorward.roster import ID_BYTES, OFFSET_BYTES, STICKER_ROW_BYTES, Roster
from doorward.schedule import Schedule, SiteTime
from doorward.sticker import HASH_BYTES

__all__ = [
    "DEFAULT_FORGET_S", "DEFAULT_MAX_AGE_S", "DEFAULT_WAIT_S", "MAX_ENTRIES", "MAX_HEADER_BYTES",
    "MAX_LED", "MAX_RANK", "AntiPassback", "Direction", "Foreign", "GrantRule", "GroupRule",
    "InDoubt", "Policy", "PortalRule", "Posture", "PostureOrder", "PresenceDoubt", "Unlisted",
    "ZoneRule", "accept_policy",
]  # fmt: skip

MAX_HEADER_BYTES = 2**20
"""Decoding takes up to 80 times as much memory, before anybody has vouched for the bytes."""
_NO_GROUP, _NO_ZONE = GroupRule(), ZoneRule()


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Everything a gateway needs to decide, at one version.

    Attributes:
        keyrings: envelopes, oldest first; for gateways that slept through a rotation.
        grants: by (group, zone), in the order of the bundle.
        group_rules, zone_rules: of those groups and zones that have any.
        foreign_salt: under which foreign codes are hashed; empty where none is linked.
        gateways: public record keys of the site's gateways, who tell each other what they saw.
        forget_s: after this time without news nobody counts as inside any more.
    """

    site: SiteId
    version: int
    created_at: int
    keyrings: tuple[bytes, ...]
    time: SiteTime
    zones: tuple[str, ...]
    groups: tuple[str, ...]
    qualifications: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    grants: dict[tuple[int, int], tuple[GrantRule, ...]]
    classes: dict[CredentialClass, tuple[int, ...]]
    portals: dict[PortalId, PortalRule]
    foreign_salt: bytes
    group_rules: Mapping[int, GroupRule]
    zone_rules: Mapping[int, ZoneRule]
    gateways: Mapping[GatewayId, bytes]
    forget_s: int
    roster: Roster

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the policy; its roster keeps a view into `body`.

        Raises:
            MalformedError: not a policy body, or an index in it points nowhere. Then nothing keeps
                a view, so that a mapped file can be closed.
        """
        view = memoryview(body)
        try:
            header, start = _read_header(view)
            fields = parse_header(header)
            sizes = _table_sizes(header["tables"], len(view) - start)
            roster = _cut_roster(view, start, sizes)
        except MalformedError:
            view.release()
            raise
        except (ValueError, TypeError, KeyError) as err:
            view.release()
            raise MalformedError(f"policy: {err}") from err
        try:
            roster.check()
        except MalformedError:
            view.release()
            roster.release()
            raise
        return cls(**fields, roster=roster)

    def group_rule(self, group: int) -> GroupRule:
        """Returns what belongs to being in a group; one that nobody knows brings nothing."""
        return self.group_rules.get(group, _NO_GROUP)

    def zone_rule(self, zone: int) -> ZoneRule:
        """Returns what belongs to a zone."""
        return self.zone_rules.get(zone, _NO_ZONE)

    @cached_property
    def watchers(self) -> tuple[frozenset[GatewayId], ...]:
        """For each zone the gateways that see people enter or leave it."""
        found: list[set[GatewayId]] = [set() for _ in self.zones]
        for rule in self.portals.values():
            for zone in (rule.zone, rule.beyond):
                if zone is not None:
                    for part in (zone, *self.inner[zone]):
                        found[part].add(rule.gateway)
        return tuple(map(frozenset, found))

    @cached_property
    def duress_groups(self) -> frozenset[int]:
        """The groups whose credentials signal that their holder is being forced."""
        return frozenset(group for group, rule in self.group_rules.items() if rule.is_duress)

    @cached_property
    def restrained(self) -> frozenset[PortalId]:
        """The portals at which what happened before may hold somebody up who may pass."""
        return frozenset(
            name
            for name, rule in self.portals.items()
            if rule.is_restrained
            or self.zone_rule(rule.zone).per_day
            or self.zone_rule(rule.zone).per_visit
            or any(self.zone_rule(z).at_most for z in (rule.zone, rule.beyond) if z is not None)
        )

    @cached_property
    def serving(self) -> frozenset[GatewayId]:
        """The gateways of all portals."""
        return frozenset(rule.gateway for rule in self.portals.values())

    @cached_property
    def inner(self) -> tuple[tuple[int, ...], ...]:
        """For each zone those that lie within it, at any depth."""
        found: list[list[int]] = [[] for _ in self.zones]
        for zone in range(len(self.zones)):
            outer = self.zone_rule(zone).within
            while outer is not None:
                found[outer].append(zone)
                outer = self.zone_rule(outer).within
        return tuple(map(tuple, found))


def accept_policy(held_version: int, policy: Policy, site: SiteId) -> Policy:
    """Returns `policy` when it may replace one of `held_version` (0: none was ever held).

    Raises:
        WrongRecipientError: another site's.
        RollbackError: not newer than the highest version ever held.
    """
    if policy.site != site:
        raise WrongRecipientError(f"policy: made for site {policy.site}, ours is {site}")
    if policy.version <= held_version:
        raise RollbackError(f"policy: version {policy.version}, already at {held_version}")
    return policy


def _read_header(view: memoryview) -> tuple[dict[str, Any], int]:
    """Returns the header and where the tables start."""
    if sys.byteorder != "little":
        raise MalformedError("policy: tables are read in place on little-endian machines only")
    if len(view) < 4:
        raise MalformedError("policy: cut off")
    (length,) = struct.unpack_from(">I", view)
    if length > MAX_HEADER_BYTES or 4 + length > len(view):
        raise MalformedError(
            f"policy: header of {length} bytes is cut off or longer than {MAX_HEADER_BYTES}"
        )
    header = canonical.decode(bytes(view[4 : 4 + length]), "policy header")
    if not isinstance(header, dict) or header.keys() != HEADER_KEYS:
        raise MalformedError("policy: wrong header fields")
    return header, 4 + length


def _table_sizes(counts: object, length: int) -> tuple[int, ...]:
    """Returns the bytes of each table. Raises MalformedError: together they are not `length`."""
    match counts:
        case [rows, profile_bytes, stickers]:
            people, labels = number(rows, "rows"), number(stickers, "sticker rows")
            sizes = (
                ID_BYTES * people,
                OFFSET_BYTES * people,
                number(profile_bytes, "profile bytes"),
                HASH_BYTES * labels,
                STICKER_ROW_BYTES * labels,
            )
        case _:
            raise MalformedError("policy: tables must be [rows, profile bytes, sticker rows]")
    if sum(sizes) != length:
        raise MalformedError(f"policy: tables take {length} bytes, must be {sum(sizes)}")
    return sizes


def _cut_roster(view: memoryview, start: int, sizes: tuple[int, ...]) -> Roster:
    ends = itertools.accumulate(sizes, initial=start)
    ids, offsets, profiles, digests, rows = (
        view[one:other] for one, other in itertools.pairwise(ends)
    )
    return Roster(ids=ids, offsets=offsets, profiles=profiles, digests=digests, rows=rows)
