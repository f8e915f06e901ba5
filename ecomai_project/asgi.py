"""What an ASGI server runs: pages and REST by Django, the sockets of scenarios by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecomai_project.settings.production")
http = get_asgi_application()  # sets Django up, so it comes before anything that needs scenarios

from ecomai.routing import with_sockets  # noqa: E402

application = with_sockets(http)
