"""The lines that a project needs and does not have yet, by file.

What a project already says in its own way is left alone: a middleware that is there is not added,
a Celery application of the project's own is not configured.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ecomai.checks import shipped_scenarios

from .project import Project

BEGIN = "# -- ecomai: written by ecomai_init, yours to change "
END = "# -- ecomai: end "
WIDTH = 100

NEEDED_APPS = (
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
)
MIDDLEWARE = "ecomai.middleware.RequestIdMiddleware"
OSCAR_ADAPTER = "ecomai.commerce.adapters.oscar"

# Beside settings that are in no package, a module called celery would shadow Celery itself.
LONE_CELERY = "celery_app"
CELERY_SETTINGS = {
    "CELERY_BROKER_URL": 'os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")',
    "CELERY_BEAT_SCHEDULER": '"django_celery_beat.schedulers:DatabaseScheduler"',
    "CELERY_WORKER_PREFETCH_MULTIPLIER": "1",
    # Redis hands a message out again after this time, so it lies above the longest training.
    "CELERY_BROKER_TRANSPORT_OPTIONS": '{"visibility_timeout": 6 * 3600}',
    # A page must not wait for a broker that is away: jobs are rows, and are announced again later.
    "CELERY_BROKER_CONNECTION_TIMEOUT": "2",
}

CELERY_FILE = """\
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")
app = Celery("{name}")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""

ASGI = """\
from ecomai.routing import with_sockets

application = with_sockets(application)
"""

URLS = """\
from django.urls import include, path

urlpatterns = [path("ecomai/", include("ecomai.urls")), *urlpatterns]
"""


@dataclass(frozen=True)
class Addition:
    """Lines for the end of a file, or a whole file that does not exist."""

    path: Path
    lines: str

    @property
    def before(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else ""

    @property
    def after(self) -> str:
        if not self.before.strip():
            return self.lines
        return f"{self.before.rstrip()}\n\n\n{_marked(self.lines)}"


def missing(project: Project) -> list[Addition]:
    """Return what has to be added; empty once everything is there."""
    found = [
        Addition(project.settings_file, _settings_lines(project)),
        Addition(project.urls_file, "" if _mentions(project.urls_file, "ecomai.urls") else URLS),
        *_celery(project),
    ]
    if project.asgi_file and not _mentions(project.asgi_file, "ecomai.routing"):
        found.append(Addition(project.asgi_file, ASGI))
    return [addition for addition in found if addition.lines]


def _settings_lines(project: Project) -> str:
    parts = [_apps(project), _middleware(project), _ecomai(project), _celery_settings(project)]
    lines = "\n".join(part for part in parts if part)
    needs_os = "os." in lines and "os" not in vars(project.settings)
    return f"import os\n\n{lines}" if needs_os else lines


def _apps(project: Project) -> str:
    installed = list(project.value("INSTALLED_APPS"))
    wanted = (*NEEDED_APPS, *scenario_names(installed))
    names = [name for name in wanted if not _is_installed(name, installed)]
    if not names:
        return ""
    listed = "".join(f'    "{name}",\n' for name in names)
    return f"INSTALLED_APPS = [\n    *INSTALLED_APPS,\n{listed}]\n"


def scenario_names(installed: list[str]) -> Iterator[str]:
    """The scenarios that ship, under the name that no module of the project can shadow, if it is there."""
    for name in dict.fromkeys(shipped_scenarios()):
        if not _is_installed(name, installed):
            yield f"ecomai.apps.{name}" if _exists(f"ecomai.apps.{name}") else name


def _is_installed(name: str, installed: list[str]) -> bool:
    """Whether an app is in the list, by its name or by its configuration (`channels.apps.ChannelsConfig`)."""
    names = {name, f"ecomai.apps.{name}"}
    return any(entry in names or entry.rpartition(".apps.")[0] in names for entry in installed)


def _middleware(project: Project) -> str:
    is_there = MIDDLEWARE in project.value("MIDDLEWARE")
    return "" if is_there else f'MIDDLEWARE = ["{MIDDLEWARE}", *MIDDLEWARE]\n'


def _ecomai(project: Project) -> str:
    if hasattr(project.settings, "ECOMAI"):
        return ""
    return "".join(
        f"{line}\n"
        for line in (
            "ECOMAI = {",
            '    "COMMERCE": {',
            *_adapter(project),
            f'        "REPORTING_CURRENCY": "{project.value("OSCAR_DEFAULT_CURRENCY", "EUR")}",',
            "        # Nothing is tracked until a page calls ecomai.consent(true).",
            '        "TRACKER_CONSENT": "wait",',
            "    },",
            "    # What counts for a purpose while a customer has not answered. Not named: refused.",
            '    "FUSION": {"DEFAULT_CONSENT": {"recommendations": True}},',
            "}",
        )
    )


def _adapter(project: Project) -> list[str]:
    is_oscar = any(name == "oscar" or name.startswith("oscar.") for name in project.value("INSTALLED_APPS"))
    if is_oscar:
        return [
            f'        "ADAPTER": "{OSCAR_ADAPTER}.OscarAdapter",',
            f'        "CUSTOMER_ID": "{OSCAR_ADAPTER}.customer_id",',
        ]
    package = project.package or "shop"
    return [
        "        # Where the shop keeps its things: docs/embedding.md, “An adapter of your own”.",
        f'        # "ADAPTER": "{package}.ecomai.Adapter",',
    ]


def _celery_settings(project: Project) -> str:
    """Nothing for a project that has a Celery application already: its settings may have other names."""
    if project.celery_file is not None:
        return ""
    absent = {name: value for name, value in CELERY_SETTINGS.items() if not hasattr(project.settings, name)}
    # With a package its __init__.py does this; either way a web process publishes with the application.
    first = "" if project.package else f"import {LONE_CELERY}\n\n"
    return first + "".join(f"{name} = {value}\n" for name, value in absent.items())


def _celery(project: Project) -> list[Addition]:
    if project.celery_file is not None:
        return []
    name = project.package or "shop"
    lines = CELERY_FILE.format(settings=project.settings_module, name=name)
    if not project.package:
        return [Addition(project.folder / f"{LONE_CELERY}.py", lines)]
    return [
        Addition(project.folder / "celery.py", lines),
        Addition(
            project.folder / "__init__.py",
            'from .celery import app as celery_app\n\n__all__ = ["celery_app"]\n',
        ),
    ]


def _marked(lines: str) -> str:
    return f"{BEGIN:-<{WIDTH}}\n{lines}{END:-<{WIDTH}}\n"


def _mentions(path: Path, text: str) -> bool:
    return text in path.read_text(encoding="utf-8")


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
