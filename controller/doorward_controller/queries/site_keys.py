"""The keys of the site: what each is for, how it stands, and who holds the keyring that says so."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.ids import KeyId
from doorward.keys import Key, Keyring, pin_keyring
from doorward_controller.domain.site_keys import KeyState, KeyUse, use_of
from doorward_controller.queries import propagation
from doorward_controller.queries.propagation import Propagation
from doorward_controller.store import gateways, policies, revocation_batches, signing_keys
from doorward_controller.store.session import Store
from doorward_controller.store.signing_keys import StoredKey

ROOT = "root"
"""What a key is called that signs keyrings; it lies in the key folder alone, or elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKey:
    """One key.

    Attributes:
        use: what it is for: a `KeyUse`, or "root".
        since_utc_s: from when on it counts; until_utc_s: from when on no more. None for a key
            without a window: a root key, and the intake's.
        used_from_utc_s, used_until_utc_s: when the controller worked with it.
        codes: how many it signed; valid_codes: of them those that are not revoked or suspended.
        last_code_ends_utc_s: when the last of its codes expires.
        keyring: the version that brought it; 0 where none did.
        waits_for: gateways that do not hold that keyring yet, while it waits to be used.
    """

    key_id: str
    use: str
    state: KeyState
    since_utc_s: int | None
    until_utc_s: int | None
    used_from_utc_s: int | None
    used_until_utc_s: int | None
    withdrawn_at_utc_s: int | None
    withdrawn_by: str
    withdrawn_note: str
    codes: int
    valid_codes: int
    last_code_ends_utc_s: int | None
    keyring: int
    waits_for: int

    @property
    def can_be_withdrawn(self) -> bool:
        """Whether it stands in the keyring and counts for something."""
        return self.use in _SIGNING and self.state not in (KeyState.WITHDRAWN, KeyState.OVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKeys:
    """All of them, those in use first.

    Attributes:
        is_overtaken: whether some gateway holds a newer keyring than this database knows: it was
            restored from a backup made before a key changed.
    """

    keyring: int
    keys: tuple[SiteKey, ...]
    propagation: Propagation
    is_overtaken: bool


_SIGNING = frozenset({KeyUse.ISSUE, KeyUse.POLICY, KeyUse.CONTROL, KeyUse.COMMAND})
_ORDER = [ROOT, *KeyUse]
_STATES = list(KeyState)


@dataclass(frozen=True, slots=True)
class _Known:
    rows: dict[int, StoredKey]
    codes: dict[int, tuple[int, int, int]]
    waits_for: dict[int, int]
    now_utc_s: int


def site_keys(store: Store, site: str, first_intake: KeyId, now_utc_s: int) -> SiteKeys:
    """Returns every key that is in the newest keyring, or of which something was noted.

    Args:
        store: the database.
        site: whose keys.
        first_intake: the number of the intake's key in the key folder.
        now_utc_s: what decides which window is over.
    """
    with store.read() as connection:
        ring = pin_keyring(policies.keyring_wires(connection, site)[-1])
        rows = {each.key_id: each for each in signing_keys.every(connection, site)}
        known = _Known(
            rows,
            revocation_batches.signed_counts(connection),
            _waited_for(connection, site, rows.values()),
            now_utc_s,
        )
        seen = gateways.newest_keyring_seen(connection, site)
    found = [_in_keyring(key, known) for key in ring.keys]
    found += _outside(ring, known, first_intake)
    found.sort(key=lambda each: (_ORDER.index(each.use), _STATES.index(each.state), each.key_id))
    return SiteKeys(
        keyring=ring.version,
        keys=tuple(found),
        propagation=propagation.of_keyring(store, ring.version),
        is_overtaken=seen > ring.version,
    )


def _waited_for(connection: sa.Connection, site: str, rows: Iterable[StoredKey]) -> dict[int, int]:
    return {
        row.key_id: gateways.count_without_keyring(connection, site, row.keyring_version)
        for row in rows
        if row.is_waiting
    }


def _in_keyring(key: Key, known: _Known) -> SiteKey:
    row, use = known.rows.get(key.key_id), use_of(key.purposes)
    if key.revoked:
        state = KeyState.WITHDRAWN
    elif use is not None and not key.is_in_window(known.now_utc_s):
        state = KeyState.OVER
    else:
        state = _state_of(row)
    has_window = use is not None
    return _line(
        key.key_id,
        ROOT if use is None else use.value,
        state,
        known,
        window=(key.not_before, key.not_after) if has_window else (None, None),
    )


def _outside(ring: Keyring, known: _Known, first_intake: KeyId) -> list[SiteKey]:
    """The intake's keys, and those that left the keyring long after they counted for anything."""
    found = [
        _line(row.key_id, row.key_use, _gone_or(row), known, window=(None, None))
        for row in known.rows.values()
        if ring.find(KeyId(row.key_id)) is None
    ]
    if first_intake not in known.rows:
        found.append(
            _line(first_intake, KeyUse.INTAKE.value, KeyState.IN_USE, known, window=(None, None))
        )
    return found


def _gone_or(row: StoredKey) -> KeyState:
    return _state_of(row) if row.key_use == KeyUse.INTAKE.value else KeyState.OVER


def _state_of(row: StoredKey | None) -> KeyState:
    """A key of which nothing was noted is one of the first, and still in use."""
    if row is None or row.is_in_use:
        return KeyState.IN_USE
    if row.withdrawn_at_utc_s is not None:
        return KeyState.WITHDRAWN
    return KeyState.WAITING if row.is_waiting else KeyState.REPLACED


def _line(
    key_id: int,
    use: str,
    state: KeyState,
    known: _Known,
    window: tuple[int | None, int | None],
) -> SiteKey:
    row = known.rows.get(key_id)
    codes, valid, last = known.codes.get(key_id, (0, 0, None))
    return SiteKey(
        key_id=f"{key_id:08x}",
        use=use,
        state=state,
        since_utc_s=window[0],
        until_utc_s=window[1],
        used_from_utc_s=row.used_from_utc_s if row else None,
        used_until_utc_s=row.used_until_utc_s if row else None,
        withdrawn_at_utc_s=row.withdrawn_at_utc_s if row else None,
        withdrawn_by=row.withdrawn_by if row else "",
        withdrawn_note=row.withdrawn_note if row else "",
        codes=codes,
        valid_codes=valid,
        last_code_ends_utc_s=last,
        keyring=row.keyring_version if row else (0 if use == KeyUse.INTAKE.value else 1),
        waits_for=known.waits_for.get(key_id, 0),
    )
