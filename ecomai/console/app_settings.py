"""Settings of the console, health and metrics: `ECOMAI["CONSOLE"]`."""

from ecomai.conf import Section, Setting


class ConsoleSettings(Section, name="CONSOLE"):
    MONITORING_TOKEN = Setting(
        "",
        help="Sent as `Authorization: Bearer …`, it opens the metrics and the details of health to a "
        "monitoring system; empty: staff only.",
    )
    READY_REQUIRES: Setting[tuple[str, ...]] = Setting(
        ("database", "broker", "queues", "models"),
        help="Checks whose failure answers 503. Behind a load balancer that takes web processes away, name "
        "only 'database': without the others a web process still answers, by its fallbacks.",
    )
    HEALTH_CACHE_SECONDS = Setting(
        2.0, unit="seconds", help="How long a process remembers the outcome of its readiness checks."
    )
    BROKER_TIMEOUT_SECONDS = Setting(2.0, unit="seconds", help="How long the broker may take to be reached.")
    HEARTBEAT_INTERVAL_SECONDS = Setting(
        30, unit="seconds", help="How often each queue is asked for a sign of life, when beat first starts."
    )
    QUEUE_SILENT_AFTER_SECONDS = Setting(
        180, unit="seconds", help="A queue without a sign of life for longer counts as dead."
    )
    EVENTS_STALE_AFTER_HOURS = Setting(
        48, unit="hours", help="The console warns when the newest event is older than this."
    )
    QUALITY_WINDOW_DAYS = Setting(
        90, unit="days", help="How far back from the newest event the data quality report looks."
    )
    KEEP_QUALITY_REPORTS = Setting(30, help="Newest data quality reports that are kept.")
    READINESS_CACHE_SECONDS = Setting(
        60, unit="seconds", help="How long the answer to “is there enough data to train?” is remembered."
    )
    ALERT_INTERVAL_SECONDS = Setting(
        60, unit="seconds", help="How often alert rules are looked at, when beat first starts."
    )
    KEEP_ALERTS_DAYS = Setting(180, unit="days", help="How long alerts that are over are kept.")
    WEBHOOK_TIMEOUT_SECONDS = Setting(
        10.0, unit="seconds", help="How long the receiver of an alert may take to answer."
    )
    WEBHOOK_MAY_BE_PRIVATE = Setting(
        False,
        help="Whether alerts may be sent to addresses inside the shop's own network. Who may set alert rules "
        "could then have the server ask any of them.",
    )
    PUBLIC_API_DOCS = Setting(
        True, help="Whether everybody may read the OpenAPI schema and its pages; False: staff only."
    )


app_settings = ConsoleSettings()
