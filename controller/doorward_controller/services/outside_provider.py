"""The OpenID provider of the organisation: found, asked, and believed as far as its keys go.

Authorization code flow with PKCE. The provider's address is the installer's own setting, so it is
reached as it stands there; nothing that a browser brings along decides where we ask.
"""

import base64
import ipaddress
import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from doorward.times import Clock
from doorward_controller.config import Oidc
from doorward_controller.domain.id_tokens import TokenRefusedError
from doorward_controller.errors import ControllerError

MAX_ANSWER_BYTES = 256 * 1024
MAX_TOKEN = 16_384
ANSWER_S = 5.0
METADATA_S = 3600
KEYS_AGAIN_S = 30
"""An unknown key is looked for at most this often: forged tokens must not make us ask and ask."""

CALLBACK = "/sign-in/outside/return"


class ProviderError(ControllerError):
    """The provider cannot be asked, or answers what it must not."""

    code = "provider_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What ties an answer to the sign-in that asked."""

    state: str
    nonce: str
    verifier: str


@dataclass(slots=True)
class OutsideProvider:
    """One provider; safe to be used by many threads."""

    settings: Oidc
    origin: str
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _metadata: tuple[float, Mapping[str, Any]] | None = None
    _keys: tuple[float, tuple[Key, ...]] | None = None

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends browsers back to."""
        return f"{self.origin}{CALLBACK}"

    def address(self, question: Question, *, again: bool = False) -> str:
        """Returns where a browser is sent to sign in there. Raises ProviderError.

        Args:
            question: what the answer must fit.
            again: the person proves anew who they are, whether signed in there or not.
        """
        digest = sha256(question.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self.settings.scopes))),
            "state": question.state,
            "nonce": question.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if self.settings.acr_values:
            asked["acr_values"] = " ".join(self.settings.acr_values)
        if again:
            asked |= {"prompt": "login", "max_age": "0"}
        place = self._endpoint("authorization_endpoint")
        return f"{place}{'&' if urlsplit(place).query else '?'}{urlencode(asked)}"

    def check_issuer(self, told: str | None) -> None:
        """Refuses an answer of another provider (RFC 9207). Raises TokenRefusedError."""
        is_told = self.metadata().get("authorization_response_iss_parameter_supported") is True
        if told != self.settings.issuer and (is_told or told is not None):
            raise TokenRefusedError("mixed_up")

    def claims(self, code: str, question: Question) -> Mapping[str, object]:
        """Exchanges a code and returns what the signed token says; its rules are checked by others.

        Raises:
            ProviderError: the provider does not answer, or not with a token.
            TokenRefusedError: the code is refused, or the signature is not the provider's.
        """
        answer = self._exchange(code, question)
        token = answer.get("id_token")
        if not isinstance(token, str) or len(token) > MAX_TOKEN:
            raise ProviderError("the provider's answer holds no ID token")
        return self._verified(token)

    def metadata(self) -> Mapping[str, Any]:
        """Returns what the provider says of itself, an hour old at most. Raises ProviderError."""
        with self._lock:
            held = self._metadata
        if held is not None and self._mono_s() - held[0] < METADATA_S:
            return held[1]
        issuer = self.settings.issuer
        found = self._fetch("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise ProviderError(
                f"oidc.issuer is {issuer}, but the provider there calls itself"
                f" {str(found.get('issuer'))[:200]!r}"
            )
        methods = found.get("code_challenge_methods_supported")
        if isinstance(methods, list) and "S256" not in methods:
            raise ProviderError("the provider does not know PKCE with S256")
        with self._lock:
            self._metadata = (self._mono_s(), found)
        return found

    def _mono_s(self) -> float:
        return self.clock.now().mono_ms / 1000

    def check(self) -> None:
        """Looks whether the provider can be asked at all. Raises ProviderError."""
        for name in ("authorization_endpoint", "token_endpoint"):
            self._endpoint(name)
        if not self._known_keys(again=True):
            raise ProviderError("the provider shows no key that signatures could be checked with")

    def _endpoint(self, name: str) -> str:
        found = self.metadata().get(name)
        if not isinstance(found, str) or not is_safe_address(found):
            raise ProviderError(f"the provider's {name} is no https address")
        return found

    def _exchange(self, code: str, question: Question) -> Mapping[str, Any]:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.settings.client_id,
            "code_verifier": question.verifier,
        }
        secret, basic = self.settings.client_secret(), None
        if secret and self._is_basic():
            basic = (_quoted(self.settings.client_id), _quoted(secret))
        elif secret:
            sent["client_secret"] = secret
        return self._fetch("POST", self._endpoint("token_endpoint"), sent, basic)

    def _is_basic(self) -> bool:
        """The method that counts where nothing is said, unless another one is named instead."""
        known = self.metadata().get("token_endpoint_auth_methods_supported")
        return not isinstance(known, list) or "client_secret_basic" in known

    def _verified(self, token: str) -> Mapping[str, object]:
        try:
            signed = jws.extract_compact(token.encode("ascii", "replace"))
        except (JoseError, ValueError) as err:
            raise TokenRefusedError("unreadable") from err
        algorithm, kid = signed.headers().get("alg"), signed.headers().get("kid")
        # Never what the token wishes: a symmetric algorithm, or none, is no signature of theirs.
        if algorithm not in self.settings.algorithms:
            raise TokenRefusedError("algorithm_not_allowed")
        for key in self._fitting(algorithm, kid if isinstance(kid, str) else None):
            try:
                checked = jws.deserialize_compact(token, key, algorithms=[algorithm])
            except (JoseError, ValueError):
                continue
            return _object(checked.payload)
        raise TokenRefusedError("bad_signature")

    def _fitting(self, algorithm: str, kid: str | None) -> tuple[Key, ...]:
        """Returns the provider's keys for a signature; asks again for one that is not known."""
        found = _of(self._known_keys(again=False), algorithm, kid)
        return found or _of(self._known_keys(again=True), algorithm, kid)

    def _known_keys(self, *, again: bool) -> tuple[Key, ...]:
        with self._lock:
            held, now_s = self._keys, self._mono_s()
        if held is not None and now_s - held[0] < (KEYS_AGAIN_S if again else METADATA_S):
            return held[1]
        body = self._fetch("GET", self._endpoint("jwks_uri"))
        keys = tuple(_readable(body.get("keys")))
        with self._lock:
            self._keys = (now_s, keys)
        return keys

    def _fetch(
        self,
        method: str,
        url: str,
        data: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Mapping[str, Any]:
        is_here = _is_loopback(urlsplit(url).hostname or "")
        context = ssl.create_default_context(cafile=self.settings.ca_file)
        try:
            with (
                httpx.Client(verify=context, timeout=ANSWER_S, trust_env=not is_here) as client,
                client.stream(
                    method, url, data=data, auth=auth, headers={"Accept": "application/json"}
                ) as answer,
            ):
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > MAX_ANSWER_BYTES:
                        raise ProviderError(f"the provider's answer at {_plain(url)} is too long")
                status = answer.status_code
        except httpx.HTTPError as err:
            raise ProviderError(
                f"the provider does not answer at {_plain(url)}: {type(err).__name__}"
            ) from err
        if method == "POST" and status in {400, 401}:
            raise TokenRefusedError("code_refused")
        if status != 200:
            raise ProviderError(f"the provider answers at {_plain(url)} with {status}")
        try:
            return _object(body)
        except TokenRefusedError as err:
            raise ProviderError(f"the provider's answer at {_plain(url)} is no JSON") from err


def is_safe_address(url: str) -> bool:
    """Whether what is sent there cannot be read on the way: https, or on this machine itself."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.password or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _of(keys: tuple[Key, ...], algorithm: str, kid: str | None) -> tuple[Key, ...]:
    """Returns the keys that may have made such a signature; a key is of one kind only."""
    kinds = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    kind = kinds.get(algorithm[:2])
    fitting = (key for key in keys if key.key_type == kind)
    return tuple(key for key in fitting if kid is None or key.kid == kid)


def _readable(found: object) -> list[Key]:
    """Returns the keys for signatures; those of kinds that we do not know are for others."""
    keys: list[Key] = []
    for each in found if isinstance(found, list) else ():
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(each))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return keys


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise TokenRefusedError("unreadable") from err
    if not isinstance(found, dict):
        raise TokenRefusedError("unreadable")
    return found


def _quoted(text: str) -> str:
    """As RFC 6749 (2.3.1) wants both halves of the header field."""
    return urlencode({"": text})[1:]


def _plain(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:200]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
