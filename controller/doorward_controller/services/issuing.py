"""Issuing: the one place where credential ids and sticker numbers are drawn."""

import json
import secrets
from dataclasses import dataclass

from doorward.credential import CredentialClass, Form, Statement, issue_badge, issue_pass
from doorward.envelope import Signer
from doorward.errors import BadIdError
from doorward.foreign import Family
from doorward.ids import CredentialId, parse_credential_id
from doorward.status import Status
from doorward.sticker import NUMBER_BYTES, make_sticker, sticker_digest
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import foreign_codes, rules, signing, status_publishing
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import seal, unseal
from doorward_controller.store import credentials, directory, holders
from doorward_controller.store.credentials import ListState, StoredCredential

MAX_VALIDITY_S = 366 * 86_400
"""One year, as the rules on codes demand; a longer need is a renewal."""

MAX_PURPOSE_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignNumber:
    """A number that somebody else printed, as it stands on the card."""

    text: str
    family: Family = Family.LINES


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """What is asked for.

    Attributes:
        not_before, expires: first second in which it counts, and no longer counts.
        holder_id: whom it stands for, or None (a thing, an event's anonymous badge).
        groups: in addition to those of the holder.
        holder_key: compressed P-256 point of the holder's device; for `Form.PASS` only.
        foreign: the number that is linked; for `Form.FOREIGN` only.
    """

    credential_class: CredentialClass
    form: Form
    not_before: int
    expires: int
    holder_id: str | None = None
    groups: tuple[str, ...] = ()
    purpose: str = ""
    holder_key: bytes | None = None
    foreign: ForeignNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What was made.

    Attributes:
        text: what the code holds; empty for a pass, whose code the holder's device draws, and for a
            linked number, which stands on its card already.
        pass_grant: the issuer's part of a pass, which the holder's device keeps.
    """

    credential_id: str
    form: Form
    text: str
    status_index: int
    pass_grant: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    text: str
    kept: bytes
    sticker_hash: bytes | None = None


def issue(backend: Backend, actor: Actor, request: IssueRequest) -> Issued:
    """Issues one credential. Raises ForbiddenError, InvalidError or NotFoundError."""
    credential_id = CredentialId(secrets.token_bytes(8))
    book = rules.current(backend)
    with act(backend, actor, Action.ISSUE, subject=credential_id.hex()) as doing:
        _check(doing, request, book)
        state = credentials.lock_list(doing.connection, backend.config.site)
        _check_still_here(doing, request.holder_id)
        # With the list locked: a key that is withdrawn at this moment signs nothing more.
        signer = signing.signer(backend, KeyUse.ISSUE, doing.connection)
        statement = Statement(
            key_id=signer.key_id,
            credential_id=credential_id,
            status_index=state.next_index,
            not_before=request.not_before,
            expires=request.expires,
            credential_class=request.credential_class,
        )
        code = _code(backend, doing, request, statement, signer)
        is_grown = _take_index(backend, doing, state)
        credentials.add(
            doing.connection, _row(backend, actor, request, statement, code, doing.now.utc_s)
        )
        doing.detail.update(form=request.form.value, holder=request.holder_id)
    if is_grown:
        status_publishing.publish(backend)
    return Issued(
        credential_id=credential_id.hex(),
        form=request.form,
        text=code.text,
        status_index=statement.status_index,
        pass_grant=code.kept if request.form is Form.PASS else None,
    )


def code_text(backend: Backend, actor: Actor, credential_id: str) -> str:
    """Returns what a badge's or sticker's code holds, to show or print it again.

    A linked number is kept, so that its hash can be made anew, and never shown.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    with act(backend, actor, Action.ISSUE, name="show_code", subject=credential_id[:16]) as doing:
        try:
            id_ = parse_credential_id(credential_id)
        except BadIdError as err:
            raise InvalidError(str(err), code="bad_credential_id") from err
        found = credentials.find(doing.connection, [id_])
        if not found:
            raise NotFoundError(f"there is no credential {credential_id}", code="no_credential")
        if found[0].form is Form.PASS:
            raise ConflictError(
                "a pass has no printed code; its holder's device draws it", code="pass_has_no_code"
            )
        if found[0].form is Form.FOREIGN:
            raise ConflictError(
                "a linked number stands on its own card", code="foreign_has_no_code"
            )
        return unseal(backend.keys.codes, found[0].sealed_code, id_).decode()


def _check_still_here(doing: Act, holder_id: str | None) -> None:
    """Call it with the list locked: whoever leaves at this moment is seen, or sees the new code."""
    if holder_id is not None and directory.has_left(doing.connection, holder_id):
        raise ConflictError(
            f"holder {holder_id} has left, as the directory says", code="holder_left"
        )


def _check(doing: Act, request: IssueRequest, book: RuleBook) -> None:
    span_s = request.expires - request.not_before
    if not 0 < span_s <= MAX_VALIDITY_S:
        raise InvalidError(
            f"validity is {span_s} s, must be 1 to {MAX_VALIDITY_S} (366 days)", code="bad_validity"
        )
    if request.expires <= doing.now.utc_s:
        raise InvalidError("the credential would have expired already", code="bad_validity")
    if (request.form is Form.PASS) != (request.holder_key is not None):
        raise InvalidError("a holder's key belongs to a pass and to nothing else")
    if (request.form is Form.FOREIGN) != (request.foreign is not None):
        raise InvalidError("a number belongs to a linked card and to nothing else")
    if len(request.purpose) > MAX_PURPOSE_CHARACTERS:
        raise InvalidError(
            f"the purpose has {len(request.purpose)} characters, at most {MAX_PURPOSE_CHARACTERS}"
        )
    unknown = set(request.groups) - set(book.groups)
    if unknown:
        raise InvalidError(f"group {min(unknown)!r} is not in the rule book", code="no_group")
    if request.holder_id is not None:
        holder = holders.find(doing.connection, [request.holder_id]).get(request.holder_id)
        if holder is None or holder.erased_at_utc_s is not None:
            raise NotFoundError(f"there is no holder {request.holder_id[:40]!r}", code="no_holder")


def _code(
    backend: Backend, doing: Act, request: IssueRequest, statement: Statement, signer: Signer
) -> _Code:
    if request.foreign is not None:
        text, family = request.foreign.text, request.foreign.family
        digest = foreign_codes.link(backend, doing, text, family)
        return _Code(text="", kept=text.encode(), sticker_hash=digest)
    if request.form is Form.STICKER:
        return _draw_sticker()
    if request.form is Form.BADGE:
        text = issue_badge(statement, signer)
        return _Code(text=text, kept=text.encode())
    try:
        grant = issue_pass(statement, request.holder_key or b"", signer)
    except ValueError as err:
        raise InvalidError(f"the holder's key is not a compressed P-256 point: {err}") from err
    return _Code(text="", kept=grant)


def _draw_sticker() -> _Code:
    while True:
        number = secrets.token_bytes(NUMBER_BYTES)
        text = make_sticker(number)
        if text is not None:
            return _Code(text=text, kept=text.encode(), sticker_hash=sticker_digest(number))


def _take_index(backend: Backend, doing: Act, state: ListState) -> bool:
    """Takes the next place in the status list; True when the list had to grow for it."""
    site = backend.config.site
    credentials.change_list(doing.connection, site, next_index=state.next_index + 1)
    if not status_publishing.is_nearly_full(state):
        return False
    status_publishing.advance(backend, doing.connection, state, (), doing.now.utc_s)
    return True


def _row(
    backend: Backend,
    actor: Actor,
    request: IssueRequest,
    statement: Statement,
    code: _Code,
    now_utc_s: int,
) -> StoredCredential:
    return StoredCredential(
        id=statement.credential_id,
        holder_id=request.holder_id,
        credential_class=request.credential_class,
        form=request.form,
        status_index=statement.status_index,
        status=Status.VALID,
        not_before=request.not_before,
        expires=request.expires,
        groups_json=json.dumps(list(request.groups)),
        purpose=request.purpose,
        issued_at_utc_s=now_utc_s,
        issued_by=actor.name,
        key_id=statement.key_id,
        sealed_code=seal(backend.keys.codes, code.kept, statement.credential_id),
        sticker_hash=code.sticker_hash,
    )
