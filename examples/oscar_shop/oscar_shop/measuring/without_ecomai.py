"""The same shop on Oscar alone: its own templates, and nothing of ecomai or of the example's pages."""

from oscar_shop.demo_settings import *  # noqa: F403
from oscar_shop.demo_settings import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

OURS = ("ecomai", "oscar_shop", "recommendations", "risk", "marketing", "support_bot")
INSTALLED_APPS = [
    "django.contrib.admin",
    *(app for app in INSTALLED_APPS if not app.startswith(OURS)),
    "oscar.apps.checkout.apps.CheckoutConfig",  # in place of the one that asks
]
MIDDLEWARE = [
    "oscar_shop.measuring.QueryCounter",
    *(name for name in MIDDLEWARE if not name.startswith(OURS)),
]
_options = TEMPLATES[0]["OPTIONS"]
_processors = [name for name in _options["context_processors"] if not name.startswith(OURS)]
TEMPLATES = [{**TEMPLATES[0], "OPTIONS": {**_options, "context_processors": _processors}}]
ROOT_URLCONF = "oscar_shop.measuring.urls_without_ecomai"
ASGI_APPLICATION = "oscar_shop.measuring.asgi.application"
OSCAR_HOMEPAGE = "/catalogue/"
