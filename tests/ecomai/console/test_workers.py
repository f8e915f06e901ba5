"""With a real worker and a real broker: signs of life, and a report that is computed elsewhere."""

import time

import pytest

from ecomai.commerce.models import Item
from ecomai.console import health, selectors, services
from ecomai.console.models import QualityReport
from ecomai.console.tasks import beat_queue

pytestmark = pytest.mark.services


def wait_until(is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_worker_makes_the_shop_ready_and_computes_its_report(worker_process, client):
    Item.objects.create(external_id="i1", title="")
    for queue in selectors.queue_names():
        beat_queue.apply_async((queue,), queue=queue)
    wait_until(lambda: all(queue.is_alive for queue in selectors.queues()))
    health.forget()
    assert health.health().state == "ok", health.health()
    assert client.get("/ecomai/health/ready").status_code == 200
    services.request_quality_report()
    wait_until(QualityReport.objects.exists)
    missing = {(gap["of"], gap["what"]): gap["n"] for gap in QualityReport.objects.get().findings["missing"]}
    assert missing["item", "title"] == 1
