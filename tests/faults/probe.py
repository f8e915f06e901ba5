"""A fresh process on the settings given: asks for recommendations, takes dead jobs up, does what is queued.

python -m tests.faults.probe KEY CUSTOMER   prints one JSON object
"""

import json
import sys
from typing import Any

import django


def look_around(key: str, customer_id: str) -> dict[str, Any]:
    from django.conf import settings
    from django.test import Client
    from redis import Redis

    from ecomai.registry.jobs import requeue_dead_jobs
    from ecomai.registry.models import Job
    from ecomai.registry.tasks import run_job

    client = Client(SERVER_NAME="localhost")
    answer = client.get(
        "/ecomai/recommendations/",
        {"customer": customer_id, "n": 6},
        headers={"Authorization": f"Bearer {key}"},
    )
    taken_up = requeue_dead_jobs()
    with Redis.from_url(settings.CACHES["default"]["LOCATION"]) as redis:
        n_messages = redis.llen("default")
    for job_id in Job.objects.filter(state=Job.State.QUEUED).values_list("pk", flat=True):
        run_job(job_id)
    jobs = Job.objects.order_by("pk").values_list("state", "attempts")
    return {
        "status": answer.status_code,
        "answer": answer.json(),
        "taken_up": taken_up,
        "n_messages": n_messages,
        "jobs": [list(job) for job in jobs],
    }


if __name__ == "__main__":
    django.setup()
    print(json.dumps(look_around(*sys.argv[1:])))
