"""Mistakes in edge.toml are named with line, key, value and what is allowed."""

from pathlib import Path

import pytest

from doorward_edge.boards import Contact, Level, LockKind
from doorward_edge.config import (
    CameraKind,
    ClockSource,
    ConfigError,
    Direction,
    LockLine,
    ScannerKind,
    load_config,
    parse_config,
)
from doorward_edge.ports import InputKind

PLACE = Path("/etc/doorward/edge.toml")
GOOD = """\
[gateway]
site = "hq"
id = "gate-1"
data_dir = "data"

[broker]
host = "localhost"
ca_file = "ca.pem"
cert_file = "gate-1.pem"
key_file = "/keys/gate-1.key"

[trust]
keyring_file = "keyring.dwe"
seal_key_file = "seal.pub"
record_key_file = "record.key"

[[camera]]
name = "front"
kind = "scene"

[[portal]]
id = "north"
cameras = ["front"]
lock = { kind = "fail_secure", terminal = 17 }
"""
SECOND = """
[[scanner]]
name = "desk-scanner"
kind = "serial"
device = "/dev/serial/by-id/usb-1"

[[portal]]
id = "south"
direction = "exit"
scanners = ["desk-scanner"]
lamps = { green = "green" }
buzzer = "buzzer"

[portal.lock]
kind = "turnstile"
terminal = "lock-2"

[portal.inputs]
contact = { terminal = "contact" }
exit_button = { terminal = 16, second_terminal = 20, debounce_ms = 80 }

[inputs]
fire = { terminal = "fire" }
"""


def test_defaults_are_filled_in_and_files_count_from_the_configurations_folder() -> None:
    config = parse_config(GOOD, PLACE)
    (camera,) = config.cameras
    assert camera.kind is CameraKind.SCENE
    assert (camera.width_px, camera.height_px, camera.fps) == (1280, 720, 10)
    assert (camera.exposure_us, camera.gain, camera.focus) == (None, None, "auto")
    assert config.clock.source is ClockSource.KERNEL
    assert config.data_dir == Path("/etc/doorward/data")
    assert config.broker.ca_file == "/etc/doorward/ca.pem"
    assert config.broker.key_file == "/keys/gate-1.key"
    assert config.panel is None


def test_a_lock_on_a_pin_gets_the_level_that_releases_it() -> None:
    (portal,) = parse_config(GOOD, PLACE).portals
    assert portal.lock == LockLine(
        kind=LockKind.FAIL_SECURE, terminal="GPIO17", pin=17, released=Level.HIGH, pulse_ms=None
    )


def test_two_portals_share_a_gateway_each_with_its_own_readers_and_pins() -> None:
    config = parse_config(GOOD + SECOND, PLACE)
    north, south = config.portals
    assert (north.direction, south.direction) == (Direction.ENTRY, Direction.EXIT)
    assert (north.cameras, south.scanners) == (("front",), ("desk-scanner",))
    assert config.scanner("desk-scanner").kind is ScannerKind.SERIAL
    assert south.lock is not None
    assert south.lock.pin == 27
    contact, button = south.inputs
    assert (contact.kind, contact.contact, contact.debounce_ms) == (
        InputKind.CONTACT,
        Contact.NC,
        50,
    )
    assert (button.contact, button.debounce_ms) == (Contact.NO, 80)
    assert button.second is not None
    assert (button.second.pin, button.second.closed) == (20, Level.LOW)
    (fire,) = config.inputs
    assert (fire.kind, fire.first.pin) == (InputKind.FIRE, 26)
    assert config.claims[22] == "portal.lamps.green"


LOCK = 'lock = { kind = "fail_secure", terminal = 17 }'
MISTAKES = {
    ('kind = "scene"', 'kind = "webcam"'): (
        "line 19: camera.kind is 'webcam', must be one of picamera2, v4l2, folder, video, scene"
    ),
    ('kind = "scene"', 'kind = "scene"\nfps = 100'): (
        "line 20: camera.fps is 100, must be a number from 1 to 60"
    ),
    ('kind = "scene"', 'kind = "scene"\nfocus = "near"'): (
        "line 20: camera.focus is 'near', must be a number from 0 to 32 or \"auto\""
    ),
    ('kind = "scene"', 'kind = "folder"'): (
        "line 17: camera.path is missing; kind folder plays what lies there"
    ),
    ('kind = "scene"', 'kind = "scene"\nroi_px = [1, 2]'): (
        "line 20: camera.roi_px must be [x, y, width, height]"
    ),
    ('kind = "scene"', 'kind = "scene"\nroi_px = [1000, 0, 500, 100]'): (
        "line 20: camera.roi_px is [1000, 0, 500, 100], not within 1280 x 720"
    ),
    ('name = "front"', 'name = "Front"'): "line 18: camera.name is not a name",
    ('kind = "scene"', 'kind = "scene"\n[[camera]]\nname = "front"\nkind = "scene"'): (
        "line 21: camera.name is 'front', which is taken"
    ),
    ('kind = "scene"', 'kind = "scene"\n[[camera]]\nname = "back"\nkind = "scene"'): (
        "line 21: camera.name is 'back', but no portal has cameras = [\"back\"]"
    ),
    ('cameras = ["front"]', 'cameras = ["back"]'): (
        "line 23: portal.cameras has 'back'; there is: front"
    ),
    ('cameras = ["front"]', 'cameras = ["front"]\nscanners = ["usb"]'): (
        "line 24: portal.scanners has 'usb'; there is: none; add [[scanner]]"
    ),
    (LOCK, f'{LOCK}\n[[portal]]\nid = "south"\ncameras = ["front"]'): (
        "line 27: portal.cameras has 'front', which reads at north"
    ),
    (LOCK, f'{LOCK}\n[[portal]]\nid = "south"'): (
        "line 25: portal 'south' has no cameras and no scanners; name what reads there, or set"
    ),
    (LOCK, f'{LOCK}\n[[portal]]\nid = "north"\npanel_only = true'): (
        "line 26: portal.id is 'north', which is taken"
    ),
    ('cameras = ["front"]', 'cameras = ["front"]\npanel_only = true'): (
        "line 21: portal 'north' reads codes and is panel_only"
    ),
    ("terminal = 17", "terminal = 40"): (
        "line 24: portal.lock.terminal is 40, must be a number from 0 to 27 or a text"
    ),
    ("terminal = 17", 'terminal = "relay-9"'): (
        "line 24: portal.lock.terminal is 'relay-9'; terminals of raspberry-pi-header are: lock-1,"
    ),
    ("terminal = 17", "terminal = 1"): (
        "line 24: portal.lock.terminal is GPIO1, which is reserved: the firmware reads the EEPROM"
    ),
    (LOCK, f"{LOCK}\nlamps = {{ green = 17 }}"): (
        "line 25: portal.lamps.green is GPIO17, which is portal.lock.terminal already"
    ),
    (LOCK, f"{LOCK}\n[portal.lamps]\ngreen = 22\nred = 22"): (
        "line 27: portal.lamps.red is GPIO22, which is portal.lamps.green already"
    ),
    (LOCK, f"{LOCK}\n[inputs]\nfire = {{ terminal = 17 }}"): (
        "line 26: inputs.fire.terminal is GPIO17, which is portal.lock.terminal already"
    ),
    ("terminal = 17", "terminals = 17"): (
        "line 24: portal.lock.terminals is not known here; known are: kind, terminal, active,"
    ),
    ("terminal = 17", "terminal = 5"): (
        "line 24: portal.lock.terminal cannot be: a fail_secure lock on contact no is released"
    ),
    ('kind = "fail_secure"', 'kind = "fail_safe", contact = "no"'): (
        "line 24: portal.lock.contact cannot be: a fail_safe lock on contact no is locked only"
    ),
    (LOCK, 'lock = { kind = "magnet", terminal = 17 }'): (
        "line 24: portal.lock.kind is 'magnet', must be one of fail_secure, fail_safe, turnstile"
    ),
    ("[[camera]]", '[board]\nprofile = "my-board"\n[[camera]]'): (
        "line 18: board.profile cannot be used: "
    ),
    ("[[camera]]", '[board]\nuses = ["usb"]\n[[camera]]'): (
        "line 18: board.uses has 'usb'; functions are: i2c, one-wire, spi"
    ),
    ('site = "hq"', 'site = "HQ"'): "line 2: gateway.site is not a name: site is 'HQ'",
    ('id = "gate-1"', 'id = "policy"'): "line 3: gateway.id is not a name",
    ('host = "localhost"\n', ""): "line 6: broker.host is missing",
    (", terminal = 17", ""): "line 24: portal.lock.terminal is missing",
    ('kind = "scene"\n', ""): "line 17: camera.kind is missing, must be one of picamera2, v4l2,",
    ("[[camera]]", "[[camra]]"): "line 17: camra is not known here; known are: gateway, broker,",
    (f'[[portal]]\nid = "north"\ncameras = ["front"]\n{LOCK}\n', ""): (
        "line 20: portal is missing"
    ),
    ('kind = "scene"', "kind = scene"): "not TOML: Invalid value (at line 19",
    ('host = "localhost"', 'host = "localhost"\ntls = false'): "line 8: broker.tls is not known",
    (LOCK, f'{LOCK}\n[panel]\ncert_file = "panel.pem"'): "line 25: panel.key_file is missing;",
}


def test_two_readers_cannot_have_one_device() -> None:
    text = GOOD.replace(
        'kind = "scene"',
        'kind = "v4l2"\ndevice = "/dev/video0"\n'
        '[[camera]]\nname = "back"\nkind = "v4l2"\ndevice = "/dev/video0"',
    ).replace('cameras = ["front"]', 'cameras = ["front", "back"]')
    with pytest.raises(ConfigError, match=r"line 24: camera\.device is .*, which front has"):
        parse_config(text, PLACE)


def test_more_than_eight_portals_are_refused() -> None:
    more = "".join(f'[[portal]]\nid = "p{n}"\npanel_only = true\n' for n in range(8))
    with pytest.raises(ConfigError, match="line 21: portal stands 9 times, must stand 1 to 8"):
        parse_config(GOOD + more, PLACE)


def test_a_mistake_in_the_second_portal_is_found_in_the_second() -> None:
    text = (GOOD + SECOND).replace('terminal = "lock-2"', 'terminal = "lock-3"')
    line = text.splitlines().index('terminal = "lock-3"') + 1
    with pytest.raises(ConfigError, match=f"line {line}: portal.lock.terminal is 'lock-3'"):
        parse_config(text, PLACE)


@pytest.mark.parametrize(("was", "now"), MISTAKES)
def test_a_mistake_is_named_with_its_line(was: str, now: str) -> None:
    assert was in GOOD
    with pytest.raises(ConfigError) as caught:
        parse_config(GOOD.replace(was, now), PLACE)
    assert str(caught.value).startswith(str(PLACE))
    assert MISTAKES[was, now] in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"edge\.toml: cannot be read"):
        load_config(tmp_path / "edge.toml")
    (tmp_path / "edge.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"edge\.toml: cannot be read"):
        load_config(tmp_path / "edge.toml")
