"""What the doctor looks at: settings, services, the whole chain by trial, then what each scenario says."""

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ecomai import scenarios

from . import health, trials
from .cards import Finding, findings_of

PATIENCE_SECONDS = 10.0

#: Dotted paths of `findings() -> list[Finding]` of rooms that are built on the console.
_sources: list[str] = []


def register_findings(path: str) -> None:
    """Let another room say how it is, by the dotted path of `findings() -> list[Finding]`."""
    if path not in _sources:
        _sources.append(path)


def findings(*, patience_seconds: float = PATIENCE_SECONDS) -> list[Finding]:
    """Return all findings; what needs the database, or the broker, is left out while it is away.

    Workers get `patience_seconds` to answer.
    """
    found = [*_system_checks()]
    state = health.run_checks()
    found += [_database(state.checks["database"]), _broker(state.checks["broker"])]
    if state.checks["database"].state == "failed":
        return found
    tables = _migrations()
    found.append(tables)
    if not tables.is_ok:
        return found
    if state.checks["broker"].state == "ok":
        found += trials.round_trips(patience_seconds=patience_seconds)
    found += [trials.artifact_round_trip(), *trials.adapter_rows(), trials.event_round_trip()]
    found.append(_events(state.checks["events"]))
    for path in _sources:
        found += import_string(path)()
    for scenario in scenarios.installed():
        found += findings_of(scenario)
    return found


def _system_checks() -> list[Finding]:
    messages = [message for message in checks.run_checks() if str(message.id or "").startswith("ecomai")]
    if not messages:
        return [Finding(_("Settings"), True, _("no complaints"))]
    return [Finding(message.id, False, message.msg, message.hint or "") for message in messages]


def _database(check: health.Check) -> Finding:
    name = _("Database")
    if check.state == "failed":
        return Finding(
            name, False, check.details["reason"], _("Start it, or mend DATABASES in the settings.")
        )
    if connection.vendor != "postgresql":
        message = _("%(vendor)s is enough for trying out") % {"vendor": connection.vendor}
        return Finding(name, True, message)
    return Finding(name, True, f"PostgreSQL {getattr(connection, 'pg_version', 0) // 10000}")


def _broker(check: health.Check) -> Finding:
    if check.state == "ok":
        return Finding(_("Message broker"), True, _("reachable"))
    remedy = _("Start it, or mend CELERY_BROKER_URL. Jobs are kept meanwhile and start when it is back.")
    return Finding(_("Message broker"), False, check.details["reason"], remedy)


def _migrations() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except ImproperlyConfigured as error:
        return Finding(_("Tables"), False, error, _("Run manage.py migrate."))
    message = _("%(n)s migrations have not run") % {"n": len(missing)} if missing else _("up to date")
    return Finding(_("Tables"), not missing, message, _("Run manage.py migrate."))


def _events(check: health.Check) -> Finding:
    newest = check.details.get("newest_event_at")
    if newest is None:
        remedy = _("Import the history, or put the tracker on the shop's pages.")
        return Finding(_("Events"), False, _("none yet"), remedy)
    return Finding(_("Events"), True, _("newest from %(time)s") % {"time": newest})
