"""What the doctor looks at: the foundation's own parts, then each scenario's."""

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from ecomai import scenarios

from . import health
from .cards import Finding, findings_of


def findings() -> list[Finding]:
    """Return all findings; what needs the database is left out while it is away."""
    found = [*_system_checks()]
    state = health.run_checks()
    found += [_database(state.checks["database"]), _broker(state.checks["broker"])]
    if state.checks["database"].state == "failed":
        return found
    found += [_migrations(), _queues(state.checks["queues"]), _events(state.checks["events"])]
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


def _queues(check: health.Check) -> Finding:
    silent = [name for name, queue in check.details.items() if queue["state"] != "ok"]
    if not silent:
        return Finding(_("Workers"), True, _("every queue is served"))
    message = _("no sign of life from: %(queues)s") % {"queues": ", ".join(silent)}
    remedy = _("Start a worker with -Q %(queues)s, and beat, which asks for signs of life.")
    return Finding(_("Workers"), False, message, remedy % {"queues": ",".join(silent)})


def _events(check: health.Check) -> Finding:
    newest = check.details.get("newest_event_at")
    if newest is None:
        remedy = _("Import the history, or put the tracker on the shop's pages.")
        return Finding(_("Events"), False, _("none yet"), remedy)
    return Finding(_("Events"), True, _("newest from %(time)s") % {"time": newest})
