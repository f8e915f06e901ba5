"""Reading settings from environment variables, with a sentence for what is missing or wrong."""

import os

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = ("1", "true", "yes", "on")
FALSE_WORDS = ("0", "false", "no", "off", "")


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def required(name: str, help: str) -> str:
    if value := text(name):
        return value
    raise ImproperlyConfigured(f"Set the environment variable {name}: {help}")


def flag(name: str, *, default: bool) -> bool:
    word = text(name, str(default)).lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"The environment variable {name} must be true or false, not {word!r}.")


def number(name: str, default: int) -> int:
    word = text(name, str(default))
    try:
        return int(word)
    except ValueError:
        message = f"The environment variable {name} must be a number, not {word!r}."
        raise ImproperlyConfigured(message) from None


def words(name: str, default: str = "") -> list[str]:
    """Read a list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(url: str, *, pool_size: int = 10) -> dict:
    """Return Django's settings of the database behind a URL; PostgreSQL gets a pool."""
    settings: dict = dict(dj_database_url.parse(url))
    if settings["ENGINE"] == "django.db.backends.postgresql":
        # With a pool this means: a connection that a restart of the server broke is not handed out.
        settings["CONN_HEALTH_CHECKS"] = True
        settings["OPTIONS"] = {
            **settings.get("OPTIONS", {}),
            "connect_timeout": 5,
            # Attempts to reconnect come ever later; given up soon, the next request begins anew at once.
            "pool": {"min_size": 1, "max_size": pool_size, "timeout": 5, "reconnect_timeout": 5},
        }
    return settings


def channel_layers(redis_url: str) -> dict:
    """Return the channel layer on a Redis; its idle reads block, so no socket timeout may end them.

    It keeps nothing: what wakes a socket is a row already, and a socket that was away reads the rows.
    """
    return {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": redis_url, "socket_timeout": None}]},
        }
    }
