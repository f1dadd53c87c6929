"""What gateways say about themselves: state and last will, birth, applied versions, health."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from doorward.messages import Applied, Birth, Health, Reported, State
from doorward.times import Instant
from doorward_controller.domain.intake_reasons import QuarantineReason
from doorward_controller.services import (
    acknowledging,
    alerting,
    commanding,
    configuring,
    devices,
    overtaking,
    status_publishing,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.services.opening import Unfit
from doorward_controller.store import devices as device_store
from doorward_controller.store import gateways
from doorward_controller.store.gateways import Gateway

After = Sequence[Callable[[], None]]
"""What is to be done once the transaction has committed."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """One report of one gateway, noted within the caller's transaction."""

    backend: Backend
    connection: sa.Connection
    gateway: Gateway
    now: Instant

    def state(self, state: State) -> After:
        """Notes that a gateway came or went. The will of an older connection says nothing."""
        gateway = self.gateway
        is_current = (state.boot_id, state.session) == (gateway.boot_id, gateway.session)
        if state.online:
            devices.note_here(self.connection, gateway, self.now.utc_ms)
            self._change(
                online=True,
                boot_id=state.boot_id,
                session=state.session,
                last_seen_at_utc_ms=self.now.utc_ms,
                offline_since_utc_ms=None,
            )
        elif gateway.boot_id and not is_current:
            return ()
        elif gateway.online is not False:
            device_store.begin_absence(self.connection, gateway.id, self.now.utc_ms)
            self._change(online=False, offline_since_utc_ms=self.now.utc_ms)
        return (lambda: self._announce(online=state.online),)

    def birth(self, birth: Birth) -> After | Unfit:
        """Notes what a gateway is and has applied; it is answered with what we hold."""
        if bytes.fromhex(birth.record_key) != self.gateway.record_key:
            return Unfit(
                QuarantineReason.RECORD_KEY_DIFFERS, "names another record key than the enrolled"
            )
        self._heard()
        found = devices.note_birth(self.connection, self.gateway, birth, self.now.utc_ms)
        told = alerting.note_changes(
            self.backend, self.connection, self.gateway.name, found, self.now
        )
        self._change(
            birth_json=_birth_json(birth),
            boot_id=birth.boot_id,
            session=birth.session,
            last_seen_at_utc_ms=self.now.utc_ms,
            **self._applied(birth.applied),
        )
        return (
            lambda: acknowledging.answer_birth(self.backend, self.gateway, birth, self.now.utc_s),
            lambda: self._announce(online=self.gateway.online),
            *self._announcing(birth.applied),
            lambda: overtaking.overtake(self.backend, birth.applied),
            *told,
            commanding.ask_again(self.backend, self.connection, self.gateway, self.now),
            commanding.send_waiting(self.backend, self.connection, self.gateway, self.now),
        )

    def reported(self, reported: Reported) -> After:
        """Notes what a gateway has applied."""
        self._heard()
        self._change(last_seen_at_utc_ms=self.now.utc_ms, **self._applied(reported.applied))
        return (
            *self._announcing(reported.applied),
            lambda: overtaking.overtake(self.backend, reported.applied),
            *configuring.note_reported(
                self.backend, self.connection, self.gateway, reported, self.now.utc_ms
            ),
        )

    def health(self, health: Health) -> After:
        """Keeps the latest health of a gateway."""
        self._heard()
        self._change(health_json=json.dumps(asdict(health)), last_seen_at_utc_ms=self.now.utc_ms)
        return (lambda: self._announce(online=self.gateway.online),)

    def _heard(self) -> None:
        devices.note_heard(self.connection, self.gateway, self.now.utc_ms)

    def _change(self, **values: object) -> None:
        gateways.change(self.connection, self.gateway.id, **values)

    def _applied(self, applied: Applied) -> dict[str, object]:
        values: dict[str, object] = {f"applied_{what}": n for what, n in asdict(applied).items()}
        if applied.bundle != self.gateway.applied_bundle:
            values["bundle_applied_at_utc_ms"] = self.now.utc_ms
        if applied.status != self.gateway.applied_status:
            values["status_applied_at_utc_ms"] = self.now.utc_ms
        return values

    def _announce(self, *, online: bool | None) -> None:
        self.backend.feed.announce(
            EventKind.GATEWAY,
            {
                "gateway": self.gateway.name,
                "online": online,
                "last_seen_at_utc_ms": self.now.utc_ms,
            },
        )

    def _announcing(self, applied: Applied) -> After:
        """Only what changed is worth a look."""
        changed = []
        if applied.status != self.gateway.applied_status:
            changed.append(("status", applied.status))
        if applied.bundle != self.gateway.applied_bundle:
            changed.append(("bundle", applied.bundle))
        return tuple(
            lambda what=what, version=version: status_publishing.announce(
                self.backend, what, version
            )
            for what, version in changed
        )


def _birth_json(birth: Birth) -> str:
    return json.dumps(
        {
            "software": birth.software,
            "hardware": dict(birth.hardware),
            "capabilities": list(birth.capabilities),
            "portals": list(birth.portals),
            "journal": asdict(birth.journal),
        }
    )
