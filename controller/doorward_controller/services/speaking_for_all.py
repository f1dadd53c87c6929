"""The way down to the gateways from one process of many.

What is retained is published by the leader alone, the newest that the store holds: two processes
that publish the same document could put the older one last. Whoever changed it asks the leader.
Acknowledgements go out from the process that committed, commands from any that has a connection.
"""

import logging

import sqlalchemy as sa

from doorward import topics
from doorward.errors import DoorwardError
from doorward.ids import GatewayId
from doorward_controller.errors import ControllerError
from doorward_controller.services import (
    configuring,
    policy_release,
    staff,
    status_publishing,
)
from doorward_controller.services.backend import Backend, Publisher
from doorward_controller.services.leadership import Leading
from doorward_controller.services.relay import Ask, Relay
from doorward_controller.store import devices, notices
from doorward_controller.store.session import Store

_log = logging.getLogger(__name__)


class SharedPublisher:
    """Publishes what this process may, and has the leader publish the rest."""

    def __init__(
        self, store: Store, relay: Relay, leading: Leading, link: Publisher | None
    ) -> None:
        """Takes no connection for a process that has none."""
        self._store, self._relay, self._leading, self._link = store, relay, leading, link

    @property
    def connected(self) -> bool:
        """Whether the broker is there: by our own connection, or by what the leader noted."""
        if self._link is not None:
            return self._link.connected
        try:
            with self._store.read() as connection:
                return notices.has_leader(connection) and devices.link(connection).is_up
        except (ControllerError, sa.exc.SQLAlchemyError):
            return False

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        """Hands a message over, or asks for it."""
        if retain and not self._leading.is_held:
            self._relay.ask(topic, None)
        elif self._link is None:
            self._relay.ask(topic, wire)
        else:
            self._link.publish(topic, wire, retain=retain)


def answer(backend: Backend, ask: Ask) -> None:
    """Publishes what another process asked for, if we lead; else the one who leads does."""
    topic, wire = ask
    if not backend.leading.is_held:
        return
    try:
        if wire is not None:
            backend.publisher.publish(topic, wire, retain=False)
        else:
            _publish_newest(backend, topic)
    except (ControllerError, DoorwardError) as err:
        _log.warning("publish.failed topic=%s problem=%s", topic, err)


def _publish_newest(backend: Backend, topic: str) -> None:
    site = backend.config.site
    if topic == topics.policy(site, topics.Policy.BUNDLE):
        policy_release.publish_bundle(backend)
    elif topic == topics.policy(site, topics.Policy.STATUS):
        status_publishing.publish(backend, full=True)
    elif topic == topics.policy(site, topics.Policy.DELTA):
        status_publishing.publish(backend)
    elif topic == topics.policy(site, topics.Policy.STAFF):
        staff.publish(backend)
    elif topic.endswith(f"/{topics.Down.DESIRED}"):
        configuring.publish_newest(backend, GatewayId(topic.split("/")[-3]))
    else:
        _log.warning("publish.unknown topic=%s", topic)
