"""System checks of the console: what a host forgot to install or misspelt, and whether services answer.

Those that reach out to the broker belong to `check --deploy`; plain `check` works without any service.
"""

from typing import Any

from celery import current_app
from django.apps import apps
from django.core.checks import CheckMessage, Warning, register

from ecomai.conf import Section

from .app_settings import app_settings

SHORTEST_TOKEN = 20
ANSWER_SECONDS = 1.5  # how long workers may take to say which queues they serve

NEEDED = {
    "django_htmx": "pages of the console do not refresh by themselves",
    "drf_spectacular_sidecar": "the pages of the API documentation stay empty",
}


def register_checks() -> None:
    register(check_installed, "ecomai")
    register(check_setting_names, "ecomai")
    register(check_monitoring_token, "ecomai")
    register(check_services, "ecomai", deploy=True)


def check_installed(**kwargs: Any) -> list[CheckMessage]:
    """Static files of others come from their own apps."""
    return [
        Warning(
            f"“{name}” is not in INSTALLED_APPS, so {effect}.",
            hint=f"Add “{name}” to INSTALLED_APPS; it is installed with ecomai.",
            id="ecomai.console.W001",
        )
        for name, effect in NEEDED.items()
        if not apps.is_installed(name)
    ]


def check_setting_names(**kwargs: Any) -> list[CheckMessage]:
    """A misspelt setting would silently keep its default."""
    from django.conf import settings

    given = getattr(settings, "ECOMAI", {})
    unknown = [f"ECOMAI[{name!r}]" for name in given if name not in Section.sections]
    for name, section in Section.sections.items():
        if name in given:
            unknown += [f"ECOMAI[{name!r}][{setting!r}]" for setting in section.unknown_names()]
    return [
        Warning(f"{name} is not a setting.", hint="Look for a typing error.", id="ecomai.console.W002")
        for name in unknown
    ]


def check_monitoring_token(**kwargs: Any) -> list[CheckMessage]:
    """Whoever guesses it reads figures of the shop's business."""
    token = str(app_settings.MONITORING_TOKEN)
    if not token or len(token) >= SHORTEST_TOKEN:
        return []
    return [
        Warning(
            f"ECOMAI['CONSOLE']['MONITORING_TOKEN'] has fewer than {SHORTEST_TOKEN} characters.",
            hint="Take a long random one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
            id="ecomai.console.W003",
        )
    ]


def check_services(**kwargs: Any) -> list[CheckMessage]:
    """W004, W005: the broker is away, or nobody serves a queue that our jobs use."""
    from . import health

    broker = health.check_broker()
    if broker.state == "failed":
        return [
            Warning(
                f"The message broker cannot be reached ({broker.details['reason']}).",
                hint="Start it, or mend CELERY_BROKER_URL. Jobs are kept until it is back.",
                id="ecomai.console.W004",
            )
        ]
    return [
        Warning(
            f"No worker serves the queue “{name}”.",
            hint=f"Start one: celery -A <your project> worker -Q {name}. See docs/embedding.md.",
            id="ecomai.console.W005",
        )
        for name in unserved_queues()
    ]


def unserved_queues() -> list[str]:
    """Ask the workers themselves; no sign of life that beat left in the database is needed."""
    from .selectors import queue_names

    answers = current_app.control.inspect(timeout=ANSWER_SECONDS).active_queues() or {}
    served = {queue["name"] for queues in answers.values() for queue in queues}
    return [name for name in queue_names() if name not in served]
