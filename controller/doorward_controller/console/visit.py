"""One request by one reader: who it is, what they may do, in which language, and the page back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Annotated, TypedDict
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.requests import Request

from doorward_controller.console import order_words, security
from doorward_controller.console.demo_port import DemoControls
from doorward_controller.console.i18n import Reader, choose_language
from doorward_controller.console.rendering import render, render_pieces
from doorward_controller.console.words import NOTICES
from doorward_controller.domain.permissions import Action, Actor, Extent, Where, Zones, allows
from doorward_controller.domain.posture_orders import PostureOrdered
from doorward_controller.errors import ForbiddenError
from doorward_controller.queries import proposals
from doorward_controller.services import postures, rules, sign_in
from doorward_controller.services.acting import check_read, check_sight
from doorward_controller.services.backend import Backend
from doorward_controller.services.sign_in import Duty
from doorward_controller.store import places

LANGUAGE_COOKIE = "doorward_language"
THEME_COOKIE = "doorward_theme"
VISITOR_COOKIE = "doorward_visitor"
THEMES = ("auto", "light", "dark")


class SignInNeededError(Exception):
    """The page is for people who have signed in."""


class DutyFirstError(Exception):
    """Something must be done before anything else; `path` is where."""

    def __init__(self, duty: Duty) -> None:
        """Sends the reader to where `duty` is done."""
        super().__init__(duty.value)
        self.path = _DUTY_PATHS[duty]


class ProofNeededError(Exception):
    """The page is sensitive, and the reader proved who they are too long ago."""


_DUTY_PATHS = {
    Duty.CHANGE_PASSWORD: "/account/password",
    Duty.SET_UP_SECOND_FACTOR: "/account/second-factor",
}


class Piece(TypedDict):
    """What a piece of a page is called, and the page that it is a piece of."""

    title: str
    back: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What every page needs to know about the request.

    Attributes:
        feed_position: where the feed stood before anything was looked up for the page.
    """

    request: Request
    backend: Backend
    reader: Reader
    session: sign_in.Session | None
    visitor_key: str
    feed_position: str
    demo: DemoControls | None
    notice: tuple[str, str] | None = field(default=None)

    @property
    def actor(self) -> Actor:
        """Who acts.

        Raises:
            SignInNeededError: nobody has signed in.
        """
        if self.session is None:
            raise SignInNeededError
        return self.session.actor

    @property
    def csrf(self) -> str:
        """The token that this visit's forms carry."""
        return self.session.csrf if self.session else security.csrf_token(self.visitor_key)

    @property
    def theme(self) -> str:
        """The colours that the reader chose; "auto" follows the device."""
        chosen = self.request.cookies.get(THEME_COOKIE, "auto")
        return chosen if chosen in THEMES else "auto"

    @property
    def is_part(self) -> bool:
        """Whether htmx asks for a part of the page."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def zones(self) -> Zones:
        """What the reader is limited to; None for the whole site."""
        return self.actor.zones

    def may(self, action: Action) -> bool:
        """Says whether the reader may do this, at one place of theirs at least."""
        return self.session is not None and allows(self.session.actor, action, Extent.SOMEWHERE)

    def require(self, action: Action, where: Where = Extent.WHOLE_SITE) -> None:
        """Refuses the page to who may not see it; the audit log tells of the attempt.

        A page that shows the reader's zones alone says that "somewhere" is enough.

        Raises:
            ForbiddenError: the role does not allow the action, or not there.
        """
        check_read(self.backend, self.actor, action, self.request.url.path[:100], where)

    def require_somewhere(self, action: Action) -> None:
        """The same for pages that show what lies in the reader's zones. Raises ForbiddenError."""
        self.require(action, Extent.SOMEWHERE)

    def require_gateway(self, action: Action, gateway: str) -> None:
        """The same for pages of one gateway. Raises ForbiddenError."""
        self.require_somewhere(action)
        if self.zones is not None:
            with self.backend.store.read() as connection:
                zones = places.zones_of_gateway_named(connection, gateway)
            path = self.request.url.path[:100]
            check_sight(self.backend, self.actor, action, zones, subject=path)

    def require_fresh(self) -> sign_in.Session:
        """Returns the session of a reader who has proved who they are a moment ago.

        Raises:
            SignInNeededError: nobody has signed in.
            ProofNeededError: it is too long ago.
        """
        if self.session is None:
            raise SignInNeededError
        if not self.session.is_fresh(self.backend.config, self.reader.now_ms // 1000):
            raise ProofNeededError
        return self.session

    @property
    def client(self) -> str:
        """The address that the request comes from."""
        return self.request.client.host if self.request.client else ""

    @property
    def browser(self) -> str:
        """What the browser calls itself."""
        return self.request.headers.get("user-agent", "")

    @property
    def waiting_proposals(self) -> int:
        """How many proposals wait for somebody's decision."""
        return proposals.count_waiting(self.backend.store)

    @property
    def posture_orders(self) -> Sequence[PostureOrdered]:
        """The orders that count now, for the pages that show them beside other things."""
        return postures.standing_orders(self.backend, self.zones)

    @property
    def order_words(self) -> ModuleType:
        """The words that go with them."""
        return order_words

    def text(self, template: str, **context: object) -> str:
        """Returns a template filled in."""
        return render(
            self.reader.language, template, {"visit": self, "reader": self.reader} | context
        )

    def page(
        self,
        template: str,
        context: Mapping[str, object] | None = None,
        *,
        status_code: int = 200,
        **more: object,
    ) -> HTMLResponse:
        """Returns a template as the answer."""
        text = self.text(template, **dict(context or {}), **more)
        response = HTMLResponse(text, status_code=status_code)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Cookie, Accept-Language"
        if self.session is None and VISITOR_COOKIE not in self.request.cookies:
            set_cookie(self, response, VISITOR_COOKIE, self.visitor_key, max_age_s=None)
        return response

    def piece(
        self,
        template: str,
        *,
        title: str,
        back: tuple[str, str],
        is_card: bool = False,
        **context: object,
    ) -> HTMLResponse:
        """Returns a piece of a page to the script that asked for it, and a whole page to others.

        Args:
            template: the piece.
            title: marked for translation.
            back: the page that it is a piece of: its address, and its title marked for translation.
            is_card: whether the piece has a frame of its own.
            context: what the piece needs.
        """
        if self.is_part:
            return self.page(template, context)
        path, name = back
        return self.page(
            "piece.html",
            context,
            piece=template,
            piece_title=title,
            piece_of=path,
            piece_of_title=name,
            piece_is_card=is_card,
        )

    def stream(self, template: str, **context: object) -> StreamingResponse:
        """Returns a long page as the answer, sent while it is made."""
        known: dict[str, object] = {"visit": self, "reader": self.reader}
        return StreamingResponse(
            render_pieces(self.reader.language, template, known | context),
            media_type="text/html",
            headers={"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"},
        )

    def go(self, path: str, **query: str) -> RedirectResponse:
        """Returns the redirection that follows a form, so that reloading does not act twice."""
        target = f"{path}?{urlencode(query)}" if query else path
        return RedirectResponse(target, status_code=303)


def set_cookie(
    visit: Visit, response: Response, name: str, value: str, *, max_age_s: int | None
) -> None:
    """Keeps a value in the browser; scripts cannot read it."""
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        path="/",
        secure=visit.backend.config.http.secure_cookies,
        httponly=True,
        samesite="strict",
    )


def visit_of(request: Request) -> Visit:
    """Reads cookies, headers and the clock, once."""
    backend: Backend = request.app.state.backend
    session = _session(backend, request)
    cookie = request.cookies.get(LANGUAGE_COOKIE)
    language = choose_language(cookie, request.headers.get("accept-language"))
    return Visit(
        request=request,
        backend=backend,
        reader=Reader(
            language=language, zone=_site_zone(backend), now_ms=backend.clock.now().utc_ms
        ),
        session=session,
        visitor_key=request.cookies.get(VISITOR_COOKIE) or security.new_visitor_key(),
        feed_position=backend.feed.position,
        demo=getattr(request.app.state, "demo", None),
        notice=NOTICES.get(request.query_params.get("done", "")),
    )


def signed_in_with_duties(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
    """Lets nobody pass who has not signed in.

    Raises:
        SignInNeededError: nobody has signed in.
    """
    if visit.session is None:
        raise SignInNeededError
    return visit


def signed_in(visit: Annotated[Visit, Depends(signed_in_with_duties)]) -> Visit:
    """Lets those pass who have signed in and have nothing else to do first.

    Raises:
        SignInNeededError: nobody has signed in.
        DutyFirstError: a password or a second factor comes first.
    """
    if visit.session is not None and visit.session.duties:
        raise DutyFirstError(visit.session.duties[0])
    return visit


def genuine(
    visit: Annotated[Visit, Depends(visit_of)], csrf_token: Annotated[str, Form()] = ""
) -> Visit:
    """Lets a form pass only when it was made for this session and sent from our own page.

    Raises:
        ForbiddenError: another page made or sent it.
    """
    given = csrf_token or visit.request.headers.get(security.CSRF_HEADER, "")
    if not (security.is_same_origin(visit.request) and security.same(visit.csrf, given)):
        raise ForbiddenError("the form is not one that this session was given", code="csrf")
    return visit


def genuine_with_duties(visit: Annotated[Visit, Depends(genuine)]) -> Visit:
    """A form of somebody who has signed in.

    Raises:
        SignInNeededError: nobody has signed in.
    """
    return signed_in_with_duties(visit)


def genuine_signed_in(visit: Annotated[Visit, Depends(genuine_with_duties)]) -> Visit:
    """A form of somebody who has signed in and has nothing else to do first.

    Raises:
        SignInNeededError: nobody has signed in.
        DutyFirstError: a password or a second factor comes first.
    """
    return signed_in(visit)


Visitor = Annotated[Visit, Depends(visit_of)]
SignedIn = Annotated[Visit, Depends(signed_in)]
Genuine = Annotated[Visit, Depends(genuine)]
GenuineSignedIn = Annotated[Visit, Depends(genuine_signed_in)]
SignedInWithDuties = Annotated[Visit, Depends(signed_in_with_duties)]
GenuineWithDuties = Annotated[Visit, Depends(genuine_with_duties)]


def path_to_return(request: Request) -> str:
    """Returns the path of this request as a value for a query string."""
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(f"{request.url.path}{query}", safe="")


def local_path(given: str) -> str:
    """Returns `given` when it is a path on this server, else the first page."""
    is_path = given.startswith("/") and not given.startswith(("//", "/\\"))
    return given if is_path and given.isprintable() and len(given) < 500 else "/"


def _session(backend: Backend, request: Request) -> sign_in.Session | None:
    token = request.cookies.get(sign_in.COOKIE)
    return sign_in.resume(backend, token) if token else None


def _site_zone(backend: Backend) -> ZoneInfo:
    return ZoneInfo(rules.current(backend).time_zone)


def query_of(values: Mapping[str, str]) -> str:
    """Returns the values that are not empty as a query string."""
    return urlencode({name: value for name, value in values.items() if value})
