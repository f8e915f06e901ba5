"""The shop without ecomai; the settings come from the environment."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
