"""The same request twice is done once: its answer is kept for a day under the caller's key.

Before anything is done, the key is claimed in a transaction of its own. The act notes in *its*
transaction that it was done, and thereafter the answer is sealed and kept. So whatever crashes
where, a repetition finds one of three: nothing was done (and does it), it was done and here is the
answer, or it was done and the answer is lost, which is said. An attempt that was overtaken because
nothing was heard of it for `LEASE_S` cannot commit any more: it is no longer its turn.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.errors import ConflictError, InvalidError
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import seal, unseal
from doorward_controller.store import kept_answers
from doorward_controller.store.kept_answers import KeptState, StoredAnswer

KEEP_S = 24 * 3600
LEASE_S = 60
"""Longer than any act takes; who asks again sooner is told to wait."""

MAX_ANSWER_BYTES = 256 * 1024
_CONTEXT = b"doorward/1/answer\x00"


class InProgressError(ConflictError):
    """The same request is being done now."""

    code = "request_in_progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered: status, the header fields that belong to the body, and the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right of one attempt to do what a request asks for."""

    id: bytes
    turn: bytes

    def note_done(self, connection: sa.Connection) -> None:
        """Notes in the act's own transaction that it was done.

        Raises:
            ConflictError: another attempt has taken over; this one must not commit.
        """
        if not kept_answers.change(connection, self.id, self.turn, state=KeptState.DONE.value):
            raise ConflictError("another attempt has taken this request over", code="overtaken")


def claim(backend: Backend, caller: str, key: str, request_hash: bytes) -> Claim | Answer:
    """Returns the right to do what is asked for, or the answer that was given before.

    Args:
        backend: the controller's parts.
        caller: names who asks; another caller's keys are other keys.
        key: what the caller calls the request.
        request_hash: of everything that is asked for.

    Raises:
        InvalidError: the key belongs to another request.
        InProgressError: the same request is being done now.
        ConflictError: it was done, and its answer is lost.
    """
    now_utc_s = backend.clock.now().utc_s
    wanted = StoredAnswer(
        id=hashlib.sha256(f"{caller}\0{key}".encode()).digest(),
        request_hash=request_hash,
        state=KeptState.BEGUN,
        turn=secrets.token_bytes(16),
        lease_until_utc_s=now_utc_s + LEASE_S,
        expires_at_utc_s=now_utc_s + KEEP_S,
    )
    mine = Claim(id=wanted.id, turn=wanted.turn)
    with backend.store.write() as connection:
        if kept_answers.add(connection, wanted):
            return mine
        found = kept_answers.find(connection, wanted.id, lock=True)
        if found is None:  # given up by the attempt that was quicker, a moment ago
            raise InProgressError("the same request was tried a moment ago; try again")
        if _is_free(found, now_utc_s):
            values = {name: getattr(wanted, name) for name in StoredAnswer.__dataclass_fields__}
            kept_answers.change(connection, found.id, found.turn, **values)
            return mine
    return _known(backend, found, request_hash, now_utc_s)


def keep(backend: Backend, claimed: Claim, answer: Answer) -> None:
    """Keeps the answer of a request that was done; a very long one only as lost."""
    values: dict[str, object] = {"state": KeptState.DONE.value}
    if len(answer.body) <= MAX_ANSWER_BYTES:
        head = json.dumps(answer.headers).encode()
        plain = len(head).to_bytes(4) + head + answer.body
        sealed = seal(backend.keys.answers, plain, _CONTEXT + claimed.id)
        values = {"state": KeptState.ANSWERED.value, "status": answer.status, "sealed": sealed}
    with backend.store.write() as connection:
        kept_answers.change(connection, claimed.id, claimed.turn, **values)


def give_up(backend: Backend, claimed: Claim) -> None:
    """Frees the key of a request that was refused: nothing was done, so it may be asked again."""
    with backend.store.write() as connection:
        kept_answers.give_up(connection, claimed.id, claimed.turn)


def purge(backend: Backend) -> int:
    """Forgets what is older than a day; returns how many."""
    with backend.store.write() as connection:
        return kept_answers.purge(connection, backend.clock.now().utc_s)


def _is_free(found: StoredAnswer, now_utc_s: int) -> bool:
    """Whether a key can be claimed anew: its day is over, or its attempt came to nothing."""
    if found.expires_at_utc_s <= now_utc_s:
        return True
    return found.state is KeptState.BEGUN and found.lease_until_utc_s <= now_utc_s


def _known(backend: Backend, found: StoredAnswer, request_hash: bytes, now_utc_s: int) -> Answer:
    if found.request_hash != request_hash:
        raise InvalidError("the key was used for another request", code="key_reused")
    if found.state is KeptState.ANSWERED and found.sealed is not None and found.status is not None:
        plain = unseal(backend.keys.answers, found.sealed, _CONTEXT + found.id)
        size = int.from_bytes(plain[:4])
        headers = tuple((str(k), str(v)) for k, v in json.loads(plain[4 : 4 + size]))
        return Answer(status=found.status, headers=headers, body=plain[4 + size :])
    if found.state is KeptState.BEGUN or found.lease_until_utc_s > now_utc_s:
        raise InProgressError("the same request is being done now; ask again in some seconds")
    raise ConflictError(
        "the request was done, and its answer is lost; look at what it was to make or change",
        code="answer_lost",
    )
