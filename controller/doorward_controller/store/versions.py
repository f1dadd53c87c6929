"""By what it shows that something was edited: the rows that people change, as one short text.

What has a number for its editions (rules, policies, configurations, lists of staff) is told by
that number; of the rest the columns that can be changed are hashed. Two equal texts mean that
nothing was changed in between, or was changed back.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.alert_defaults import default_rules
from doorward_controller.store.account_tables import operators, passkeys
from doorward_controller.store.alert_tables import (
    alert_history,
    alert_receivers,
    alert_rules,
    alerts,
)
from doorward_controller.store.device_tables import components, gateway_devices
from doorward_controller.store.integration_tables import (
    directory_groups,
    directory_members,
    webhooks,
)
from doorward_controller.store.maintenance_tables import (
    downtimes,
    maintenance_plans,
    order_checks,
    order_photos,
    order_records,
    order_turns,
    part_moves,
    parts,
    plan_devices,
    work_orders,
)
from doorward_controller.store.rollout_tables import (
    portal_postures,
    posture_orders,
    proposals,
    roll_out_members,
    roll_outs,
)
from doorward_controller.store.schema import (
    SCHEMA_VERSION,
    bundles,
    configurations,
    credentials,
    gateways,
    holders,
    portals,
    rule_books,
    sites,
    staff,
    staff_lists,
)

Selects = tuple[sa.Select[Any], ...]
"""The first one names the row that stands for the whole: without it there is nothing, and it is
locked before the others are read (PostgreSQL), so that nobody edits between look and change."""

RowsOf = Callable[[str, str], Selects | None]
"""From a site and a key to what is to be read; None for a key that nothing can have."""

_MAX_NUMBER = 2**63


def version(
    connection: sa.Connection, rows_of: RowsOf, site: str, key: str, *, lock: bool = False
) -> str | None:
    """Returns the version of something now, None when there is no such thing."""
    selects = rows_of(site, key)
    if selects is None:
        return None
    if lock:
        connection.execute(selects[0].with_for_update())
    found = [[tuple(row) for row in connection.execute(each)] for each in selects]
    if not found[0]:
        return None
    told = repr((SCHEMA_VERSION, found))  # a later program may show the same rows in another way
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def rules(site: str, _: str) -> Selects:
    """The newest edition of the rules."""
    of = rule_books.c
    return _site(site), sa.select(sa.func.max(of.id)).where(of.site == site)


def policy(site: str, _: str) -> Selects:
    """The newest release and the newest edition of the rules."""
    of = bundles.c
    return *rules(site, ""), sa.select(sa.func.max(of.version)).where(of.site == site)


def staff_list(site: str, _: str) -> Selects:
    """The newest list of staff."""
    return _site(site), sa.select(staff_lists.c.version).where(staff_lists.c.site == site)


def staff_member(site: str, key: str) -> Selects:
    """One entry of the list of staff."""
    of = staff.c
    member = sa.select(of.id, of.abilities, of.not_after, of.pin_hash)
    return (member.where(of.site == site, of.id == key, of.removed_at_utc_s.is_(None)),)


def configuration(site: str, key: str) -> Selects:
    """What is desired of a gateway, and what it says that it is."""
    of, desired = gateways.c, configurations.c
    gateway = sa.select(of.id, of.applied_config, of.reported_json)
    newest = sa.select(sa.func.max(desired.version)).join(gateways, of.id == desired.gateway_id)
    is_it = (of.site == site, of.name == key)
    return gateway.where(*is_it), newest.where(*is_it)


def device(site: str, key: str) -> Selects:
    """What people confirmed of a gateway, its components and its portals."""
    of = gateways.c
    known = sa.select(of.id, of.state).where(of.site == site, of.name == key)
    its = sa.select(of.id).where(of.site == site, of.name == key).scalar_subquery()
    adopted = sa.select(gateway_devices).where(gateway_devices.c.gateway_id == its)
    held = sa.select(components).where(components.c.gateway_id == its).order_by(components.c.id)
    leads = sa.select(portals).where(portals.c.gateway_id == its).order_by(portals.c.id)
    return known, adopted, held, leads


def account(_: str, key: str) -> Selects:
    """An account, without what only itself knows."""
    of = operators.c
    secret = {"password_hash", "totp_sealed", "totp_step", "language"}
    shown = [column for column in operators.c if column.name not in secret]
    its = sa.select(of.id).where(of.name == key).scalar_subquery()
    keys = sa.select(sa.func.count()).where(passkeys.c.operator_id == its)
    return sa.select(*shown, of.totp_sealed.is_not(None)).where(of.name == key), keys


def holder(_: str, key: str) -> Selects:
    """A holder, and the directory's groups; what is personal is sealed anew at each change."""
    belongs = (
        sa.select(directory_groups.c.id, directory_groups.c.name)
        .join(directory_members, directory_members.c.group_id == directory_groups.c.id)
        .where(directory_members.c.holder_id == key)
        .order_by(directory_groups.c.id)
    )
    return sa.select(holders).where(holders.c.id == key), belongs


def credential(_: str, key: str) -> Selects | None:
    """What can change of a credential."""
    try:
        id_ = bytes.fromhex(key)
    except ValueError:
        return None
    of = credentials.c
    return (sa.select(of.id, of.status, of.holder_id, of.changed_seq).where(of.id == id_),)


def alert_rule(site: str, key: str) -> Selects:
    """A rule that counts: the program's own, or somebody's."""
    changed = sa.select(alert_rules).where(alert_rules.c.code == key)
    return (_site(site), changed) if key in _OWN_RULES else (changed,)


def alert_receiver(_: str, key: str) -> Selects | None:
    """A receiver that was not removed."""
    of = alert_receivers.c
    kept = sa.select(alert_receivers).where(of.removed_at_utc_s.is_(None))
    return _numbered(kept, of.id, key)


def webhook(_: str, key: str) -> Selects | None:
    """A webhook that was not removed; that it takes nothing now is no change of it."""
    of = webhooks.c
    edited = (of.id, of.name, of.events, of.sealed, of.is_on)
    return _numbered(sa.select(*edited).where(of.removed_at_utc_s.is_(None)), of.id, key)


def alert(_: str, key: str) -> Selects | None:
    """An alert, and how long its history is."""
    found = _numbered(sa.select(alerts), alerts.c.id, key)
    of = alert_history.c
    return found and (*found, sa.select(sa.func.max(of.id)).where(of.alert_id == int(key)))


def plan(site: str, key: str) -> Selects | None:
    """A maintenance plan and its devices."""
    written = sa.select(maintenance_plans).where(maintenance_plans.c.site == site)
    found = _numbered(written, maintenance_plans.c.id, key)
    of = plan_devices.c
    return found and (
        *found,
        sa.select(of.gateway_id).where(of.plan_id == int(key)).order_by(of.gateway_id),
    )


def part(site: str, key: str) -> Selects | None:
    """A spare part with its stock."""
    return _numbered(sa.select(parts).where(parts.c.site == site), parts.c.id, key)


def work_order(site: str, key: str) -> Selects | None:
    """A work order and everything on it."""
    asked = sa.select(work_orders).where(work_orders.c.site == site)
    found = _numbered(asked, work_orders.c.id, key)
    if found is None:
        return None
    checks = sa.select(order_checks).where(order_checks.c.order_id == int(key))
    ended = sa.select(sa.func.count(downtimes.c.ended_utc_s))
    return (
        *found,
        checks.order_by(order_checks.c.position),
        ended.where(downtimes.c.order_id == int(key)),
        *(
            sa.select(sa.func.max(last)).where(column == int(key))
            for last, column in (
                (order_turns.c.id, order_turns.c.order_id),
                (order_photos.c.id, order_photos.c.order_id),
                (order_records.c.record_id, order_records.c.order_id),
                (part_moves.c.id, part_moves.c.order_id),
                (downtimes.c.id, downtimes.c.order_id),
            )
        ),
    )


def postures(site: str, _: str) -> Selects:
    """The orders that stand, and how far each portal has got."""
    standing = sa.select(posture_orders).where(posture_orders.c.ended_at_utc_ms.is_(None))
    reached = sa.select(portal_postures).order_by(portal_postures.c.portal)
    return _site(site), standing.order_by(posture_orders.c.id), reached


def proposal(_: str, key: str) -> Selects:
    """A proposal."""
    return (sa.select(proposals).where(proposals.c.id == key),)


def roll_out(_: str, key: str) -> Selects | None:
    """A roll-out and its members."""
    found = _numbered(sa.select(roll_outs), roll_outs.c.id, key)
    of = roll_out_members.c
    members = sa.select(roll_out_members).order_by(of.gateway_id)
    return found and (*found, members.where(of.roll_out_id == int(key)))


_OWN_RULES = frozenset(rule.code for rule in default_rules())


def _site(site: str) -> sa.Select[Any]:
    return sa.select(sites.c.name).where(sites.c.name == site)


def _numbered(select: sa.Select[Any], column: sa.Column[int], key: str) -> Selects | None:
    is_number = key.isascii() and key.isdigit() and int(key[:20]) < _MAX_NUMBER
    return (select.where(column == int(key)),) if is_number and len(key) <= 19 else None
