"""The Oscar shop with forks of three of Oscar's apps and users with random keys and no user name."""

from oscar_shop.settings import *  # noqa: F403

FORKS = {
    "oscar.apps.catalogue.apps.CatalogueConfig": "forked.catalogue.apps.CatalogueConfig",
    "oscar.apps.order.apps.OrderConfig": "forked.order.apps.OrderConfig",
    "oscar.apps.partner.apps.PartnerConfig": "forked.partner.apps.PartnerConfig",
}
INSTALLED_APPS = ["forked.users", *(FORKS.get(app, app) for app in INSTALLED_APPS)]  # noqa: F405
AUTH_USER_MODEL = "users.Member"
