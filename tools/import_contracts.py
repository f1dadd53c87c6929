"""Check the import contracts of pyproject.toml; `python -m importlinter` does not exist."""

import sys

from importlinter.cli import lint_imports_command

if __name__ == "__main__":
    sys.exit(lint_imports_command())
