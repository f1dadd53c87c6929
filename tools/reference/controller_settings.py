"""Every key of the controller's `controller.toml`."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from doorward_controller.config import Config
from tools.reference.markdown import MADE, table


def text() -> str:
    """Returns the page."""
    return (
        f"# Settings of the controller\n\n{MADE}\n`controller.toml`, by default in "
        "`/etc/doorward`; `doorward-controller --config FILE` takes another. Relative paths count "
        "from the file's own folder. A key that is not listed is an error, which names the line; "
        "`doorward-controller check` says what is missing and what mends it.\n\n"
        + table(("key", "kind", "default"), _settings_of(Config, ""))
    )


def _settings_of(section: type[BaseModel], place: str) -> Iterator[tuple[str, ...]]:
    # A table's own keys come first in TOML, before the tables within it.
    tables = []
    for name, field in section.model_fields.items():
        kind: Any = field.annotation
        listed = _listed(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            tables.append((kind, f"{place}{name}."))
        elif isinstance(listed, type) and issubclass(listed, BaseModel):
            tables.append((listed, f"{place}{name}[]."))
        else:
            yield f"`{place}{name}`", _kind(kind, field.metadata), _default(field.default)
    for kind, inner in tables:
        yield from _settings_of(kind, inner)


def _kind(kind: Any, metadata: list[Any]) -> str:  # noqa: ANN401  # what an annotation holds
    choices = getattr(kind, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return "one of " + ", ".join(f"`{choice}`" for choice in choices)
    listed = _listed(kind)
    if listed is not None:
        words = getattr(listed, "__args__", ())
        if words and all(isinstance(word, str) for word in words):
            return "list of " + ", ".join(f"`{word}`" for word in words)
        return f"list of {_plural(listed)}"
    least = next((m.ge for m in metadata if hasattr(m, "ge")), None)
    most = next((m.le for m in metadata if hasattr(m, "le")), None)
    if kind is int:
        return "number" if least is None else f"number from {least} to {most}"
    if kind is bool:
        return "`true` or `false`"
    return "path" if getattr(kind, "__name__", "") == "Path" else "text"


def _listed(kind: Any) -> Any:  # noqa: ANN401
    """Returns what a list is of, None for what is no list."""
    choices: tuple[Any, ...] = getattr(kind, "__args__", ())
    if len(choices) != 2 or choices[-1] is not ...:
        return None
    inner = choices[0]
    return getattr(inner, "__origin__", inner) if hasattr(inner, "__metadata__") else inner


def _plural(kind: Any) -> str:  # noqa: ANN401
    return "paths" if getattr(kind, "__name__", "") == "Path" else "texts"


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "must be set"
    if value == "":
        return ""
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
