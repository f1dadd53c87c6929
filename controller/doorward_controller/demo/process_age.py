"""How long ago this process was started by the system: the first moment a person waits for."""

import psutil  # type: ignore[import-untyped]

from doorward.times import Clock


def since_process_start_s(clock: Clock) -> float:
    """Returns the seconds since then, imports included."""
    started_s = float(psutil.Process().create_time())
    return round(clock.now().utc_ms / 1000 - started_s, 2)
