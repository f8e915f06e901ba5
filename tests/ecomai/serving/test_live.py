"""What is promoted serves within a second, and what served goes on when the new version cannot."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.db import OperationalError
from threadpoolctl import threadpool_info, threadpool_limits

from ecomai import scenarios
from ecomai.registry.models import ModelDeployment, ModelVersion
from ecomai.routing import with_sockets
from ecomai.scenarios import ModelSpec, Scenario
from ecomai.serving import live

from .conftest import MODEL

pytestmark = pytest.mark.django_db


def best_item() -> str | None:
    served = live.get_live(MODEL)
    return served.predictor.top(1)[0].item_id if served else None


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "It did not come true in time."
        time.sleep(0.01)


def damage(version: ModelVersion, registry_folder: Path) -> None:
    (registry_folder / "artifacts" / version.artifact_path / "popularity.safetensors").write_bytes(b"rubbish")


def test_nothing_serves_before_anything_is_promoted(registry_folder: Path) -> None:
    assert live.get_live(MODEL) is None
    assert live.get_shadow("no.such.model") is None
    assert live.faults() == []


def test_a_model_that_only_workers_read_is_neither_loaded_nor_a_fault(make_version: Any, deploy: Any) -> None:
    name = "batch.value"
    spec = ModelSpec(
        name=name, verbose_name="Value", train="x", primary_metric="x", baseline="x", is_served=False
    )
    scenarios.register(Scenario(name="batch", verbose_name="Batch", models=[spec]))
    try:
        version = make_version(1)
        ModelVersion.objects.filter(pk=version.pk).update(model_name=name)
        ModelDeployment.objects.create(model_name=name, live_version=version)
        live.refresh()
        assert live.get_live(name) is None
        assert live.faults() == []
    finally:
        scenarios.unregister("batch")


@pytest.mark.parametrize("name", ["customer_value", "uplift", "sentiment"])
def test_models_of_marketing_without_a_predictor_are_for_workers(name: str) -> None:
    """A web process that tried to load one would report a fault for good."""
    assert not scenarios.get_model_spec(f"marketing.{name}").is_served


def test_the_first_request_waits_for_the_live_version(make_version: Any, deploy: Any) -> None:
    version = make_version(1)
    deploy(live_version=version)
    served = live.get_live(MODEL)
    assert served is not None
    assert (served.version_id, served.version_number, served.mode) == (version.pk, 1, "live")
    assert live.get_shadow(MODEL) is None


def test_a_model_in_shadow_answers_only_those_who_ask_for_shadow(make_version: Any, deploy: Any) -> None:
    deploy(shadow_version=make_version(1))
    served = live.get_shadow(MODEL)
    assert served is not None
    assert served.mode == "shadow"
    assert live.get_live(MODEL) is None


def test_going_live_keeps_what_is_loaded(make_version: Any, deploy: Any) -> None:
    version = make_version(1)
    deploy(shadow_version=version)
    shadow = live.get_shadow(MODEL)
    deploy(live_version=version)
    served = live.get_live(MODEL)
    assert served is not None
    assert shadow is not None
    assert served.predictor is shadow.predictor


def test_a_promoted_version_replaces_the_old_one_without_a_gap(make_version: Any, deploy: Any) -> None:
    deploy(live_version=make_version(1, best=0))
    assert best_item() == "item-0"
    deploy(live_version=make_version(2, best=2))
    answers = []

    def swapped() -> bool:
        answers.append(best_item())
        return answers[-1] == "item-2"

    wait_until(swapped)
    assert None not in answers


def test_polling_happens_once_per_interval(
    make_version: Any, deploy: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    deploy(live_version=make_version(1))
    live.refresh()
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"POLL_SECONDS": 1.0}}
    with django_assert_num_queries(0):
        for _ in range(50):
            live.get_live(MODEL)
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"POLL_SECONDS": 0.0}}
    with django_assert_num_queries(1):
        live.get_live(MODEL)


def test_a_poll_is_never_older_than_a_second_whatever_the_setting(
    settings: Any, make_version: Any, deploy: Any
) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"POLL_SECONDS": 3600.0}}
    deploy(live_version=make_version(1, best=0))
    assert best_item() == "item-0"
    deploy(live_version=make_version(2, best=2))
    wait_until(lambda: best_item() == "item-2")


def test_a_damaged_new_version_leaves_the_old_one_serving_and_is_a_visible_fault(
    make_version: Any, deploy: Any, registry_folder: Path
) -> None:
    deploy(live_version=make_version(1, best=0))
    live.refresh()
    broken = make_version(2, best=2)
    damage(broken, registry_folder)
    deploy(live_version=broken)
    wait_until(lambda: best_item() == "item-0" and bool(live.faults()))
    (fault,) = live.faults()
    assert (fault.model_name, fault.version_number) == (MODEL, 2)
    assert "popularity.safetensors was changed" in fault.message
    assert best_item() == "item-0"
    deploy(live_version=make_version(3, best=1))
    wait_until(lambda: best_item() == "item-1")
    assert live.faults() == []


def test_an_artifact_that_comes_back_is_loaded_without_a_restart(
    make_version: Any, deploy: Any, registry_folder: Path
) -> None:
    version = make_version(1, best=1)
    place = registry_folder / "artifacts" / version.artifact_path
    place.rename(place.with_name("elsewhere"))
    deploy(live_version=version)
    assert live.get_live(MODEL) is None
    assert "missing" in live.faults()[0].message
    place.with_name("elsewhere").rename(place)
    wait_until(lambda: best_item() == "item-1")
    assert live.faults() == []


def test_a_failed_load_is_not_tried_again_at_once(
    make_version: Any, deploy: Any, registry_folder: Path, settings: Any
) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"POLL_SECONDS": 0.0, "RETRY_SECONDS": 60.0}}
    version = make_version(1)
    damage(version, registry_folder)
    deploy(live_version=version)
    live.refresh()
    first = live.faults()[0].since
    for _ in range(5):
        live.get_live(MODEL)
    assert live.faults()[0].since == first


def test_a_model_that_is_taken_down_stops_serving(make_version: Any, deploy: Any) -> None:
    deploy(live_version=make_version(1))
    assert best_item() == "item-0"
    deploy()
    assert best_item() is None


def test_what_is_loaded_goes_on_while_the_database_is_away(
    make_version: Any, deploy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(live_version=make_version(1))
    assert best_item() == "item-0"

    def away() -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(live.selectors, "deployed_versions", away)
        assert best_item() == "item-0"
        assert [(fault.model_name, fault.message) for fault in live.faults()] == [("", "connection refused")]
    assert best_item() == "item-0"
    assert live.faults() == []


def test_a_slow_first_load_is_waited_for_only_once(
    make_version: Any, deploy: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"POLL_SECONDS": 0.0, "FIRST_LOAD_SECONDS": 0.2}}
    deploy(live_version=make_version(1))
    may_load, load = threading.Event(), live.load_predictor

    def slow(folder: Path) -> Any:
        may_load.wait(20)
        return load(folder)

    monkeypatch.setattr(live, "load_predictor", slow)
    started = time.monotonic()
    assert [live.get_live(MODEL) for _ in range(5)] == [None] * 5
    assert time.monotonic() - started < 2
    may_load.set()
    wait_until(lambda: best_item() == "item-0")


def test_many_threads_get_whole_answers_while_versions_change(
    make_version: Any, deploy: Any, settings: Any
) -> None:
    versions = [make_version(number, best=number % 3) for number in (1, 2, 3)]
    deploy(live_version=versions[0])
    live.refresh()
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"POLL_SECONDS": 1.0}}
    stop, wrong = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            served = live._board._served.get((MODEL, "live"))
            if served is None or served.predictor.top(1)[0].item_id != f"item-{served.version_number % 3}":
                wrong.append(served)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in (*versions[1:], *versions):
        deploy(live_version=version)
        live.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(("asked", "expected"), [(1, 1), (0, 2)])
def test_a_process_that_answers_multiplies_with_as_many_threads_as_it_is_told(
    make_version: Any, deploy: Any, settings: Any, asked: int, expected: int
) -> None:
    serving = {**settings.ECOMAI["SERVING"], "BLAS_THREADS": asked}
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": serving}
    deploy(live_version=make_version(1))
    before = threadpool_info()
    limit_in_a_thread(2)  # a thread that lives on would keep others from saying how many
    try:
        assert live.get_live(MODEL) is not None
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        assert pools
        assert {pool["num_threads"] for pool in pools} == {expected}
    finally:
        limit_in_a_thread({pool["prefix"]: pool["num_threads"] for pool in before})


def limit_in_a_thread(limits: Any) -> None:
    thread = threading.Thread(target=threadpool_limits, args=(limits, "blas"))
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    ("asked", "before", "expected"), [(0.0005, 0.005, 0.0005), (0, 0.005, 0.005), (0.0005, 0.0001, 0.0001)]
)
def test_threads_of_a_process_that_answers_take_short_turns(
    make_version: Any, deploy: Any, settings: Any, asked: float, before: float, expected: float
) -> None:
    serving = {**settings.ECOMAI["SERVING"], "SWITCH_INTERVAL_SECONDS": asked}
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": serving}
    deploy(live_version=make_version(1))
    was = sys.getswitchinterval()
    sys.setswitchinterval(before)
    try:
        assert live.get_live(MODEL) is not None
        assert sys.getswitchinterval() == pytest.approx(expected, rel=0.02)  # whole microseconds
    finally:
        sys.setswitchinterval(was)


@pytest.mark.django_db(transaction=True)
def test_a_web_process_has_started_once_its_models_are_read(
    make_version: Any, deploy: Any, settings: Any
) -> None:
    version = make_version(1)
    deploy(live_version=version)
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"FIRST_LOAD_SECONDS": 30}}
    asyncio.run(start_and_stop())
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"FIRST_LOAD_SECONDS": 0}}
    served = live.get_live(MODEL)
    assert served is not None, "the first request waits for nothing"
    assert served.version_id == version.pk


@pytest.mark.django_db(transaction=True)
def test_a_web_process_starts_also_while_the_database_is_away(
    deploy: Any, make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(live_version=make_version(1))

    def away() -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(live.selectors, "deployed_versions", away)
    asyncio.run(start_and_stop())
    assert [fault.message for fault in live.faults()] == ["the database is away"]


async def start_and_stop() -> None:
    """Follow the lifespan of a server; each event is answered."""
    server = ApplicationCommunicator(with_sockets(get_asgi_application()), {"type": "lifespan"})
    for event in ("startup", "shutdown"):
        await server.send_input({"type": f"lifespan.{event}"})
        answer = await server.receive_output(timeout=30)
        assert answer == {"type": f"lifespan.{event}.complete"}
    await server.wait()
