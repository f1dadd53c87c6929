"""`Idempotency-Key` on POST (draft-ietf-httpapi-idempotency-key-header): asked twice, done once."""

import hashlib
import logging
import re

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_controller.api.deps import terms_of, who
from doorward_controller.api.errors import answer_to
from doorward_controller.api.replaying import read_all, replay
from doorward_controller.errors import ActError, ControllerError, InvalidError, StoreError
from doorward_controller.services import kept_answers
from doorward_controller.services.backend import Backend
from doorward_controller.services.kept_answers import Answer, Claim
from doorward_controller.services.sign_in import token_hash

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_CHARACTERS = 255

WITHOUT = frozenset(
    {
        "/session",  # nobody is there yet whose key it could be
        "/session/proof",
        "/holders/find",
        "/simulate",
        "/policy/rerun",
        "/records/export",  # as long as the records are; it changes nothing
        "/revocations/preview",
        "/roll-out-previews",
    }
)
"""Posts where the key means nothing: signing in, and questions that may be asked again anyway."""

_KEY = re.compile(r'"?([A-Za-z0-9._~:+/=-]{1,255})"?')
_KEPT_HEADERS = frozenset({"content-type", "location", "etag", "cache-control"})
_BOUNDARY = re.compile(rb'boundary="?([^";,]{1,70})"?')

_log = logging.getLogger(__name__)


class BadKeyError(InvalidError):
    """The key is none."""

    code = "bad_idempotency_key"
    status = 400


class Idempotency:
    """Sees to it that a request with a key is done once, and answers it as often as it comes."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        """Wraps `app`."""
        self._app = app
        self._backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets everything pass that is no POST with a key."""
        if scope["type"] != "http" or scope["method"] != "POST" or _path(scope) in WITHOUT:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get(HEADER)
        if given is None:
            await self._app(scope, receive, send)
            return
        try:
            key = key_of(given)
            caller = await run_in_threadpool(self._caller, request)
        except BadKeyError as err:
            await answer_to(err)(scope, receive, send)
            return
        except (ActError, StoreError):
            await self._app(scope, receive, send)  # which refuses it in its own words
            return
        await self._once(request, receive, send, caller, key)

    async def _once(
        self, request: Request, receive: Receive, send: Send, caller: str, key: str
    ) -> None:
        scope, messages = request.scope, await read_all(receive)
        if messages is None:
            return  # the caller has gone, or sends more than is allowed
        try:
            found = await run_in_threadpool(
                kept_answers.claim, self._backend, caller, key, _hash(request, messages)
            )
        except ControllerError as err:
            await answer_to(err)(scope, receive, send)
            return
        if isinstance(found, Answer):
            await _again(found)(scope, receive, send)
            return
        terms_of(request).notes.append(found.note_done)
        heard = _Heard()
        try:
            await self._app(scope, replay(messages, receive), heard)
        finally:
            await run_in_threadpool(self._settle, found, heard)
        for message in heard.messages:
            await send(message)

    def _settle(self, claim: Claim, heard: "_Heard") -> None:
        """Keeps what was answered, or frees the key of what was refused."""
        answer = heard.answer()
        try:
            if answer is not None and 200 <= answer.status < 300:
                kept_answers.keep(self._backend, claim, answer)
            else:
                kept_answers.give_up(self._backend, claim)
        except ControllerError as err:
            # The act itself stands or not; the next attempt finds out which.
            _log.warning("api.answer_not_kept problem=%s", err)

    def _caller(self, request: Request) -> str:
        actor, session = who(request, self._backend)
        if session is not None:
            return f"person:{actor.operator_id}"
        token = request.headers["Authorization"].partition(" ")[2].strip()
        return f"token:{token_hash(token).hex()}"


def key_of(given: str) -> str:
    """Returns the key, which may stand in quotation marks. Raises BadKeyError."""
    found = _KEY.fullmatch(given.strip())
    if found is None:
        raise BadKeyError(
            f"{HEADER} must be 1 to {MAX_KEY_CHARACTERS} letters, digits or ._~:+/=- "
            "(a random UUID does well)"
        )
    return found[1]


class _Heard:
    """Takes an answer in, to be kept before it goes out."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    def answer(self) -> Answer | None:
        """Returns what was answered, None for nothing or half of it."""
        if not self.messages or self.messages[-1].get("more_body", False):
            return None
        head, *rest = self.messages
        pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in
                 head.get("headers", ()))  # fmt: skip
        return Answer(
            status=head["status"],
            headers=tuple(pair for pair in pairs if pair[0].lower() in _KEPT_HEADERS),
            body=b"".join(message.get("body", b"") for message in rest),
        )


def _hash(request: Request, messages: list[Message]) -> bytes:
    """Returns what tells this request from others: address, kind and content.

    The line that parts a form's fields is drawn anew at each attempt and says nothing.
    """
    kind = request.headers.get("content-type", "").encode("latin-1")
    body = b"".join(message.get("body", b"") for message in messages)
    line = _BOUNDARY.search(kind) if kind.startswith(b"multipart/") else None
    if line is not None:
        kind, body = b"multipart", body.replace(line[1], b"")
    told = f"{_path(request.scope)}?{request.url.query}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(b"\n".join((told, kind, hashlib.sha256(body).digest()))).digest()


def _again(answer: Answer) -> Response:
    response = Response(answer.body, status_code=answer.status)
    for name, value in answer.headers:
        response.headers[name] = value
    response.headers[REPLAYED] = "true"
    return response


def _path(scope: Scope) -> str:
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root)
