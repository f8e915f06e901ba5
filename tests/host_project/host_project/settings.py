"""Settings of the shop, with ecomai installed as its documentation says."""

import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "only-for-tests, and as long as a secret key of a real shop has to be"
DEBUG = False
ALLOWED_HOSTS = ["*"]
AUTH_USER_MODEL = "accounts.User"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "host_project.accounts",
    "host_project.catalogue",
    "host_project.orders",
    "host_project.marketing",
    "channels",
    "django_celery_beat",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "ecomai.commerce",
    "ecomai.registry",
    "ecomai.fusion",
    "ecomai.console",
    "ecomai.experiments",
    "ecomai.generation",
    os.environ.get("HOST_SCENARIO", "recommendations"),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "host_project.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("HOST_DATABASE_URL") or f"sqlite:///{BASE_DIR}/shop.sqlite3"
    )
}
if name := os.environ.get("HOST_TEST_DATABASE"):
    DATABASES["default"]["TEST"] = {"NAME": name}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STATIC_URL = "assets/"
TIME_ZONE = "Europe/Berlin"
USE_TZ = True
CELERY_BROKER_URL = "memory://"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

# A shop's own REST settings must neither change ecomai's endpoints nor be changed by them.
REST_FRAMEWORK = {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"]}

ECOMAI = {
    "COMMERCE": {"ADAPTER": "host_project.adapter.Adapter", "REPORTING_CURRENCY": "EUR"},
    "FUSION": {"DEFAULT_CONSENT": {"recommendations": True}},
    "REGISTRY": {"FOLDER": os.environ.get("HOST_FOLDER", BASE_DIR / "var")},
}
