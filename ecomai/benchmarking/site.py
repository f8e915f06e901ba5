"""The web process that benchmarks measure: the host's settings, our addresses, our sockets."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application

from ecomai.routing import with_sockets

from .scratch import enter_scratch_shop

settings.MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
settings.ROOT_URLCONF = f"{__package__}.urls"
settings.ALLOWED_HOSTS = ["127.0.0.1"]
settings.SECURE_SSL_REDIRECT = False
settings.DEBUG = False
django.setup()
enter_scratch_shop()
application = with_sockets(get_asgi_application())
