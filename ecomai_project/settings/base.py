"""Settings that every way of running the project shares."""

from pathlib import Path

from csp.constants import NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = BASE_DIR / "var"

INSTALLED_APPS = [
    "ecomai.console.sites.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
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
    "recommendations",
    "risk",
    "marketing",
    "support_bot",
    "ecomai_project",
]

MIDDLEWARE = [
    "ecomai.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "ecomai_project.urls"
ASGI_APPLICATION = "ecomai_project.asgi.application"
WSGI_APPLICATION = "ecomai_project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
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

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "static/"
MEDIA_URL = "media/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Nothing from elsewhere and nothing inline: scripts and styles are files of their own.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Names of choices in the API's description, where several models have a field of one name.
SPECTACULAR_SETTINGS = {
    "ENUM_NAME_OVERRIDES": {
        "AdGroupStateEnum": "marketing.models.AdGroup.State",
        "CampaignStateEnum": "marketing.models.Campaign.State",
        "JobStateEnum": "ecomai.registry.models.Job.State",
        "ModelVersionStateEnum": "ecomai.registry.models.ModelVersion.State",
        "RiskDecisionEnum": "risk.models.Decision",
        "RiskKindEnum": "risk.models.Kind",
        "RiskLabelSourceEnum": "risk.models.Label.Source",
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "ecomai.logging.RequestIdFilter"},
        "outage": {"()": "ecomai.logging.OutageFilter"},
        "masking": {"()": "ecomai.logging.MaskingFilter"},
    },
    "formatters": {"line": {"format": "{asctime} {levelname} {name} [{request_id}] {message}", "style": "{"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id", "outage", "masking"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}

# The result of a job is its row, so Celery keeps none; the broker only wakes workers.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A page that asks for a job must not wait for a broker that is away: the job's row is found by beat later.
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}

# The shop asks visitors in its banner; until they answer, no purpose but those of recommendations counts.
ECOMAI: dict = {"FUSION": {"DEFAULT_CONSENT": {}}}
