"""System checks of the installation as a whole: what a shop usually forgets. docs/system-checks.md lists all.

None of them reaches out to a service, so that `manage.py check` stays fast and works offline.
"""

import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from celery import current_app
from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse

import ecomai
from ecomai import scenarios

PACKAGE = Path(ecomai.__file__).parent
SHORTEST_SECRET = 50
MADE_BY_STARTPROJECT = "django-insecure-"


def register_checks() -> None:
    for check in (check_shadowed_scenarios, check_urls, check_sockets, check_celery, check_secret_key):
        checks.register(check, "ecomai")


def check_shadowed_scenarios(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """E001: INSTALLED_APPS names a scenario by its short name, and that is a file of the shop."""
    installed = {config.label: config for config in apps.get_app_configs()}
    return [
        checks.Error(
            f"INSTALLED_APPS has {name!r}, which is {_file_of(installed[name])}, not ecomai's scenario.",
            hint=f"Write 'ecomai.apps.{name}' instead: no module of yours shadows that name. If the file is "
            "an app of yours and you do not want ecomai's, silence ecomai.E001.",
            id="ecomai.E001",
        )
        for name in shipped_scenarios()
        if name in installed and f"ecomai_{name}" not in installed and _looks_meant_for_ours(installed[name])
    ]


def shipped_scenarios() -> Iterator[str]:
    """Names of the scenarios beside this package, as a wheel (`ecomai/apps/`) or a checkout has them."""
    for folder in (PACKAGE / "apps", PACKAGE.parent):
        for module in pkgutil.iter_modules([str(folder)]):
            if module.ispkg and (folder / module.name / "scenario.py").is_file():
                yield module.name


def _looks_meant_for_ours(config: AppConfig) -> bool:
    """A shop may well own an app called “marketing”, with models or a configuration of its own.

    A bare module of that name, or one that the shop has settings of ours for, is a mistake.
    """
    is_bare = config.models_module is None and type(config) is AppConfig
    return config.name == config.label and (is_bare or config.name.upper() in getattr(settings, "ECOMAI", {}))


def _file_of(config: AppConfig) -> str:
    return str(getattr(config.module, "__file__", None) or config.path)


def check_label_is_free(label: str, name: str) -> None:
    """E002: a scenario is installed twice, or another app has its label.

    Called while Django still loads the apps: afterwards it would be too late to say more than Django does.
    """
    other = apps.app_configs.get(label)
    if other is not None:
        raise ImproperlyConfigured(
            f"ecomai.E002: {name!r} and {other.name!r} in INSTALLED_APPS have one label, {label!r}. Keep one "
            "of them: a scenario is installed once, as 'ecomai.apps.<name>'; an app of yours takes another "
            "label."
        )


def check_urls(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """W003: our pages and endpoints cannot be reached."""
    if not getattr(settings, "ROOT_URLCONF", ""):
        return []
    try:
        reverse("ecomai:events")
    except NoReverseMatch:
        hint = "Add path('ecomai/', include('ecomai.urls')) to urlpatterns, outside of other namespaces."
        return [checks.Warning("The addresses of ecomai are not included.", hint=hint, id="ecomai.W003")]
    return []


def check_sockets(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """W004: a scenario has sockets, and the shop's ASGI application does not lead to them."""
    if not any(scenario.websocket_urls for scenario in scenarios.installed()):
        return []
    # Django's own start of a project writes an asgi.py and no setting.
    usual = f"{settings.ROOT_URLCONF.partition('.')[0]}.asgi.application"
    module = str(getattr(settings, "ASGI_APPLICATION", None) or usual).rpartition(".")[0]
    source = _source_of(module)
    if "ecomai.routing" in source:
        return []
    problem = f"{module} does not lead to them" if source else f"there is no {module}"
    return [
        checks.Warning(
            f"An installed scenario talks over websockets, but {problem}.",
            hint="End asgi.py with “from ecomai.routing import with_sockets” and "
            "“application = with_sockets(application)”, let ASGI_APPLICATION name it, and run an ASGI "
            "server. A shop that stays on WSGI silences this check and does without the socket.",
            id="ecomai.W004",
        )
    ]


def check_celery(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """W005, W006, W008: what a process of the shop publishes with, and what beat reads."""
    if not current_app.conf.broker_url:
        return [
            checks.Warning(
                "This process has no Celery application with a broker, so jobs are not announced to workers.",
                hint="Make one in celery.py, import it in the package's __init__.py, and set "
                "CELERY_BROKER_URL; “python manage.py ecomai_init” shows the lines.",
                id="ecomai.W005",
            )
        ]
    found: list[checks.CheckMessage] = []
    if "DatabaseScheduler" not in str(current_app.conf.beat_scheduler):
        found.append(
            checks.Warning(
                "Beat does not read the database, so schedules of the admin and signs of life do not run.",
                hint="Set CELERY_BEAT_SCHEDULER = 'django_celery_beat.schedulers:DatabaseScheduler'.",
                id="ecomai.W006",
            )
        )
    if current_app.conf.task_always_eager:
        found.append(
            checks.Warning(
                "Celery does its tasks at once, so a training would run inside the request that asks for it.",
                hint="Remove CELERY_TASK_ALWAYS_EAGER and start workers.",
                id="ecomai.W008",
            )
        )
    return found


def check_secret_key(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """W007: whoever guesses SECRET_KEY can be any customer towards us. Silent while DEBUG is on."""
    key = str(getattr(settings, "SECRET_KEY", ""))
    is_weak = len(key) < SHORTEST_SECRET or key.startswith(MADE_BY_STARTPROJECT)
    if settings.DEBUG or not is_weak:
        return []
    return [
        checks.Warning(
            f"SECRET_KEY has fewer than {SHORTEST_SECRET} characters or was made by startproject. Customers' "
            "tokens and the site's publishable key are made with it.",
            hint="Set a long random one that is in no repository: django.core.management.utils."
            "get_random_secret_key() makes it.",
            id="ecomai.W007",
        )
    ]


def _source_of(module: str) -> str:
    try:
        spec = find_spec(module) if module else None
    except ImportError:
        return ""
    path = Path(spec.origin) if spec and spec.origin else None
    return path.read_text(encoding="utf-8", errors="replace") if path and path.is_file() else ""
