"""A harness as WireViz reads it. The text is the same for the same harness, to the letter."""

import json
from collections.abc import Iterable, Iterator

from tools.hardware.harness import Cable, Harness, Node

_MADE = "# made by `make wiring` from build.toml and edge.toml; change these instead"
_LINE = 44
"""Notes are broken, or a box grows as wide as the page."""


def wireviz_text(harness: Harness) -> str:
    """Returns the YAML document."""
    return "\n".join(_lines(harness)) + "\n"


def _lines(harness: Harness) -> Iterator[str]:
    yield _MADE
    yield f"metadata: {{title: {_said(harness.title)}}}"
    yield "options: {fontname: DejaVu Sans, mini_bom_mode: true}"
    yield 'tweak: {override: {graph: {ranksep: "0.7", nodesep: "0.15"}}}'
    yield "connectors:"
    for node in harness.nodes.values():
        if node.pins:
            yield from _connector(node)
    yield "cables:"
    for cable in harness.cables:
        yield from _cable(cable)
    yield "connections:"
    for cable in harness.cables:
        yield from _connection(cable)


def _connector(node: Node) -> Iterator[str]:
    yield f"  {_said(node.name)}:"
    yield f"    type: {_said(_broken(node.kind))}"
    yield f"    pins: [{_listed(map(_said, node.pins))}]"
    yield "    show_pincount: false"
    if node.notes:
        yield f"    notes: {_said(_broken(node.notes))}"


def _cable(cable: Cable) -> Iterator[str]:
    yield f"  {cable.name}:"
    yield f"    wirecount: {len(cable.wires)}"
    yield f"    gauge: {cable.mm2:g} mm2"
    yield f"    length: {cable.length_m:g}"
    yield f"    colors: [{_listed(wire.colour for wire in cable.wires)}]"
    yield "    show_name: false"


def _connection(cable: Cable) -> Iterator[str]:
    first = cable.wires[0]
    ends = ((first.from_node, [w.from_pin for w in cable.wires]),
            (first.to_node, [w.to_pin for w in cable.wires]))  # fmt: skip
    numbers = [_listed(map(_said, pins)) for _, pins in ends]
    count = _listed(str(number + 1) for number in range(len(cable.wires)))
    yield "  -"
    yield f"    - {_said(first.from_node)}: [{numbers[0]}]"
    yield f"    - {cable.name}: [{count}]"
    yield f"    - {_said(first.to_node)}: [{numbers[1]}]"


def _broken(text: str) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= _LINE:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items)


def _said(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
