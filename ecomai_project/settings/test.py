"""Settings of the test suite: services by URL where given, else found on this machine, else embedded."""

import os
from pathlib import Path

from ecomai_project.embedded.places import Places

from . import environment, test_services
from .base import *  # noqa: F403
from .base import VAR_DIR

EMBEDDED = Places(Path(environment.text("ECOMAI_VAR_DIR", str(VAR_DIR / "test"))))
SECRET_KEY = "only-for-tests, and as long as a secret key of a real shop has to be"  # noqa: S105
ALLOWED_HOSTS = ["*"]

TEST_DATABASE = test_services.find_postgres(EMBEDDED)
TEST_REDIS = test_services.find_redis(EMBEDDED)
# What was found once holds for every process of this run: parallel ones, and workers that tests start.
os.environ |= {
    "DATABASE_URL": TEST_DATABASE.url,
    "ECOMAI_TEST_DATABASE_ORIGIN": TEST_DATABASE.origin,
    "REDIS_URL": TEST_REDIS.url,
    "ECOMAI_TEST_REDIS_ORIGIN": TEST_REDIS.origin,
}

DATABASES = {"default": environment.database(TEST_DATABASE.url)}
# A test database is dropped at the end, which a pool's open connections would prevent.
DATABASES["default"].get("OPTIONS", {}).pop("pool", None)
DATABASES["default"]["TEST"] = {"NAME": "test_ecomai" + environment.text("ECOMAI_TEST_SUFFIX")}

# Tests that need a broker ask for the fixture `broker_url`; without it a message goes nowhere.
CELERY_BROKER_URL = environment.text("ECOMAI_TEST_BROKER_URL", "memory://")
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": environment.text("ECOMAI_TEST_BROKER_PREFIX")}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True
MEDIA_ROOT = VAR_DIR / "test" / "media"
