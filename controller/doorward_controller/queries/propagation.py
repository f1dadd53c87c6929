"""How far a revocation or a policy has come: at 11 of 12, gate 7 unreachable since 10:41."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from doorward.envelope import Kind
from doorward_controller.domain.permissions import Zones
from doorward_controller.store import places
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.schema import (
    bundles,
    credentials,
    gateways,
    keyrings,
    status_lists,
)
from doorward_controller.store.session import Store

What = Literal["status", "bundle", "keyring"]
_SHOWN = 10
_NEWEST_BUNDLE = sa.select(sa.func.coalesce(sa.func.max(bundles.c.version), 0))
_ARRIVES_WITH: Mapping[What, What] = {"keyring": "bundle"}
_KINDS: Mapping[What, frozenset[str]] = {
    "bundle": frozenset({Kind.BUNDLE}),
    "status": frozenset({Kind.STATUS, Kind.DELTA}),
    "keyring": frozenset({Kind.BUNDLE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One gateway and what it has applied.

    Attributes:
        applied: the version that it has.
        has_it: whether that is the version asked about, or a later one.
        applied_at_utc_ms: since when it has the version that it has.
        unreachable_since_utc_ms: None while it is connected or was never heard.
        refused: why it did not take what was sent last, in its own words; empty where it did not
            refuse it, or has the version asked about.
    """

    gateway: str
    applied: int
    has_it: bool
    online: bool | None
    applied_at_utc_ms: int | None
    unreachable_since_utc_ms: int | None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Propagation:
    """Where one version stands in the fleet."""

    what: What
    version: int
    applied: int
    total: int
    arrivals: tuple[Arrival, ...]

    @property
    def waiting(self) -> tuple[Arrival, ...]:
        """Those that do not have it yet."""
        return tuple(arrival for arrival in self.arrivals if not arrival.has_it)

    @property
    def is_complete(self) -> bool:
        """Whether every gateway has it."""
        return self.applied == self.total


def of_status(store: Store, seq: int | None = None, zones: Zones = None) -> Propagation:
    """Returns how far a number of the status list has come, by default the newest."""
    newest = sa.select(sa.func.coalesce(sa.func.max(status_lists.c.seq), 0))
    return _of(store, "status", seq, newest, zones)


def of_bundle(store: Store, version: int | None = None, zones: Zones = None) -> Propagation:
    """Returns how far a bundle has come, by default the newest."""
    return _of(store, "bundle", version, _NEWEST_BUNDLE, zones)


def of_keyring(store: Store, version: int | None = None) -> Propagation:
    """Returns how far a keyring has come, by default the newest; it comes with a bundle."""
    newest = sa.select(sa.func.coalesce(sa.func.max(keyrings.c.version), 0))
    return _of(store, "keyring", version, newest)


def unfinished(store: Store, zones: Zones = None) -> tuple[Propagation, ...]:
    """Returns the newest bundle and the latest revocations that some gateway does not have yet."""
    latest = (
        sa.select(credentials.c.changed_seq)
        .where(credentials.c.changed_seq > 0)
        .distinct()
        .order_by(credentials.c.changed_seq.desc())
        .limit(_SHOWN)
    )
    with store.read() as connection:
        seqs = connection.execute(latest).scalars().all()
        bundle = int(connection.scalar(_NEWEST_BUNDLE) or 0)
        # Once for all of them: a thousand gateways eleven times would be read for nothing.
        rows = connection.execute(_gateways(zones)).all()
    candidates = (
        _spread("bundle", bundle, rows),
        *(_spread("status", seq, rows) for seq in seqs),
    )
    return tuple(one for one in candidates if one.version and not one.is_complete)


def _of(
    store: Store,
    what: What,
    version: int | None,
    newest: sa.Select[tuple[int]],
    zones: Zones = None,
) -> Propagation:
    with store.read() as connection:
        wanted = version if version is not None else int(connection.scalar(newest) or 0)
        rows = connection.execute(_gateways(zones)).all()
    return _spread(what, wanted, rows)


def _gateways(zones: Zones) -> sa.Select[Any]:
    table = gateways.c
    return (
        sa.select(
            table.name,
            table.online,
            table.offline_since_utc_ms,
            table.reported_json,
            table.applied_bundle,
            table.bundle_applied_at_utc_ms,
            table.applied_status,
            table.status_applied_at_utc_ms,
            table.applied_keyring,
        )
        .where(table.state == GatewayState.ENROLLED.value, places.seen(table.id, zones))
        .order_by(table.name)
    )


def _spread(what: What, wanted: int, rows: Sequence[sa.Row[Any]]) -> Propagation:
    applied_at = f"{_ARRIVES_WITH.get(what, what)}_applied_at_utc_ms"
    arrivals = tuple(
        Arrival(
            gateway=row.name,
            applied=(applied := getattr(row, f"applied_{what}")),
            has_it=applied >= wanted,
            online=row.online,
            applied_at_utc_ms=getattr(row, applied_at),
            unreachable_since_utc_ms=row.offline_since_utc_ms,
            refused="" if applied >= wanted else _refusal(what, row.reported_json),
        )
        for row in rows
    )
    return Propagation(
        what=what,
        version=wanted,
        applied=sum(arrival.has_it for arrival in arrivals),
        total=len(arrivals),
        arrivals=arrivals,
    )


def _refusal(what: What, reported_json: str) -> str:
    """Returns why a gateway refused what was sent last; empty where it says nothing of it."""
    said = json.loads(reported_json).get("rejected", ())
    return next((each["error"] for each in said if each["what"] in _KINDS[what]), "")
