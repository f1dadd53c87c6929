"""Every operation of the interface: who may do it, and which header fields it knows."""

from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from doorward_controller.api.deps import Need, Needs, own_session
from doorward_controller.api.idempotency import WITHOUT
from doorward_controller.api.paging import Paged
from doorward_controller.api.versions import Changing, Showing
from doorward_controller.app import API_ROOT, MODULES
from doorward_controller.domain.permissions import Role, may
from tools.reference.markdown import MADE, table

_HEAD = ("operation", "what it does", "who", "where", "header fields")


def text() -> str:
    """Returns the page."""
    return (
        f"# Operations of the interface\n\n{MADE}\n"
        f"Paths are below `{API_ROOT}`, whose `openapi.json` says the same to programs, with every "
        "field. How they are used is in [api.md](../api.md).\n\n"
        "Where: *site* is refused to who is limited to zones; *zones* shows and does what lies in "
        "theirs alone ([accounts.md](../accounts.md)).\n\n"
        "Of the header fields: *ETag* comes with the answer, and `If-None-Match` is understood; "
        "*If-Match* is understood, **If-Match** must be sent; *key* is `Idempotency-Key`; *pages* "
        "are `cursor`, `limit` and `Link`.\n\n" + table(_HEAD, _rows())
    )


def _rows() -> Iterator[tuple[str, ...]]:
    for module in MODULES:
        for route in module.router.routes:
            if isinstance(route, APIRoute):
                for method in sorted(route.methods or ()):
                    yield _row(method, route)


def _row(method: str, route: APIRoute) -> tuple[str, ...]:
    asks = list(_calls(route.dependant))
    first = (route.description or "").partition("\n")[0]
    fields = _fields(method, route.path, asks)
    return f"`{method} {route.path}`", first, _who(asks), _where(asks), fields


def _who(asks: list[object]) -> str:
    needs = next((ask for ask in asks if isinstance(ask, Need)), None)
    if own_session in asks:
        return "every person"
    if needs is None:
        return "everybody"
    able = [role.value for role in Role if any(may(role, action) for action in needs.actions)]
    return "every role" if len(able) == len(Role) else ", ".join(able)


def _where(asks: list[object]) -> str:
    needs = next((ask for ask in asks if isinstance(ask, Need)), None)
    if needs is None:
        return ""
    return "site" if isinstance(needs, Needs) else "zones"


def _fields(method: str, path: str, asks: list[object]) -> str:
    found = ["ETag"] * any(isinstance(ask, Showing) for ask in asks)
    for ask in asks:
        if isinstance(ask, Changing):
            found.append("**If-Match**" if ask.needed else "If-Match")
    found += ["key"] * (method == "POST" and path not in WITHOUT)
    found += ["pages"] * (Paged in asks)
    return ", ".join(found)


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
