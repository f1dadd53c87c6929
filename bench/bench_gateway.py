"""A whole gateway with a million credentials in its policy: time to readiness, and memory.

Put together as on a board: broker unreachable, decoder child, journal, documents, mapped policy; a
folder of pictures plays the camera and pins are recorded. Memory is that of both processes, a page
of a file that both have mapped counted once; "each" counts it in each. What picamera2 and libcamera
need on a Raspberry Pi comes on top and was not measured here.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bench.report import Report
from doorward.ids import CredentialId
from doorward.policy_draft import PersonDraft
from doorward_controller.broker.authority import Authority
from doorward_edge.adapters.policy_files import FolderOfPolicies
from doorward_edge.sync import BUNDLE, STATUS
from tests.fakes.site_simulator import GATEWAY, START_S, YEAR_S, SiteSimulator

ROOT = Path(__file__).resolve().parent.parent
MEMORY_MB = 150
PICTURES = 30
STATUS_AHEAD = 65_536


def run(report: Report) -> None:
    """Measure a gateway with few and with many credentials."""
    many = report.scaled(1_000_000, 100_000)
    figures = {}
    for people in (1_000, many):
        with tempfile.TemporaryDirectory(prefix="doorward-bench-") as name:
            config = _prepare(Path(name), people)
            rounds = [_measure(config) for _ in range(5)]
        figures[people] = rounds
        what = f"{people:,} credentials"
        limit = {"at_most": float(MEMORY_MB)} if people == many else {}
        together = [one["together"] / 1000 for one in rounds]
        report.samples(f"{what}: resident memory", together, unit="MB", **limit)
        each = [one["each"] / 1000 for one in rounds]
        report.samples(f"{what}: resident memory, each process", each, unit="MB")
        report.samples(f"{what}: start to ready", [r["ready_s"] for r in rounds], unit="s")
    report.ratio(
        "start with many over start with few",
        [one["ready_s"] for one in figures[many]],
        [one["ready_s"] for one in figures[1_000]],
    )


def _prepare(folder: Path, people: int) -> Path:
    """Lays out what enrolment and one policy release would have left."""
    site = SiteSimulator(size=-(-people // STATUS_AHEAD) * STATUS_AHEAD + STATUS_AHEAD)
    site.people = [
        PersonDraft(
            credential_id=CredentialId((n * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8)),
            not_before=START_S - YEAR_S,
            not_after=START_S + YEAR_S + n % 1000,
            groups=("staff",),
        )
        for n in range(people)
    ]
    policies = FolderOfPolicies(folder / "data" / "policy")
    policies.save(BUNDLE, site.bundle())
    policies.save(STATUS, site.status())
    (folder / "keyring.dwe").write_bytes(site.keyrings[0])
    (folder / "seal.pub").write_bytes(X25519PrivateKey.generate().public_key().public_bytes_raw())
    with os.fdopen(os.open(folder / "record.key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(os.urandom(32))
    _draw_pictures(folder / "pictures")
    return _write_config(folder)


def _draw_pictures(folder: Path) -> None:
    folder.mkdir()
    noise = np.random.default_rng(1)
    for n in range(PICTURES):
        picture = noise.normal(110, 3, (720, 1280)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{n:03}.jpg"), picture)


def _write_config(folder: Path) -> Path:
    now = datetime.now(UTC)
    authority = Authority.create(folder / "pki", now=now, valid_for=timedelta(days=1))
    identity = authority.issue_gateway(GATEWAY, now=now)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = folder / "edge.toml"
    path.write_text(
        f"""\
[gateway]
site = "hq"
id = "gate-1"
data_dir = "data"

[broker]
host = "127.0.0.1"
port = {port}
ca_file = "{authority.ca_file}"
cert_file = "{identity.certificate_file}"
key_file = "{identity.key_file}"

[trust]
keyring_file = "keyring.dwe"
seal_key_file = "seal.pub"
record_key_file = "record.key"

[[camera]]
name = "front"
kind = "folder"
path = "{folder / "pictures"}"

[clock]
source = "assume"

[journal]
capacity_mib = 64

[[portal]]
id = "north"
cameras = ["front"]
lock = {{ kind = "fail_secure", terminal = 17 }}
lamps = {{ green = 22 }}
""",
        "utf-8",
    )
    return path


def _measure(config: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.gateway_memory", str(config)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    if told["version"] != 1 or told["processes"] < 2:
        raise RuntimeError(f"the gateway did not load its policy or lost its decoder: {told}")
    return told
