"""Keeps Home Assistant in step with the fleet, where the settings ask for it, and tidies up after.

Everything there is retained. What stands at the broker is noted in the database, so that it is
removed when a gateway goes or when the whole is switched off, whichever process does it.
"""

import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa

from doorward.health import flattened
from doorward_controller.broker.errors import BrokerError
from doorward_controller.domain.alert_texts import Tongue
from doorward_controller.domain.fleet_state import Condition
from doorward_controller.domain.home_assistant import Place, Seen, messages
from doorward_controller.services.backend import Backend
from doorward_controller.store import cut_offs, fleet_facts, home_assistant
from doorward_controller.store.home_assistant import Told

REFRESH_MS = 120_000
"""Twice within the time after which what is not said counts as unavailable."""

_log = logging.getLogger(__name__)
_DOOR_RULES = frozenset({"event.forced", "event.held", "event.door_found_open"})


@dataclass(slots=True)
class HomeAssistant:
    """Says what changed. One thread uses one."""

    backend: Backend
    _said: dict[str, bytes] = field(default_factory=dict, init=False)
    _refreshed_ms: int = field(default=0, init=False)
    _is_let_in: bool = field(default=False, init=False)
    """What the broker's rules say, as far as this process knows."""

    def turn(self) -> int:
        """Says what is new, and everything every now and then; returns how many messages."""
        if not self.backend.publisher.connected:
            return 0
        wanted = self._wanted() if self.backend.config.home_assistant.is_on else {}
        with self.backend.store.read() as connection:
            standing = home_assistant.topics(connection)
        self._keep_rules(is_on=bool(wanted), is_tidy=not standing)
        gone, new = standing - wanted.keys(), wanted.keys() - standing
        if gone or new:
            # Noted before it is said: what is noted and not there is removed for nothing.
            with self.backend.store.write() as connection:
                home_assistant.add(connection, new)
        changed = self._changed(wanted)
        for topic in sorted(gone):
            self._say(topic, b"")
        for topic in sorted(changed):
            self._say(topic, wanted[topic])
        if gone:
            self._is_let_in = True
            with self.backend.store.write() as connection:
                home_assistant.remove(connection, gone)
        self._said = wanted
        return len(gone) + len(changed)

    def _keep_rules(self, *, is_on: bool, is_tidy: bool) -> None:
        """Rights come before the first word, and go when the last one is off the broker."""
        if is_on is self._is_let_in or not (is_on or is_tidy):
            return
        self._is_let_in = is_on
        _write_rules(self.backend)

    def _changed(self, wanted: dict[str, bytes]) -> set[str]:
        now_ms = self.backend.clock.now().mono_ms
        if not self._said or now_ms - self._refreshed_ms >= REFRESH_MS:
            self._refreshed_ms = now_ms
            return set(wanted)
        return {topic for topic, wire in wanted.items() if self._said.get(topic) != wire}

    def _say(self, topic: str, wire: bytes) -> None:
        self.backend.publisher.publish(topic, wire, retain=True)

    def _wanted(self) -> dict[str, bytes]:
        settings = self.backend.config.home_assistant
        place = Place(
            site=self.backend.config.site,
            discovery_prefix=settings.discovery_prefix,
            tongue=Tongue(settings.language),
        )
        found: dict[str, bytes] = {}
        with self.backend.store.read() as connection:
            for seen in _all(connection, self.backend.clock.now().utc_ms):
                found |= messages(place, seen)
        return found


def _write_rules(backend: Backend) -> None:
    """Has the broker let us say, and Home Assistant hear, what the settings ask for; once."""
    with backend.store.read() as connection:
        revoked = [each.gateway for each in cut_offs.of_site(connection, backend.config.site)]
    try:
        at = datetime.fromtimestamp(backend.clock.now().utc_s, UTC)
        backend.gatekeeper.shut_out(revoked, at)
    except BrokerError as err:
        _log.warning("home_assistant.rules problem=%s", err)


def _all(connection: sa.Connection, now_ms: int) -> list[Seen]:
    fleet = fleet_facts.fleet(connection, now_ms)
    alarms = home_assistant.open_alerts(connection)
    return [
        _seen(told, alarms.get(told.name, {}), fleet.of(told.name).condition)
        for told in home_assistant.gateways_told(connection)
    ]


def _seen(told: Told, alarms: dict[str, int], condition: Condition) -> Seen:
    birth = json.loads(told.birth_json)
    return Seen(
        gateway=told.name,
        condition=condition,
        last_seen_ms=told.last_seen_at_utc_ms,
        software=str(birth.get("software", "")),
        numbers=flattened(json.loads(told.health_json)),
        alarms=sum(alarms.values()),
        is_door_wrong=not _DOOR_RULES.isdisjoint(alarms),
    )
