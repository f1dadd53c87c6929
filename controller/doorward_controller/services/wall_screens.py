"""Wall screens: addresses that show the fleet to whoever stands before them, and nothing else.

The address holds 256 random bits and is shown once; only its hash is kept. It ends by itself, and
can be ended at any time.
"""

import hashlib
import secrets
from dataclasses import dataclass

from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.store import walls
from doorward_controller.store.walls import WallScreen

MAX_DAYS = 366
MAX_SCREENS = 50
_SEEN_EVERY_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScreen:
    """A screen whose address is shown this once."""

    id: int
    token: str


def add_screen(backend: Backend, actor: Actor, *, label: str, days: int) -> NewScreen:
    """Makes an address. Raises ForbiddenError, InvalidError or ConflictError."""
    token = secrets.token_urlsafe(32)
    with act(backend, actor, Action.MANAGE_WALL, name="add_wall", subject=label[:60]) as doing:
        named, now_s = " ".join(label.split()), doing.now.utc_s
        if not 1 <= len(named) <= 60 or not named.isprintable():
            raise InvalidError("the name must have 1 to 60 characters", code="bad_name")
        if not 1 <= days <= MAX_DAYS:
            raise InvalidError(f"{days} days, must be 1 to {MAX_DAYS}", code="bad_end")
        in_use = [e for e in walls.all_screens(doing.connection) if is_open(e, now_s)]
        if len(in_use) >= MAX_SCREENS:
            raise ConflictError(f"there are {MAX_SCREENS} wall screens already")
        screen_id = walls.add(
            doing.connection,
            token_hash=_hash(token),
            label=named,
            made_by=actor.name,
            created_at_utc_s=now_s,
            ends_at_utc_s=now_s + days * 86_400,
        )
        doing.detail.update(screen=screen_id, days=days)
    return NewScreen(id=screen_id, token=token)


def revoke_screen(backend: Backend, actor: Actor, screen_id: int) -> None:
    """Ends an address. Raises ForbiddenError, NotFoundError or ConflictError."""
    with act(
        backend, actor, Action.MANAGE_WALL, name="revoke_wall", subject=str(screen_id)
    ) as doing:
        found = walls.find(doing.connection, screen_id)
        if found is None:
            raise NotFoundError(f"there is no wall screen {screen_id}")
        if found.revoked_at_utc_s is not None:
            raise ConflictError(f"wall screen {screen_id} was ended already")
        walls.change(doing.connection, screen_id, revoked_at_utc_s=doing.now.utc_s)


def resume(backend: Backend, token: str) -> WallScreen | None:
    """Returns the screen of an address while it counts."""
    now_s = backend.clock.now().utc_s
    with backend.store.read() as connection:
        found = walls.by_hash(connection, _hash(token))
    if found is None or not is_open(found, now_s):
        return None
    if found.seen_at_utc_s is None or now_s - found.seen_at_utc_s >= _SEEN_EVERY_S:
        with backend.store.write() as connection:
            walls.change(connection, found.id, seen_at_utc_s=now_s)
    return found


def is_open(screen: WallScreen, now_s: int) -> bool:
    """Says whether a screen's address counts."""
    return screen.revoked_at_utc_s is None and now_s < screen.ends_at_utc_s


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
