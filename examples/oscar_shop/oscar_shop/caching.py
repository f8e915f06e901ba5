"""A cache that the shop can do without."""

import time
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

#: A Redis that did not answer is not asked again for so long; each try costs a page a millisecond.
AWAY_SECONDS = 1.0


class ForgivingRedisCache(RedisCache):
    """While Redis is away nothing is found and nothing is kept, and every page goes on.

    Oscar asks the cache for the address of each category: with Django's own class its pages would fail.
    """

    _away_until = float("-inf")  # of time.monotonic(), for all threads

    def get(self, *args: Any, **options: Any) -> Any:
        default = options.get("default", args[1] if len(args) > 1 else None)
        return self._or(default, super().get, *args, **options)

    def get_many(self, *args: Any, **options: Any) -> Any:
        return self._or({}, super().get_many, *args, **options)

    def add(self, *args: Any, **options: Any) -> Any:
        return self._or(False, super().add, *args, **options)

    def set(self, *args: Any, **options: Any) -> Any:
        return self._or(None, super().set, *args, **options)

    def set_many(self, *args: Any, **options: Any) -> Any:
        return self._or([], super().set_many, *args, **options)

    def delete(self, *args: Any, **options: Any) -> Any:
        return self._or(False, super().delete, *args, **options)

    def delete_many(self, *args: Any, **options: Any) -> Any:
        return self._or(None, super().delete_many, *args, **options)

    def _or(self, otherwise: Any, do: Any, *args: Any, **options: Any) -> Any:
        if time.monotonic() < ForgivingRedisCache._away_until:
            return otherwise
        try:
            return do(*args, **options)
        except RedisError:
            ForgivingRedisCache._away_until = time.monotonic() + AWAY_SECONDS
            return otherwise
