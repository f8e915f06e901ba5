from django.apps import AppConfig


class ToyConfig(AppConfig):
    name = __package__
    label = "ecomai_toy"
    verbose_name = "ecomai: toy"

    def ready(self) -> None:
        from ecomai import scenarios

        from .scenario import scenario

        scenarios.register(scenario)
