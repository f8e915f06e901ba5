"""Plain progress of a long command on standard error: share, rows a second, time left."""

import time
from typing import TextIO

from django.utils.translation import gettext as _


class Progress:
    """Writes one line that moves on a terminal, and one line every ten seconds elsewhere."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self.stream = stream
        self.label = label
        self.is_terminal = bool(getattr(stream, "isatty", lambda: False)())
        self.started = self._written = time.monotonic()
        self._pause_seconds = 0.5 if self.is_terminal else 10.0

    def report(self, n_rows: int, fraction: float) -> None:
        now = time.monotonic()
        if now - self._written >= self._pause_seconds:
            self._written = now
            self._write(self._line(n_rows, fraction, now), is_last=False)

    def finish(self, n_rows: int) -> None:
        now = time.monotonic()
        text = _("%(label)s: %(rows)s rows in %(seconds).1f s, %(speed)s rows/s")
        seconds = max(now - self.started, 0.001)
        values = {
            "label": self.label,
            "rows": f"{n_rows:,}",
            "seconds": seconds,
            "speed": f"{n_rows / seconds:,.0f}",
        }
        self._write(text % values, is_last=True)

    def _line(self, n_rows: int, fraction: float, now: float) -> str:
        seconds = now - self.started
        left = seconds / fraction * (1 - fraction) if fraction > 0 else 0
        text = _("%(label)s: %(share)3d %%, %(rows)s rows, %(speed)s rows/s, %(left)s s left")
        values = {
            "label": self.label,
            "share": round(fraction * 100),
            "rows": f"{n_rows:,}",
            "speed": f"{n_rows / seconds:,.0f}",
            "left": f"{left:,.0f}",
        }
        return text % values

    def _write(self, line: str, *, is_last: bool) -> None:
        end = "\n" if is_last or not self.is_terminal else ""
        start = "\r\x1b[K" if self.is_terminal else ""
        self.stream.write(f"{start}{line}{end}")
        self.stream.flush()
