"""Celery's entry points of this scenario. Each is safe to run twice."""

from celery import shared_task


@shared_task(name="ecomai.marketing.work_requests", ignore_result=True)
def work_requests() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services import work_requests
    from .services.travelling import advance_journeys

    # A step of a journey that asks something of a customer waited for the profile.
    if work_requests() and is_scenario_on("marketing"):
        advance_journeys()


@shared_task(name="ecomai.marketing.follow_time", ignore_result=True)
def follow_time() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services import follow_time

    if is_scenario_on("marketing"):
        follow_time()


@shared_task(name="ecomai.marketing.start_profiling", ignore_result=True)
def start_profiling() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.profiling import start_profiling

    if is_scenario_on("marketing"):
        start_profiling()


@shared_task(name="ecomai.marketing.listen", ignore_result=True)
def listen() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.listening import listen

    if is_scenario_on("marketing"):
        listen()


@shared_task(name="ecomai.marketing.read_voice", ignore_result=True)
def read_voice() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.listening import start_reading

    if is_scenario_on("marketing"):
        start_reading()


@shared_task(name="ecomai.marketing.score_customers", ignore_result=True)
def score_customers() -> None:
    from .services.value import score_customers

    score_customers()


@shared_task(name="ecomai.marketing.advance_journeys", ignore_result=True)
def advance_journeys() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.travelling import advance_journeys

    if is_scenario_on("marketing"):
        advance_journeys()


@shared_task(name="ecomai.marketing.count_traffic", ignore_result=True)
def count_traffic() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.ads.traffic import count_traffic

    if is_scenario_on("marketing"):
        count_traffic()


@shared_task(name="ecomai.marketing.compare_customers", ignore_result=True)
def compare_customers() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.likeness import start_vectors

    if is_scenario_on("marketing"):
        start_vectors()


@shared_task(name="ecomai.marketing.run_campaigns", ignore_result=True)
def run_campaigns() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.campaigns import close_campaigns, start_due_campaigns

    if is_scenario_on("marketing"):
        start_due_campaigns()
        close_campaigns()


@shared_task(name="ecomai.marketing.watch_campaigns", ignore_result=True)
def watch_campaigns() -> None:
    from ecomai.registry.selectors import is_scenario_on

    from .services.stopping import watch_campaigns

    if is_scenario_on("marketing"):
        watch_campaigns()
