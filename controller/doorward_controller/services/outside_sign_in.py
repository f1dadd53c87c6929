"""Signing in by an account of the organisation: begun here, answered there, finished here once.

A sign-in is tied to its browser by a cookie, to its answer by `state`, to the token by `nonce` and
to the code by PKCE. All of it is used up before the provider is asked, so that an answer that comes
twice finds nothing. Accounts are known by issuer and subject; nobody gets one here by signing in.
"""

import hmac
import json
import logging
import secrets
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from doorward_controller.domain.id_tokens import Expected, Proven, TokenRefusedError, proven
from doorward_controller.errors import NotFoundError
from doorward_controller.services import audit, proving, sign_in
from doorward_controller.services.backend import Backend
from doorward_controller.services.outside_provider import (
    OutsideProvider,
    ProviderError,
    Question,
)
from doorward_controller.services.proving import Factor, SignInRefusal, SignInRefused
from doorward_controller.services.sign_in import SecondFactorNeeded, Session, SignedIn, token_hash
from doorward_controller.store import accounts, operator_sessions, outside_accounts
from doorward_controller.store.accounts import Operator
from doorward_controller.store.outside_accounts import OutsideAccount

COOKIE = "doorward_outside"
_PURPOSE = "outside"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where the browser goes, and what its cookie holds meanwhile."""

    address: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the browser brings back from the provider, as it stands in the address."""

    state: str = ""
    code: str = ""
    issuer: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """Somebody who was signed in already has proved again who they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What came of it, and where the reader wanted to go."""

    result: SignedIn | SecondFactorNeeded | SignInRefused | Proved
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is remembered of a sign-in that was begun.

    Attributes:
        invitation: the hash of one, in hex; empty without.
        session: the hash of the session whose operator proves again who they are; empty without.
        begun_utc_s: when the reader was sent away.
    """

    state: str
    nonce: str
    verifier: str
    to: str
    invitation: str
    session: str
    begun_utc_s: int


def begin(
    backend: Backend,
    *,
    to: str,
    invitation: str = "",
    session: Session | None = None,
) -> Begun | SignInRefused:
    """Begins a sign-in, a link by invitation, or a proof of who has signed in already."""
    question = Question(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
    )
    try:
        address = provider_of(backend).address(question, again=session is not None)
    except ProviderError as err:
        _log.warning("sign-in by the provider: %s", err.message)
        return SignInRefused(reason=SignInRefusal.UNREACHABLE)
    kept = _Kept(
        state=question.state,
        nonce=question.nonce,
        verifier=question.verifier,
        to=to,
        invitation=token_hash(invitation).hex() if invitation else "",
        session=session.token_hash.hex() if session else "",
        begun_utc_s=backend.clock.now().utc_s,
    )
    operator_id = session.actor.operator_id if session else None
    token = sign_in.begin_step(backend, _PURPOSE, operator_id, json.dumps(asdict(kept)).encode())
    return Begun(address=address, token=token)


def finish(
    backend: Backend,
    *,
    token: str,
    answer: Answer,
    client: str,
    browser: str = "",
) -> Finished:
    """Lets in whom the provider vouches for and an operator is linked to."""
    kept = _take(backend, token, answer.state)
    if kept is None:
        return Finished(result=SignInRefused(reason=SignInRefusal.OVER), to="/")
    before = proving.refusal_before(backend, "", None, client)
    if before is not None:
        return Finished(result=before, to=kept.to)
    try:
        who = _whom(backend, kept, answer)
    except ProviderError as err:
        _log.warning("sign-in by the provider: %s", err.message)
        refused = proving.refused(backend, None, SignInRefusal.UNREACHABLE, client)
        return Finished(result=refused, to=kept.to)
    except TokenRefusedError as err:
        _log.warning("sign-in by the provider: refused, %s", err.code)
        return Finished(result=_failed(backend, client, SignInRefusal.NOT_ACCEPTED), to=kept.to)
    if who is None:
        return Finished(result=SignInRefused(reason=SignInRefusal.CANCELLED), to=kept.to)
    return Finished(result=_let_in(backend, kept, who, client, browser), to=kept.to)


def provider_of(backend: Backend) -> OutsideProvider:
    """Returns the provider. Raises NotFoundError where none is set."""
    if backend.outside is None:
        raise NotFoundError("no provider is set ([oidc] in the settings)", code="oidc_off")
    return backend.outside


def invited(backend: Backend, token: str) -> str | None:
    """Returns the name of the account that an invitation is for, None when it has ended."""
    now_s = backend.clock.now().utc_s
    with backend.store.read() as connection:
        found = outside_accounts.invitation(connection, token_hash(token), now_s)
        operator = None
        if found is not None:
            operator = accounts.operator_with_id(connection, found.operator_id)
    return operator.name if operator is not None and not operator.disabled else None


def _take(backend: Backend, token: str, state: str) -> _Kept | None:
    """Returns what was begun, and forgets it: of two answers only one finds it."""
    now_s, hashed = backend.clock.now().utc_s, token_hash(token)
    with backend.store.write() as connection:
        step = operator_sessions.find_step(connection, hashed, now_s)
        if step is None or step.purpose != _PURPOSE:
            return None
        if not operator_sessions.end_step(connection, hashed):
            return None
    kept = _Kept(**json.loads(step.challenge))
    is_its = hmac.compare_digest(state.encode("utf-8", "replace"), kept.state.encode())
    return kept if is_its else None


def _whom(backend: Backend, kept: _Kept, answer: Answer) -> Proven | None:
    """Returns whom the provider vouches for, None where it says that nobody is.

    Raises ProviderError or TokenRefusedError.
    """
    provider = provider_of(backend)
    provider.check_issuer(answer.issuer)
    if answer.error or not answer.code:
        return None
    question = Question(state=kept.state, nonce=kept.nonce, verifier=kept.verifier)
    claims = provider.claims(answer.code, question)
    expected = Expected(
        issuer=provider.settings.issuer,
        client_id=provider.settings.client_id,
        nonce=kept.nonce,
        skew_s=provider.settings.clock_skew_s,
        proved_since_utc_s=kept.begun_utc_s if kept.session else None,
    )
    return proven(claims, expected, backend.clock.now().utc_s)


def _let_in(
    backend: Backend, kept: _Kept, who: Proven, client: str, browser: str
) -> SignedIn | SecondFactorNeeded | SignInRefused | Proved:
    with backend.store.write() as connection:
        if kept.invitation and not _link(connection, backend, kept, who):
            operator = None
        else:
            operator = _linked(connection, who)
    if operator is None:
        reason = SignInRefusal.LINKED_ALREADY if kept.invitation else SignInRefusal.NOT_LINKED
        return _failed(backend, client, reason)
    if operator.disabled:
        return proving.refused(backend, operator, SignInRefusal.DISABLED, client)
    if kept.session:
        return _prove(backend, kept, operator, who, client)
    with backend.store.write() as connection:
        now_s = backend.clock.now().utc_s
        outside_accounts.use(connection, who.issuer, who.subject, now_s)
    if _is_strong(backend, who):
        return sign_in.open_session(backend, operator, Factor.OUTSIDE_STRONG, client, browser)
    if operator.has_second_factor:
        token = sign_in.begin_step(backend, sign_in.SECOND, operator.id, sign_in.AFTER_OUTSIDE)
        return SecondFactorNeeded(token=token)
    return sign_in.open_session(backend, operator, Factor.OUTSIDE, client, browser)


def _linked(connection: sa.Connection, who: Proven) -> Operator | None:
    found = outside_accounts.find(connection, who.issuer, who.subject)
    return None if found is None else accounts.operator_with_id(connection, found.operator_id)


def _link(connection: sa.Connection, backend: Backend, kept: _Kept, who: Proven) -> bool:
    """Uses an invitation up; False when it has ended, or either account is linked already."""
    now = backend.clock.now()
    found = outside_accounts.invitation(connection, bytes.fromhex(kept.invitation), now.utc_s)
    if found is None:
        return False
    operator = accounts.operator_with_id(connection, found.operator_id)
    if operator is None or operator.disabled:
        return False
    if not outside_accounts.end_invitations(connection, operator.id):
        return False
    if (
        outside_accounts.of_operator(connection, operator.id) is not None
        or outside_accounts.find(connection, who.issuer, who.subject) is not None
    ):
        return False
    linked = OutsideAccount(
        issuer=who.issuer,
        subject=who.subject,
        operator_id=operator.id,
        linked_by=found.invited_by,
        linked_at_utc_s=now.utc_s,
        used_at_utc_s=None,
    )
    outside_accounts.add(connection, linked)
    audit.append(
        connection, now.utc_ms, proving.actor_of(operator), "link_outside_account",
        subject=operator.name, detail={"issuer": who.issuer, "invited_by": found.invited_by},
    )  # fmt: skip
    return True


def _prove(
    backend: Backend, kept: _Kept, operator: Operator, who: Proven, client: str
) -> Proved | SignInRefused:
    """Counts as a proof for the session of whom it is; who has a second factor here uses that."""
    with backend.store.read() as connection:
        found = operator_sessions.find_session(connection, bytes.fromhex(kept.session))
    is_theirs = found is not None and found.operator.id == operator.id
    if not is_theirs or (operator.has_second_factor and not _is_strong(backend, who)):
        return _failed(backend, client, SignInRefusal.NOT_ACCEPTED)
    now = backend.clock.now()
    with backend.store.write() as connection:
        operator_sessions.change_session(
            connection, bytes.fromhex(kept.session), proved_at_utc_s=now.utc_s
        )
        audit.append(
            connection, now.utc_ms, proving.actor_of(operator), "prove",
            subject=operator.name, detail={"factor": Factor.OUTSIDE.value},
        )  # fmt: skip
    return Proved()


def _is_strong(backend: Backend, who: Proven) -> bool:
    """Whether the provider vouches for a second factor, and is believed."""
    settings = backend.config.oidc
    is_named = bool(who.methods & set(settings.amr_values)) or who.context in settings.acr_values
    return settings.trust_second_factor and is_named


def _failed(backend: Backend, client: str, reason: SignInRefusal) -> SignInRefused:
    """Counts for the address; which account it would have been is not known."""
    backend.doorstep.address_failed(client, backend.clock.now().utc_s)
    return proving.refused(backend, None, reason, client)
