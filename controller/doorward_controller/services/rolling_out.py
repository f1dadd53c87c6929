"""Roll-outs: begun, paused, resumed and aborted by people. The steps between are made by a job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from doorward.commands import CommandName
from doorward.errors import MalformedError
from doorward.ids import GatewayId
from doorward.twin import MAX_SETTINGS, Setting, check_settings
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.roll_out import MemberState, RollOutState, RollOutWord
from doorward_controller.domain.roll_out_order import (
    ROLLABLE,
    Candidate,
    CommandOrder,
    ConfigurationOrder,
    Order,
    Selection,
    changed_settings,
    in_waves,
    order_text,
    unsettable,
    wave_sizes,
)
from doorward_controller.errors import ActError, ConflictError, InvalidError, NotFoundError
from doorward_controller.services import commanding, roll_out_positions, software
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.store import configurations, gateways, roll_outs

MAX_TITLE_CHARACTERS = 120
MIN_DEADLINE_S, MAX_DEADLINE_S = 60, 30 * 86_400
MAX_REST_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRollOut:
    """What is to be rolled out, to whom, and how carefully.

    Attributes:
        waves: sizes as "5" or "10%"; what is left over is the last wave.
        deadline_s: from now; who was not heard of until then is missed.
    """

    title: str
    order: Order
    selection: Selection = field(default_factory=Selection)
    waves: Sequence[str] = ()
    success_percent: int = 100
    failure_percent: int = 0
    rest_s: int = 0
    deadline_s: int = 86_400


def members_of(backend: Backend, new: NewRollOut) -> tuple[tuple[GatewayId, int], ...]:
    """Returns who would take part now, each with its wave. Raises InvalidError."""
    _check_release(backend, new.order)
    with backend.store.read() as connection:
        return _placed(_candidates(connection, backend.config.site), new)


def start(backend: Backend, actor: Actor, new: NewRollOut) -> int:
    """Begins a roll-out; who takes part is fixed now. Returns its number.

    Raises ForbiddenError or InvalidError.
    """
    with act(
        backend, actor, Action.ROLL_OUT, name="start_roll_out", subject=new.title[:100]
    ) as doing:
        check(new)
        _check_release(backend, new.order)
        found = _candidates(doing.connection, backend.config.site)
        placed = _placed(found, new)
        if isinstance(new.order, ConfigurationOrder):
            _check_settings(doing.connection, backend.config.site, new.order, found, placed)
        roll_out_id = roll_outs.add(doing.connection, **_row(new, actor, doing))
        numbers = gateways.numbers(doing.connection, backend.config.site)
        rows = [
            {
                "roll_out_id": roll_out_id,
                "gateway_id": numbers[name],
                "wave": wave,
                "state": MemberState.WAITING.value,
                "detail": "",
                "command_id": "",
                "config_version": 0,
                "changed_at_utc_s": doing.now.utc_s,
            }
            for name, wave in placed
        ]
        roll_outs.add_members(doing.connection, rows)
        doing.detail.update(
            roll_out=roll_out_id, members=len(placed), waves=placed[-1][1], order=_named(new.order)
        )
    announce(backend, roll_out_id)
    return roll_out_id


def pause(backend: Backend, actor: Actor, roll_out_id: int) -> None:
    """Holds a roll-out: nothing new begins. Raises ActError."""
    with act(
        backend, actor, Action.ROLL_OUT, name="pause_roll_out", subject=str(roll_out_id)
    ) as doing:
        _tell(doing, roll_out_id, RollOutWord.PAUSE)
    announce(backend, roll_out_id)


def resume(backend: Backend, actor: Actor, roll_out_id: int) -> None:
    """Lets a paused roll-out go on. Raises ActError."""
    with act(
        backend, actor, Action.ROLL_OUT, name="resume_roll_out", subject=str(roll_out_id)
    ) as doing:
        _tell(doing, roll_out_id, RollOutWord.RESUME)
    announce(backend, roll_out_id)


def abort(backend: Backend, actor: Actor, roll_out_id: int) -> None:
    """Ends a roll-out: nobody else is asked, and commands that were not sent are taken back.

    What was handed over stays with its gateway. Raises ActError.
    """
    with act(
        backend, actor, Action.ROLL_OUT, name="abort_roll_out", subject=str(roll_out_id)
    ) as doing:
        _tell(doing, roll_out_id, RollOutWord.ABORT)
        unsent = [
            member.command_id
            for member in roll_outs.members(doing.connection, roll_out_id)
            if member.state is MemberState.ASKED and member.command_id and not member.signs.was_sent
        ]
    for command_id in unsent:
        try:
            commanding.cancel(backend, actor, command_id)
        except ActError:
            continue  # it was sent or ended meanwhile, which is what the roll-out will show
    announce(backend, roll_out_id)


def announce(backend: Backend, roll_out_id: int) -> None:
    """Tells whoever looks that a roll-out changed."""
    backend.feed.announce(EventKind.COMMAND, {"roll_out": roll_out_id})


def _tell(doing: Act, roll_out_id: int, word: RollOutWord) -> None:
    found = roll_outs.find(doing.connection, roll_out_id, lock=True)
    if found is None:
        raise NotFoundError(f"there is no roll-out {roll_out_id}", code="no_roll_out")
    stored = roll_outs.members(doing.connection, roll_out_id)
    at = roll_out_positions.read(found, stored).told(word, doing.now.utc_s)
    if at.state is found.state:
        raise ConflictError(
            f"roll-out {roll_out_id} is {found.state.value}; it cannot {word.value} now",
            code="roll_out_state",
        )
    doing.subject = found.title[:100]
    doing.detail["roll_out"] = roll_out_id
    roll_out_positions.write(doing.connection, roll_out_id, stored, at, doing.now)


def _row(new: NewRollOut, actor: Actor, doing: Act) -> dict[str, object]:
    return {
        "title": new.title.strip(),
        "order_json": order_text(new.order),
        "state": RollOutState.RUNNING.value,
        "ending": "",
        "success_percent": new.success_percent,
        "failure_percent": new.failure_percent,
        "rest_s": new.rest_s,
        "deadline_utc_s": doing.now.utc_s + new.deadline_s,
        "started_by": actor.name,
        "started_at_utc_ms": doing.now.utc_ms,
        "changed_at_utc_ms": doing.now.utc_ms,
    }


def _named(order: Order) -> str:
    if isinstance(order, CommandOrder):
        return order.name.value
    return ",".join(sorted(order.changes))[:200]


def check(new: NewRollOut) -> None:
    """Raises InvalidError where the roll-out is none that anybody could mean."""
    _within("title", len(new.title.strip()), 1, MAX_TITLE_CHARACTERS, unit=" characters")
    _within("success_percent", new.success_percent, 1, 100)
    _within("failure_percent", new.failure_percent, 0, 100)
    _within("rest_s", new.rest_s, 0, MAX_REST_S)
    _within("deadline_s", new.deadline_s, MIN_DEADLINE_S, MAX_DEADLINE_S)
    match new.order:
        case CommandOrder(name=name) if name not in ROLLABLE:
            raise InvalidError(
                f"{name.value} cannot be rolled out; allowed: {', '.join(ROLLABLE)}",
                code="not_for_many",
            )
        case CommandOrder(name=name, arguments=arguments):
            commanding.check_order(name.value, arguments)
        case ConfigurationOrder(changes=changes):
            _check_changes(changes)


def _check_release(backend: Backend, order: Order) -> None:
    """Refuses what no gateway could find."""
    if not isinstance(order, CommandOrder) or order.name is not CommandName.UPDATE_SOFTWARE:
        return
    version = order.arguments.get("version", "")
    if version and version not in software.versions(backend):
        raise InvalidError(
            f"there is no release {version} of the gateway that enough people signed",
            code="no_release",
        )


def _check_changes(changes: Mapping[str, Setting | None]) -> None:
    if not 1 <= len(changes) <= MAX_SETTINGS:
        raise InvalidError(
            f"there are {len(changes)} settings, must be 1 to {MAX_SETTINGS}", code="bad_settings"
        )
    if bad := unsettable(changes):
        raise InvalidError(f"{bad[0][:64]} cannot be set from afar", code="bad_settings")


def _within(name: str, value: int, least: int, most: int, unit: str = "") -> None:
    if not least <= value <= most:
        raise InvalidError(
            f"{name} is {value}{unit}, must be {least} to {most}", code=f"bad_{name}"
        )


def _candidates(connection: sa.Connection, site: str) -> tuple[Candidate, ...]:
    portals: dict[str, list[str]] = {}
    zones: dict[str, set[str]] = {}
    for row in gateways.portals_of_site(connection, site):
        portals.setdefault(row.gateway, []).append(row.name)
        zones.setdefault(row.gateway, set()).add(row.zone)
    return tuple(
        Candidate(
            gateway=name,
            portals=tuple(portals.get(name, ())),
            zones=frozenset(zones.get(name, ())),
        )
        for name in gateways.numbers(connection, site)
    )


def _placed(candidates: Sequence[Candidate], new: NewRollOut) -> tuple[tuple[GatewayId, int], ...]:
    unknown = new.selection.gateways - {each.gateway for each in candidates}
    if unknown:
        raise InvalidError(f"there is no gateway {min(unknown)[:40]!r}", code="no_gateway")
    names = sorted(each.gateway for each in candidates if new.selection.takes(each))
    if not names:
        raise InvalidError("no gateway fits the selection", code="nobody_selected")
    try:
        return in_waves(names, wave_sizes(new.waves, len(names)))
    except ValueError as err:
        raise InvalidError(str(err), code="bad_waves") from err


def _check_settings(
    connection: sa.Connection,
    site: str,
    order: ConfigurationOrder,
    candidates: Sequence[Candidate],
    placed: Sequence[tuple[GatewayId, int]],
) -> None:
    """Refuses at the start what every member would refuse later."""
    portals = {each.gateway: each.portals for each in candidates}
    numbers = gateways.numbers(connection, site)
    for name, _ in placed:
        present = configurations.newest_desired(connection, numbers[name]).settings
        try:
            check_settings(changed_settings(present, order.changes, portals[name]))
        except MalformedError as err:
            raise InvalidError(f"{name}: {err}", code="bad_settings") from err
