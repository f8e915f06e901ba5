"""How much memory this process took."""

import re
import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
UNITS_PER_MB = 1024**2 if sys.platform == "darwin" else 1024


def peak_memory_mb() -> float:
    """Return the most resident memory of this process so far, in MB.

    Linux hands `ru_maxrss` on to what a process starts, so a small program under a large one would look
    large; the process's own status does not.
    """
    if STATUS.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text(encoding="ascii"))):
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNITS_PER_MB


def children_peak_memory_mb() -> float:
    """Return the most resident memory of a process that this one started and waited for, in MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / UNITS_PER_MB
