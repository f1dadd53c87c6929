"""What the commands share."""

from pathlib import Path

DEFAULT_CONFIG = Path("/etc/doorward/edge.toml")
