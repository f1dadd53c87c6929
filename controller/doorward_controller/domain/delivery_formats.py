"""What is sent to receivers of alerts: bodies, and the signatures that each kind asks for (pure).

Webhooks are signed as Standard Webhooks says; the robots of WeCom and DingTalk take the JSON that
their makers document, DingTalk's with a signed timestamp in the address.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

SECRET_PREFIX = "whsec_"  # noqa: S105  # what such secrets begin with
LEAST_SECRET_BYTES = 24
MOST_SECRET_BYTES = 64
WECOM_BYTES = 2048
"""More text than this the robot refuses."""

JSON_TYPE = "application/json; charset=utf-8"


class ReceiverKind(StrEnum):
    """How a receiver is reached."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    WECOM = "wecom"
    DINGTALK = "dingtalk"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """What a receiver is told; nothing personal, and of a discreet alert nothing but that it is.

    Attributes:
        id: the same for every attempt, so that a receiver can drop a second copy.
        about: `opened`, `escalated`, `worse`, `resolved`, `test`.
        title: one line in the receiver's language.
        lines: what stands below it.
        data: the same for programs.
    """

    id: str
    about: str
    at_utc_ms: int
    title: str
    lines: tuple[str, ...]
    data: Mapping[str, str | int | None]

    @property
    def text(self) -> str:
        """The whole as plain text."""
        return "\n".join([self.title, *self.lines])


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequest:
    """What is posted where."""

    url: str
    body: bytes
    headers: Mapping[str, str]


def secret_bytes(secret: str) -> bytes:
    """Returns the key of a `whsec_` secret. Raises ValueError."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"the secret must begin with {SECRET_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as err:
        raise ValueError("the secret is not Base64") from err
    if not LEAST_SECRET_BYTES <= len(key) <= MOST_SECRET_BYTES:
        raise ValueError(
            f"the secret has {len(key)} bytes, must be {LEAST_SECRET_BYTES} to {MOST_SECRET_BYTES}"
        )
    return key


def signature(key: bytes, message_id: str, at_s: int, body: bytes) -> str:
    """Returns the `webhook-signature` of a message."""
    signed = hmac.digest(key, f"{message_id}.{at_s}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def webhook(url: str, secret: str, message: AlertMessage, now_s: int) -> WebRequest:
    """Returns a request as Standard Webhooks says. Raises ValueError for a secret that is none."""
    told = HookMessage(
        id=message.id,
        type=f"alert.{message.about}",
        at_utc_ms=message.at_utc_ms,
        data={"title": message.title, **message.data},
    )
    return signed_webhook(url, [secret], told, now_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookMessage:
    """What a program is told.

    Attributes:
        id: the same for every attempt, so that a receiver can drop a second copy.
        data: ids, no persons.
    """

    id: str
    type: str
    at_utc_ms: int
    data: Mapping[str, object]


def signed_webhook(
    url: str, secrets: Sequence[str], message: HookMessage, now_s: int
) -> WebRequest:
    """Returns a request as Standard Webhooks says, signed with each secret that counts now.

    Raises ValueError for a secret that is none.
    """
    told_at = datetime.fromtimestamp(message.at_utc_ms / 1000, UTC)
    body = json.dumps(
        {
            "type": message.type,
            "timestamp": told_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": dict(message.data),
        },
        ensure_ascii=False,
    ).encode()
    signatures = (signature(secret_bytes(each), message.id, now_s, body) for each in secrets)
    headers = {
        "Content-Type": JSON_TYPE,
        "webhook-id": message.id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": " ".join(signatures),
    }
    return WebRequest(url=url, body=body, headers=headers)


def wecom(url: str, message: AlertMessage) -> WebRequest:
    """Returns a request to a WeCom group robot; a text that is too long for it is cut."""
    return WebRequest(
        url=url, body=_robot(_cut(message.text, WECOM_BYTES)), headers={"Content-Type": JSON_TYPE}
    )


def dingtalk(url: str, secret: str, message: AlertMessage, now_ms: int) -> WebRequest:
    """Returns a request to a DingTalk group robot; without a secret it is not signed."""
    target = url
    if secret:
        signed = hmac.digest(secret.encode(), f"{now_ms}\n{secret}".encode(), hashlib.sha256)
        sign = quote(base64.b64encode(signed).decode(), safe="")
        target = f"{url}{'&' if '?' in url else '?'}timestamp={now_ms}&sign={sign}"
    return WebRequest(url=target, body=_robot(message.text), headers={"Content-Type": JSON_TYPE})


def robot_refusal(answer: str) -> str:
    """Returns why a robot refused, empty when it took the message.

    Both answer 200 with an error code of their own.
    """
    try:
        said = json.loads(answer)
        code = int(said.get("errcode", 0))
    except (ValueError, TypeError, AttributeError):
        return "the answer is not a robot's"
    return "" if code == 0 else f"errcode {code}: {str(said.get('errmsg', ''))[:100]}"


def _robot(text: str) -> bytes:
    return json.dumps({"msgtype": "text", "text": {"content": text}}, ensure_ascii=False).encode()


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")
