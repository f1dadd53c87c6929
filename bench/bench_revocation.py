"""Revocation: from the call of the interface to the last of 100 gateways that has applied it.

Real Mosquitto with mutual TLS; the controller is its own process; 100 subscribers verify and apply
each delta as a gateway does. The base is Mosquitto's own fan-out of a message of the same size to
the same subscribers, published by a client of the same kind.

Gateways apply at the same time, each on a processor of its own; these subscribers share one. So
each keeps what arrives, applies it when all have it, and the slowest of these times is added.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import paho.mqtt.client as mqtt

from bench.report import Report
from bench.site import ISSUER, SENDER, SITE, Site, controller_of, open_site
from doorward import topics
from doorward.credential import CredentialClass, Form
from doorward.envelope import Envelope, parse_envelope
from doorward.keys import Keyring, Purpose, pin_keyring, verify_signed
from doorward.status import Delta, StatusList, apply_delta
from doorward_controller.services import issuing, provisioning
from doorward_controller.services.issuing import IssueRequest

SUBSCRIBERS = 100
WAIT_S = 20.0
STATUS = topics.policy(SITE, topics.Policy.STATUS)
DELTA = topics.policy(SITE, topics.Policy.DELTA)
PROBE = topics.policy(SITE, topics.Policy.BUNDLE)
"""Its subscribers are the same; the measurement releases no policy."""


def run(report: Report) -> None:
    """Measure revocations and plain fan-outs in turns."""
    rounds = report.scaled(60, 6)
    subscribers = report.scaled(SUBSCRIBERS, 20)
    with open_site() as site, ExitStack() as stack:
        token = site.token()
        ids = [_issue(site) for _ in range(rounds + 1)]
        with controller_of(site):
            caller = stack.enter_context(
                httpx.Client(
                    base_url=site.address,
                    headers={"Authorization": f"Bearer {token}"},
                    trust_env=False,
                )
            )
            keyring = pin_keyring(provisioning.provision(site.backend).keyring)
            fleet = [Subscriber(site, number, keyring) for number in range(subscribers)]
            for one in fleet:
                stack.callback(one.close)
            sender = _sender(site)
            stack.callback(sender.loop_stop)
            stack.callback(sender.disconnect)
            _revoke(caller, fleet, ids.pop())
            size = fleet[0].last_size
            ours, base, applying = [], [], []
            for id_ in ids:
                heard_ms, applied_ms = _revoke(caller, fleet, id_)
                ours.append(heard_ms + applied_ms)
                applying.append(applied_ms)
                base.append(_fan_out(sender, fleet, os.urandom(size)))
            report.samples(f"call to last of {subscribers} applied", ours, unit="ms")
            report.samples(
                "of it the slowest subscriber's verifying and applying", applying, unit="ms"
            )
            report.samples(f"plain fan-out of {size} bytes", base, unit="ms")
            report.ratio("revocation / plain fan-out", ours, base)
            applied = sum(one.applied for one in fleet)
            report.value("applications", applied, unit="", at_least=subscribers * (rounds + 1))
    report.note("The call includes HTTP, the audited transaction with its fsync, and signing.")


class Subscriber:
    """A gateway as far as revocation goes: verifies, applies, remembers when."""

    def __init__(self, site: Site, number: int, keyring: Keyring) -> None:
        """Connects, subscribes, and waits for the full list."""
        self._keyring = keyring
        self._held: StatusList | None = None
        self._arrived = b""
        self.applied = 0
        self.last_size = 0
        self.heard_at_s = 0.0
        self.heard = threading.Event()
        ready = threading.Event()
        self._ready = ready
        self._client = site.client(site.identity(f"gate-{number}"), self._message)
        self._client.subscribe([(topics.policy(SITE, kind), 1) for kind in topics.Policy])
        if not ready.wait(WAIT_S):
            raise TimeoutError(f"subscriber {number} got no status list")

    def close(self) -> None:
        """Disconnects."""
        self._client.disconnect()
        self._client.loop_stop()

    def _message(self, topic: str, wire: bytes) -> None:
        if topic == STATUS:
            self._held = StatusList.from_body(self._verified(wire).body)
            self._ready.set()
            return
        if topic == DELTA:
            self._arrived = wire
        self.heard_at_s = time.perf_counter()
        self.heard.set()

    def apply(self) -> float:
        """Verifies and applies what arrived last; returns the milliseconds that it took."""
        began_s = time.perf_counter()
        delta = Delta.from_body(self._verified(self._arrived).body)
        if self._held is None or delta.seq <= self._held.seq:
            raise RuntimeError(f"delta {delta.seq} is not new")
        self._held = apply_delta(self._held, delta)
        self.applied += 1
        self.last_size = len(self._arrived)
        return 1000 * (time.perf_counter() - began_s)

    def _verified(self, wire: bytes) -> Envelope:
        envelope = parse_envelope(wire)
        verify_signed(envelope, self._keyring, Purpose.POLICY, int(datetime.now(UTC).timestamp()))
        return envelope


def _revoke(caller: httpx.Client, fleet: list[Subscriber], id_: str) -> tuple[float, float]:
    """Return the milliseconds until all have the delta, and the slowest one's to apply it."""

    def call() -> None:
        answer = caller.post(f"/api/v1/credentials/{id_}/revoke", json={"reason": "bench"})
        answer.raise_for_status()

    heard_ms = _until_all_heard(fleet, call)
    return heard_ms, max(one.apply() for one in fleet)


def _fan_out(sender: mqtt.Client, fleet: list[Subscriber], payload: bytes) -> float:
    return _until_all_heard(fleet, lambda: sender.publish(PROBE, payload, qos=1))


def _until_all_heard(fleet: list[Subscriber], act: Callable[[], object]) -> float:
    """Return the milliseconds from the act's beginning to the last subscriber's having heard."""
    for one in fleet:
        one.heard.clear()
    began_s = time.perf_counter()
    act()
    for one in fleet:
        if not one.heard.wait(WAIT_S):
            raise TimeoutError("a subscriber heard nothing")
    return 1000 * (max(one.heard_at_s for one in fleet) - began_s)


def _sender(site: Site) -> mqtt.Client:
    """A second client with the right to publish policy, beside the controller's own."""
    identity = site.authority.issue_controller(now=datetime.now(UTC), name=SENDER)
    return site.client(identity, lambda *_: None)


def _issue(site: Site) -> str:
    now_s = site.backend.clock.now().utc_s
    request = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=now_s,
        expires=now_s + 86_400,
    )
    return issuing.issue(site.backend, ISSUER, request).credential_id
