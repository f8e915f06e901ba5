from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Carries the project's own management commands; it has no tables."""

    name = "ecomai_project"
    label = "ecomai_project"
