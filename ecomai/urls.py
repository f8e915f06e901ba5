"""The plugin's URLs; a host includes them once: `path("ecomai/", include("ecomai.urls"))`."""

from django.apps import apps
from django.urls import include, path

from . import scenarios

app_name = "ecomai"

urlpatterns = [
    path("", include("ecomai.commerce.urls")),
    path("", include("ecomai.console.urls")),
    path("registry/", include("ecomai.registry.urls")),
    path("fusion/", include("ecomai.fusion.urls")),
    # A shop that upgrades has its addresses before it has the app.
    *(
        [path("experiments/", include("ecomai.experiments.urls"))]
        if apps.is_installed("ecomai.experiments")
        else []
    ),
    *(
        path(f"{scenario.name}/", include(scenario.urls))
        for scenario in scenarios.installed()
        if scenario.urls
    ),
]
