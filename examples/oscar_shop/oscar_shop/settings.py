"""A usual django-oscar project on PostgreSQL or SQLite and Redis, with ecomai as docs/embedding.md says.

`DATABASE_URL`, `REDIS_URL`, `SECRET_KEY`, `ALLOWED_HOSTS`, `SHOP_URL` and `SHOP_FOLDER` come from the
environment.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import dj_database_url
from django.urls import reverse_lazy
from oscar.defaults import *  # noqa: F403 - as Oscar's own documentation does it

BASE_DIR = Path(__file__).resolve().parent.parent
# Database without a server, pictures, search index, mails and models.
SHOP_FOLDER = Path(os.environ.get("SHOP_FOLDER", BASE_DIR / "var"))

SECRET_KEY = os.environ.get("SECRET_KEY", "for trying out on one machine only")
DEBUG = os.environ.get("DEBUG", "true") == "true"
ALLOWED_HOSTS = [host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host]

INSTALLED_APPS = [
    "ecomai.console.sites.ConsoleAdminConfig",  # django.contrib.admin with ecomai's console as front page
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "django.contrib.flatpages",
    "oscar_shop",
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "oscar_shop.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig",
    "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks",
    "haystack",
    "treebeard",
    "sorl.thumbnail",
    "django_tables2",
]
SITE_ID = 1

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]

ROOT_URLCONF = "oscar_shop.urls"
ASGI_APPLICATION = "oscar_shop.asgi.application"
WSGI_APPLICATION = "oscar_shop.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
                "oscar_shop.context.shop",
            ],
        },
    },
]

DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or f"sqlite:///{SHOP_FOLDER}/shop.sqlite3", conn_max_age=60
    )
}
DATABASES["default"]["ATOMIC_REQUESTS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "oscar_shop.caching.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    },
    # Where the thumbnails lie, which each process may remember by itself.
    "thumbnails": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
}
THUMBNAIL_CACHE = "thumbnails"

# Of it Oscar's own lists of categories and products are made, too.
HAYSTACK_CONNECTIONS = {
    "default": {
        "ENGINE": "oscar_shop.searching.Engine",
        "PATH": str(SHOP_FOLDER / "search"),
    }
}
# Whoosh counts no ranges, and of names only their words.
OSCAR_SEARCH_FACETS: dict = {"fields": {}, "queries": {}}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
# What customers see of Oscar in Chinese, of which Oscar itself brings next to nothing.
LOCALE_PATHS = [BASE_DIR / "oscar_shop" / "oscar_in_chinese"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = SHOP_FOLDER / "static"
MEDIA_URL = "media/"
MEDIA_ROOT = SHOP_FOLDER / "media"
SERVES_MEDIA = DEBUG  # else the web server in front does
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = SHOP_FOLDER / "mail"

OSCAR_SHOP_NAME = os.environ.get("SHOP_NAME", "Oscar")
OSCAR_HOMEPAGE = reverse_lazy("shop-home")
# On a computer that several people use, the next one begins a visit of their own.
OSCAR_COOKIES_DELETE_ON_LOGOUT = ["oscar_recently_viewed_products", "ecomai_session"]
OSCAR_DEFAULT_CURRENCY = os.environ.get("SHOP_CURRENCY", "EUR")
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_SLUG_ALLOW_UNICODE = True
OSCAR_INITIAL_ORDER_STATUS = "Pending"
OSCAR_INITIAL_LINE_STATUS = "Pending"
OSCAR_ORDER_STATUS_PIPELINE = {
    "Pending": ("Paid", "On hold", "Cancelled"),
    "On hold": ("Pending", "Paid", "Cancelled"),
    "Paid": ("Shipped", "On hold", "Cancelled"),
    "Shipped": ("Complete", "Returned"),
    "Complete": ("Returned",),
    "Returned": (),
    "Cancelled": (),
}
# Anybody on this machine may shop as a generated customer; only for a shop without real ones.
DEMO_PERSONAS = False

# -- ecomai, by the steps of docs/embedding.md -------------------------------------------------------

INSTALLED_APPS += [
    "channels",
    "django_celery_beat",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "ecomai.commerce",
    "ecomai.registry",
    "ecomai.fusion",
    "ecomai.console",
    "ecomai.experiments",
    "ecomai.generation",
    # A checkout of ecomai keeps its scenarios beside it, an installed wheel inside.
    "ecomai.apps.recommendations" if find_spec("ecomai.apps") else "recommendations",
    "ecomai.apps.risk" if find_spec("ecomai.apps") else "risk",
    "ecomai.apps.marketing" if find_spec("ecomai.apps") else "marketing",
    "ecomai.apps.support_bot" if find_spec("ecomai.apps") else "support_bot",
]
MIDDLEWARE = ["ecomai.middleware.RequestIdMiddleware", *MIDDLEWARE]

ECOMAI = {
    "COMMERCE": {
        "ADAPTER": "ecomai.commerce.adapters.oscar.OscarAdapter",
        "CUSTOMER_ID": "ecomai.commerce.adapters.oscar.customer_id",
        "REPORTING_CURRENCY": OSCAR_DEFAULT_CURRENCY,
    },
    "REGISTRY": {"FOLDER": SHOP_FOLDER / "ecomai"},
    # The shop asks visitors in its banner; until they answer, nothing is remembered of their visit.
    "FUSION": {"DEFAULT_CONSENT": {}},
    # Before the links in mails of campaigns.
    "MARKETING": {"BASE_URL": os.environ.get("SHOP_URL", "http://127.0.0.1:8000")},
}

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", REDIS_URL)
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
