"""Puts together what the far end may ask of a gateway: commands, and settings over the file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from doorward.decision import Rules
from doorward.envelope import Signer
from doorward.events import EventCode
from doorward.ids import PortalId
from doorward.keys import Keyring
from doorward.times import Clock, Instant
from doorward.twin import Settings
from doorward_edge.commands.commander import Commander
from doorward_edge.commands.desk import CommandDesk
from doorward_edge.commands.posture_keeper import PostureKeeper
from doorward_edge.commands.rules import Judge
from doorward_edge.commands.targets import CommandTargets, Premises
from doorward_edge.config import ConfigError, EdgeConfig, load_config
from doorward_edge.perception import PerceptionError, perception_of
from doorward_edge.pipeline import RulesInForce
from doorward_edge.ports import Documents
from doorward_edge.premises import Restarter
from doorward_edge.stages.record import Recorded, RecordStage
from doorward_edge.twin.keeper import TwinKeeper

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


def open_twin(
    config: EdgeConfig,
    file: Path,
    documents: Documents,
    keyring: Callable[[], Keyring],
    now: Instant,
) -> Twin:
    """Lays the settings that the controller sent over the installer's file.

    Args:
        config: the installer's file alone.
        file: where it is.
        documents: where the settings are kept.
        keyring: which keys may sign new ones.
        now: when the gateway begins.
    """
    keeper = TwinKeeper(
        site=config.site, gateway=config.gateway, documents=documents, keyring=keyring
    )
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


def open_desk(
    config: EdgeConfig, documents: Documents, rules: RulesInForce, signer: Signer, clock: Clock
) -> Command:
    """Opens the ledger and the postures; nothing is carried out yet."""
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
    )


def make_commander(
    config: EdgeConfig,
    command: Command,
    targets: CommandTargets,
    premises: Premises,
    record: RecordStage,
    clock: Clock,
    seal_key: bytes,
) -> Commander:
    """Returns the worker; `record` waits `COMMAND_RECORD_WAIT_S` and belongs to it alone."""

    def on_disk(code: EventCode, detail: str) -> bool:
        return record.event(code, detail, clock.now()).state is Recorded.DURABLE

    return Commander(
        desk=command.desk,
        targets=targets,
        premises=premises,
        postures=command.postures,
        record=on_disk,
        clock=clock,
        gateway=config.gateway,
        portals=frozenset(PortalId(portal.id) for portal in config.portals),
        seal_key=seal_key,
        allows_pictures=config.commands.pictures,
    )
