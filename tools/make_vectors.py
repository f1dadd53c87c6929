"""Writes tests/vectors/*.json from the generators in tools/vectors/, always the same bytes.

A generator is a module `tools/vectors/NAME.py` with a function `vectors()` that returns what
`tests/vectors/NAME.json` holds: JSON values, bytes as hex. It takes keys and nonces from constants,
never from chance. With `--check` nothing is written and a difference ends with status 1.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GENERATORS = ROOT / "tools" / "vectors"
VECTORS = ROOT / "tests" / "vectors"


def generate(path: Path) -> str:
    """Returns the text of the vector file that one generator makes."""
    spec = importlib.util.spec_from_file_location(f"doorward_vectors_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Any = module.vectors()
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def differing() -> list[tuple[Path, str]]:
    """Returns the vector files that differ, with what their generators make."""
    found = []
    for generator in sorted(GENERATORS.glob("[a-z]*.py")):
        target, text = VECTORS / f"{generator.stem}.json", generate(generator)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            found.append((target, text))
    return found


def main() -> int:
    """Writes, or with `--check` compares. Returns the exit status."""
    changed = differing()
    if "--check" in sys.argv[1:]:
        for target, _ in changed:
            print(f"{target.relative_to(ROOT)} is not what its generator makes: run make vectors")
        return 1 if changed else 0
    for target, text in changed:
        target.write_text(text, encoding="utf-8")
        print(f"wrote {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
