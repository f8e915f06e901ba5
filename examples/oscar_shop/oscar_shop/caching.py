"""A cache that the shop can do without."""

from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError


class ForgivingRedisCache(RedisCache):
    """While Redis is away nothing is found and nothing is kept, and every page goes on.

    Oscar asks the cache for the address of each category: with Django's own class its pages would fail.
    """

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

    @staticmethod
    def _or(otherwise: Any, do: Any, *args: Any, **options: Any) -> Any:
        try:
            return do(*args, **options)
        except RedisError:
            return otherwise
