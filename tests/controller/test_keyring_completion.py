"""A site of an older program learns of the keys that newer messages are signed with."""

from dataclasses import replace

import sqlalchemy as sa

from doorward.envelope import Kind, seal_envelope
from doorward.keys import Purpose, accept_keyring, pin_keyring
from doorward_controller import wiring
from doorward_controller.services import provisioning
from doorward_controller.services.backend import Backend
from doorward_controller.store import policies
from doorward_controller.store.schema import keyrings
from tests.controller.conftest import StandingClock


def as_before(backend: Backend) -> bytes:
    """Puts the keyring back to one without a command key; returns it."""
    ring = provisioning.current_keyring(backend)
    older = replace(ring, keys=tuple(k for k in ring.keys if Purpose.COMMAND not in k.purposes))
    assert backend.keys.root is not None
    wire = seal_envelope(Kind.KEYRING, older.to_body(), [backend.keys.root])
    with backend.store.write() as connection:
        connection.execute(sa.update(keyrings).values(wire=wire))
    return wire


def test_init_adds_the_missing_key_and_gateways_accept_the_step(
    backend: Backend, clock: StandingClock
) -> None:
    pinned = as_before(backend)
    assert not wiring.initialise(backend.config, clock)
    ring = provisioning.current_keyring(backend)
    key = ring.find(backend.keys.command.key_id)
    assert key is not None
    assert (ring.version, key.purposes) == (2, Purpose.COMMAND)
    with backend.store.read() as connection:
        chain = policies.keyring_wires(connection, backend.config.site)
    assert accept_keyring(pin_keyring(pinned), chain[-1]) == ring


def test_init_of_a_complete_site_changes_nothing(backend: Backend, clock: StandingClock) -> None:
    wiring.initialise(backend.config, clock)
    assert provisioning.current_keyring(backend).version == 1
