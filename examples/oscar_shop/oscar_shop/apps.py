from django.apps import AppConfig


class ShopConfig(AppConfig):
    """The shop's own pages, beside those of Oscar; it has no tables."""

    name = "oscar_shop"

    def ready(self) -> None:
        from . import receivers  # noqa: F401
