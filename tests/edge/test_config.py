"""Mistakes in edge.toml are named with line, key, value and what is allowed."""

from pathlib import Path

import pytest

from doorward_edge.config import CameraKind, ClockSource, ConfigError, load_config, parse_config

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

[camera]
kind = "scene"

[[portal]]
id = "north"
lock_pin = 17
"""


def test_defaults_are_filled_in_and_files_count_from_the_configurations_folder() -> None:
    config = parse_config(GOOD, PLACE)
    assert config.camera.kind is CameraKind.SCENE
    assert (config.camera.width_px, config.camera.height_px, config.camera.fps) == (1280, 720, 10)
    assert config.clock.source is ClockSource.KERNEL
    assert config.data_dir == Path("/etc/doorward/data")
    assert config.broker.ca_file == "/etc/doorward/ca.pem"
    assert config.broker.key_file == "/keys/gate-1.key"
    assert config.portal.lock_pin == 17


MISTAKES = {
    ('kind = "scene"', 'kind = "webcam"'): (
        "line 18: camera.kind is 'webcam', must be one of picamera2, v4l2, folder, video, scene"
    ),
    ('kind = "scene"', 'kind = "scene"\nfps = 100'): (
        "line 19: camera.fps is 100, must be a number from 1 to 60"
    ),
    ('kind = "scene"', 'kind = "folder"'): (
        "line 17: camera.path is missing; kind folder plays what lies there"
    ),
    ('kind = "scene"', 'kind = "scene"\nroi_px = [1, 2]'): (
        "line 19: camera.roi_px must be [x, y, width, height]"
    ),
    ("lock_pin = 17", "lock_pin = 40"): "line 22: portal.lock_pin is 40, must be a number from 0",
    ("lock_pin = 17", "lock_pin = 17\ngreen_pin = 17"): (
        "line 23: portal.green_pin is GPIO 17, which is lock_pin already"
    ),
    ("lock_pin = 17", "lokc_pin = 17"): (
        "line 22: portal.lokc_pin is not known here; known are: id, lock_pin,"
    ),
    ('site = "hq"', 'site = "HQ"'): "line 2: gateway.site is not a name: site is 'HQ'",
    ('id = "gate-1"', 'id = "policy"'): "line 3: gateway.id is not a name",
    ('host = "localhost"\n', ""): ": broker.host is missing",
    ("[camera]", "[camra]"): "line 17: camra is not known here; known are: gateway, broker,",
    ('[[portal]]\nid = "north"\nlock_pin = 17\n', ""): ": portal is missing",
    ("lock_pin = 17", '[[portal]]\nid = "south"'): "portal stands 2 times, must stand once",
    ('kind = "scene"', "kind = scene"): "not TOML: Invalid value (at line 18",
    ('host = "localhost"', 'host = "localhost"\ntls = false'): "line 8: broker.tls is not known",
}


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
