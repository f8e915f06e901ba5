"""What an ASGI server runs: the shop, and the sockets of ecomai's scenarios."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oscar_shop.settings")
application = get_asgi_application()

from ecomai.routing import with_sockets  # noqa: E402

application = with_sockets(application)
