"""Desired configurations: checked by what can be set from afar, signed, kept, retained."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from doorward import topics
from doorward.envelope import Kind, parse_envelope, seal_envelope
from doorward.errors import MalformedError
from doorward.ids import GatewayId
from doorward.messages import Reported
from doorward.times import UtcSeconds
from doorward.twin import Desired, settings_text
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import signing
from doorward_controller.services.acting import Act, act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.store import configurations, gateways, intake, places
from doorward_controller.store.gateways import Gateway, GatewayState

MAX_NOTE_CHARACTERS = 200


def desire(
    backend: Backend, actor: Actor, *, gateway: str, settings: Mapping[str, Any], note: str = ""
) -> int:
    """Says how a gateway should be set, whole; returns the version.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    with act(backend, actor, Action.CONFIGURE_GATEWAY, subject=gateway[:32], placed=True) as doing:
        found = gateways.find(doing.connection, backend.config.site, gateway)
        if found is None:
            raise NotFoundError(f"there is no gateway {gateway[:40]!r}", code="no_gateway")
        doing.at_gateway(found.id)
        if found.state is GatewayState.REVOKED:
            raise ConflictError(f"gateway {gateway} is revoked", code="gateway_revoked")
        if len(note) > MAX_NOTE_CHARACTERS:
            raise InvalidError(f"the note has more than {MAX_NOTE_CHARACTERS} characters")
        intake.lock_gateways(doing.connection, [found.id])
        version, wire = _seal(backend, doing, found, settings)
        configurations.add(
            doing.connection,
            gateway_id=found.id,
            version=version,
            settings_json=settings_text(dict(settings)),
            note=note.strip(),
            desired_by=actor.name,
            desired_at_utc_ms=doing.now.utc_ms,
            wire=wire,
        )
        doing.detail.update(version=version, settings=",".join(sorted(settings))[:200])
    _publish(backend, found.name, wire)
    _announce(backend, found.name)
    return version


def go_back(backend: Backend, actor: Actor, *, gateway: str, version: int) -> int:
    """Desires again what was desired as `version`, 0 for the installer's file alone.

    Returns the new version. Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    with backend.store.read() as connection:
        zones = places.zones_of_gateway_named(connection, gateway)
    check_read(backend, actor, Action.CONFIGURE_GATEWAY, subject=gateway[:32], where=zones)
    with backend.store.read() as connection:
        found = gateways.find(connection, backend.config.site, gateway)
        text = None if found is None else configurations.settings_of(connection, found.id, version)
    if found is not None and version and text is None:
        raise NotFoundError(
            f"gateway {gateway[:40]} has no configuration {version}", code="no_configuration"
        )
    settings = json.loads(text) if text else {}
    return desire(
        backend, actor, gateway=gateway, settings=settings, note=f"back to version {version}"
    )


def publish_all(backend: Backend) -> None:
    """Publishes the newest configuration of every gateway again, retained."""
    with backend.store.read() as connection:
        wires = configurations.newest_wires(connection, backend.config.site)
    for each in wires:
        _publish(backend, each.gateway, each.wire)


def sign_anew(backend: Backend, connection: sa.Connection) -> None:
    """Signs the newest configuration of every gateway with the key that counts now, as it stands.

    Within the caller's transaction; `publish_all` is for after it.
    """
    signer = signing.signer(backend, KeyUse.COMMAND, connection)
    for each in configurations.newest_wires(connection, backend.config.site):
        body = bytes(parse_envelope(each.wire).body)
        wire = seal_envelope(Kind.CONFIG, body, [signer])
        configurations.replace_wire(connection, each, wire)


def publish_newest(backend: Backend, gateway: GatewayId) -> None:
    """Publishes the newest configuration of one gateway again, retained."""
    with backend.store.read() as connection:
        wires = configurations.newest_wires(connection, backend.config.site)
    for each in wires:
        if each.gateway == gateway:
            _publish(backend, each.gateway, each.wire)


def note_reported(
    backend: Backend,
    connection: sa.Connection,
    gateway: Gateway,
    reported: Reported,
    now_utc_ms: int,
) -> Sequence[Callable[[], None]]:
    """Keeps what a gateway says of its configuration and of its list of guards.

    Within the caller's transaction. Returns what is to be done once that has committed.
    """
    before = configurations.said_before(connection, gateway.id)
    in_force, rejected = reported.applied.config, reported.rejected
    was_begun = {before.get("in_force"), before.get("taken_back")} - {None, 0}
    said = {
        "taken": reported.config_taken,
        "pending": list(reported.pending),
        "rejected": [asdict(rejection) for rejection in rejected],
        "at_utc_s": reported.at,
        "in_force": in_force,
        "on_trial": reported.on_trial,
        "staff": _staff_said(before.get("staff"), reported, now_utc_ms),
        "software": None if reported.software is None else reported.software.to_plain(),
        "since_utc_s": before.get("since_utc_s", reported.at)
        if before.get("in_force") == in_force
        else reported.at,
        "taken_back": next(
            (r.version for r in rejected if r.what == "config" and r.version in was_begun), 0
        ),
    }
    gateways.change(connection, gateway.id, reported_json=json.dumps(said))
    return (lambda: _announce(backend, gateway.name),)


def _staff_said(
    before: Mapping[str, Any] | None, reported: Reported, now_utc_ms: int
) -> Mapping[str, Any] | None:
    """Returns which list a gateway goes by and since when; None where it does not tell."""
    if not reported.tells_staff:
        return None
    if before and before["version"] == reported.staff:
        return before
    return {"version": reported.staff, "since_utc_ms": now_utc_ms}


def _seal(
    backend: Backend, doing: Act, gateway: Gateway, settings: Mapping[str, Any]
) -> tuple[int, bytes]:
    """Returns the next version and its wire.

    A database from yesterday's backup goes on after what the gateway has seen, not after its own.
    """
    newest = configurations.newest_version(doing.connection, gateway.id)
    seen = gateways.config_versions_seen(doing.connection, gateway.id)
    version = max(newest, *seen) + 1
    desired = Desired(
        site=backend.config.site,
        gateway=gateway.name,
        version=version,
        created_at=UtcSeconds(doing.now.utc_s),
        settings=dict(settings),
    )
    try:
        body = desired.to_body()
        Desired.from_body(body)
    except MalformedError as err:
        raise InvalidError(str(err), code="bad_settings") from err
    signer = signing.signer(backend, KeyUse.COMMAND, doing.connection)
    return version, seal_envelope(Kind.CONFIG, body, [signer])


def _publish(backend: Backend, gateway: GatewayId, wire: bytes) -> None:
    topic = topics.down(backend.config.site, gateway, topics.Down.DESIRED)
    backend.publisher.publish(topic, wire, retain=True)


def _announce(backend: Backend, gateway: str) -> None:
    data = {"gateway": gateway, "what": "configuration"}
    backend.feed.announce(EventKind.COMMAND, data)
