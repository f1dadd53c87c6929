"""Typed identifiers and their legal characters (docs/protocol.md §1)."""

import re
from typing import NewType

from doorward.errors import BadIdError

SiteId = NewType("SiteId", str)
GatewayId = NewType("GatewayId", str)
PortalId = NewType("PortalId", str)
CredentialId = NewType("CredentialId", bytes)
KeyId = NewType("KeyId", int)
Epoch = NewType("Epoch", int)

MAX_EPOCH = 2**48 - 1
MAX_SEQ = 2**53 - 1
"""Numbers stay exact in JSON readers that keep every number in a double."""

_RESERVED = frozenset({"policy", "presence", "host"})
"""Words that stand in a topic where a site's or a gateway's name could stand."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


def parse_name(text: str, what: str = "name") -> str:
    """Returns `text` when it is a legal name.

    Raises:
        BadIdError: it is not 1 to 32 of a-z, 0-9 and inner hyphens.
    """
    if not _NAME.fullmatch(text):
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise BadIdError(
            f"{what} is {shown!r}, must be 1 to 32 of a-z, 0-9 and '-' (not first or last)"
        )
    return text


def parse_site_id(text: str) -> SiteId:
    """Returns the site's name. Raises BadIdError."""
    return SiteId(_unreserved(text, "site"))


def parse_gateway_id(text: str) -> GatewayId:
    """Returns the gateway's name. Raises BadIdError."""
    return GatewayId(_unreserved(text, "gateway"))


def parse_portal_id(text: str) -> PortalId:
    """Returns the portal's name. Raises BadIdError."""
    return PortalId(parse_name(text, "portal"))


def parse_credential_id(text: str) -> CredentialId:
    """Returns the 8 bytes written as 16 lower-case hex digits. Raises BadIdError."""
    if not re.fullmatch(r"[0-9a-f]{16}", text):
        raise BadIdError(f"credential id is {text[:40]!r}, must be 16 lower-case hex digits")
    return CredentialId(bytes.fromhex(text))


def _unreserved(text: str, what: str) -> str:
    if text in _RESERVED:
        raise BadIdError(f"{what} is {text!r}, which is a word of the topics; choose another name")
    return parse_name(text, what)
