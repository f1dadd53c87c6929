"""The two sets of pages: all of them for the network over TLS, the screens for this machine."""

from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from doorward_edge.panel.inside import Inside
from doorward_edge.panel.manual import Manual
from doorward_edge.panel.parts import PanelParts
from doorward_edge.panel.screen import Screens
from doorward_edge.panel.service import Service
from doorward_edge.panel.sign_in import WHERE, SignIn
from doorward_edge.panel.visit import Desk
from doorward_edge.panel.wall import Wall, host_of

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_STATIC = Path(__file__).parent / "static"


class Pages:
    """Builds the pages once; both sets share sessions, streams and limits."""

    def __init__(self, parts: PanelParts) -> None:
        """Takes what the gateway gives."""
        self._parts = parts
        self._desk = Desk(parts.staff, parts.clock, parts.gateway)
        self.screens = Screens(parts, self._desk)
        self._manual = Manual(parts, self._desk)
        self._inside = Inside(parts, self._desk)
        self._service = Service(parts, self._desk)
        self._sign_in = SignIn(parts, self._desk)

    def for_network(self) -> ASGIApp:
        """Returns what is served over TLS."""
        routes = [*self._staff_routes(), self._static()]
        if self._parts.section.screens_on_network:
            routes += self._screen_routes()
        hosts = frozenset(host_of(name) for name in self._parts.section.hosts)
        return self._walled(routes, hosts)

    def for_this_machine(self) -> ASGIApp:
        """Returns what is served to the loopback without TLS: screens, and nothing else."""
        return self._walled([*self._screen_routes(), self._static()], LOOPBACK_NAMES)

    def _walled(self, routes: list[Route | Mount], hosts: frozenset[str]) -> ASGIApp:
        app = Starlette(routes=routes, exception_handlers={404: self._not_found})
        return Wall(app, hosts=hosts, clock=self._parts.clock)

    def _staff_routes(self) -> list[Route | Mount]:
        manual, service, sign_in = self._manual, self._service, self._sign_in
        return [
            Route("/", self._home),
            *_sign_in_routes(sign_in),
            Route("/sign-out", sign_in.sign_out, methods=["POST"]),
            Route("/manual", manual.form, methods=["GET"]),
            Route("/manual", manual.register, methods=["POST"]),
            Route("/manual/overrule", manual.overrule, methods=["POST"]),
            Route("/manual/paper", manual.paper_form, methods=["GET"]),
            Route("/manual/paper", manual.paper, methods=["POST"]),
            Route("/inside", self._inside.show, methods=["GET"]),
            Route("/service", service.form, methods=["GET"]),
            Route("/service", service.add, methods=["POST"]),
        ]

    def _screen_routes(self) -> list[Route | Mount]:
        return [
            Route("/screen/{portal}", self.screens.page, methods=["GET"]),
            Route("/screen/{portal}/events", self.screens.stream, methods=["GET"]),
        ]

    def _static(self) -> Mount:
        return Mount("/static", StaticFiles(directory=_STATIC))

    async def _home(self, request: Request) -> Response:
        session = self._desk.session(request)
        if session is not None:
            return RedirectResponse("/manual", 303)
        return self._desk.page(request, "home.html")

    async def _not_found(self, request: Request, _error: Exception) -> Response:
        session = self._desk.session(request)
        return self._desk.page(request, "message.html", 404, session, key="not_found", back="/")


def _sign_in_routes(sign_in: SignIn) -> list[Route]:
    return [
        Route(f"/sign-in/{purpose}", partial(handler, purpose=purpose), methods=[method])
        for purpose in WHERE
        for handler, method in ((sign_in.form, "GET"), (sign_in.take, "POST"))
    ]
