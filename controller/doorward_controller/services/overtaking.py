"""Going past versions that gateways have and this database does not know of.

A controller that was restored from an older backup counts on from there. Its gateways never go
back: what it signs under a number that they have seen already would not reach them, and a
revocation with it. So when a gateway says that it applied more than we ever signed, what we hold
is signed anew under a number above that, and above any that the lost days may have used.

What was changed after the backup is lost here and has to be done again; the list that is signed
anew says what this database knows.
"""

import hashlib
import logging
from dataclasses import replace

from doorward.envelope import Kind, parse_envelope, seal_envelope
from doorward.messages import Applied
from doorward.renumbering import renumbered
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.services import policy_release, signing, status_publishing
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials, policies

MOST_LEAP = 1_000_000
"""A gateway that claims more than this beyond our own numbers is lying, or broken."""

_log = logging.getLogger(__name__)


def overtake(backend: Backend, applied: Applied) -> None:
    """Signs anew whatever a gateway is ahead of; does nothing where it is not."""
    site = backend.config.site
    with backend.store.read() as connection:
        bundle = policies.newest_bundle_version(connection, site)
        status = credentials.list_number(connection, site)
        # Other gateways may be further: there were never more numbers than seconds.
        passed_s = backend.clock.now().utc_s - policies.site_created_at(connection, site)
    if _is_ahead("bundle", applied.bundle, bundle):
        _overtake_bundle(backend, max(applied.bundle, passed_s))
    if _is_ahead("status", applied.status, status):
        status_publishing.leap(backend, max(applied.status, passed_s))


def _is_ahead(what: str, theirs: int, ours: int) -> bool:
    if theirs <= ours:
        return False
    if theirs - ours > MOST_LEAP:
        _log.error("overtaking.refused what=%s theirs=%d ours=%d", what, theirs, ours)
        return False
    _log.warning("overtaking what=%s theirs=%d ours=%d", what, theirs, ours)
    return True


def _overtake_bundle(backend: Backend, seen: int) -> None:
    site = backend.config.site
    with backend.store.write() as connection:
        policies.lock_site(connection, site)
        held = policies.newest_bundle(connection, site)
        if held is None or held.version > seen:
            return
        body = renumbered(bytes(parse_envelope(held.wire).body), seen + 1)
        signer = signing.signer(backend, KeyUse.POLICY, connection)
        anew = replace(
            held,
            version=seen + 1,
            sha256=hashlib.sha256(body).hexdigest(),
            wire=seal_envelope(Kind.BUNDLE, body, [signer]),
        )
        policies.add_bundle(connection, site, anew)
    policy_release.publish_bundle(backend)
    status_publishing.announce(backend, "bundle", seen + 1)
