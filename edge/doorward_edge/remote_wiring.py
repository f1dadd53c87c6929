"""Puts together what the far end may ask of a gateway: commands, and settings over the file."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from doorward.decision import Rules
from doorward.envelope import Signer
from doorward.events import EventCode
from doorward.ids import PortalId
from doorward.keys import Keyring
from doorward.times import Clock, Instant
from doorward.twin import Settings
from doorward_edge.commands.commander import Commander, Record
from doorward_edge.commands.desk import CommandDesk
from doorward_edge.commands.posture_keeper import PostureKeeper
from doorward_edge.commands.rules import Judge
from doorward_edge.config import ConfigError, EdgeConfig, load_config
from doorward_edge.forgiving import Forgiver
from doorward_edge.inbox import Inbox
from doorward_edge.log_ring import LogRing
from doorward_edge.orders import PortalOrders
from doorward_edge.perception import PerceptionError, perception_of
from doorward_edge.pipeline import RulesInForce
from doorward_edge.portal import Portal
from doorward_edge.portal_wiring import Shared
from doorward_edge.ports import Documents
from doorward_edge.premises import Eye, GatewayPremises, Restarter, Scanner
from doorward_edge.presence.book import ToldBook
from doorward_edge.stages.record import Recorded, RecordStage
from doorward_edge.twin.keeper import TwinKeeper

USUAL_PULSE_MS = 3000
COMMAND_RECORD_WAIT_S = 2.0
"""A command waits longer for its record than a person does; without one it is not carried out."""


class OrderedRules:
    """The rules in force, with the postures that commands put portals into."""

    def __init__(self, rules: RulesInForce, postures: PostureKeeper) -> None:
        """Takes what is joined at each look."""
        self._rules = rules
        self._postures = postures

    @property
    def keyring(self) -> Keyring:
        """The keys that count now."""
        return self._rules.keyring

    @property
    def rules(self) -> Rules | None:
        """Policy, status list and orders, or None before the first policy."""
        rules = self._rules.rules
        orders = self._postures.orders()
        return replace(rules, orders=orders) if rules is not None and orders else rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The settings from afar, and the configuration that they make of the installer's."""

    keeper: TwinKeeper
    config: EdgeConfig


def open_twin(config: EdgeConfig, file: Path | None, documents: Documents, now: Instant) -> Twin:
    """Lays the settings that the controller sent over the installer's file.

    Args:
        config: the installer's file alone.
        file: where it is; without it nothing can be set from afar.
        documents: where the settings are kept.
        now: when the gateway begins.
    """
    keeper = TwinKeeper(site=config.site, gateway=config.gateway, documents=documents)
    if file is None:
        return Twin(keeper=keeper, config=config)
    settings = keeper.load(lambda wanted: check_settings(file, wanted), now)
    return Twin(keeper=keeper, config=load_config(file, settings) if settings else config)


def check_settings(file: Path, settings: Settings) -> None:
    """Raises ConfigError where the file with these settings over it could not be run."""
    try:
        perception_of(load_config(file, settings).perception)
    except PerceptionError as err:
        raise ConfigError(str(err)) from err


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What takes commands, and what carries them out."""

    desk: CommandDesk
    postures: PostureKeeper
    restarter: Restarter
    ring: LogRing

    def close(self) -> None:
        """Keeps no more lines of the log."""
        logging.getLogger().removeHandler(self.ring)


def open_desk(
    config: EdgeConfig, documents: Documents, rules: RulesInForce, signer: Signer, clock: Clock
) -> Command:
    """Opens the ledger and the postures, and keeps the log's lines; nothing is carried out yet."""
    ring = LogRing()
    logging.getLogger().addHandler(ring)
    return Command(
        desk=CommandDesk(
            judge=Judge(site=config.site, gateway=config.gateway),
            keyring=lambda: rules.keyring,
            notes=documents,
            signer=signer,
            clock=clock,
        ),
        postures=PostureKeeper(documents, lambda: rules.rules),
        restarter=Restarter(),
        ring=ring,
    )


def make_commander(  # everything that a command may reach
    config: EdgeConfig,
    command: Command,
    *,
    inbox: Inbox,
    portals: Mapping[PortalId, Portal],
    eyes: Sequence[Eye],
    scanners: Sequence[Scanner],
    book: ToldBook,
    rules: RulesInForce,
    shared: Shared,
    wake: Callable[[], None],
    seal_key: bytes,
    update: Callable[[str, str, int], str],
) -> Commander:
    """Returns the worker that carries commands out; it begins with its first `tend`."""
    orders = PortalOrders(inbox, portals, shared.clock, lambda portal: _pulse_ms(rules, portal))
    premises = GatewayPremises(
        eyes=eyes,
        scanners=scanners,
        journal=shared.journal,
        clock=shared.clock,
        ring=command.ring,
        restart=command.restarter,
        show=lambda: orders.identify(None),
        faulty_inputs=lambda: {
            name: sorted(kind.value for kind in portal.door.faulty)
            for name, portal in portals.items()
        },
        wake=wake,
        update=update,
    )
    return Commander(
        desk=command.desk,
        targets=orders,
        premises=premises,
        people=Forgiver(inbox, book, rules, shared.clock),
        postures=command.postures,
        record=_recorder(shared),
        clock=shared.clock,
        gateway=config.gateway,
        portals=frozenset(portals),
        seal_key=seal_key,
        allows_pictures=config.commands.pictures,
    )


def _recorder(shared: Shared) -> Record:
    stage = RecordStage(
        shared.journal,
        boot_id=shared.boot_id,
        portal="",
        is_online=lambda: shared.link.is_connected,
        wait_s=COMMAND_RECORD_WAIT_S,
    )

    def on_disk(code: EventCode, detail: str) -> bool:
        outcome = stage.event(code, detail, shared.clock.now())
        return outcome.state is Recorded.DURABLE

    return on_disk


def _pulse_ms(rules: RulesInForce, portal: PortalId) -> int:
    """The policy's pulse, or the usual one for a portal that it does not know."""
    known = rules.rules
    rule = known.policy.portals.get(portal) if known else None
    return rule.pulse_ms if rule else USUAL_PULSE_MS
