"""Writes docs/reference/*.md from the code that they describe; with `--check` only compares.

A table that somebody has to remember to correct is wrong after a while. These are made: reasons of
decisions, topics, and the settings of a gateway.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from doorward import topics
from doorward.ids import GatewayId, SiteId
from doorward.reasons import REASON_TEXTS, Reason
from doorward_edge.config import EdgeFile

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
_MADE = "<!-- made by `make reference`; change the code instead -->\n"
_SITE, _GATEWAY = SiteId("site"), GatewayId("gateway")


def pages() -> dict[str, str]:
    """Returns each page's text by its file's name."""
    return {"reasons.md": _reasons(), "topics.md": _topics(), "gateway-settings.md": _settings()}


def main() -> int:
    """Writes the pages, or says which differ."""
    differing = [name for name, text in pages().items() if _read(name) != text]
    if "--check" in sys.argv[1:]:
        for name in differing:
            print(f"docs/reference/{name} is not what the code says; run: make reference")
        return 1 if differing else 0
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name in differing:
        (REFERENCE / name).write_text(pages()[name], "utf-8")
        print(f"docs/reference/{name}")
    return 0


def _read(name: str) -> str:
    path = REFERENCE / name
    return path.read_text("utf-8") if path.exists() else ""


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines) + "\n"


def _reasons() -> str:
    rows = (
        (f"`{reason.value}`", text.severity.value, text.en, text.next_en, text.zh, text.next_zh)
        for reason in Reason
        for text in (REASON_TEXTS[reason],)
    )
    head = ("code", "severity", "what the person reads", "what helps", "中文", "建议")
    return (
        f"# Reasons of decisions\n\n{_MADE}\nA code is stable: it stands in records and on the "
        "wire, and is never renamed or used for something else.\n\n" + _table(head, rows)
    )


def _topics() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for up in topics.Up:
            message_id = "id" if up is topics.Up.OUTCOME else ""
            yield f"`{topics.up(_SITE, _GATEWAY, up, message_id)}`", "gateway to controller"
        for down in topics.Down:
            message_id = "id" if down is topics.Down.COMMAND else ""
            yield f"`{topics.down(_SITE, _GATEWAY, down, message_id)}`", "controller to gateway"
        for kind in topics.Policy:
            yield f"`{topics.policy(_SITE, kind)}`", "controller to the whole site, retained"
        yield f"`{topics.presence(_SITE)}`", "among the gateways of a site"
        yield f"`{topics.CONTROLLER_STATE}`", "controller to all, retained"

    return (
        f"# Topics\n\n{_MADE}\n`site`, `gateway` and `id` stand for names. What the bodies are is "
        "in [the protocol](../protocol.md).\n\n" + _table(("topic", "direction"), rows())
    )


def _settings() -> str:
    return (
        f"# Settings of a gateway\n\n{_MADE}\n`edge.toml`, by default in `/etc/doorward`. Relative "
        "paths count from the file's own folder. A key that is not listed is an error, which names "
        "the line; `doorward-edge check` reads the file, too.\n\n"
        + _table(("key", "kind", "default"), _settings_of(EdgeFile, ""))
    )


def _settings_of(section: Any, place: str) -> Iterator[tuple[str, ...]]:  # noqa: ANN401
    for field in msgspec.inspect.type_info(section).fields:  # type: ignore[attr-defined]
        kind, name = field.type, f"{place}{field.encode_name}"
        if isinstance(kind, msgspec.inspect.ListType):
            kind, name = kind.item_type, f"[[{name}]]"
        if isinstance(kind, msgspec.inspect.StructType):
            yield from _settings_of(kind.cls, f"{name}.")
        else:
            yield f"`{name}`", _kind(kind), _default(field)


def _kind(kind: Any) -> str:  # noqa: ANN401
    match kind:
        case msgspec.inspect.EnumType():
            return "one of " + ", ".join(f"`{item.value}`" for item in kind.cls)
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return f"number from {kind.ge} to {kind.le}"
        case msgspec.inspect.BoolType():
            return "`true` or `false`"
        case msgspec.inspect.UnionType():
            parts = [t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)]
            return " or ".join(map(_kind, parts)) + ", or left out"
        case msgspec.inspect.VarTupleType():
            inner = kind.item_type
            is_plain = isinstance(inner, msgspec.inspect.IntType) and inner.ge is None
            return (
                "list of numbers" if is_plain else f"list of {_kind(inner).removeprefix('one of ')}"
            )
        case _:
            return "text"


def _default(field: Any) -> str:  # noqa: ANN401
    if field.required:
        return "must be set"
    value = field.default
    if value is msgspec.NODEFAULT or value is None or value == "":
        return ""
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.exit(main())
