"""The committed vectors are what the generators make, and what the kit reads."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from doorward.acks import Ack
from doorward.batches import Batch, chain_next, chain_start, check_chain, open_records
from doorward.envelope import Kind, parse_envelope, verify_with_key
from doorward.ids import Epoch
from doorward.messages import Birth, Health, Reported, State
from doorward.records import Record
from doorward.sealing import SegmentCipher, SegmentName, open_segment_key

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> Any:
    return json.loads((ROOT / "tests" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


def test_committed_vectors_are_what_their_generators_make() -> None:
    command = [sys.executable, str(ROOT / "tools" / "make_vectors.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_records_of_the_vectors_read_and_write_byte_for_byte() -> None:
    for entry in load("records")["records"]:
        record = Record.from_wire(bytes.fromhex(entry["wire"]))
        assert record.to_wire().hex() == entry["wire"]
        shown = {name: getattr(record, name) for name in entry["fields"] if name != "extra"}
        assert {k: v.hex() if isinstance(v, bytes) else v for k, v in shown.items()} == {
            k: v for k, v in entry["fields"].items() if k != "extra"
        }
        assert [list(pair) for pair in record.extra] == entry["fields"]["extra"]


def test_segment_key_made_from_the_rfc_alone_opens_with_the_kit() -> None:
    vector = load("records")
    name = SegmentName(
        gateway=vector["gateway"], epoch=vector["epoch"], number=vector["segment"]["number"]
    )
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["recipient_private"]))
    key = open_segment_key(bytes.fromhex(vector["segment"]["sealed_key"]), private, name)
    assert key.hex() == vector["segment"]["key"]


def test_chain_and_ciphertexts_of_the_vectors_hold() -> None:
    vector = load("records")
    gateway, epoch = vector["gateway"], Epoch(vector["epoch"])
    cipher = SegmentCipher.of(bytes.fromhex(vector["segment"]["key"]), gateway, epoch)
    chain = chain_start(gateway, epoch)
    assert chain.hex() == vector["chain_start"]
    for entry in vector["records"]:
        sealed = cipher.seal(entry["seq"], bytes.fromhex(entry["wire"]))
        assert sealed.hex() == entry["sealed"]
        chain = chain_next(chain, entry["seq"], vector["segment"]["number"], sealed)
        assert chain.hex() == entry["chain"]


def test_batch_of_the_vectors_verifies_and_opens() -> None:
    vector = load("records")
    envelope = parse_envelope(bytes.fromhex(vector["batch"]["envelope"]))
    verify_with_key(envelope, bytes.fromhex(vector["batch"]["signer_public"]))
    assert envelope.kind is Kind.BATCH
    assert bytes(envelope.body).hex() == vector["batch"]["body"]
    batch = Batch.from_body(envelope.body)
    check_chain(batch, 3, bytes.fromhex(vector["records"][2]["chain"]))
    key = bytes.fromhex(vector["segment"]["key"])
    opened = open_records(batch, {1: SegmentCipher.of(key, batch.gateway, batch.epoch)})
    wires = [record.to_wire().hex() for record in opened if isinstance(record, Record)]
    assert wires == [entry["wire"] for entry in vector["records"]]


def test_ack_of_the_vectors_reads_and_writes_byte_for_byte() -> None:
    vector = load("records")["ack"]
    envelope = parse_envelope(bytes.fromhex(vector["envelope"]))
    verify_with_key(envelope, bytes.fromhex(vector["signer_public"]))
    ack = Ack.from_body(envelope.body)
    assert ack.to_body().hex() == vector["body"]
    assert [list(pair) for pair in ack.committed] == vector["committed"]
    assert [list(pair) for pair in ack.resend] == vector["resend"]


@pytest.mark.parametrize("kind", [State, Birth, Reported, Health])
def test_messages_of_the_vectors_read_and_write_byte_for_byte(
    kind: type[State | Birth | Reported | Health],
) -> None:
    wire = load("messages")[kind.__name__.lower()].encode()
    assert kind.from_wire(wire).to_wire() == wire
