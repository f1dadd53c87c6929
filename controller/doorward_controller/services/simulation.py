"""Would this credential get in, there, then? The gateway's own function answers."""

from dataclasses import dataclass

from doorward.credential import Credential, Form, Refusal, Statement
from doorward.decision import Grant, Presentation, Rules, decide
from doorward.envelope import parse_envelope
from doorward.errors import BadIdError
from doorward.foreign import ForeignClaim
from doorward.ids import CredentialId, KeyId, PortalId, parse_credential_id
from doorward.keys import Keyring
from doorward.policy import Policy
from doorward.presence_port import NothingSeen
from doorward.reasons import Reason
from doorward.status import StatusList, with_changes
from doorward.sticker import StickerClaim
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import provisioning
from doorward_controller.services.acting import check_read
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials, policies
from doorward_controller.store.credentials import StoredCredential


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate would say, and on what it would rest."""

    outcome: str
    reason: Reason
    rule: str
    basis: str
    policy_version: int
    policy_age_s: int | None


def would_grant(
    backend: Backend, actor: Actor, *, credential_id: str, portal: str, at_utc_s: int
) -> Verdict:
    """Decides by the newest released policy and status, as a gateway that has both would.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    check_read(backend, actor, Action.SIMULATE, credential_id[:16])
    keyring = provisioning.current_keyring(backend)
    credential, rules = _load(backend, credential_id)
    at = Instant(utc_ms=UtcMs(at_utc_s * 1000), mono_ms=MonoMs(0), trust=ClockTrust.SYNCHRONISED)
    shown = _presentation(credential, keyring)
    decision = decide(shown, PortalId(portal), rules, NothingSeen(), at)
    return Verdict(
        outcome="grant" if isinstance(decision, Grant) else "deny",
        reason=decision.reason,
        rule=decision.grounds.rule,
        basis=decision.grounds.basis.value,
        policy_version=decision.grounds.policy_version,
        policy_age_s=decision.grounds.policy_age_s,
    )


def _load(backend: Backend, credential_id: str) -> tuple[StoredCredential, Rules]:
    try:
        id_ = parse_credential_id(credential_id)
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_credential_id") from err
    site = backend.config.site
    with backend.store.read() as connection:
        found = credentials.find(connection, [id_])
        bundle = policies.newest_bundle(connection, site)
        full_wire, _ = credentials.list_wires(connection, site)
        changed = credentials.not_valid(connection)
    if not found:
        raise NotFoundError(f"there is no credential {credential_id}", code="no_credential")
    if bundle is None:
        raise ConflictError("no policy was released yet", code="no_policy")
    full = StatusList.from_body(parse_envelope(full_wire).body)
    status = StatusList(
        site=full.site,
        seq=full.seq,
        issued_at=backend.clock.now().utc_s,
        size=full.size,
        bits=with_changes(bytes(len(full.bits)), full.size, changed),
    )
    policy = Policy.from_body(parse_envelope(bundle.wire).body)
    return found[0], Rules(policy=policy, status=status)


def _presentation(credential: StoredCredential, keyring: Keyring) -> Presentation:
    if credential.form is Form.FOREIGN and credential.sticker_hash is not None:
        return ForeignClaim((credential.sticker_hash,))
    if credential.sticker_hash is not None:
        return StickerClaim(credential.sticker_hash)
    key = keyring.find(KeyId(credential.key_id))
    if key is None:
        raise ConflictError("the key that issued it is in no keyring", code="key_unknown")
    if key.revoked:
        return Refusal(Reason.KEY_REVOKED)
    statement = Statement(
        key_id=KeyId(credential.key_id),
        credential_id=CredentialId(credential.id),
        status_index=credential.status_index,
        not_before=credential.not_before,
        expires=credential.expires,
        credential_class=credential.credential_class,
    )
    return Credential(statement=statement, form=Form(credential.form), key=key)
