"""The status list on its way: numbered, signed, kept, then published retained.

The delta holds every change since the full list. Past `MAX_DELTA` changes the full list is made
anew, so that a delta stays one small packet.
"""

import hashlib
import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from doorward import topics
from doorward.envelope import Kind, Signer, seal_envelope
from doorward.status import Delta, Status, StatusList, empty_list, with_changes
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.services import signing
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.store import credentials, gateways, policies
from doorward_controller.store.credentials import ListState
from doorward_controller.store.session import Store

MAX_DELTA = 1000
"""Changes: about 6 kB, one packet to each gateway."""

FIRST_SIZE = 65_536
"""Indices of the first list. Zeros compress: an empty list of this size is 40 bytes."""

HEADROOM = 4096
"""The list is always at least this far ahead of the issued indices."""

_published_full: WeakKeyDictionary[Store, bytes] = WeakKeyDictionary()
"""Digest of the full list that this process published last."""

_published_seq: WeakKeyDictionary[Store, int] = WeakKeyDictionary()
"""The number that this process published last."""

_publishing = threading.Lock()
"""The later of two changes must also be published last: a retained topic keeps the last."""


def advance(
    backend: Backend,
    connection: sa.Connection,
    state: ListState,
    changes: Sequence[tuple[int, Status]],
    now_utc_s: int,
) -> int:
    """Makes the list's next number, which is `state.next_seq`, within the caller's transaction.

    The changes must be in the table of credentials already.
    """
    site, seq = backend.config.site, state.next_seq
    credentials.add_changes(connection, site, seq, changes)
    since = credentials.changes_since(connection, site, state.base_seq)
    if len(since) > MAX_DELTA or is_nearly_full(state):
        _save_full(backend, connection, state, seq, now_utc_s)
        return seq
    signer = signing.signer(backend, KeyUse.POLICY, connection)
    wire = _delta(backend, signer, state.base_seq, seq, now_utc_s, since)
    credentials.change_list(connection, site, seq=seq, delta_wire=wire)
    return seq


def is_nearly_full(state: ListState) -> bool:
    """Whether the next index comes too near to the list's end."""
    return state.next_index + HEADROOM >= state.size


def start(backend: Backend, connection: sa.Connection, now_utc_s: int) -> None:
    """Makes a site's first list."""
    site = backend.config.site
    first = empty_list(site, FIRST_SIZE, now_utc_s)
    state = ListState(seq=first.seq, base_seq=first.seq, size=first.size, next_index=0)
    signer = signing.signer(backend, KeyUse.POLICY, connection)
    wire = seal_envelope(Kind.STATUS, first.to_body(), [signer])
    credentials.add_list(connection, site, state, wire)


def begin(backend: Backend) -> None:
    """Makes the list anew when a process starts, under a number that time alone has reached.

    The database may be an older one, restored from a backup: numbers above its own were signed
    before, with other content. There were never more numbers than seconds since the site began.
    """
    site, now_utc_s = backend.config.site, backend.clock.now().utc_s
    with backend.store.read() as connection:
        passed_s = now_utc_s - policies.site_created_at(connection, site)
        number = credentials.list_number(connection, site)
    if passed_s > number:
        _leap(backend, passed_s)


def refresh(backend: Backend) -> int:
    """Vouches anew for an unchanged list, so that gateways know how fresh theirs is."""
    now = backend.clock.now()
    with backend.store.write() as connection:
        state = credentials.lock_list(connection, backend.config.site)
        seq = advance(backend, connection, state, (), now.utc_s)
    publish(backend)
    return seq


def sign_anew(backend: Backend, connection: sa.Connection, now_utc_s: int) -> None:
    """Makes the list anew, with the key that counts now, within the caller's transaction."""
    state = credentials.lock_list(connection, backend.config.site)
    _save_full(backend, connection, state, state.next_seq, now_utc_s)


def leap(backend: Backend, seen: int) -> None:
    """Makes the list anew, above a number that gateways have seen already, and publishes it."""
    if _leap(backend, seen):
        publish(backend, full=True)


def _leap(backend: Backend, seen: int) -> bool:
    now = backend.clock.now()
    with backend.store.write() as connection:
        state = credentials.lock_list(connection, backend.config.site)
        if state.seq > seen:
            return False
        _save_full(backend, connection, state, seen + 1, now.utc_s)
    return True


def publish(backend: Backend, *, full: bool = False) -> None:
    """Publishes the newest delta, and before it the full list when it is new or `full` asks."""
    site = backend.config.site
    with _publishing:
        with backend.store.read() as connection:
            seq = credentials.list_number(connection, site)
            full_wire, delta_wire = credentials.list_wires(connection, site)
        digest = hashlib.sha256(full_wire).digest()
        if full or _published_full.get(backend.store) != digest:
            backend.publisher.publish(
                topics.policy(site, topics.Policy.STATUS), full_wire, retain=True
            )
            _published_full[backend.store] = digest
        if delta_wire:
            backend.publisher.publish(
                topics.policy(site, topics.Policy.DELTA), delta_wire, retain=True
            )
        _published_seq[backend.store] = seq


def publish_if_new(backend: Backend) -> bool:
    """Publishes what another process changed, the command line, say; returns whether it did."""
    with backend.store.read() as connection:
        seq = credentials.list_number(connection, backend.config.site)
    if _published_seq.get(backend.store, seq) >= seq:
        return False
    publish(backend)
    announce(backend, "status", seq)
    return True


def announce(backend: Backend, what: str, version: int) -> None:
    """Tells the console how many gateways have applied a status number or a bundle."""
    with backend.store.read() as connection:
        applied, total = gateways.count_applied(connection, backend.config.site, what, version)
    backend.feed.announce(
        EventKind.PROPAGATION,
        {"what": what, "version": version, "applied": applied, "total": total},
    )


def _save_full(
    backend: Backend, connection: sa.Connection, state: ListState, seq: int, now_utc_s: int
) -> None:
    """Makes the full list anew, and after it an empty delta that replaces the overtaken one."""
    site, size = backend.config.site, state.size
    while state.next_index + 2 * HEADROOM >= size:
        size *= 2
    bits = with_changes(bytes(size // 4), size, credentials.not_valid(connection))
    body = StatusList(site=site, seq=seq, issued_at=now_utc_s, size=size, bits=bits).to_body()
    signer = signing.signer(backend, KeyUse.POLICY, connection)
    credentials.change_list(
        connection,
        site,
        seq=seq + 1,
        base_seq=seq,
        size=size,
        full_wire=seal_envelope(Kind.STATUS, body, [signer]),
        delta_wire=_delta(backend, signer, seq, seq + 1, now_utc_s, ()),
    )


def _delta(
    backend: Backend,
    signer: Signer,
    base: int,
    seq: int,
    now_utc_s: int,
    changes: tuple[tuple[int, Status], ...],
) -> bytes:
    delta = Delta(
        site=backend.config.site, base=base, seq=seq, issued_at=now_utc_s, changes=changes
    )
    return seal_envelope(Kind.DELTA, delta.to_body(), [signer])
