"""Devices: a gateway is adopted, its components are put in, exchanged and taken out.

What a gateway says of itself is compared with what it said before; whatever differs is an entry in
its history. What people take out stays in the history as well.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import sqlalchemy as sa

from doorward.errors import BadIdError
from doorward.ids import parse_name
from doorward.messages import Birth
from doorward_controller.domain.device_changes import (
    ChangeKind,
    DeviceChange,
    Identity,
    changes,
)
from doorward_controller.domain.fleet_state import Limits
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.store import devices, gateways
from doorward_controller.store.devices import HeldComponent, NewComponent
from doorward_controller.store.gateways import Gateway

MAX_TEXT = 100
MAX_NOTE = 500
MAX_AHEAD_S = 86_400
"""Whoever enters a date may be in another time zone."""


class ComponentKind(StrEnum):
    """What a gateway is made of."""

    BOARD = "board"
    CARD = "card"
    CAMERA = "camera"
    READER = "reader"
    LOCK = "lock"
    POWER_SUPPLY = "power_supply"
    BATTERY = "battery"
    LAMP = "lamp"
    SENSOR = "sensor"
    HOUSING = "housing"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What a person confirms of a new gateway: a zone and a name for each of its portals.

    Attributes:
        portals: portal to (zone, label); a portal that is left out stays as it was enrolled.
    """

    portals: dict[str, tuple[str, str]]
    note: str = ""


def adopt(backend: Backend, actor: Actor, gateway: str, adoption: Adoption) -> None:
    """Takes a new gateway into the fleet.

    Raises ForbiddenError, NotFoundError, InvalidError or ConflictError.
    """
    with act(
        backend, actor, Action.EDIT_DEVICES,
        name="adopt_gateway", subject=gateway[:32], placed=True,
    ) as doing:  # fmt: skip
        found = _gateway(backend, doing.connection, gateway)
        doing.at_gateway(found.id)
        doing.at_also(zone for zone, _ in adoption.portals.values())
        if devices.is_adopted(doing.connection, found.id):
            raise ConflictError(f"gateway {gateway} is adopted already", code="adopted_already")
        for portal, (zone, label) in adoption.portals.items():
            _place(doing, found, portal, zone, label)
        devices.change_device(
            doing.connection,
            found.id,
            adopted_at_utc_ms=doing.now.utc_ms,
            adopted_by=actor.name,
            note=_text(adoption.note, "the note", MAX_NOTE),
        )
        doing.detail["portals"] = ",".join(sorted(adoption.portals))
    _tell(backend, gateway)


def add_component(backend: Backend, actor: Actor, gateway: str, new: NewComponent) -> int:
    """Puts a component in; returns its number.

    Raises ForbiddenError, NotFoundError or InvalidError.
    """
    with act(
        backend, actor, Action.EDIT_DEVICES,
        name="add_component", subject=gateway[:32], placed=True,
    ) as doing:  # fmt: skip
        found = _gateway(backend, doing.connection, gateway)
        doing.at_gateway(found.id)
        number = devices.add_component(
            doing.connection, found.id, _checked(new, doing.now.utc_s), by=actor.name
        )
        doing.detail.update(component=number, kind=new.kind)
    _tell(backend, gateway)
    return number


def replace_component(
    backend: Backend, actor: Actor, component_id: int, new: NewComponent, reason: str
) -> int:
    """Puts another component in the place of one, whose history stays; returns the new number.

    Raises ForbiddenError, NotFoundError, InvalidError or ConflictError.
    """
    with act(
        backend, actor, Action.EDIT_DEVICES,
        name="replace_component", subject=str(component_id), placed=True,
    ) as doing:  # fmt: skip
        old = _in_place(doing, component_id)
        fresh = _checked(replace(new, kind=old.kind), doing.now.utc_s)
        devices.remove_component(
            doing.connection,
            old.id,
            at_utc_s=fresh.installed_at_utc_s,
            by=actor.name,
            reason=_text(reason, "the reason", MAX_NOTE),
        )
        number = devices.add_component(
            doing.connection, old.gateway_id, fresh, by=actor.name, replaces_id=old.id
        )
        gateway = gateways.name_of(doing.connection, old.gateway_id) or ""
        doing.detail.update(component=number, kind=old.kind, gateway=gateway)
    _tell(backend, gateway)
    return number


def remove_component(backend: Backend, actor: Actor, component_id: int, reason: str) -> None:
    """Takes a component out; its history stays.

    Raises ForbiddenError, NotFoundError, InvalidError or ConflictError.
    """
    with act(
        backend, actor, Action.EDIT_DEVICES,
        name="remove_component", subject=str(component_id), placed=True,
    ) as doing:  # fmt: skip
        old = _in_place(doing, component_id)
        if not reason.strip():
            raise InvalidError("the reason is empty", code="reason_empty")
        devices.remove_component(
            doing.connection,
            old.id,
            at_utc_s=doing.now.utc_s,
            by=actor.name,
            reason=_text(reason, "the reason", MAX_NOTE),
        )
        gateway = gateways.name_of(doing.connection, old.gateway_id) or ""
        doing.detail.update(kind=old.kind, gateway=gateway)
    _tell(backend, gateway)


def note_birth(
    connection: sa.Connection, gateway: Gateway, birth: Birth, at_utc_ms: int
) -> tuple[DeviceChange, ...]:
    """Keeps who a gateway says that it is; returns what is different from the time before."""
    told = Identity.of(
        birth.hardware,
        software=birth.software,
        epoch=birth.journal.epoch,
        portals=birth.portals,
    )
    before = devices.identity(connection, gateway.id)
    found = changes(before, told)
    if told != before:
        devices.save_identity(connection, gateway.id, _kept(before, told))
    devices.add_changes(connection, gateway.id, found, at_utc_ms=at_utc_ms, told_by="birth")
    return found


def note_here(connection: sa.Connection, gateway: Gateway, now_ms: int) -> None:
    """Ends an absence of which the broker told: the gateway is connected again."""
    if gateway.online is False:
        devices.end_absence(connection, gateway.id, now_ms)
    else:
        note_heard(connection, gateway, now_ms)


def note_heard(connection: sa.Connection, gateway: Gateway, now_ms: int) -> None:
    """Notes an absence of which nobody told: silence, in a time in which we could hear."""
    last_ms, limit_ms = gateway.last_seen_at_utc_ms, Limits().late_after_s * 1000
    if gateway.online is not True or last_ms is None or now_ms - last_ms < limit_ms:
        return
    link = devices.link(connection)
    from_ms = max(last_ms, link.since_ms)
    if link.is_up and now_ms - from_ms >= limit_ms:
        devices.add_absence(connection, gateway.id, from_ms, now_ms)


def _kept(before: Identity | None, told: Identity) -> Identity:
    """What is not told this time is still as it was told before."""
    if before is None:
        return told
    silent = {name: old for name, old in before.to_json().items() if not told.to_json()[name]}
    return replace(told, **silent)


def _place(doing: Act, gateway: Gateway, portal: str, zone: str, label: str) -> None:
    try:
        parse_name(zone, "zone")
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_name") from err
    before = gateways.portal_place(doing.connection, gateway.id, portal)
    if before is None:
        raise InvalidError(f"gateway {gateway.name} has no portal {portal[:40]!r}")
    named = _text(label, "the label", MAX_TEXT)
    gateways.place_portal(doing.connection, gateway.id, portal, zone=zone, label=named)
    if before[0] != zone:
        moved = DeviceChange(kind=ChangeKind.MOVED, before=before[0], after=zone)
        devices.add_changes(
            doing.connection, gateway.id, [moved], at_utc_ms=doing.now.utc_ms, told_by="adoption"
        )


def _gateway(backend: Backend, connection: sa.Connection, name: str) -> Gateway:
    found = gateways.find(connection, backend.config.site, name)
    if found is None:
        raise NotFoundError(f"there is no gateway {name[:40]!r}", code="no_gateway")
    return found


def _in_place(doing: Act, component_id: int) -> HeldComponent:
    found = devices.component(doing.connection, component_id)
    if found is None:
        raise NotFoundError(f"there is no component {component_id}")
    doing.at_gateway(found.gateway_id)
    if found.removed_at_utc_s is not None:
        raise ConflictError(f"component {component_id} was taken out already", code="removed")
    return found


def _checked(new: NewComponent, now_s: int) -> NewComponent:
    try:
        kind = ComponentKind(new.kind)
    except ValueError as err:
        raise InvalidError(f"a component is one of {', '.join(ComponentKind)}") from err
    installed = new.installed_at_utc_s or now_s
    if not 0 < installed <= now_s + MAX_AHEAD_S:
        raise InvalidError(f"installed_at_utc_s is {installed}, must not be in the future")
    return NewComponent(
        kind=kind.value,
        maker=_text(new.maker, "the maker", MAX_TEXT),
        model=_text(new.model, "the model", MAX_TEXT),
        serial=_text(new.serial, "the serial number", MAX_TEXT),
        note=_text(new.note, "the note", MAX_NOTE),
        installed_at_utc_s=installed,
    )


def _text(text: str, what: str, most: int) -> str:
    found = " ".join(text.split())
    if len(found) > most:
        raise InvalidError(f"{what} has {len(found)} characters, at most {most}")
    if not found.isprintable():
        raise InvalidError(f"{what} holds a character that cannot be shown")
    return found


def _tell(backend: Backend, gateway: str) -> None:
    backend.feed.announce(
        EventKind.GATEWAY, {"gateway": gateway, "online": None, "last_seen_at_utc_ms": None}
    )
