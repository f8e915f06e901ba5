"""The worker process of the benchmark: it is spawned, so nothing here is imported before Django is set up."""

from typing import Any


def run(job_pk: int, begun: Any) -> None:
    """Do a job in the scratch shop; `begun` is set when the work begins."""
    from ecomai.benchmarking.scratch import start_in_scratch_shop

    start_in_scratch_shop()
    from django.test import override_settings

    from ecomai.registry.jobs import execute_job

    with override_settings(**mailing_settings()):
        begun.set()
        execute_job(job_pk)


def mailing_settings() -> dict[str, Any]:
    """Return the settings of a shop whose mails become lines of a file."""
    from django.conf import settings

    here = f"{__package__}.mail_sink"
    known = settings.ECOMAI
    commerce = known.get("COMMERCE", {}) | {"ADAPTER": f"{here}.SinkShop"}
    fusion = {"DEFAULT_CONSENT": {"marketing": True}}
    marketing = {"BASE_URL": "https://shop.example", "QUIET_HOURS": (0, 0)}
    return {
        "EMAIL_BACKEND": f"{here}.FileSink",
        "ECOMAI": known | {"COMMERCE": commerce, "FUSION": fusion, "MARKETING": marketing},
    }
