"""Changes bytes in the ways that accidents and attackers do; the same seed, the same changes."""

import random
from collections.abc import Callable, Iterator, Sequence

Change = Callable[[random.Random, bytes], bytes]


def _flip_bit(chance: random.Random, wire: bytes) -> bytes:
    at = chance.randrange(len(wire))
    return wire[:at] + bytes([wire[at] ^ 1 << chance.randrange(8)]) + wire[at + 1 :]


def _put_byte(chance: random.Random, wire: bytes) -> bytes:
    at = chance.randrange(len(wire))
    return wire[:at] + chance.randbytes(1) + wire[at + 1 :]


def _insert(chance: random.Random, wire: bytes) -> bytes:
    at = chance.randrange(len(wire) + 1)
    return wire[:at] + chance.randbytes(chance.randint(1, 4)) + wire[at:]


def _cut_out(chance: random.Random, wire: bytes) -> bytes:
    at = chance.randrange(len(wire))
    return wire[:at] + wire[at + chance.randint(1, 8) :]


def _cut_off(chance: random.Random, wire: bytes) -> bytes:
    return wire[: chance.randrange(len(wire))]


def _repeat(chance: random.Random, wire: bytes) -> bytes:
    at = chance.randrange(len(wire))
    part = wire[at : at + chance.randint(1, 64)]
    return wire[:at] + part * chance.randint(2, 9) + wire[at:]


def _swap(chance: random.Random, wire: bytes) -> bytes:
    one, other = sorted(chance.choices(range(len(wire)), k=2))
    changed = bytearray(wire)
    changed[one], changed[other] = changed[other], changed[one]
    return bytes(changed)


CHANGES: tuple[Change, ...] = (
    _flip_bit,
    _put_byte,
    _insert,
    _cut_out,
    _cut_off,
    _repeat,
    _swap,
)


def mutants(wires: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yields `count` changed forms of messages, none of which is one of them.

    One to three changes each; now and then the head of one message is put before another's tail.
    """
    chance, known = random.Random(seed), frozenset(wires)
    while count:
        wire = chance.choice(wires)
        if chance.random() < 0.1:
            other = chance.choice(wires)
            wire = wire[: chance.randrange(len(wire))] + other[chance.randrange(len(other)) :]
        for _ in range(chance.randint(1, 3)):
            wire = chance.choice(CHANGES)(chance, wire or b"\0")
        if wire not in known:
            count -= 1
            yield wire
