"""What benchmarks of speed share: a database of their own, one measured web process, many callers."""

from collections.abc import Callable

#: How a benchmark tells its progress: a share from 0 to 1, and what it does.
Report = Callable[[float, str], None]
