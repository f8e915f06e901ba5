"""Our addresses, the view that costs nothing, and what the process says of itself."""

import sys
import time

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from ecomai import scenarios
from ecomai.serving import live

from .processes import resident_mb


def constant(request: HttpRequest) -> JsonResponse:
    """The peer: what Django and the server themselves cost."""
    return JsonResponse({"status": "ok"})


def process(request: HttpRequest) -> JsonResponse:
    served = {spec.name: live.get_live(spec.name) for spec in scenarios.model_specs()}
    known = {name: getattr(one.predictor, "item_ids", ()) for name, one in served.items() if one}
    return JsonResponse({
        "resident_mb": resident_mb(),
        "processor_seconds": time.process_time(),
        "heavy_modules": [name for name in ("torch", "transformers", "sklearn") if name in sys.modules],
        "n_items": {name: len(item_ids) for name, item_ids in known.items()},
    })  # fmt: skip


urlpatterns = [
    path("constant/", constant),
    path("process/", process),
    path("ecomai/", include("ecomai.urls")),
]
