"""Settings of experiments: `ECOMAI["EXPERIMENTS"]`."""

from ecomai.conf import Section, Setting


class ExperimentsSettings(Section, name="EXPERIMENTS"):
    ALPHA = Setting(
        0.05,
        help="How often an experiment without any difference may end with a winner, however often "
        "its report is looked at.",
    )
    POWER = Setting(
        0.8, help="How surely a difference of the planned size is to be found; the planner reckons with it."
    )
    CONSENT_PURPOSE = Setting[str](
        "experiments",
        help="Who refused this purpose in the consent ledger is not counted. Without an answer "
        "`FUSION.DEFAULT_CONSENT` decides where it names the purpose or '*'; else visitors are counted. "
        "Empty: nobody is asked.",
    )
    CACHE_SECONDS = Setting(
        0.5,
        unit="seconds",
        help="How long a process remembers which experiments run; at most 1.",
    )
    MIN_UNITS_PER_ARM = Setting(
        100, unit="visitors", help="Before each arm has counted so many, nothing is said about a difference."
    )
    COVARIATE_DAYS = Setting(
        28,
        unit="days",
        help="What a visitor did so long before the experiment takes chance out of its results (CUPED).",
    )
    SNAPSHOT_INTERVAL_SECONDS = Setting(
        600, unit="seconds", help="How often results are counted, when beat first starts."
    )
    KEEP_EXPOSURES_DAYS = Setting(
        180,
        unit="days",
        help="How long it is kept who saw what, after an experiment's end; its results stay.",
    )


app_settings = ExperimentsSettings()
