"""Releasing a policy: the bundle is built from what the store holds, signed, kept, published."""

import hashlib
import threading
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from doorward import topics
from doorward.envelope import Kind, parse_envelope, seal_envelope
from doorward.policy import Policy
from doorward.renumbering import with_keyrings
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.proposals import ProposalKind
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.domain.software_age import TooOld, too_old
from doorward_controller.errors import ConflictError
from doorward_controller.services import (
    configuring,
    policy_drafting,
    second_person,
    signing,
    staff,
    status_publishing,
)
from doorward_controller.services.acting import act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.second_person import Approval
from doorward_controller.store import gateways, policies
from doorward_controller.store.policies import StoredBundle
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The new version that the gateways are to apply.

    Attributes:
        too_old: gateways whose software cannot read all of it.
    """

    version: int
    digest: str
    credentials: int
    too_old: tuple[TooOld, ...] = ()


def release(
    backend: Backend,
    actor: Actor,
    *,
    book_id: int | None = None,
    approval: Approval | None = None,
) -> Released:
    """Builds, signs, keeps, publishes the next bundle.

    Args:
        backend: the controller's parts.
        actor: who releases.
        book_id: the edition of the rules; None: the newest.
        approval: by a second person, where the site's settings ask for one.

    Raises:
        ForbiddenError: the role does not allow it.
        NotFoundError, ConflictError: it cannot be done now; nothing was released.
    """
    site = backend.config.site
    check_read(backend, actor, Action.RELEASE_POLICY, site)
    if approval is None:
        _check_alone(backend, actor)
    # A million credentials take seconds: built from a snapshot, while intake goes on writing.
    with backend.store.read() as connection:
        bundle = _build(backend, connection, actor, book_id)
        behind = too_old(
            Policy.from_body(parse_envelope(bundle.wire).body),
            gateways.software(connection, site),
        )
    with act(backend, actor, Action.RELEASE_POLICY, subject=site) as doing:
        policies.lock_site(doing.connection, site)
        if policies.newest_bundle_version(doing.connection, site) >= bundle.version:
            raise ConflictError("somebody else released in this moment", code="released_already")
        policies.add_bundle(doing.connection, site, bundle)
        used = second_person.claim(doing.connection, approval, {"version": bundle.version})
        doing.detail.update(version=bundle.version, credentials=bundle.credentials, **used)
        if behind:
            doing.detail["too_old"] = len(behind)
    _released_here.add(site)
    publish_bundle(backend)
    status_publishing.announce(backend, "bundle", bundle.version)
    return Released(
        version=bundle.version,
        digest=bundle.sha256,
        credentials=bundle.credentials,
        too_old=behind,
    )


_published: WeakKeyDictionary[Store, int] = WeakKeyDictionary()
"""The version that this process published last."""

_keyrings_told: WeakKeyDictionary[Store, int] = WeakKeyDictionary()
"""How many keyrings the bundle had that this process published last."""

_publishing = threading.Lock()
"""The later of two releases must also be published last: a retained topic keeps the last."""

_released_here: set[str] = set()
"""Sites for which this process has released a policy."""


def _next_version(backend: Backend, connection: sa.Connection, now_utc_s: int) -> int:
    """Returns the next version; the first one of a process is one that time alone has reached.

    The database may be an older one, restored from a backup: versions above its own were signed
    before, with other content. There were never more of them than seconds since the site began.
    """
    site = backend.config.site
    newest = policies.newest_bundle_version(connection, site)
    if newest == 0 or site in _released_here:
        return newest + 1
    return max(newest + 1, now_utc_s - policies.site_created_at(connection, site))


def release_same(
    backend: Backend, connection: sa.Connection, actor: Actor, now_utc_s: int
) -> int | None:
    """Signs the released rules and people anew, with the keyrings of now; nothing else changes.

    Within the caller's transaction; `publish_bundle` is for after it.

    Returns:
        The new version; None where nothing was ever released.
    """
    site = backend.config.site
    policies.lock_site(connection, site)
    held = policies.newest_bundle(connection, site)
    if held is None:
        return None
    version = _next_version(backend, connection, now_utc_s)
    body = with_keyrings(
        bytes(parse_envelope(held.wire).body), version, policies.keyring_wires(connection, site)
    )
    signer = signing.signer(backend, KeyUse.POLICY, connection)
    again = replace(
        held,
        version=version,
        released_at_utc_s=now_utc_s,
        released_by=actor.name,
        sha256=hashlib.sha256(body).hexdigest(),
        wire=seal_envelope(Kind.BUNDLE, body, [signer]),
    )
    policies.add_bundle(connection, site, again)
    return version


def publish_if_new(backend: Backend) -> int:
    """Publishes rules and revocations that another process made; returns how many of the two.

    The command line has no connection to the broker: the server that runs speaks for it.
    """
    if not (backend.leading.is_held and backend.publisher.connected):
        return 0
    site = backend.config.site
    with backend.store.read() as connection:
        version = policies.newest_bundle_version(connection, site)
    is_new = _published.get(backend.store, version) < version
    told = _keyrings_told.get(backend.store, 0)
    if is_new:
        publish_bundle(backend)
        status_publishing.announce(backend, "bundle", version)
        if told not in (0, _keyrings_told.get(backend.store, 0)):
            # With a key that was withdrawn, what it had signed was signed anew as well.
            staff.publish(backend)
            configuring.publish_all(backend)
    return is_new + status_publishing.publish_if_new(backend)


def publish_bundle(backend: Backend) -> None:
    """Publishes the newest bundle, retained."""
    site = backend.config.site
    with _publishing:
        with backend.store.read() as connection:
            bundle = policies.newest_bundle(connection, site)
            _keyrings_told[backend.store] = policies.count_keyrings(connection, site)
        if bundle is not None:
            topic = topics.policy(site, topics.Policy.BUNDLE)
            backend.publisher.publish(topic, bundle.wire, retain=True)
        _published[backend.store] = bundle.version if bundle is not None else 0


def publish_current(backend: Backend) -> None:
    """Publishes everything retained again: whatever the broker lost, it has now."""
    publish_bundle(backend)
    status_publishing.publish(backend, full=True)
    staff.publish(backend)
    configuring.publish_all(backend)


def _check_alone(backend: Backend, actor: Actor) -> None:
    """Refuses before the work, and has the refusal audited."""
    if not second_person.stops(backend, actor, ProposalKind.RELEASE_POLICY):
        return
    with act(backend, actor, Action.RELEASE_POLICY, subject=backend.config.site):
        second_person.check(backend, actor, ProposalKind.RELEASE_POLICY, None)


def _build(
    backend: Backend, connection: sa.Connection, actor: Actor, book_id: int | None
) -> StoredBundle:
    now_utc_s = backend.clock.now().utc_s
    version = _next_version(backend, connection, now_utc_s)
    drafted = policy_drafting.draft(
        backend, connection, version=version, now_utc_s=now_utc_s, book_id=book_id
    )
    signer = signing.signer(backend, KeyUse.POLICY, connection)
    return StoredBundle(
        version=version,
        rule_book_id=drafted.book_id,
        released_at_utc_s=now_utc_s,
        released_by=actor.name,
        sha256=hashlib.sha256(drafted.body).hexdigest(),
        credentials=drafted.credentials,
        wire=seal_envelope(Kind.BUNDLE, drafted.body, [signer]),
    )
