"""The project's own source, parsed, for the tests of this folder."""

import ast
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = {
    "doorward": ROOT / "doorward",
    "doorward-edge": ROOT / "edge" / "doorward_edge",
    "doorward-controller": ROOT / "controller" / "doorward_controller",
}
FOLDERS = (*DISTRIBUTIONS.values(), ROOT / "tools", ROOT / "bench", ROOT / "tests")
GENERATED = "store/migrations/versions/"

type_of_function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _module(path: Path) -> "Module":
    """Return the one object for a path, so that each file is parsed once in a run."""
    return Module(path)


def forget() -> None:
    """Let go of everything that was read and parsed."""
    _module.cache_clear()


@dataclass(frozen=True)
class Module:
    """One file of Python."""

    path: Path

    @property
    def name(self) -> str:
        """The path from the project's root, as people write it."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """What stands in the file."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The file, parsed."""
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def functions(self) -> list[type_of_function]:
        """Every function and method, nested ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, type_of_function)]

    @cached_property
    def imported(self) -> set[str]:
        """The full names of every module that is imported, wherever in the file."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
        return names


def modules(*folders: Path) -> list[Module]:
    """Every module below the folders, migrations left out: those are history."""
    return [
        _module(path)
        for folder in folders or FOLDERS
        for path in sorted(folder.rglob("*.py"))
        if GENERATED not in path.as_posix()
    ]


def product_modules() -> list[Module]:
    """Every module that is shipped."""
    return modules(*DISTRIBUTIONS.values())
