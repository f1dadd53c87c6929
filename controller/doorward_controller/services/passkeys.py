"""Passkeys (WebAuthn): a key pair in somebody's device, unlocked there by finger, face or PIN.

Because the device has checked its owner, a passkey is both factors at once and needs no name. It
is tied to the console's address: no other site can ask for it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import own_account, proving, sign_in
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.proving import Factor, SignInRefusal, SignInRefused
from doorward_controller.services.sign_in import Session, SignedIn, token_hash
from doorward_controller.services.tokens import MAX_LABEL
from doorward_controller.store import accounts, operator_sessions, second_factors
from doorward_controller.store.accounts import Operator
from doorward_controller.store.operator_sessions import StoredStep
from doorward_controller.store.second_factors import StoredPasskey

MAX_PASSKEYS = 10
_ADD, _PROVE = "add_passkey", "passkey"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """What the browser is asked to do, and the token that its answer must come with."""

    token: str
    options: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the browser says it is: the console's address, and the host to which keys are tied."""

    origins: tuple[str, ...]
    host: str


def place_of(backend: Backend, host_header: str) -> Place:
    """Returns the console's address: as it is set, or else as the browser asked for it.

    A browser lets no page ask for another host's keys, and only over TLS or on this machine.
    """
    set_up = backend.config.http.origin
    if set_up:
        return Place(origins=(set_up,), host=urlsplit(set_up).hostname or "")
    host = urlsplit(f"//{host_header}").hostname or ""
    return Place(origins=(f"https://{host_header}", f"http://{host_header}"), host=host)


def begin_adding(backend: Backend, session: Session, place: Place) -> Ceremony:
    """Returns what the browser needs to make a passkey. Raises ConflictError at the limit."""
    own = session.actor.operator_id
    if own is None:
        raise NotFoundError("the program itself has no account", code="no_account")
    with backend.store.read() as connection:
        known = second_factors.passkeys_of(connection, own)
    if len(known) >= MAX_PASSKEYS:
        raise ConflictError(f"there are {MAX_PASSKEYS} passkeys already", code="too_many_passkeys")
    options = webauthn.generate_registration_options(
        rp_id=place.host,
        rp_name=f"Doorward {backend.config.site}",
        user_name=session.actor.name,
        user_id=backend.keys.blind("passkey", str(own)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=k.credential_id) for k in known],
    )
    return Ceremony(
        token=sign_in.begin_step(backend, _ADD, own, options.challenge),
        options=json.loads(webauthn.options_to_json(options)),
    )


def finish_adding(
    backend: Backend, session: Session, place: Place, *, token: str, answer: Json, label: str
) -> Sequence[str]:
    """Keeps a new passkey; other sessions end.

    Returns:
        New recovery codes, shown this once, when there were none before.

    Raises:
        ConflictError: it was begun too long ago.
        InvalidError: the label or the browser's answer is not allowed.
    """
    step = _take_step(backend, token, _ADD)
    if step is None or step.operator_id != session.actor.operator_id:
        raise ConflictError("this began too long ago; begin again", code="step_over")
    with act(
        backend, session.actor, Action.OWN_ACCOUNT, name="add_passkey", subject=session.actor.name
    ) as doing:
        if not (0 < len(label.strip()) <= MAX_LABEL and label.isprintable()):
            raise InvalidError(f"the label must have 1 to {MAX_LABEL} characters", code="bad_label")
        try:
            made = webauthn.verify_registration_response(
                credential=dict(answer),
                expected_challenge=step.challenge,
                expected_rp_id=place.host,
                expected_origin=list(place.origins),
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as err:
            raise InvalidError("the browser's answer does not hold", code="bad_passkey") from err
        operator = accounts.find_operator(doing.connection, session.actor.name)
        if operator is None or second_factors.find_passkey(doing.connection, made.credential_id):
            raise ConflictError("this passkey is known already", code="passkey_known")
        second_factors.add_passkey(
            doing.connection,
            StoredPasskey(
                credential_id=made.credential_id,
                operator_id=operator.id,
                label=label.strip(),
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                created_at_utc_s=doing.now.utc_s,
                used_at_utc_s=None,
            ),
        )
        doing.detail["label"] = label.strip()
        codes = own_account.after_new_factor(doing, session, operator)
    sign_in.note_proof(backend, session, Factor.PASSKEY)
    return codes


def remove(backend: Backend, session: Session, handle: str) -> None:
    """Forgets one of one's own passkeys. Raises NotFoundError or ConflictError."""
    with act(
        backend, session.actor, Action.OWN_ACCOUNT,
        name="remove_passkey", subject=session.actor.name,
    ) as doing:  # fmt: skip
        operator = accounts.find_operator(doing.connection, session.actor.name)
        known = second_factors.passkeys_of(doing.connection, operator.id) if operator else ()
        found = next((k for k in known if handle_of(k.credential_id) == handle), None)
        if operator is None or found is None:
            raise NotFoundError("there is no such passkey, or no longer", code="no_passkey")
        is_another_left = operator.totp_sealed is not None or len(known) > 1
        own_account.check_may_do_without(backend, operator, is_another_left=is_another_left)
        second_factors.remove_passkeys(doing.connection, operator.id, found.credential_id)
        if not is_another_left:
            second_factors.replace_recovery_codes(doing.connection, operator.id, ())
        doing.detail["label"] = found.label


def begin_proving(backend: Backend, place: Place) -> Ceremony:
    """Returns what the browser needs to sign with whichever passkey its owner chooses."""
    options = webauthn.generate_authentication_options(
        rp_id=place.host, user_verification=UserVerificationRequirement.REQUIRED
    )
    return Ceremony(
        token=sign_in.begin_step(backend, _PROVE, None, options.challenge),
        options=json.loads(webauthn.options_to_json(options)),
    )


def sign_in_with(
    backend: Backend, place: Place, *, token: str, answer: Json, client: str, browser: str = ""
) -> SignedIn | SignInRefused:
    """Opens a session by a passkey. An account that is locked by wrong passwords opens too."""
    now_s = backend.clock.now().utc_s
    waits = backend.doorstep.address_locked_until_s(client, now_s)
    if waits:
        return SignInRefused(reason=SignInRefusal.ADDRESS_LOCKED, retry_at_utc_s=waits)
    operator = _prove(backend, place, token, answer)
    if operator is None:
        backend.doorstep.address_failed(client, now_s)
        return proving.refused(backend, None, SignInRefusal.WRONG, client)
    if operator.disabled:
        return proving.refused(backend, operator, SignInRefusal.DISABLED, client)
    return sign_in.open_session(backend, operator, Factor.PASSKEY, client, browser)


def confirm_with(
    backend: Backend, session: Session, place: Place, *, token: str, answer: Json
) -> bool:
    """Has a session's operator prove again who they are; False when it is somebody else's key."""
    operator = _prove(backend, place, token, answer)
    if operator is None or operator.id != session.actor.operator_id:
        return False
    sign_in.note_proof(backend, session, Factor.PASSKEY)
    return True


def handle_of(credential_id: bytes) -> str:
    """Returns by what a passkey is named on a page."""
    return token_hash(credential_id.hex()).hex()[:16]


def _prove(backend: Backend, place: Place, token: str, answer: Json) -> Operator | None:
    """Returns whose passkey has signed our challenge; a challenge is good for one answer."""
    step = _take_step(backend, token, _PROVE)
    if step is None:
        return None
    try:
        credential_id = base64url_to_bytes(str(answer.get("id", "")))
    except ValueError:
        return None
    with backend.store.read() as connection:
        passkey = second_factors.find_passkey(connection, credential_id)
        operator = accounts.operator_with_id(connection, passkey.operator_id) if passkey else None
    if passkey is None or operator is None:
        return None
    try:
        proved = webauthn.verify_authentication_response(
            credential=dict(answer),
            expected_challenge=step.challenge,
            expected_rp_id=place.host,
            expected_origin=list(place.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    now_s = backend.clock.now().utc_s
    with backend.store.write() as connection:
        second_factors.use_passkey(connection, credential_id, proved.new_sign_count, now_s)
    return operator


def _take_step(backend: Backend, token: str, purpose: str) -> StoredStep | None:
    now_s = backend.clock.now().utc_s
    hashed = token_hash(token)
    with backend.store.write() as connection:
        step = operator_sessions.find_step(connection, hashed, now_s)
        if step is None or step.purpose != purpose:
            return None
        return step if operator_sessions.end_step(connection, hashed) else None
