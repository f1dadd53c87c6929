"""No request holds a text that a database cannot keep: NUL, or half of a character."""

import json
import re
from collections.abc import Iterator
from typing import Any

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from doorward_controller.api.errors import problem
from doorward_controller.api.replaying import read_all, replay

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]")
"""What JSON needs to say such a thing; only a body that has it is looked into."""


class PlainTexts:
    """Answers 422 before anything is done, the same on every database."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Looks at the address, and at a body of JSON."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_bad = not all(map(is_plain, _of_address(scope)))
        if not is_bad and _has_json(scope):
            messages = await read_all(receive)
            if messages is None:
                return  # the caller has gone
            is_bad = _is_bad(b"".join(message.get("body", b"") for message in messages))
            receive = replay(messages, receive)
        if is_bad:
            answer = problem(422, "bad_text", "a text holds NUL, or half of a character")
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_plain(text: str) -> bool:
    """Whether every database can keep a text."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _of_address(scope: Scope) -> Iterator[str]:
    yield str(scope["path"])
    for pair in QueryParams(scope.get("query_string", b"")).multi_items():
        yield from pair


def _has_json(scope: Scope) -> bool:
    kind = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
    return bool(kind == b"application/json" or kind.endswith(b"+json"))


def _is_bad(body: bytes) -> bool:
    if _SUSPECT.search(body) is None:
        return False
    try:
        return not all(map(is_plain, _texts(json.loads(body))))
    except (ValueError, RecursionError):
        return False  # no JSON, which is said in its own words


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  # whatever JSON holds
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)
