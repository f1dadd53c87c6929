"""A new key takes the place of an old one: published before it is used, the old one still verifies.

A new signing key waits until every gateway that works by our policy holds the keyring that brings
it; then the controller signs with it. What the key before it signed goes on counting until that
one's window ends. A gateway that is away for long keeps the new key waiting: somebody says that it
is not waited for.
"""

from dataclasses import dataclass

from doorward_controller.domain.permissions import Action, Actor, Role
from doorward_controller.domain.site_keys import KeyUse, fresh_key
from doorward_controller.errors import ConflictError
from doorward_controller.services import policy_release, signing
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_changes import KeyChange, name_of, parse_key_id
from doorward_controller.store import gateways, signing_keys
from doorward_controller.store.signing_keys import StoredKey

_CLOCKWORK = Actor(name="time", role=Role.SECURITY)
"""Who is named in the audit log where a key is taken into use because all gateways hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A key that was made.

    Attributes:
        keyring: the version that brings it; 0 for the intake's, which stands in none.
        is_in_use: whether it counts at once: nobody has to be told of it before.
    """

    key_id: str
    use: KeyUse
    keyring: int
    is_in_use: bool


def rotate(backend: Backend, actor: Actor, use: KeyUse) -> Rotated:
    """Makes a new key of a use and publishes it; it is used once every gateway holds it.

    Raises:
        ForbiddenError: the role does not allow it.
        ConflictError: one waits already, or the root key, which signs keyrings, is not here.
    """
    secret = signing.draw(backend.keys, use)
    with act(backend, actor, Action.MANAGE_KEYS, name="rotate_key", subject=use.value) as doing:
        change = KeyChange.begin(backend, doing)
        change.refuse_while_one_waits(use)
        change.note_first(use)
        version = 0
        if use is not KeyUse.INTAKE:
            version = change.sign_keyring(
                added=fresh_key(secret.public, use, doing.now.utc_s), withdrawn=None
            )
            policy_release.release_same(backend, doing.connection, actor, doing.now.utc_s)
        change.add(secret, use, version, actor)
        doing.detail.update(key=name_of(secret.key_id), keyring=version)
    policy_release.publish_bundle(backend)
    taken_up = take_up_due(backend)
    return Rotated(
        key_id=name_of(secret.key_id),
        use=use,
        keyring=version,
        is_in_use=name_of(secret.key_id) in taken_up,
    )


def take_up(backend: Backend, actor: Actor, key_id: str) -> None:
    """Uses a key that waits, though gateways do not hold it yet: those refuse what it signs.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    number = parse_key_id(key_id)
    with act(backend, actor, Action.MANAGE_KEYS, name="take_up_key", subject=key_id[:8]) as doing:
        change = KeyChange.begin(backend, doing)
        found = change.rows.get(number)
        if found is None or not found.is_waiting:
            raise ConflictError(f"key {key_id[:8]} does not wait", code="key_not_waiting")
        change.take_up(found)
        doing.detail.update(use=found.key_use, without_waiting=True)
    backend.signers.forget()


def take_up_due(backend: Backend) -> tuple[str, ...]:
    """Uses every key that waits and that all gateways hold; returns which.

    A gateway that never worked by our policy is not waited for: the first thing that it gets
    brings the keyring along.
    """
    site = backend.config.site
    with backend.store.read() as connection:
        due = [key for key in signing_keys.waiting(connection, site) if _is_known(backend, key)]
    taken = []
    for each in due:
        name = name_of(each.key_id)
        with act(
            backend, _CLOCKWORK, Action.MANAGE_KEYS, name="take_up_key", subject=name
        ) as doing:
            change = KeyChange.begin(backend, doing)
            found = change.rows[each.key_id]
            if not found.is_waiting:
                continue
            change.take_up(found)
            doing.detail.update(use=found.key_use, without_waiting=False)
            taken.append(name)
    if taken:
        backend.signers.forget()
    return tuple(taken)


def _is_known(backend: Backend, key: StoredKey) -> bool:
    with backend.store.read() as connection:
        return not gateways.count_without_keyring(
            connection, backend.config.site, key.keyring_version
        )
