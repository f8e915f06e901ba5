"""How much one socket may send."""

import time


class TokenBucket:
    """Allows `per_minute` on average, and a quarter of that at once."""

    def __init__(self, per_minute: float) -> None:
        self.per_second = per_minute / 60
        self.most = per_minute / 4
        self.tokens = self.most
        self.at = time.monotonic()

    def take(self) -> bool:
        """Take one token; False where there is none."""
        now = time.monotonic()
        self.tokens = min(self.most, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True
