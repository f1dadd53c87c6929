"""What `doorward-edge check` says of one thing that it looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        mend: the command or step that mends it; empty when it is well.
    """

    name: str
    is_well: bool
    said: str
    mend: str = ""
