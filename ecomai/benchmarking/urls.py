"""Our addresses, the view that costs nothing, and what the process says of itself."""

import sys

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from .processes import resident_mb


def constant(request: HttpRequest) -> JsonResponse:
    """The peer: what Django and the server themselves cost."""
    return JsonResponse({"status": "ok"})


def process(request: HttpRequest) -> JsonResponse:
    heavy = [name for name in ("torch", "transformers", "sklearn") if name in sys.modules]
    return JsonResponse({"resident_mb": resident_mb(), "heavy_modules": heavy})


urlpatterns = [
    path("constant/", constant),
    path("process/", process),
    path("ecomai/", include("ecomai.urls")),
]
