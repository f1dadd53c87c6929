"""Spare parts: what is on the shelf, what an order took, what is to be bought."""

from dataclasses import dataclass

from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.work_orders import check_money, in_work
from doorward_controller.store import parts as rows
from doorward_controller.store.parts import StoredMove, StoredPart

MAX_NAME = 120
MAX_COUNT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSheet:
    """What is known of a part beside its stock."""

    number: str
    name: str
    place: str = ""
    low_stock: int = 0
    unit_cost_minor: int = 0
    currency: str = ""


def add_part(backend: Backend, actor: Actor, sheet: PartSheet, stock: int = 0) -> int:
    """Adds a part; returns its id. Raises ForbiddenError, InvalidError or ConflictError."""
    with act(backend, actor, Action.DO_MAINTENANCE, name="add_part", subject=sheet.number) as doing:
        _check(sheet)
        _check_count(stock, least=0)
        if rows.number_taken(doing.connection, backend.config.site, sheet.number.strip()):
            raise ConflictError(f"there is a part {sheet.number[:40]!r}", code="part_taken")
        values = _values(sheet) | {"site": backend.config.site, "stock": 0}
        part_id = rows.add(doing.connection, **values)
        if stock:
            _move(doing, actor, _find(backend, doing, part_id), stock, note="first stock")
        doing.detail.update(part=part_id, stock=stock)
    return part_id


def edit_part(backend: Backend, actor: Actor, part_id: int, sheet: PartSheet) -> None:
    """Changes what is known of a part. Raises ForbiddenError, InvalidError, NotFoundError."""
    with act(
        backend, actor, Action.DO_MAINTENANCE, name="edit_part", subject=str(part_id)
    ) as doing:
        _check(sheet)
        part = _find(backend, doing, part_id)
        if sheet.number.strip() != part.number and rows.number_taken(
            doing.connection, backend.config.site, sheet.number.strip()
        ):
            raise ConflictError(f"there is a part {sheet.number[:40]!r}", code="part_taken")
        rows.change(doing.connection, part_id, _values(sheet))


def stock_part(backend: Backend, actor: Actor, part_id: int, change: int, note: str = "") -> int:
    """Puts parts on the shelf, or writes some off; returns the stock.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE, name="stock_part", subject=str(part_id)
    ) as doing:
        _check_count(abs(change), least=1)
        part = _find(backend, doing, part_id)
        doing.detail["change"] = change
        return _move(doing, actor, part, change, note=note[:MAX_NAME])


def use_part(backend: Backend, actor: Actor, order_id: int, part_id: int, count: int) -> int:
    """Takes parts for an order, or brings some back (`count` below zero); returns the stock.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE,
        name="use_part", subject=str(order_id), placed=True,
    ) as doing:  # fmt: skip
        _check_count(abs(count), least=1)
        order = in_work(doing, order_id)
        part = _find(backend, doing, part_id)
        taken = -sum(
            each.change
            for each in rows.moves_of_order(doing.connection, order.id)
            if each.part_id == part_id
        )
        if taken + count < 0:
            raise ConflictError(
                f"order {order_id} took {taken} of part {part.number}, {-count} cannot come back",
                code="more_back_than_taken",
            )
        doing.detail.update(part=part_id, count=count)
        return _move(doing, actor, part, -count, order_id=order.id)


def _move(
    doing: Act,
    actor: Actor,
    part: StoredPart,
    change: int,
    *,
    note: str = "",
    order_id: int | None = None,
) -> int:
    left = part.stock + change
    if left < 0:
        raise ConflictError(
            f"{part.stock} of part {part.number} are left, {-change} cannot be taken",
            code="stock_short",
        )
    rows.move(
        doing.connection,
        StoredMove(
            part_id=part.id,
            order_id=order_id,
            change=change,
            unit_cost_minor=part.unit_cost_minor,
            currency=part.currency,
            note=note.replace("\0", ""),
            who=actor.name,
            at_utc_s=doing.now.utc_s,
        ),
    )
    return left


def _find(backend: Backend, doing: Act, part_id: int) -> StoredPart:
    part = rows.find(doing.connection, backend.config.site, part_id, lock=True)
    if part is None:
        raise NotFoundError(f"there is no part {part_id}", code="no_part")
    return part


def _check(sheet: PartSheet) -> None:
    for name, value in (("number", sheet.number), ("name", sheet.name)):
        if not value.strip():
            raise InvalidError(f"the part's {name} is empty", code=f"part_{name}_empty")
    for value in (sheet.number, sheet.name, sheet.place):
        if len(value) > MAX_NAME or "\0" in value:
            raise InvalidError(f"{value[:40]!r} is longer than {MAX_NAME}", code="too_long")
    _check_count(sheet.low_stock, least=0)
    check_money(sheet.unit_cost_minor, sheet.currency)


def _check_count(count: int, *, least: int) -> None:
    if not least <= count <= MAX_COUNT:
        raise InvalidError(f"the count is {count}, must be {least} to {MAX_COUNT}", code="count")


def _values(sheet: PartSheet) -> dict[str, object]:
    return {
        "number": sheet.number.strip(),
        "name": sheet.name.strip(),
        "place": sheet.place.strip(),
        "low_stock": sheet.low_stock,
        "unit_cost_minor": sheet.unit_cost_minor,
        "currency": sheet.currency,
    }
