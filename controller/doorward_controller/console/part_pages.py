"""Spare parts: what is on the shelf, what runs short, what went where."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console import maintenance_words as mw
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.console.work_order import money_of, whole
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ActError, NotFoundError
from doorward_controller.queries import spare_parts as queries
from doorward_controller.services import spare_parts

router = APIRouter()


@router.get("/maintenance/parts")
def parts_page(visit: SignedIn) -> Response:
    """Shows every part, those that run short first."""
    return _page(visit)


@router.post("/maintenance/parts")
def add_act(
    visit: GenuineSignedIn,
    number: Annotated[str, Form(max_length=200)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    place: Annotated[str, Form(max_length=200)] = "",
    stock: Annotated[str, Form(max_length=8)] = "",
    low_stock: Annotated[str, Form(max_length=8)] = "",
    cost: Annotated[str, Form(max_length=20)] = "",
    currency: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Adds a part."""
    typed = {
        "number": number, "name": name, "place": place, "stock": stock,
        "low_stock": low_stock, "cost": cost, "currency": currency,
    }  # fmt: skip
    try:
        minor, code = money_of(cost, currency)
        sheet = spare_parts.PartSheet(
            number=number,
            name=name,
            place=place,
            low_stock=whole(low_stock, "count"),
            unit_cost_minor=minor,
            currency=code,
        )
        spare_parts.add_part(visit.backend, visit.actor, sheet, whole(stock, "count"))
    except ActError as err:
        return _refused(visit, err, typed)
    return visit.go("/maintenance/parts", done="kept")


@router.get("/maintenance/parts/{part_id}")
def part_page(visit: SignedIn, part_id: int) -> Response:
    """Shows where a part came from and went."""
    visit.require(Action.READ_MAINTENANCE)
    store, site = visit.backend.store, visit.backend.config.site
    moves = queries.moves(store, site, part_id)
    if moves is None:
        raise NotFoundError(f"there is no part {part_id}")
    part = next(each for each in queries.every(store, site) if each.id == part_id)
    return visit.page("part.html", part=part, moves=moves, is_low=queries.is_low)


@router.post("/maintenance/parts/{part_id}/stock")
def stock_act(
    visit: GenuineSignedIn,
    part_id: int,
    count: Annotated[str, Form(max_length=8)] = "",
    way: Annotated[str, Form(max_length=3)] = "in",
    note: Annotated[str, Form(max_length=120)] = "",
) -> Response:
    """Puts parts on the shelf, or writes some off."""
    try:
        change = whole(count, "count") * (-1 if way == "out" else 1)
        spare_parts.stock_part(visit.backend, visit.actor, part_id, change, note)
    except ActError as err:
        return _refused(visit, err, {})
    return visit.go(f"/maintenance/parts/{part_id}", done="kept")


def _refused(visit: Visit, err: ActError, typed: dict[str, str]) -> Response:
    if err.code == "forbidden":
        raise err
    return _page(visit, err, typed)


def _page(
    visit: Visit, refusal: ActError | None = None, typed: dict[str, str] | None = None
) -> Response:
    visit.require(Action.READ_MAINTENANCE)
    fields = ("number", "name", "place", "stock", "low_stock", "cost", "currency")
    return visit.page(
        "parts.html",
        status_code=refusal.status if refusal else 200,
        parts=queries.every(visit.backend.store, visit.backend.config.site),
        is_low=queries.is_low,
        refusal=refusal,
        form=dict.fromkeys(fields, "") | (typed or {}),
        mw=mw,
    )
