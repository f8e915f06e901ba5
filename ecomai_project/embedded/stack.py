"""What the present settings need of the embedded services."""

from django.conf import settings

from .places import Places
from .postgres import Postgres
from .redis import Redis
from .supervisor import Service


def needed_services() -> list[Service]:
    """Return the services that the settings reach by our own sockets; others were chosen by URL."""
    places: Places = settings.EMBEDDED
    services: list[Service] = []
    if settings.DATABASES["default"]["HOST"] == str(places.postgres_socket):
        services.append(Postgres(places))
    used_urls = (settings.CELERY_BROKER_URL, settings.CACHES["default"]["LOCATION"])
    if any(str(places.redis_socket) in url for url in used_urls):
        services.append(Redis(places))
    return services
