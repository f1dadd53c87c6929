"""Settings as people type them: one in a line, `name = value`, each fault named by its line. Pure.

The value is JSON: `2.5`, `"dual"`, `["qr"]`; `null` takes a setting back to the installer's file.
What begins with `#` is a remark.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from doorward.errors import MalformedError
from doorward.twin import SETTABLE, Setting, check_settings, is_settable

_LINE_END = re.compile(r"\r\n|\r|\n")
"""What a form sends; other signs that some call an end of line may stand in a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFault:
    """What is wrong with one line; lines count from 1.

    Attributes:
        code: `no_equals`, `not_settable`, `not_json`, `bad_value` or `twice`.
        text: the name or the value that is at fault.
    """

    line: int
    code: str
    text: str


class LinesError(ValueError):
    """Some lines cannot be read."""

    def __init__(self, faults: tuple[LineFault, ...]) -> None:
        """Keeps every fault, in the order of the lines."""
        super().__init__("; ".join(f"line {f.line}: {f.code} {f.text}" for f in faults))
        self.faults = faults


def parse_lines(text: str) -> dict[str, Setting | None]:
    """Returns the settings in a text.

    Raises:
        LinesError: with every line that cannot be read.
    """
    settings: dict[str, Setting | None] = {}
    faults = list[LineFault]()
    for number, line in enumerate(_LINE_END.split(text), 1):
        if not (stripped := line.strip()) or stripped.startswith("#"):
            continue
        name, equals, value = (part.strip() for part in stripped.partition("="))
        code, read = _read(name, value, has_equals=bool(equals))
        if not code and name in settings:
            code = "twice"
        if code:
            shown = value if code in {"not_json", "bad_value"} else name
            faults.append(LineFault(line=number, code=code, text=shown[:60]))
        else:
            settings[name] = read
    if faults:
        raise LinesError(tuple(faults))
    return settings


def written(settings: Mapping[str, Setting | None]) -> str:
    """Returns settings as such a text."""
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
        for name, value in sorted(settings.items())
    )


def settable_names() -> tuple[str, ...]:
    """Returns everything that a line may name; `*` stands for a name."""
    return tuple(SETTABLE)


def _read(name: str, value: str, *, has_equals: bool) -> tuple[str, Any]:
    if not has_equals:
        return "no_equals", None
    if not is_settable(name):
        return "not_settable", None
    try:
        read = json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "not_json", None
    try:
        if read is not None:
            check_settings({name: read})
    except MalformedError:
        return "bad_value", None
    return "", read


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)
