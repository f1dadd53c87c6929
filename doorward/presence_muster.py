"""Who is inside now, zone by zone, and how sure that is: from the gateways' own knowledge."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from doorward.ids import CredentialId, GatewayId, SiteId
from doorward.presence_message import Token, token_of
from doorward.presence_places import Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Somebody who is inside.

    Attributes:
        holder: the person's token; `names_of` finds whose it is.
        since: when the person entered, UTC seconds.
        seen_by: the gateway that saw it.
    """

    holder: Token
    since: int
    seen_by: GatewayId


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneMuster:
    """Who is inside one zone.

    Attributes:
        unheard: gateways that watch the zone and of which nothing is heard now.
        as_of: until when everything is known, UTC seconds; None: never since the start. It is the
            present where nobody is unheard.
        is_complete: nothing that was seen within the time of remembering was lost.
    """

    zone: str
    people: tuple[Present, ...]
    unheard: tuple[GatewayId, ...]
    as_of: int | None
    is_complete: bool

    @property
    def is_certain(self) -> bool:
        """Whether these are all and nobody else; otherwise it is what was last known."""
        return self.is_complete and not self.unheard


Muster = tuple[ZoneMuster, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earshot:
    """How well a gateway hears the others: which it does not, and when it last did."""

    is_heard: Callable[[GatewayId], bool]
    heard_at: Callable[[GatewayId], int | None]
    now_utc_s: int
    is_complete: bool


def muster_of(
    places: Places,
    watchers: Mapping[str, frozenset[GatewayId]],
    own: GatewayId,
    oldest: int,
    earshot: Earshot,
) -> Muster:
    """Returns the zones in the policy's order, and behind them any other that somebody is in."""
    inside: dict[str, list[Present]] = {zone: [] for zone in watchers}
    for holder, zone, place in places:
        if place.is_inside and place.source.at >= oldest:
            since = place.source.at if place.entered_at is None else place.entered_at
            seen_by = GatewayId(place.source.gateway)
            inside.setdefault(zone, []).append(Present(holder=holder, since=since, seen_by=seen_by))
    return tuple(
        _zone(zone, people, watchers.get(zone, frozenset()) - {own}, earshot)
        for zone, people in inside.items()
    )


def _zone(
    zone: str, people: list[Present], others: frozenset[GatewayId], earshot: Earshot
) -> ZoneMuster:
    unheard = tuple(sorted(one for one in others if not earshot.is_heard(one)))
    heard = [earshot.heard_at(one) for one in unheard]
    known = [at for at in heard if at is not None]
    as_of = min(known, default=earshot.now_utc_s) if len(known) == len(heard) else None
    return ZoneMuster(
        zone=zone,
        people=tuple(sorted(people, key=lambda one: (one.since, one.holder))),
        unheard=unheard,
        as_of=as_of,
        is_complete=earshot.is_complete,
    )


def names_of(
    tokens: Iterable[Token], site: SiteId, known: Iterable[CredentialId]
) -> dict[Token, CredentialId]:
    """Returns which credentials these tokens stand for, of those that are known here.

    A hash for each known one, about a second for a million: for a list that somebody looks at.
    """
    wanted = set(tokens)
    found = ((token_of(site, one), one) for one in known)
    return {token: one for token, one in found if token in wanted}
