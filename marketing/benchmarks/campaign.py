"""`campaign`: how fast mails are made and handed over, with a worker killed on the way."""

import os
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import connection, connections
from django.test import override_settings
from django.utils import timezone

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import load_average
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.models import Customer
from ecomai.registry.jobs import requeue_dead_jobs
from ecomai.registry.models import Job

from ..models import Campaign, CustomerProfile, Delivery, Segment, SegmentMember
from ..services.campaigns import create_campaign, start_campaign
from . import mail_worker
from .mail_sink import SINK, read_sink

N_CUSTOMERS = 100_000
#: Killed once so many mails went out.
KILLED_AT = 40_000
ROWS_AT_ONCE = 10_000
TEXT = {
    "name": "A",
    "subject": "{{ name }}, new in {{ favourite_category|default:'the shop' }}",
    "body": "Hello {{ name|default:'there' }},\n\nhave a look at what is new in {{ favourite_category }}.\n\n"
    "As a member of {{ loyalty_tier|default:'our club' }} you see it first: https://shop.example/new/\n",
}


def campaign(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Send a campaign to 100,000 customers with one worker, which is killed on the way and replaced.

    `per_second` counts the time in which a worker was at work, choosing the arms included. `data` is not
    read: the shop is made.
    """
    with TemporaryDirectory() as folder, scratch_shop("campaign") as environment:
        os.environ.update(environment)
        os.environ[SINK] = str(Path(folder) / "sent.txt")
        report(0.05, "customers")
        segment = _plant()
        with override_settings(**mail_worker.mailing_settings()):
            sent = create_campaign(name="Benchmark", segment=segment, variants=[TEXT], holdout_share=0.1)
            job = start_campaign(sent)
        report(0.2, "sending, until the worker is killed")
        first = _work(job, killed_at=KILLED_AT)
        n_at_kill = len(read_sink())
        # Its lease would end by itself a minute later.
        Job.objects.filter(pk=job.pk).update(lease_until=timezone.now())
        requeue_dead_jobs()
        report(0.6, "sending the rest")
        second = _work(job)
        return _measured(sent, first + second, n_at_kill)


def _measured(sent: Campaign, seconds: float, n_at_kill: int) -> dict[str, Any]:
    states = Counter(Delivery.objects.filter(campaign=sent).values_list("state", flat=True))
    times = Counter(line.split(" ", 1)[1] for line in read_sink())
    n_wanted = sum(states.values()) - states[Delivery.State.HELD_OUT]
    return {
        "metrics": {
            "per_second": round(len(times) / seconds, 1),
            "lost": n_wanted - len(times),
            "doubled": sum(n - 1 for n in times.values()),
        },
        "rows": {}, "splits": {}, "peers": {},
        "settings": {
            "n_customers": N_CUSTOMERS, "n_sent_when_killed": n_at_kill, "workers": 1,
            "states": dict(states), "seconds_at_work": round(seconds, 1), "load_average": load_average(),
        },
    }  # fmt: skip


def _plant() -> Segment:
    for start in range(0, N_CUSTOMERS, ROWS_AT_ONCE):
        numbers = range(start, min(start + ROWS_AT_ONCE, N_CUSTOMERS))
        customers = Customer.objects.bulk_create(Customer(external_id=f"c{number}") for number in numbers)
        CustomerProfile.objects.bulk_create(
            CustomerProfile(customer=customer, has_consent=True, favourite_category="Tea > Green tea")
            for customer in customers
        )
    segment = Segment.objects.create(name="All", slug="all", kind=Segment.Kind.STATIC)
    pks = Customer.objects.order_by("pk").values_list("pk", flat=True)
    SegmentMember.objects.bulk_create(
        (SegmentMember(segment=segment, customer_id=pk) for pk in pks), batch_size=ROWS_AT_ONCE
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return segment


def _work(job: Job, *, killed_at: int | None = None) -> float:
    """Let a process of its own do the job, and kill it; returns the seconds it was at work."""
    context = get_context("spawn")
    begun = context.Event()
    connections.close_all()
    process = context.Process(target=mail_worker.run, args=(job.pk, begun))
    process.start()
    while not begun.wait(1):
        if not process.is_alive():
            raise RuntimeError("The worker ended before it began; its reason is above.")
    started = time.perf_counter()
    while process.is_alive() and (killed_at is None or len(read_sink()) < killed_at):
        process.join(0.5)
    seconds = time.perf_counter() - started
    if killed_at is not None:
        process.kill()
    process.join()
    return seconds
