"""One request: whose it is, which language it reads, and how it is answered."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from doorward.staff import Ability
from doorward.times import Clock
from doorward_edge.panel.parts import Staff
from doorward_edge.panel.sessions import LONGEST_MS, Session, Sessions, is_same
from doorward_edge.panel.words import Language, Words, language_of

MOST_FIELDS = 32
LANGUAGE = "language"
SIGN_IN = {Ability.REGISTER: "manual", Ability.SERVICE: "service"}
_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """Names of the cookies. Over TLS, the prefix ties them to this host and to TLS."""

    session: str
    visitor: str
    is_secure: bool

    @classmethod
    def of(cls, request: Request) -> "Cookies":
        """Returns those of a request's connection."""
        is_secure = request.url.scheme == "https"
        prefix = "__Host-" if is_secure else ""
        return cls(session=f"{prefix}panel", visitor=f"{prefix}panel-visitor", is_secure=is_secure)


class Desk:
    """Sessions, languages and templates: what every page needs."""

    def __init__(self, staff: Staff, clock: Clock, gateway: str) -> None:
        """Nobody is signed in."""
        self._staff = staff
        self._clock = clock
        self.sessions = Sessions()
        self._key = secrets.token_bytes(32)
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["gateway"] = gateway

    def words(self, request: Request) -> Words:
        """Returns the words of the language that this browser reads."""
        chosen = request.query_params.get(LANGUAGE) or request.cookies.get(LANGUAGE, "")
        return Words(language_of(chosen, request.headers.get("accept-language", "")))

    def session(self, request: Request) -> Session | None:
        """Returns who is signed in, as the staff list has it now."""
        token = request.cookies.get(Cookies.of(request).session, "")
        now = self._clock.now()
        session = self.sessions.resume(token, now.mono_ms) if token else None
        if session is None:
            return None
        if self._staff.find(session.member.id) != session.member:
            # Another PIN, other abilities, or gone: sign in again, if that is still possible.
            self.sessions.close(token)
            return None
        return session

    def may(self, session: Session, ability: Ability) -> bool:
        """Whether who is signed in may do this now."""
        return session.member.may(ability, self._clock.now().trusted_utc_s)

    def page(
        self,
        request: Request,
        template: str,
        /,
        status: int = 200,
        session: Session | None = None,
        **values: object,
    ) -> Response:
        """Returns a page, and keeps the language that was chosen."""
        words = self.words(request)
        other = Language.ENGLISH if words.language is Language.CHINESE else Language.CHINESE
        html = self._templates.get_template(template).render(
            t=words,
            language=words.language.value,
            other_language=other.value,
            session=session,
            csrf=session.csrf if session else "",
            path=request.url.path,
            **values,
        )
        response = HTMLResponse(html, status)
        if LANGUAGE in request.query_params:
            cookies = Cookies.of(request)
            response.set_cookie(
                LANGUAGE,
                words.language.value,
                max_age=365 * 86_400,
                secure=cookies.is_secure,
                httponly=True,
                samesite="strict",
            )
        return response

    # --- Forms that nobody is signed in for yet -------------------------------------------------

    def visitor_token(self, visitor: str) -> str:
        """Returns what the sign-in form of a visitor carries; it does not give the cookie away."""
        return hmac.new(self._key, visitor.encode(), hashlib.sha256).hexdigest()

    def is_own_visitor(self, request: Request, form: Mapping[str, str]) -> bool:
        """Whether a sign-in form is one that we gave this browser."""
        visitor = request.cookies.get(Cookies.of(request).visitor, "")
        return bool(visitor) and is_same(self.visitor_token(visitor), form.get("csrf", ""))

    def sign_in_page(
        self, request: Request, purpose: str, status: int = 200, problem: str = ""
    ) -> Response:
        """Returns the page on which one signs in, for a browser that is remembered by a cookie."""
        cookies = Cookies.of(request)
        visitor = request.cookies.get(cookies.visitor, "") or secrets.token_urlsafe(24)
        response = self.page(
            request,
            "sign_in.html",
            status,
            purpose=purpose,
            problem=problem,
            has_staff=self._staff.version > 0,
            visitor_csrf=self.visitor_token(visitor),
        )
        _set_secret(response, cookies.visitor, visitor, cookies)
        return response

    def signed_in(self, request: Request, token: str, where: str) -> Response:
        """Returns the way on for who has just signed in."""
        cookies = Cookies.of(request)
        response = RedirectResponse(where, 303)
        _set_secret(response, cookies.session, token, cookies)
        return response

    def signed_out(self, request: Request) -> Response:
        """Ends the session; the way back to where one signs in."""
        cookies = Cookies.of(request)
        self.sessions.close(request.cookies.get(cookies.session, ""))
        response = RedirectResponse("/", 303)
        response.delete_cookie(
            cookies.session, secure=cookies.is_secure, httponly=True, samesite="strict"
        )
        return response


def _set_secret(response: Response, name: str, value: str, cookies: Cookies) -> None:
    response.set_cookie(
        name,
        value,
        max_age=LONGEST_MS // 1000,
        path="/",
        secure=cookies.is_secure,
        httponly=True,
        samesite="strict",
    )


async def form_of(request: Request) -> dict[str, str]:
    """Returns the fields of a form, each once, without control characters; empty for rubbish."""
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="strict",
        )
    except ValueError:
        return {}
    return {name: _plain(value) for name, value in pairs}


def is_forged(session: Session, form: Mapping[str, str]) -> bool:
    """Whether a form does not carry the token of this session."""
    return not is_same(session.csrf, form.get("csrf", ""))


def _plain(text: str) -> str:
    """One line without control characters: it goes into a record and onto pages."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
