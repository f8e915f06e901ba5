"""Settings for real use: everything from the environment, nothing guessed."""

from pathlib import Path

from . import environment
from .base import *  # noqa: F403
from .base import LOGGING, VAR_DIR

DEBUG = False
SECRET_KEY = environment.required("SECRET_KEY", "a long random text that stays the same and stays secret.")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS") or [
    environment.required("ALLOWED_HOSTS", "the names under which the shop is reached, separated by commas.")
]
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")

DATABASES = {
    "default": environment.database(
        environment.required("DATABASE_URL", "for example postgres://user:password@host:5432/name."),
        pool_size=environment.number("DATABASE_POOL_SIZE", 10),
    )
}

_redis = environment.required("REDIS_URL", "for example redis://host:6379/0, for cache and sockets.")
CELERY_BROKER_URL = environment.text("CELERY_BROKER_URL") or _redis
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 6 * 3600, "queue_order_strategy": "priority", "priority_steps": [0, 3, 6, 9]}
    if CELERY_BROKER_URL.startswith(("redis", "rediss"))
    else {}
)
CHANNEL_LAYERS = environment.channel_layers(_redis)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _redis,
        "KEY_PREFIX": "ecomai",
    }
}

# SECURE=false is for trying this out without TLS, and for nothing else.
_is_secure = environment.flag("SECURE", default=True)
SECURE_SSL_REDIRECT = _is_secure
SECURE_REDIRECT_EXEMPT = [r"^ecomai/health/"]
SECURE_HSTS_SECONDS = 31_536_000 if _is_secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = environment.flag("HSTS_SUBDOMAINS", default=False)
# Whether all the domain's other names speak TLS too, only its owner knows; the variable above is the answer.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_secure
if environment.flag("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

STATIC_ROOT = Path(environment.text("STATIC_ROOT", str(VAR_DIR / "static")))
MEDIA_ROOT = Path(environment.text("MEDIA_ROOT", str(VAR_DIR / "media")))
_files: dict = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
if bucket := environment.text("S3_BUCKET"):
    _files = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": environment.text("S3_ENDPOINT_URL") or None,
            "region_name": environment.text("S3_REGION") or None,
            "default_acl": None,
            "file_overwrite": False,
        },
    }
STORAGES = {
    "default": _files,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOGGING = {**LOGGING, "root": {"handlers": ["console"], "level": environment.text("LOG_LEVEL", "INFO")}}
