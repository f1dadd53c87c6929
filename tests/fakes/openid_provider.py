"""An OpenID provider on this machine: real HTTP, real keys, and whatever lie a test asks for."""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import RSAKey

CLIENT_ID, SECRET = "doorward", "a secret / with + signs"
Claims = dict[str, Any]


@cache
def first_key() -> RSAKey:
    """Returns the key with which every provider begins: making one takes its time."""
    return new_key("key-1")


def new_key(kid: str) -> RSAKey:
    """Returns a key pair for signatures."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True)


@dataclass(slots=True)
class OpenIdProvider:
    """A provider with one person signed in, whose answers can be falsified.

    Attributes:
        subject: who is signed in there.
        claims: changes a token's claims before it is signed; None takes one away.
        forge: makes the token of its claims instead of signing it.
        metadata: said beside what it says of itself.
        counts: how often each path was asked for.
    """

    now_utc_s: Callable[[], int]
    address: str = ""
    subject: str = "person-17"
    claims: Claims = field(default_factory=dict)
    metadata: Claims = field(default_factory=dict)
    forge: Callable[["OpenIdProvider", Claims], str] | None = None
    is_away: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    asked: list[Mapping[str, str]] = field(default_factory=list)
    key: RSAKey = field(default_factory=first_key)
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return self.address

    def rotate(self, kid: str = "key-2") -> None:
        """Signs with a new key from now on, and shows that one alone."""
        self.key = new_key(kid)

    def authorize(self, address: str) -> str:
        """Plays the browser and the person: returns where the provider sends the browser back."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.address}/authorize"
        asked = dict(parse_qsl(parts.query))
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def answer(self, path: str) -> tuple[int, Claims]:
        """Answers a question without a body."""
        self.counts[path] = self.counts.get(path, 0) + 1
        if self.is_away:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            return 200, self._metadata()
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        return 404, {}

    def token(self, form: Mapping[str, str], authorization: str) -> tuple[int, Claims]:
        """Exchanges a code, once, for who can prove that it is theirs."""
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or not _is_client(authorization):
            return 400, {"error": "invalid_grant"}
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if challenge != asked["code_challenge"] or asked["code_challenge_method"] != "S256":
            return 400, {"error": "invalid_grant"}
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        claims = self._claims(asked)
        made = self.forge(self, claims) if self.forge else signed(self.key, claims)
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": made}

    def _claims(self, asked: Mapping[str, str]) -> Claims:
        now_s = self.now_utc_s()
        plain: Claims = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT_ID, "iat": now_s,
            "exp": now_s + 300, "nonce": asked["nonce"],
        }  # fmt: skip
        if "max_age" in asked:
            plain["auth_time"] = now_s
        told = plain | self.claims
        return {name: value for name, value in told.items() if value is not None}

    def _metadata(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        } | self.metadata


def signed(key: RSAKey, claims: Claims, algorithm: str = "RS256") -> str:
    """Returns claims with a right signature."""
    header = {"alg": algorithm, "kid": key.kid}
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms=[algorithm])


def unsigned(_: OpenIdProvider, claims: Claims) -> str:
    """Returns a token that says that it needs no signature."""
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def signed_with_public_key(provider: OpenIdProvider, claims: Claims) -> str:
    """Returns a token whose secret is what everybody knows: the provider's public key."""
    body = f"{_part({'alg': 'HS256', 'kid': provider.key.kid})}.{_part(claims)}"
    public = provider.key.as_pem(private=False)
    return f"{body}.{_plain(hmac.digest(public, body.encode(), 'sha256'))}"


def signed_by_another(provider: OpenIdProvider, claims: Claims) -> str:
    """Returns a token of somebody else's key, under the provider's number."""
    return signed(new_key(str(provider.key.kid)), claims)


def altered(provider: OpenIdProvider, claims: Claims) -> str:
    """Returns a token that was changed after it was signed."""
    header, _, signature = signed(provider.key, claims).split(".")
    return f"{header}.{_part(claims | {'sub': 'somebody-else'})}.{signature}"


@contextmanager
def providing(now_utc_s: Callable[[], int]) -> Iterator[OpenIdProvider]:
    """Runs a provider on a free port."""
    provider = OpenIdProvider(now_utc_s=now_utc_s)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/authorize":
                self._page(provider.authorize(f"{provider.address}{self.path}"))
            else:
                self._send(*provider.answer(path))

        def _page(self, back: str) -> None:
            """The person's consent: a link, so that the browser leaves from this site."""
            page = (
                f'<!doctype html><title>Provider</title><a id="yes" href="{escape(back)}">Yes</a>'
            )
            self._reply(200, "text/html; charset=utf-8", page.encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._send(*provider.token(form, self.headers.get("Authorization", "")))

        def _send(self, status: int, body: Claims) -> None:
            self._reply(status, "application/json", json.dumps(body).encode())

        def _reply(self, status: int, kind: str, wire: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(wire)))
            self.end_headers()
            self.wfile.write(wire)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield provider
        server.shutdown()
        thread.join(timeout=10)


def _is_client(authorization: str) -> bool:
    quoted = urlencode({"": SECRET})[1:]
    wanted = base64.b64encode(f"{CLIENT_ID}:{quoted}".encode()).decode()
    return authorization == f"Basic {wanted}"


def _part(body: Claims) -> str:
    return _plain(json.dumps(body).encode())


def _plain(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")
