"""Revocation: from the call of the interface to the last of 1,000 gateways that has applied it.

Real Mosquitto with mutual TLS; the controller is its own process; 1,000 subscribers, each with its
own certificate, verify and apply each delta as a gateway does. The base is Mosquitto's own fan-out
of a message of the same size to the same subscribers, published by a client of the same kind.

Gateways apply at the same time, each on a processor of its own; these subscribers share one. So
each keeps what arrives, applies it when all have it, and the slowest of these times is added.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import paho.mqtt.client as mqtt

from bench.fleet import FleetGateway, FleetLoop
from bench.fleet_site import fleet_site
from bench.report import Report
from bench.site import ISSUER, SENDER, SITE, Site
from doorward import topics
from doorward.credential import CredentialClass, Form
from doorward.envelope import Envelope, parse_envelope
from doorward.keys import Purpose, verify_signed
from doorward.status import Delta, StatusList, apply_delta
from doorward_controller.services import issuing
from doorward_controller.services.issuing import IssueRequest

SUBSCRIBERS = 1_000
WAIT_S = 30.0
CONNECT_S = 120.0
STATUS = topics.policy(SITE, topics.Policy.STATUS)
DELTA = topics.policy(SITE, topics.Policy.DELTA)
PROBE = topics.policy(SITE, topics.Policy.BUNDLE)
"""Its subscribers are the same; no policy is released while this is measured."""


def run(report: Report) -> None:
    """Measure revocations and plain fan-outs in turns."""
    rounds = report.scaled(60, 6)
    size = report.scaled(SUBSCRIBERS, 50)
    with fleet_site(report, size) as here, ExitStack() as stack:
        site = here.site
        ids = [_issue(site) for _ in range(rounds + 1)]
        subscribers = [Subscriber(one) for one in here.fleet]
        caller = stack.enter_context(
            httpx.Client(
                base_url=site.address,
                headers={"Authorization": f"Bearer {site.token()}"},
                trust_env=False,
                timeout=WAIT_S,
            )
        )
        here.loop.connect(here.fleet, CONNECT_S)
        here.loop.run_until(lambda: all(one.has_list for one in subscribers), WAIT_S)
        sender = _sender(site)
        stack.callback(sender.loop_stop)
        stack.callback(sender.disconnect)
        audience = Audience(
            loop=here.loop,
            subscribers=subscribers,
            callers=stack.enter_context(ThreadPoolExecutor(1)),
        )
        audience.revoke(caller, ids.pop())
        bytes_ = subscribers[0].last_size
        ours, base, applying = [], [], []
        for id_ in ids:
            heard_ms, applied_ms = audience.revoke(caller, id_)
            ours.append(heard_ms + applied_ms)
            applying.append(applied_ms)
            base.append(audience.fan_out(sender, os.urandom(bytes_)))
        report.samples(f"call to last of {size} applied", ours, unit="ms")
        report.samples("of it the slowest subscriber's verifying and applying", applying, unit="ms")
        report.samples(f"plain fan-out of {bytes_} bytes", base, unit="ms")
        report.ratio("revocation / plain fan-out", ours, base)
        applied = sum(one.applied for one in subscribers)
        report.value("applications", applied, unit="", at_least=size * (rounds + 1))
    report.note("The call includes HTTP, the audited transaction with its fsync, and signing.")
    report.note("All subscribers share one thread, which reads both messages alike.")


class Subscriber:
    """A gateway as far as revocation goes: verifies, applies, remembers when."""

    def __init__(self, gateway: FleetGateway) -> None:
        """Listens from the gateway's connection on."""
        self._keyring = gateway.keyring
        self._held: StatusList | None = None
        self._arrived = b""
        self.applied = 0
        self.last_size = 0
        self.heard_at_s: float | None = None
        gateway.heard = self._message

    @property
    def has_list(self) -> bool:
        """Whether the full list has arrived."""
        return self._held is not None

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

    def _message(self, topic: str, wire: bytes) -> None:
        if topic == STATUS:
            if self._held is None:
                self._held = StatusList.from_body(self._verified(wire).body)
            return
        if topic == DELTA:
            self._arrived = wire
        elif topic != PROBE:
            return
        self.heard_at_s = time.perf_counter()

    def _verified(self, wire: bytes) -> Envelope:
        envelope = parse_envelope(wire)
        verify_signed(envelope, self._keyring, Purpose.POLICY, int(datetime.now(UTC).timestamp()))
        return envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """All subscribers, and who can speak to them."""

    loop: FleetLoop
    subscribers: Sequence[Subscriber]
    callers: ThreadPoolExecutor

    def revoke(self, caller: httpx.Client, id_: str) -> tuple[float, float]:
        """Return the milliseconds until all have the delta, and the slowest one's to apply it."""

        def call() -> None:
            answer = caller.post(f"/api/v1/credentials/{id_}/revoke", json={"reason": "bench"})
            answer.raise_for_status()

        heard_ms = self._until_all_heard(call)
        return heard_ms, max(one.apply() for one in self.subscribers)

    def fan_out(self, sender: mqtt.Client, payload: bytes) -> float:
        """Return the milliseconds until all have a plain message."""
        return self._until_all_heard(lambda: sender.publish(PROBE, payload, qos=1))

    def _until_all_heard(self, act: Callable[[], object]) -> float:
        for one in self.subscribers:
            one.heard_at_s = None
        began_s = time.perf_counter()
        acting = self.callers.submit(act)
        left = list(self.subscribers)
        ends_s = began_s + WAIT_S
        while left:
            self.loop.step(0.05)
            while left and left[-1].heard_at_s is not None:
                left.pop()
            if time.perf_counter() > ends_s:
                raise TimeoutError(f"{len(left)} subscribers heard nothing")
        acting.result(WAIT_S)
        return 1000 * (max(one.heard_at_s or 0.0 for one in self.subscribers) - began_s)


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
