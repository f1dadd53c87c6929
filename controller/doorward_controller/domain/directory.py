"""What a directory of people says of one person, and what Doorward keeps of it (pure).

The document is the JSON of a SCIM user (RFC 7643), already narrowed to the attributes that are
kept. What stands on a badge's page comes from it: a name, how to reach the person, a number.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doorward_controller.errors import InvalidError

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MAX_DOCUMENT_BYTES = 16_384
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a document comes to.

    Attributes:
        user_name: by which the directory knows the person; unique, upper and lower case alike.
        external_id: the directory's own number of the person, empty where it sends none.
        active: whether the person is still there; None where the document does not say.
        identity: the employee's number.
    """

    user_name: str
    external_id: str
    active: bool | None
    name: str
    contact: str
    identity: str


def read(document: Document) -> Said:
    """Returns what a document says. Raises InvalidError for one without a user name."""
    user_name = _text(document, "userName")
    if not user_name:
        raise InvalidError("userName is missing", code="user_name_missing")
    return Said(
        user_name=user_name,
        external_id=_text(document, "externalId"),
        active=document.get("active"),
        name=_name(document) or user_name,
        contact=_first(document, "emails") or _first(document, "phoneNumbers"),
        identity=_text(document.get(ENTERPRISE) or {}, "employeeNumber"),
    )


def packed(document: Document) -> bytes:
    """Returns a document as it is kept. Raises InvalidError for one that is too long."""
    wire = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    if len(wire) > MAX_DOCUMENT_BYTES:
        raise InvalidError(
            f"the person has {len(wire)} bytes, at most {MAX_DOCUMENT_BYTES}", code="too_long"
        )
    return wire


def unpacked(wire: bytes) -> dict[str, Any]:
    """Returns a document that was kept."""
    document: dict[str, Any] = json.loads(wire)
    return document


def _name(document: Document) -> str:
    parts = document.get("name") or {}
    given, family = _text(parts, "givenName"), _text(parts, "familyName")
    both = f"{given} {family}".strip()
    return _text(document, "displayName") or _text(parts, "formatted") or both


def _first(document: Document, attribute: str) -> str:
    """Returns the primary value, else the one for work, else the first."""
    entries = [each for each in document.get(attribute) or () if _text(each, "value")]
    for is_meant in (
        lambda each: each.get("primary") is True,
        lambda each: each.get("type") == "work",
        lambda _: True,
    ):
        for each in entries:
            if is_meant(each):
                return _text(each, "value")
    return ""


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    return value.strip() if isinstance(value, str) else ""
