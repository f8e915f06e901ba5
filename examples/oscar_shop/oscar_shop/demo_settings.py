"""What `make demo` runs with: the shop's settings over the embedded services, below one folder."""

import os

from django.utils.translation import gettext_lazy as _

from ecomai_project.settings import embedded

os.environ["SHOP_FOLDER"] = str(embedded.VAR_DIR)

from .settings import *  # noqa: F403
from .settings import CACHES, ECOMAI, INSTALLED_APPS, MIDDLEWARE

EMBEDDED, SHOP = embedded.EMBEDDED, embedded.SHOP
DEBUG = embedded.DEBUG
SECRET_KEY = embedded.SECRET_KEY
ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS = embedded.ALLOWED_HOSTS, embedded.CSRF_TRUSTED_ORIGINS

DATABASES = {"default": {**embedded.DATABASES["default"], "ATOMIC_REQUESTS": True}}
CACHES = {**CACHES, "default": {**CACHES["default"], "LOCATION": embedded.CACHES["default"]["LOCATION"]}}
CELERY_BROKER_URL = embedded.CELERY_BROKER_URL
CELERY_BROKER_TRANSPORT_OPTIONS = embedded.CELERY_BROKER_TRANSPORT_OPTIONS
CELERY_BROKER_CONNECTION_TIMEOUT = embedded.CELERY_BROKER_CONNECTION_TIMEOUT
CELERY_TASK_PUBLISH_RETRY_POLICY = embedded.CELERY_TASK_PUBLISH_RETRY_POLICY
CHANNEL_LAYERS = embedded.CHANNEL_LAYERS
LOGGING = embedded.LOGGING

# One process serves all of it, files and pictures too.
INSTALLED_APPS = [*INSTALLED_APPS, "ecomai_project"]
OWN = {"django.middleware.locale.LocaleMiddleware": "oscar_shop.language.OwnLanguageMiddleware"}
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware", *(OWN.get(name, name) for name in MIDDLEWARE)]
WHITENOISE_USE_FINDERS = True
SERVES_MEDIA = True

LANGUAGE_CODE = SHOP.language_code
OSCAR_SHOP_NAME = _("Marlow & Pine") if SHOP.is_generated else _("Your shop")
OSCAR_DEFAULT_CURRENCY = SHOP.currency
DEMO_PERSONAS = SHOP.is_generated
# Not by default, because it takes a training more: `make demo IMAGE_ENCODER=small`.
PICTURES = {"RECOMMENDATIONS": {"IMAGE_ENCODER": os.environ.get("IMAGE_ENCODER", "")}}
ECOMAI = {**ECOMAI, **PICTURES, "COMMERCE": {**ECOMAI["COMMERCE"], "REPORTING_CURRENCY": SHOP.currency}}
