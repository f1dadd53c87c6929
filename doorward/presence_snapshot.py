"""A snapshot of what a gateway knows of people: written and read by itself alone.

It is CBOR of one list, `[format, site, rows, …]`; not signed, because whoever keeps it seals it.
Companions, doors and who is heard are of this moment and not in it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import cbor2

from doorward import shapes
from doorward.errors import MalformedError, WrongRecipientError
from doorward.ids import MAX_SEQ, SiteId, parse_portal_id
from doorward.policy import Direction
from doorward.presence_message import TOKEN_BYTES, PresenceMessage, Token
from doorward.presence_outbox import Outbox
from doorward.presence_places import EVERYBODY, Place, Source
from doorward.presence_port import Entries
from doorward.presence_senders import WIDTH, Senders
from doorward.presence_state import PresenceState
from doorward.presence_uses import Use

FORMAT = 1
_T = TypeVar("_T")


def write_snapshot(site: SiteId, seen: PresenceState, senders: Senders, outbox: Outbox) -> bytes:
    """Returns everything that is worth keeping over a restart."""
    once, entries = seen.once, seen.entries
    return cbor2.dumps(
        [
            FORMAT,
            site,
            [seen.floor_s, seen.lost_at, seen.gave_up_at, once.unsure_until, entries.unsure_until],
            [
                *(_forgiven_row(*forgiven) for forgiven in seen.places.forgiven()),
                *(_place_row(holder, zone, place) for holder, zone, place in seen.places),
            ],
            seen.slots.rows(),
            [
                [who, way.value, [*map(list, row)], end]
                for (who, way), (row, end) in once.held.items()
            ],
            [[*key, [*row.at], row.earlier, until] for key, (row, until) in entries.held.items()],
            [[portal, at] for portal, at in seen.last_grants.items()],
            senders.rows(),
            [message.to_body() for message in outbox],
        ]
    )


def read_snapshot(
    wire: bytes, site: SiteId, seen: PresenceState, senders: Senders, outbox: Outbox, mono_ms: int
) -> None:
    """Puts everything of a snapshot into what is still empty.

    Raises:
        MalformedError: it is not one; then what it was put into is of no use.
        WrongRecipientError: it is of another site.
    """
    match shapes.load_cbor(wire, "presence snapshot", max_depth=5):
        case [format_, str() as of_site, [_, _, _, _, _] as numbers, *sections] if (
            format_ == FORMAT and len(sections) == 7
        ):
            pass
        case _:
            raise MalformedError(f"presence snapshot: not of format {FORMAT}")
    if of_site != site:
        raise WrongRecipientError(f"presence snapshot: of site {of_site[:32]}, ours is {site}")
    try:
        _read_numbers(numbers, seen)
        _read_sections(sections, seen, senders, outbox, mono_ms)
    except MalformedError:
        raise
    except (ValueError, TypeError) as err:
        raise MalformedError(f"presence snapshot: {str(err)[:160]}") from err


def _place_row(holder: Token, zone: str, place: Place) -> list[object]:
    times = [place.entered_at, place.left_at]
    return [holder, zone, place.is_inside, *times, *_source_row(place.source)]


def _forgiven_row(holder: Token, zone: str, source: Source) -> list[object]:
    """Returns a place of which nothing is known; everybody and everywhere are empty."""
    return [holder, zone, None, None, None, *_source_row(source)]


def _source_row(said: Source) -> list[object]:
    return [said.at, said.gateway, said.epoch, said.seq]


def _read_numbers(numbers: list[Any], seen: PresenceState) -> None:
    floor_s, lost_at, gave_up_at, once, entries = numbers
    seen.floor_s = _number(floor_s)
    seen.lost_at, seen.gave_up_at = _or_none(_number, lost_at), _or_none(_number, gave_up_at)
    seen.once.unsure_until, seen.entries.unsure_until = _number(once), _number(entries)


def _read_sections(
    sections: list[Any], seen: PresenceState, senders: Senders, outbox: Outbox, mono_ms: int
) -> None:
    places, slots, once, entries, grants, heard, unsent = sections
    for holder, zone, is_inside, *rest in places:
        _read_place(seen, holder, shapes.text(zone, "a zone", 32), is_inside, rest)
    for credential, slot in slots:
        seen.slots.note(_token(credential), _number(slot), mono_ms)
    for credential, way, words, until in once:
        row = tuple(_use(*said) for said in words)
        seen.once.put((_token(credential), Direction(way)), row, _number(until))
    for holder, zone, at, earlier, until in entries:
        counted = Entries(at=tuple(map(_number, at)), earlier=_number(earlier))
        seen.entries.put((_token(holder), shapes.text(zone, "a zone", 32)), counted, _number(until))
    for portal, at in grants:
        seen.last_grants[parse_portal_id(portal)] = _number(at)
    for gateway, epoch, highest, bits in heard:
        sender = shapes.gateway(gateway, "a gateway"), shapes.epoch(epoch, "an epoch")
        senders.restore(*sender, _number(highest), shapes.octets(bits, "bits", WIDTH // 8))
    for body in unsent:
        outbox.add(PresenceMessage.from_body(body))


def _read_place(
    seen: PresenceState, holder: object, zone: str, is_inside: object, rest: list[Any]
) -> None:
    entered_at, left_at, *said = rest
    if is_inside is None:
        who = EVERYBODY if holder == EVERYBODY else _token(holder)
        seen.places.forgive(who, zone, _source(said))
        return
    times = _or_none(_number, entered_at), _or_none(_number, left_at)
    seen.places.restore(_token(holder), zone, Place(_truth(is_inside), _source(said), *times))


def _use(gateway: object, epoch: object, seq: object, is_used: object) -> Use:
    return Use(
        shapes.gateway(gateway, "a gateway"),
        shapes.epoch(epoch, "an epoch"),
        _number(seq),
        _truth(is_used),
    )


def _source(said: list[Any]) -> Source:
    at, gateway, epoch, seq = said
    return Source(
        at=_number(at),
        gateway=shapes.gateway(gateway, "a gateway"),
        epoch=shapes.epoch(epoch, "an epoch"),
        seq=_number(seq),
    )


def _number(value: object) -> int:
    return shapes.number(value, "a number", MAX_SEQ)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise MalformedError("presence snapshot: neither true nor false")
    return value


def _token(value: object) -> Token:
    return shapes.octets(value, "a token", TOKEN_BYTES)


def _or_none(parse: Callable[[object], _T], value: object) -> _T | None:
    return None if value is None else parse(value)
