"""Every key of a gateway's `edge.toml`."""

from collections.abc import Iterator
from typing import Any

import msgspec

from doorward_edge.config import EdgeFile
from tools.reference.markdown import MADE, table


def text() -> str:
    """Returns the page."""
    return (
        f"# Settings of a gateway\n\n{MADE}\n`edge.toml`, by default in `/etc/doorward`. Relative "
        "paths count from the file's own folder. A key that is not listed is an error, which names "
        "the line; `doorward-edge check` reads the file, too.\n\n"
        + table(("key", "kind", "default"), _settings_of(EdgeFile, ""))
    )


def _settings_of(section: Any, place: str) -> Iterator[tuple[str, ...]]:  # noqa: ANN401
    for field in msgspec.inspect.type_info(section).fields:  # type: ignore[attr-defined]
        kind, name = field.type, f"{place}{field.encode_name}"
        if isinstance(kind, msgspec.inspect.UnionType):
            tables = [t for t in kind.types if isinstance(t, msgspec.inspect.StructType)]
            kind = tables[0] if tables else kind
        if isinstance(kind, msgspec.inspect.VarTupleType) and isinstance(
            kind.item_type, msgspec.inspect.StructType
        ):
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
            return f"number from {kind.ge} to {kind.le}" if kind.ge is not None else "number"
        case msgspec.inspect.LiteralType():
            return " or ".join(f'`"{value}"`' for value in kind.values)
        case msgspec.inspect.BoolType():
            return "`true` or `false`"
        case msgspec.inspect.UnionType():
            parts = [t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)]
            is_optional = len(parts) < len(kind.types)
            return " or ".join(map(_kind, parts)) + (", or left out" if is_optional else "")
        case msgspec.inspect.TupleType():
            return "[" + ", ".join(map(_kind, kind.item_types)) + "]"
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
