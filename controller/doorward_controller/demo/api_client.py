"""A client of the controller's JSON API, as an integrator would write one."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

from doorward.errors import DoorwardError

ANSWER_S = 15.0


class ApiError(DoorwardError):
    """The controller is not there, or refuses.

    Attributes:
        status: the HTTP status; 0 when there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ApiClient:
    """Speaks to one controller with a bearer token."""

    def __init__(self, host: str, port: int, token: str = "") -> None:
        self._host = host
        self._port = port
        self._token = token

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 (JSON)
        """Returns the JSON answer. Raises ApiError."""
        given = {key: value for key, value in query.items() if value is not None}
        return self._ask("GET", f"{path}?{urlencode(given)}" if given else path, None)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 (JSON)
        """Returns the JSON answer, None when it is empty. Raises ApiError."""
        return self._ask("POST", path, body or {})

    def is_ready(self) -> bool:
        """Says whether the controller serves and its database answers."""
        try:
            self._ask("GET", "/health/ready", None)
        except ApiError:
            return False
        return True

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:  # noqa: ANN401
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = HTTPConnection(self._host, self._port, timeout=ANSWER_S)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, body=payload, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as err:
            raise ApiError(f"{method} {path}: no answer: {err}") from err
        finally:
            connection.close()
        return _decoded(method, path, answer.status, content)


def _decoded(method: str, path: str, status: int, content: bytes) -> Any:  # noqa: ANN401 (JSON)
    text = content.decode(errors="replace")
    if status >= 400:
        raise ApiError(f"{method} {path}: {status}: {text[:300]}", status)
    try:
        return json.loads(text) if text and text[0] in "[{" else None
    except ValueError as err:
        raise ApiError(f"{method} {path}: not JSON: {text[:100]}", status) from err
