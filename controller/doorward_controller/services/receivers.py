"""Who is told of alerts: added, changed, removed, tried. What is secret of it is kept sealed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from doorward.reasons import Severity
from doorward_controller.domain.alert_texts import Tongue
from doorward_controller.domain.delivery_formats import ReceiverKind, secret_bytes
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import seal, unseal
from doorward_controller.services.web_sending import SendError, check_url
from doorward_controller.store import receivers
from doorward_controller.store.receivers import StoredReceiver

MAX_RECEIVERS = 50
MAX_TO = 20
MAX_WAIT_MIN = 7 * 24 * 60
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,255}")
_CONTEXT = b"doorward/1/receiver"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings:
    """A receiver as people describe it.

    Attributes:
        route: how it is reached, by kind: `host`, `port`, `from`, `to`, `user`, `password` of
            e-mail; `url` and `secret` of the others. What is left empty at a change stays.
        least_severity: alerts below it are none of its business.
        after_min: it is told when nobody has acknowledged for so long.
        gets_discreet: it may be told that something is to be looked at discreetly.
    """

    name: str
    kind: ReceiverKind
    route: Mapping[str, str] = field(repr=False)
    language: Tongue = Tongue.ENGLISH
    least_severity: Severity = Severity.WARNING
    after_min: int = 0
    is_on: bool = True
    gets_discreet: bool = False


def add_receiver(backend: Backend, actor: Actor, settings: ReceiverSettings) -> int:
    """Adds a receiver; returns its number. Raises ForbiddenError, InvalidError, ConflictError."""
    with act(
        backend, actor, Action.EDIT_ALERT_RULES, name="add_receiver", subject=settings.name[:60]
    ) as doing:
        if len(receivers.ladder(doing.connection)) >= MAX_RECEIVERS:
            raise ConflictError(f"there are {MAX_RECEIVERS} receivers already")
        values = _values(backend, doing, actor, settings, {})
        number = receivers.add(doing.connection, **values)
        doing.detail.update(receiver=number, kind=settings.kind.value)
    return number


def change_receiver(
    backend: Backend, actor: Actor, receiver_id: int, settings: ReceiverSettings
) -> None:
    """Changes a receiver; its kind stays. Raises ForbiddenError, InvalidError, NotFoundError."""
    with act(
        backend, actor, Action.EDIT_ALERT_RULES, name="change_receiver", subject=str(receiver_id)
    ) as doing:
        held = _held(doing, receiver_id)
        if held.kind != settings.kind.value:
            raise InvalidError(f"receiver {receiver_id} is {held.kind}; add another one instead")
        before = route_of(backend, held)
        values = _values(backend, doing, actor, settings, before)
        receivers.change(doing.connection, receiver_id, **values)


def remove_receiver(backend: Backend, actor: Actor, receiver_id: int) -> None:
    """Removes a receiver and its secrets; what was delivered stays. Raises as above."""
    with act(
        backend, actor, Action.EDIT_ALERT_RULES, name="remove_receiver", subject=str(receiver_id)
    ) as doing:
        _held(doing, receiver_id)
        receivers.change(
            doing.connection, receiver_id, removed_at_utc_s=doing.now.utc_s, sealed=b"", is_on=False
        )


def test_receiver(backend: Backend, actor: Actor, receiver_id: int) -> int:
    """Queues a test message; returns the delivery's number. Raises as above."""
    with act(
        backend, actor, Action.EDIT_ALERT_RULES, name="test_receiver", subject=str(receiver_id)
    ) as doing:
        held = _held(doing, receiver_id)
        delivery_id = receivers.queue(
            doing.connection,
            receiver_id=held.id,
            alert_id=None,
            about="test",
            once_key=f"test:{held.id}:{doing.now.utc_ms}",
            now_ms=doing.now.utc_ms,
        )
    if delivery_id is None:
        raise ConflictError("a test is on its way already")
    return delivery_id


def route_of(backend: Backend, held: StoredReceiver) -> dict[str, str]:
    """Returns how a receiver is reached, opened. Raises KeyVaultError."""
    values = json.loads(unseal(backend.keys.receivers, held.sealed, _CONTEXT))
    return {str(name): str(value) for name, value in values.items()}


def _held(doing: Act, receiver_id: int) -> StoredReceiver:
    held = receivers.find(doing.connection, receiver_id)
    if held is None or held.removed_at_utc_s is not None:
        raise NotFoundError(f"there is no receiver {receiver_id}")
    return held


def _values(
    backend: Backend,
    doing: Act,
    actor: Actor,
    settings: ReceiverSettings,
    before: Mapping[str, str],
) -> dict[str, object]:
    name = " ".join(settings.name.split())
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise InvalidError("the name must have 1 to 60 characters", code="bad_name")
    if not 0 <= settings.after_min <= MAX_WAIT_MIN:
        raise InvalidError(f"after_min is {settings.after_min}, must be 0 to {MAX_WAIT_MIN}")
    given = {key: value.strip() for key, value in settings.route.items() if value.strip()}
    route = {**before, **given}
    shown = _CHECKS[settings.kind is ReceiverKind.EMAIL](backend, settings.kind, route)
    return {
        "name": name,
        "kind": settings.kind.value,
        "language": settings.language.value,
        "least_severity": settings.least_severity.value,
        "after_min": settings.after_min,
        "is_on": settings.is_on,
        "gets_discreet": settings.gets_discreet,
        "shown": shown,
        "sealed": seal(backend.keys.receivers, json.dumps(route).encode(), _CONTEXT),
        "changed_by": actor.name,
        "changed_at_utc_s": doing.now.utc_s,
    }


def _check_mail(_: Backend, _kind: ReceiverKind, route: dict[str, str]) -> str:
    to = [each.strip() for each in route.get("to", "").split(",") if each.strip()]
    if not 1 <= len(to) <= MAX_TO or not all(_ADDRESS.fullmatch(each) for each in to):
        raise InvalidError(f"1 to {MAX_TO} addresses are needed, parted by commas", code="bad_to")
    if not _ADDRESS.fullmatch(route.get("from", "")):
        raise InvalidError("the sender's address is none", code="bad_from")
    if not _HOST.fullmatch(route.get("host", "")):
        raise InvalidError("the mail server is none", code="bad_host")
    port = route.setdefault("port", "587")
    if not (port.isdigit() and 1 <= int(port) <= 65535):
        raise InvalidError("the port must be 1 to 65535", code="bad_port")
    return f"{len(to)} × {to[0].rpartition('@')[2]}"


def _check_web(backend: Backend, kind: ReceiverKind, route: dict[str, str]) -> str:
    try:
        allow = backend.config.alerts.allow_insecure_receivers
        parts = check_url(route.get("url", ""), allow_insecure=allow)
        if kind is ReceiverKind.WEBHOOK:
            secret_bytes(route.get("secret", ""))
    except (SendError, ValueError) as err:
        raise InvalidError(str(err), code="bad_route") from err
    return parts.hostname or ""


_CHECKS = {True: _check_mail, False: _check_web}
