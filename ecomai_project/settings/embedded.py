"""Settings for one machine without any service: PostgreSQL and Redis of our own, by socket, under `var/`.

`ECOMAI_VAR_DIR` moves that folder. `DATABASE_URL` and `REDIS_URL` choose services of the machine
instead; what is given is used, and only the rest is started.
"""

import secrets
from pathlib import Path

from ecomai_project.embedded.places import Places
from ecomai_project.shop import Shop

from . import environment
from .base import *  # noqa: F403
from .base import ECOMAI, LOGGING, VAR_DIR


def _kept_secret(path: Path) -> str:
    """Return the secret of this folder; made once, so that a restart keeps people logged in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


VAR_DIR = Path(environment.text("ECOMAI_VAR_DIR", str(VAR_DIR))).resolve()
EMBEDDED = Places(VAR_DIR)
SHOP = Shop.load(VAR_DIR)
LANGUAGE_CODE = SHOP.language_code

DEBUG = environment.flag("DEBUG", default=False)
SECRET_KEY = _kept_secret(VAR_DIR / "secret_key")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *environment.words("ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")

DATABASES = {"default": environment.database(environment.text("DATABASE_URL") or EMBEDDED.database_url())}

_redis = environment.text("REDIS_URL")
CELERY_BROKER_URL = environment.text("CELERY_BROKER_URL") or _redis or EMBEDDED.broker_url()
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Above the longest task, or a second worker would take it while the first still runs.
    "visibility_timeout": 6 * 3600,
    "queue_order_strategy": "priority",
    "priority_steps": [0, 3, 6, 9],
    "socket_connect_timeout": 2,
}
CHANNEL_LAYERS = environment.channel_layers(_redis or EMBEDDED.redis_url())
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _redis or EMBEDDED.redis_url(1),
        "KEY_PREFIX": "ecomai",
    }
}

# Pages are served by the same process, straight from the packages, without a step that collects them.
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = VAR_DIR / "media"
SERVES_MEDIA = True

ECOMAI = {
    **ECOMAI,
    "REGISTRY": {"FOLDER": VAR_DIR / "ecomai"},
    "COMMERCE": {"REPORTING_CURRENCY": SHOP.currency},
}

# A line for each message that Celery passes on would bury what happens in the one terminal of the demo.
_chatty = ("celery.beat", "celery.app.trace", "celery.worker.strategy")
LOGGING = {**LOGGING, "loggers": {name: {"level": "WARNING"} for name in _chatty}}
