"""Whose code was shown, and what roster or class give to it (steps 3, 5 and 9 of `decide`)."""

from dataclasses import dataclass

from doorward.credential import (
    SLOT_TOLERANCE,
    Credential,
    CredentialClass,
    Form,
    slot_of,
)
from doorward.foreign import ForeignClaim
from doorward.ids import CredentialId
from doorward.policy import Policy, PortalRule, Unlisted
from doorward.reasons import Reason
from doorward.sticker import StickerClaim
from doorward.verdict import Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A credential in whichever form it came."""

    credential_id: CredentialId
    credential_class: CredentialClass | None
    form: Form
    status_index: int
    authentic: Credential | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the roster, or a class, gives to a subject.

    Attributes:
        held: until when each qualification holds.
        holder_id: under which credential presence of the person is kept.
        until: first second in which the credential no longer counts.
    """

    basis: Basis
    groups: tuple[int, ...]
    held: dict[int, int]
    holder_id: CredentialId
    until: int


def identify(
    presentation: Credential | StickerClaim | ForeignClaim, policy: Policy
) -> Subject | None:
    """Returns whose code it is, or None for a sticker or foreign code that leads nowhere."""
    if isinstance(presentation, Credential):
        statement = presentation.statement
        return Subject(
            credential_id=statement.credential_id,
            credential_class=statement.credential_class,
            form=presentation.form,
            status_index=statement.status_index,
            authentic=presentation,
        )
    if isinstance(presentation, ForeignClaim):
        found = map(policy.roster.find_sticker, presentation.digests)
        row, form = next(filter(None, found), None), Form.FOREIGN
    else:
        row, form = policy.roster.find_sticker(presentation.digest), Form.STICKER
    if row is None:
        return None
    return Subject(
        credential_id=row.credential_id,
        credential_class=None,
        form=form,
        status_index=row.status_index,
        authentic=None,
    )


def untimely(credential: Credential, now_utc_s: int) -> Reason | None:
    """Returns what is wrong with the credential's own times, or None where nothing is."""
    if not credential.key.is_in_window(now_utc_s):
        return Reason.KEY_OUTSIDE_WINDOW
    if now_utc_s < credential.statement.not_before:
        return Reason.NOT_YET_VALID
    if now_utc_s >= credential.statement.expires:
        return Reason.EXPIRED
    if credential.slot is not None and abs(slot_of(now_utc_s) - credential.slot) > SLOT_TOLERANCE:
        return Reason.SLOT_STALE
    return None


def rights_of(
    subject: Subject, policy: Policy, rule: PortalRule, now_utc_s: int | None
) -> Rights | tuple[Reason, Basis]:
    """Returns what the subject brings, or why it does not count.

    Where the clock cannot be believed (`now_utc_s` is None) spans are not looked at.

    Raises:
        MalformedError: the roster points at something that is not a profile.
    """
    profile = policy.roster.find(subject.credential_id)
    authentic = subject.authentic
    if profile is None:
        class_ = subject.credential_class
        if rule.unlisted is Unlisted.DENY or class_ is None or authentic is None:
            return Reason.NOT_LISTED, Basis.NONE
        return Rights(
            basis=Basis.SIGNATURE_ONLY,
            groups=policy.classes.get(class_, ()),
            held={},
            holder_id=subject.credential_id,
            until=authentic.statement.expires,
        )
    if now_utc_s is not None and now_utc_s < profile.not_before:
        return Reason.NOT_YET_VALID, Basis.SNAPSHOT
    if now_utc_s is not None and now_utc_s >= profile.not_after:
        return Reason.EXPIRED, Basis.SNAPSHOT
    ends = (profile.not_after, *([authentic.statement.expires] if authentic else ()))
    return Rights(
        basis=Basis.SNAPSHOT,
        groups=profile.groups,
        held=dict(profile.qualifications),
        holder_id=profile.holder or subject.credential_id,
        until=min(ends),
    )
