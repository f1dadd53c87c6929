"""Which board carries the wires: profiles in `hardware/boards/*.toml`, checked when read."""

from doorward_edge.boards.contacts import (
    Contact,
    Level,
    LockKind,
    is_input_active,
    released_level,
)
from doorward_edge.boards.loading import (
    boards_folder,
    load_profile,
    profile_names,
)
from doorward_edge.boards.profile import (
    BoardError,
    BoardProfile,
    Pull,
    Terminal,
    TerminalKind,
    TerminalSection,
)

__all__ = [
    "BoardError",
    "BoardProfile",
    "Contact",
    "Level",
    "LockKind",
    "Pull",
    "Terminal",
    "TerminalKind",
    "TerminalSection",
    "boards_folder",
    "is_input_active",
    "load_profile",
    "profile_names",
    "released_level",
]
