"""The pages that move, in a real browser under the project's Content-Security-Policy."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, sync_playwright

from ecomai.registry.models import Job, LabellingTask, RunMetric, TrainingRun
from ecomai.registry.services import add_labelling_tasks, request_training

from .conftest import MODEL

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update"]  # fmt: skip
NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener(
  "securitypolicyviolation", (event) => window.violations.push(event.violatedDirective)
);
"""


class Browser:
    """A page in a thread of its own, as Playwright's loop must not be where Django's queries run."""

    def __init__(self, url: str, cookie: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._url = url
        self._thread.submit(self._open, cookie).result()

    def _open(self, cookie: str) -> None:
        self._playwright = sync_playwright().start()
        executable = shutil.which("chromium")
        self._browser = self._playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        self._cookies = [{"name": "sessionid", "value": cookie, "url": self._url}]
        self._page = self._new_page()

    def _new_page(self, **options: Any) -> Page:
        context = self._browser.new_context(**options)
        context.set_default_timeout(10_000)
        context.add_cookies(self._cookies)
        page = context.new_page()
        page.add_init_script(NOTE_VIOLATIONS)
        return page

    def without_javascript(self) -> None:
        self._page = self._thread.submit(self._new_page, java_script_enabled=False).result()

    def do(self, step: Callable[[Page], Any]) -> Any:
        return self._thread.submit(step, self._page).result()

    def open(self, path: str) -> None:
        self.do(lambda page: page.goto(self._url + path))

    def close(self) -> None:
        self._thread.submit(lambda: (self._browser.close(), self._playwright.stop())).result()
        self._thread.shutdown()


@pytest.fixture
def browser(live_server: Any, probe: object) -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium on this machine")
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    opened = Browser(live_server.url, client.cookies["sessionid"].value)
    yield opened
    opened.close()


def progress_is(value: float) -> Callable[[Page], Any]:
    return lambda page: page.wait_for_selector(f'#run-status progress[value="{value}"]')


def test_training_page_moves_by_itself_until_the_end_and_keeps_the_focus(browser):
    run = request_training(model_name=MODEL)
    rows = Job.objects.filter(pk=run.job_id)
    rows.update(state=Job.State.RUNNING, progress=0.25, started_at=timezone.now(), progress_message="epoch 1")
    RunMetric.objects.bulk_create(
        RunMetric(run=run, name="loss", step=step, value=1 / step) for step in (1, 2)
    )

    browser.open(reverse("admin:ecomai_registry_trainingrun_change", args=[run.pk]))
    browser.do(progress_is(0.25))
    browser.do(lambda page: page.wait_for_selector("#run-curve [data-ecomai-drawn]"))
    browser.do(lambda page: page.focus("#run-cancel"))

    rows.update(progress=0.75, progress_message="epoch 3")
    RunMetric.objects.create(run=run, name="recall@10", step=3, value=0.2)
    browser.do(progress_is(0.75))
    assert "epoch 3" in browser.do(lambda page: page.inner_text("#run-status"))
    assert browser.do(lambda page: page.evaluate("document.activeElement.id")) == "run-cancel"
    browser.do(lambda page: page.wait_for_selector("#run-curve figure:nth-child(2)"))

    rows.update(
        state=Job.State.FAILED, error_message="There is not enough data yet.", finished_at=timezone.now()
    )
    browser.do(lambda page: page.wait_for_selector("#run-status .ecomai-note--problem"))
    assert browser.do(lambda page: page.query_selector("#run-status[hx-get]")) is None
    assert browser.do(lambda page: page.evaluate("window.violations")) == []


def test_cases_are_labelled_from_the_keyboard(browser):
    cases = [
        {"subject_key": key, "text": f"text {key}", "choices": ["good", "bad"], "confidence": confidence}
        for key, confidence in (("a", 0.1), ("b", 0.5))
    ]
    add_labelling_tasks(model_name=MODEL, cases=cases)
    browser.open(reverse("admin:ecomai_registry_labelling_work"))
    browser.do(lambda page: page.wait_for_selector("text=text a"))
    browser.do(lambda page: page.keyboard.press("2"))
    browser.do(lambda page: page.wait_for_selector("text=text b"))
    browser.do(lambda page: page.keyboard.press("s"))
    browser.do(lambda page: page.wait_for_selector("text=No case waits"))
    assert set(LabellingTask.objects.values_list("subject_key", "label")) == {("a", "bad"), ("b", "")}


def test_a_model_is_retrained_and_the_training_cancelled_without_javascript(browser):
    browser.without_javascript()
    browser.open(reverse("admin:ecomai_registry_modeldeployment_changelist"))
    browser.do(lambda page: page.click("section:has-text('probe.model') >> text=Train for the first time"))
    browser.do(lambda page: page.wait_for_selector("text=The training is queued"))
    browser.do(lambda page: page.click("text=Cancel the training"))
    browser.do(lambda page: page.click("input[type=submit][value='Cancel the training']"))
    browser.do(lambda page: page.wait_for_selector("text=The training stops"))
    assert TrainingRun.objects.get().job.state == Job.State.CANCELLED
