from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StorefrontConfig(AppConfig):
    """Pages only: what they show lives in the plugin's tables, the basket in the session."""

    name = "ecomai_project.storefront"
    label = "ecomai_storefront"
    verbose_name = _("Demo shop")
