"""Hands out what waits: one lane for each receiver, so that one that hangs delays nobody else.

Each attempt is claimed in the database before it is made, bounded in time, and written down with
what was answered. What fails is tried again with growing pauses, then given up and shown.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from doorward.times import Instant
from doorward_controller.domain.alert_life import next_attempt_s
from doorward_controller.domain.alert_texts import Tongue, message_title
from doorward_controller.domain.delivery_formats import (
    AlertMessage,
    ReceiverKind,
    WebRequest,
    dingtalk,
    robot_refusal,
    webhook,
    wecom,
)
from doorward_controller.errors import ControllerError
from doorward_controller.services import (
    alerting,
    mail_sending,
    rules,
    web_sending,
    webhook_delivering,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.lanes import Lanes, Place
from doorward_controller.services.mail_sending import MailRoute
from doorward_controller.services.receivers import route_of
from doorward_controller.services.web_sending import ATTEMPT_S, SendError
from doorward_controller.store import alerts, receivers, webhooks
from doorward_controller.store.alerts import StoredAlert
from doorward_controller.store.receivers import DeliveryState, DueDelivery, StoredReceiver
from doorward_controller.store.webhooks import Head

LOOK_S = 1.0
CLAIM_MS = 60_000
"""An attempt whose process dies is made again after this."""

MAX_SHOWN = 300
_JOIN_S = 2.0

_log = logging.getLogger(__name__)


class Deliveries:
    """Looks for what is due and gives it to the receivers' lanes."""

    def __init__(
        self, backend: Backend, look_s: float = LOOK_S, within_s: float = ATTEMPT_S
    ) -> None:
        """Prepares; `start` runs it."""
        self._backend, self._look_s = backend, look_s
        self._alerts = Lanes[DueDelivery](
            name="deliveries",
            attempt=lambda due: attempt(backend, due, within_s),
            place=lambda due: Place(due.receiver_id, due.id, due.attempts),
        )
        self._webhooks = Lanes[Head](
            name="webhooks",
            attempt=lambda head: webhook_delivering.drain(
                backend, head, within_s, is_over=self._stopping.is_set
            ),
            place=lambda head: Place(head.webhook_id, head.id, head.attempts),
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the look-out; an attempt that hangs is left to its time limit."""
        self._stopping.set()
        self._thread.join(timeout=_JOIN_S)
        self._alerts.stop()
        self._webhooks.stop()

    def turn(self) -> int:
        """Gives what is due to the lanes; returns how many."""
        now_ms = self._backend.clock.now().utc_ms
        with self._backend.store.read() as connection:
            found = receivers.due(connection, now_ms)
            heads = webhooks.heads(connection, now_ms)
        for delivery in found:
            self._alerts.offer(delivery)
        for head in heads:
            self._webhooks.offer(head)
        return len(found) + len(heads)

    def _run(self) -> None:
        while not self._stopping.wait(self._look_s):
            if not self._backend.leading.is_held:
                continue
            try:
                self.turn()
            except ControllerError as err:
                _log.warning("deliveries.waiting problem=%s", err)
            except Exception:  # noqa: BLE001  # one failure must not end all deliveries for good
                _log.exception("deliveries.failed")


def attempt(backend: Backend, delivery: DueDelivery, within_s: float = ATTEMPT_S) -> bool:
    """Makes one attempt and writes down how it went; False also when another one makes it."""
    now = backend.clock.now()
    with backend.store.write() as connection:
        if not receivers.claim(connection, delivery, now.utc_ms + CLAIM_MS):
            return False
        receiver = receivers.find(connection, delivery.receiver_id)
        held = alerts.find(connection, delivery.alert_id) if delivery.alert_id else None
    if receiver is None or receiver.removed_at_utc_s is not None or not receiver.is_on:
        _end(backend, delivery, DeliveryState.FAILED, "the receiver was removed or switched off")
        return False
    try:
        answer = _hand_over(
            backend, receiver, _message(backend, receiver, delivery, held), now, within_s
        )
    except (SendError, ControllerError, ValueError) as err:
        _failed(backend, delivery, str(err))
        return False
    _end(backend, delivery, DeliveryState.DELIVERED, answer)
    return True


def _hand_over(
    backend: Backend,
    receiver: StoredReceiver,
    message: AlertMessage,
    now: Instant,
    within_s: float,
) -> str:
    route, kind = route_of(backend, receiver), ReceiverKind(receiver.kind)
    if kind is ReceiverKind.EMAIL:
        return mail_sending.send(_mail_route(route), message, within_s=within_s)
    request = _request(kind, route, message, now)
    allow = backend.config.alerts.allow_insecure_receivers
    answer = web_sending.post(request, allow_insecure=allow, within_s=within_s)
    if not 200 <= answer.status < 300:
        raise SendError(f"answered {answer.status}: {answer.text[:200]}")
    if kind is not ReceiverKind.WEBHOOK and (refusal := robot_refusal(answer.text)):
        raise SendError(refusal)
    return f"answered {answer.status}"


def _request(
    kind: ReceiverKind, route: dict[str, str], message: AlertMessage, now: Instant
) -> WebRequest:
    url, secret = route.get("url", ""), route.get("secret", "")
    if kind is ReceiverKind.WECOM:
        return wecom(url, message)
    if kind is ReceiverKind.DINGTALK:
        return dingtalk(url, secret, message, now.utc_ms)
    return webhook(url, secret, message, now.utc_s)


def _mail_route(route: dict[str, str]) -> MailRoute:
    return MailRoute(
        host=route["host"],
        port=int(route["port"]),
        sender=route["from"],
        to=tuple(each.strip() for each in route["to"].split(",") if each.strip()),
        user=route.get("user", ""),
        password=route.get("password", ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The times and places of a message, in the receiver's language."""

    tongue: Tongue
    zone: ZoneInfo

    def line(self, words: tuple[str, str], value: str) -> str:
        separator = self.tongue.of((": ", "："))
        return f"{self.tongue.of(words)}{separator}{value}"

    def time(self, at_ms: int) -> str:
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)
        return local.strftime("%Y-%m-%d %H:%M:%S %z")


def _message(
    backend: Backend, receiver: StoredReceiver, delivery: DueDelivery, held: StoredAlert | None
) -> AlertMessage:
    tongue = Tongue(receiver.language)
    told = _Told(tongue=tongue, zone=ZoneInfo(rules.current(backend).time_zone))
    site, origin = backend.config.site, backend.config.http.origin
    lines = [told.line(("Site", "站点"), site)]
    data: dict[str, str | int | None] = {"site": site}
    is_discreet = held is not None and held.is_discreet
    if held is not None:
        lines.append(told.line(("Since", "开始时间"), told.time(held.opened_at_utc_ms)))
        data |= {"alert": held.id, "severity": held.severity.value, "state": held.state.value}
        if origin:
            lines.append(f"{origin}/alerts/{held.id}")
    if held is not None and not is_discreet:
        fact = held.fact
        if fact.happened_at_utc_ms is not None:
            happened = told.time(fact.happened_at_utc_ms)
            lines.append(told.line(("By the gateway's clock", "网关时间"), happened))
        data |= {"rule": held.key.rule, "subject": held.key.subject, "value": fact.value}
        data |= {"times": held.times, "opened_at_utc_ms": held.opened_at_utc_ms}
    title = message_title(
        delivery.about,
        held.fact if held else None,
        held.severity if held else alerting.QUIET,
        is_discreet=is_discreet,
        tongue=tongue,
    )
    return AlertMessage(
        id=f"alert-{site}-{delivery.id}",
        about=delivery.about,
        at_utc_ms=delivery.created_at_utc_ms,
        title=title,
        lines=tuple(lines),
        data=data,
    )


def _failed(backend: Backend, delivery: DueDelivery, why: str) -> None:
    pause_s = next_attempt_s(delivery.attempts + 1)
    if pause_s is None:
        _end(backend, delivery, DeliveryState.FAILED, why)
        return
    with backend.store.write() as connection:
        receivers.change_delivery(
            connection,
            delivery.id,
            answer=why[:MAX_SHOWN],
            next_at_utc_ms=backend.clock.now().utc_ms + pause_s * 1000,
        )
    alerting.announce(backend)


def _end(backend: Backend, delivery: DueDelivery, state: DeliveryState, answer: str) -> None:
    with backend.store.write() as connection:
        _write_end(connection, delivery, state, answer, backend.clock.now())
    alerting.announce(backend)


def _write_end(
    connection: sa.Connection,
    delivery: DueDelivery,
    state: DeliveryState,
    answer: str,
    now: Instant,
) -> None:
    receivers.change_delivery(
        connection,
        delivery.id,
        state=state.value,
        answer=answer[:MAX_SHOWN],
        ended_at_utc_ms=now.utc_ms,
    )
    if delivery.alert_id is not None and state is DeliveryState.FAILED:
        alerts.note(
            connection, delivery.alert_id, at_ms=now.utc_ms, who="", what="not_delivered",
            text=answer[:MAX_SHOWN],
        )  # fmt: skip
