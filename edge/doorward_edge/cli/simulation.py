"""What the control socket of a simulated gateway can be asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from doorward_edge.adapters.gpio_gpiozero import (
    Pins,
    drive_pin,
    pin_histories,
    pin_levels,
)
from doorward_edge.boards import Level
from doorward_edge.config import PortalConfig
from doorward_edge.courier import pending_records, span_of
from doorward_edge.eye import health_of, stats_of
from doorward_edge.portal import Portal
from doorward_edge.ports import InputKind
from doorward_edge.simulate.scene_camera import SceneCamera
from doorward_edge.switches import faulty_levels, levels_of
from doorward_edge.wiring import Assembled


def control_handlers(
    assembled: Assembled,
) -> Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """Returns what answers each "do"; `show`, `clear` and `fail` only where a scene is rendered."""
    handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "state": lambda _: _state(assembled),
        "pins": lambda _: {"pins": pin_histories(assembled.pins)},
        "drive": lambda request: _drive(assembled.pins, **request),
        "input": lambda request: _input(assembled, **request),
    }
    scenes = {
        name: camera
        for name, camera in assembled.cameras.items()
        if isinstance(camera, SceneCamera)
    }
    if scenes:
        handlers |= {
            "show": lambda request: _done(_scene(scenes, request).show, request),
            "clear": lambda request: _done(_scene(scenes, request).clear, request),
            "fail": lambda request: _done(_scene(scenes, request).fail, request),
        }
    return handlers


def _drive(pins: Pins, pin: int, level: str) -> dict[str, Any]:
    """Holds an input pin at a level, as a wire from outside."""
    drive_pin(pins, pin, Level(level))
    return {}


def _input(
    assembled: Assembled,
    kind: str,
    *,
    active: bool = False,
    portal: str | None = None,
    fault: str | None = None,
) -> dict[str, Any]:
    """Moves the switch of an input, or cuts or shorts the line of a supervised one."""
    lines = [
        line
        for at, line in assembled.config.input_lines
        if at == portal and line.kind is InputKind(kind)
    ]
    if not lines:
        wired = ", ".join(f"{at or '-'} {line.kind}" for at, line in assembled.config.input_lines)
        raise ValueError(f"no {kind} at {portal or 'the gateway'}; wired are: {wired or 'none'}")
    (line,) = lines
    levels = levels_of(line, is_active=active) if fault is None else faulty_levels(line, fault)
    for pin, level in levels.items():
        drive_pin(assembled.pins, pin, level)
    return {}


def _scene(scenes: Mapping[str, SceneCamera], request: dict[str, Any]) -> SceneCamera:
    """Returns the camera that a request names, or the first one."""
    return scenes[request.pop("camera", next(iter(scenes)))]


def _done(act: Callable[..., None], request: dict[str, Any]) -> dict[str, Any]:
    act(**request)
    return {}


def _state(assembled: Assembled) -> dict[str, Any]:
    spans = assembled.journal.spans()
    newest = span_of(spans[-1])
    applied = assembled.keeper.applied
    levels = pin_levels(assembled.pins)
    return {
        "gateway": assembled.config.gateway,
        "portals": {
            each.id: {**_portal(each, levels), **_door(assembled.portals[each.id])}
            for each in assembled.config.portals
        },
        "journal": {
            "pending": pending_records(spans),
            "epoch": newest.epoch,
            "head": newest.head,
            "tail": newest.tail,
        },
        "uplink": assembled.courier.uplink.link.value,
        "uplink_trouble": assembled.courier.link_trouble,
        "rejected": [f"{r.what}: {r.error}" for r in assembled.courier.rejected],
        "policy_version": applied.bundle,
        "status_seq": applied.status,
        "keyring_version": applied.keyring,
        "counters": {
            **assembled.counters.totals(),
            # A copy, because the main loop may count a new reason meanwhile.
            "reasons": {r.value: n for r, n in dict(assembled.counters.reasons).items()},
        },
        "decoder": dict(stats_of(assembled.eyes)),
        "camera": health_of(assembled.eyes),
    }


def _door(portal: Portal) -> dict[str, Any]:
    door = portal.door
    return {
        "door": door.state,
        "posture": door.posture,
        "fire": door.is_fire,
        "passages": dict(portal.counts),
    }


def _portal(portal: PortalConfig, levels: Mapping[str, float]) -> dict[str, Any]:
    def is_at(pin: int, level: Level) -> bool:
        return (levels.get(f"GPIO{pin}", 0.0) > 0) is (level is Level.HIGH)

    lock, buzzer = portal.lock, portal.buzzer
    released = lock is not None and is_at(lock.pin, lock.released)
    return {
        "lock": "released" if released else "locked",
        "lamps": [name for name, lamp in portal.lamps.items() if is_at(lamp.pin, lamp.active)],
        "buzzer": buzzer is not None and is_at(buzzer.pin, buzzer.active),
    }
