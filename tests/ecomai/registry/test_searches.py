"""A training that begins with a search of hyperparameters: asked for, watched, cancelled, written down."""

import errno
import io
import json
import zipfile
from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from ecomai import scenarios
from ecomai.exceptions import InvalidInputError
from ecomai.learning.tuning import search
from ecomai.registry.models import AuditEntry, Job, ModelVersion, RunTrial, TrainingRun, TrainingSchedule
from ecomai.registry.retention import delete_old_artifacts
from ecomai.registry.runs import run_folder
from ecomai.registry.services import cancel_training, request_training, retry_training, schedule_training
from ecomai.registry.tasks import run_scheduled_training, run_training
from ecomai.search_spaces import Floats, Integers

from .conftest import MODEL, make_candidate

pytestmark = pytest.mark.django_db

VIEWS = ("view_modeldeployment", "view_modelversion", "view_trainingrun")


def admin_url(name, *args):
    return reverse(f"admin:ecomai_registry_{name}", args=args)


def quality(trial):
    """Best where the width is 32."""
    trial.on_log(1, {"quality": 0.1})
    trial.on_progress(1.0)
    return 1 - abs(trial.parameters["width"] - 32) / 100


def searching(objective=quality, n_trials=8):
    """A training that searches as a scenario does, and then trains with what it found."""

    def train(run):
        run.report(0.25, "prepared")
        found = search(
            objective, run.search.space, defaults=run.hyperparameters, n_trials_max=n_trials,
            **run.search.options,
        )  # fmt: skip
        run.report(0.5, "training")
        chosen = {**run.hyperparameters, **found.best.parameters}
        return make_candidate(run, found.best.value, hyperparameters=chosen)

    return train


@pytest.fixture
def client_for(make_user):
    def login(*codenames):
        client = Client()
        client.force_login(make_user(*codenames))
        return client

    return login


@pytest.fixture
def searched(training_does):
    """A training with a search of 8 trials that has ended."""
    training_does(searching())
    run = request_training(model_name=MODEL, search_minutes=2, random_state=1)
    run_training(run.pk)
    return TrainingRun.objects.select_related("job", "version").get(pk=run.pk)


def forget_space(probe):
    scenarios.unregister("probe")
    plain = replace(probe, search_space={})
    scenarios.register(scenarios.Scenario(name="probe", verbose_name="Probe", models=[plain]))


# -- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [0, -1, 1441])
def test_a_search_takes_from_one_minute_to_a_day(probe, minutes):
    with pytest.raises(InvalidInputError, match="from 1 to 1440 minutes"):
        request_training(model_name=MODEL, search_minutes=minutes)
    with pytest.raises(InvalidInputError, match="from 1 to 1440 minutes"):
        schedule_training(model_name=MODEL, crontab="0 3 * * *", search_minutes=minutes)


def test_no_search_is_offered_nor_done_for_a_model_without_a_space(probe, client_for):
    forget_space(probe)
    with pytest.raises(InvalidInputError, match="no hyperparameters to search for"):
        request_training(model_name=MODEL, search_minutes=5)
    page = client_for("request_training", "schedule_training", *VIEWS).get(admin_url("model", MODEL))
    assert "search_minutes" not in page.content.decode()


def test_training_without_a_search_has_none(training_does):
    seen = []
    training_does(lambda run: seen.append(run.search) or make_candidate(run))
    run_training(request_training(model_name=MODEL).pk)
    assert seen == [None]


def test_retry_and_audit_know_the_minutes(training_does):
    training_does(lambda run: 1 / 0)
    run = request_training(model_name=MODEL, search_minutes=5)
    run_training(run.pk)
    again = retry_training(run=TrainingRun.objects.get(pk=run.pk))
    assert again.search_minutes == 5
    assert AuditEntry.objects.get(action="request_training").details["search_minutes"] == 5


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"width": Integers(8, 4)}, "low must not exceed high"),
        ({"widht": Integers(4, 8)}, "no hyperparameter of the model"),
        ({"width": Floats(0, 1, is_log=True)}, "must be above 0"),
    ],
)
def test_a_wrong_space_is_refused_when_the_scenario_registers(probe, space, message):
    scenarios.unregister("probe")
    wrong = replace(probe, search_space=space)
    with pytest.raises(ImproperlyConfigured, match=message):
        scenarios.register(scenarios.Scenario(name="probe", verbose_name="Probe", models=[wrong]))


def test_schedule_searches_each_time_and_is_kept_with_its_minutes(training_does):
    schedule_training(model_name=MODEL, crontab="0 3 * * *", search_minutes=15)
    assert TrainingSchedule.objects.get().search_minutes == 15
    run_scheduled_training(MODEL)
    run = TrainingRun.objects.get()
    assert (run.search_minutes, run.is_scheduled) == (15, True)


def test_schedule_of_a_model_that_lost_its_space_goes_on_without_a_search(probe, training_does):
    schedule_training(model_name=MODEL, crontab="0 3 * * *", search_minutes=15)
    forget_space(probe)
    run_scheduled_training(MODEL)
    assert TrainingRun.objects.get().search_minutes is None


def test_commands_ask_for_a_search(training_does):
    training_does(searching(n_trials=1))
    quiet = {"stdout": io.StringIO(), "stderr": io.StringIO()}
    call_command("ecomai_train", MODEL, "--search-minutes", "3", "--here", **quiet)
    assert TrainingRun.objects.get().search_minutes == 3
    call_command("ecomai_schedule", MODEL, "0 3 * * *", "--search-minutes", "4", **quiet)
    assert TrainingSchedule.objects.get().search_minutes == 4
    with pytest.raises(CommandError, match="1440"):
        call_command("ecomai_train", MODEL, "--search-minutes", "9999", **quiet)


def test_rest_asks_for_a_search_and_shows_its_trials(training_does, client_for):
    training_does(searching())
    client = client_for("request_training", "schedule_training", *VIEWS)
    base = "/ecomai/registry"
    body = {"model_name": MODEL, "search_minutes": 9999}
    answer = client.post(f"{base}/runs/", body, content_type="application/json")
    assert answer.status_code == 400
    assert "1440" in answer.json()["error"]["message"]

    run = client.post(f"{base}/runs/", body | {"search_minutes": 2}, content_type="application/json").json()
    assert run["search_minutes"] == 2
    run_training(run["id"])
    trials = client.get(f"{base}/runs/{run['id']}/").json()["trials"]
    assert [trial["number"] for trial in trials] == list(range(8))
    assert trials[0]["parameters"] == {"width": 8}

    url = f"{base}/models/{MODEL}/schedule/"
    kept = client.put(url, {"crontab": "0 3 * * *", "search_minutes": 7}, content_type="application/json")
    assert kept.json() == {"crontab": "0 3 * * *", "search_minutes": 7, "hyperparameters": {}}
    model = next(m for m in client.get(f"{base}/models/").json()["results"] if m["name"] == MODEL)
    assert model["may_search"] is True


# -- searching ----------------------------------------------------------------------------------


def test_trials_are_rows_and_the_best_lands_in_the_version_and_its_card(searched):
    trials = list(searched.trials.order_by("number"))
    assert trials[0].parameters == {"width": 8}
    assert all(trial.state == "finished" for trial in trials)
    best = max(trials, key=lambda trial: trial.value)
    assert searched.version.hyperparameters == best.parameters
    card = searched.version.card["search"]
    assert (card["minutes"], card["n_trials"], card["best_trial"]) == (2, 8, best.number + 1)
    assert card["hyperparameters"] == best.parameters
    assert card["valid_value"] >= card["valid_value_of_defaults"] == pytest.approx(0.76)


def test_progress_says_which_trial_runs_the_best_so_far_and_the_time_left(training_does):
    seen = []

    def note(trial):
        value = quality(trial)
        seen.append(Job.objects.get())
        return value

    training_does(searching(note, n_trials=2))
    run_training(request_training(model_name=MODEL, search_minutes=2).pk)
    first, second = seen
    assert first.progress_message == "Search: trial 1, 2 min left"
    assert second.progress_message == "Search: trial 2, best 0.76, 2 min left"
    assert 0.25 <= first.progress <= second.progress < 1
    assert 100 < second.seconds_left < 125


def test_progress_never_falls_when_the_search_ends_and_the_training_goes_on(training_does, monkeypatch):
    from ecomai.registry.jobs import RunningJob

    reported = []
    report = RunningJob.report

    def note(self, progress, message="", **options):
        reported.append(progress)
        report(self, progress, message, **options)

    monkeypatch.setattr(RunningJob, "report", note)

    def train(run):
        run.report(0.25)
        for share in (0.0, 0.5, 1.0):
            run.search.on_search_progress(
                progress=share, number=0, best_value=None, seconds_left=60 * (1 - share)
            )
        for share in (0.3, 0.9, 1.0):
            run.report(share)
        return make_candidate(run)

    training_does(train)
    run_training(request_training(model_name=MODEL, search_minutes=1).pk)
    assert reported == sorted(reported)
    assert reported[3] == pytest.approx(0.85)  # 0.25 and four fifths of the rest
    assert reported[-1] == 1.0


def test_cancelling_stops_in_the_middle_of_a_trial(training_does):
    def cancelled(trial):
        if trial.number == 2:
            cancel_training(run=TrainingRun.objects.get())
            trial.on_progress(0.5)
            raise AssertionError("it went on")
        return quality(trial)

    training_does(searching(cancelled))
    run = request_training(model_name=MODEL, search_minutes=2)
    run_training(run.pk)
    assert Job.objects.get().state == Job.State.CANCELLED
    assert not ModelVersion.objects.exists()
    assert list(run.trials.order_by("number").values_list("state", flat=True)) == [
        "finished", "finished", "stopped",
    ]  # fmt: skip


def test_a_killed_worker_keeps_the_finished_trials_and_a_retry_shows_them(training_does):
    tried = []

    def fails_once(trial):
        tried.append(trial.number)
        if tried == [0, 1, 2]:
            raise KeyError("a bug")
        return quality(trial)

    training_does(searching(fails_once, n_trials=4))
    run = request_training(model_name=MODEL, search_minutes=2)
    run_training(run.pk)
    again = retry_training(run=TrainingRun.objects.get(pk=run.pk))
    run_training(again.pk)
    assert tried == [0, 1, 2, 2, 3]
    assert again.trials.count() == 4
    assert set(again.trials.values_list("state", flat=True)) == {"finished"}


# -- the pages ----------------------------------------------------------------------------------


def test_model_page_offers_a_search_and_says_what_is_wrong_with_the_minutes(training_does, client_for):
    client = client_for("request_training", *VIEWS)
    assert "Search, then train" in client.get(admin_url("model", MODEL)).content.decode()
    url = admin_url("model_retrain", MODEL)
    for wrong in ("", "0", "1441", "many"):
        page = client.post(url, {"search_minutes": wrong}).content.decode()
        assert "errorlist" in page, wrong
    assert not TrainingRun.objects.exists()
    answer = client.post(url, {"search_minutes": "20"})
    assert answer.url == admin_url("trainingrun_change", TrainingRun.objects.get().pk)
    assert TrainingRun.objects.get().search_minutes == 20
    page = client.get(answer.url).content.decode()
    assert "No trial has begun yet" in page
    assert "For 20 minutes, settings are tried" in page


def test_schedule_form_keeps_the_minutes(probe, client_for):
    client = client_for("schedule_training", *VIEWS)
    url = admin_url("model_schedule", MODEL)
    client.post(url, {"preset": "0 3 * * 1", "search_minutes": "45"})
    assert TrainingSchedule.objects.get().search_minutes == 45
    assert 'value="45"' in client.get(admin_url("model", MODEL)).content.decode()
    assert "errorlist" in client.post(url, {"preset": "0 3 * * 1", "search_minutes": "0"}).content.decode()


def test_run_page_shows_each_trial_the_best_one_and_a_chart(searched, client_for):
    page = client_for(*VIEWS).get(admin_url("trainingrun_change", searched.pk)).content.decode()
    assert "the defaults" in page
    assert page.count(">best<") == 1
    assert "Best so far" in page
    assert "<code>width</code>" in page
    assert "hx-get" not in page.split('id="run-trials"')[1].split(">")[0]


def test_trials_move_on_the_page_and_are_left_alone_while_nothing_happens(training_does, client_for):
    client = client_for(*VIEWS)
    answers = []

    def looked_at(trial):
        url = admin_url("run_trials", TrainingRun.objects.get().pk)
        n = trial.number
        answers.append(client.get(f"{url}?seen={n + 1}-{n}").status_code)
        answers.append(client.get(f"{url}?seen={n}-{n}").status_code)
        return quality(trial)

    training_does(searching(looked_at, n_trials=2))
    run_training(request_training(model_name=MODEL, search_minutes=2).pk)
    assert answers == [204, 200, 204, 200]


def test_pages_of_a_search_need_the_permission(searched, client_for):
    client = client_for("view_job")
    for name in ("run_trials", "run_curves", "run_logs"):
        assert client.get(admin_url(name, searched.pk)).status_code == 403, name


def test_page_survives_a_scenario_that_is_gone(searched, client_for):
    scenarios.unregister("probe")
    assert client_for(*VIEWS).get(admin_url("trainingrun_change", searched.pk)).status_code == 200


def test_curves_of_two_runs_are_lines_of_the_same_charts(training_does, client_for):
    client = client_for(*VIEWS)
    numbers = []
    for steps in ((1, 2), (1, 3)):
        training_does(lambda run, steps=steps: log_curve(run, steps))
        run = request_training(model_name=MODEL)
        run_training(run.pk)
        numbers.append(run.pk)
    one, other = numbers
    assert "Compare the curves" in client.get(admin_url("trainingrun_change", one)).content.decode()
    page = client.get(admin_url("run_curves", one) + f"?with={other}").content.decode()
    figures = [part.split("</script>")[0] for part in page.split('class="ecomai-chart__figure">')[1:]]
    titles = [part.split("<")[0] for part in page.split('class="ecomai-chart__title"')[1:]]
    assert len(figures) == len(titles) == 3  # loss, learning rate, and the loss of the refit
    traces = json.loads(figures[0])["data"]
    assert [trace["name"] for trace in traces] == [f"Run {one} (v1)", f"Run {other} (v2)"]
    assert [trace["x"] for trace in traces] == [[1, 2, 3], [1, 2, 3]]
    for wrong in ("", "x", str(one), "99999999"):
        assert client.get(admin_url("run_curves", one) + f"?with={wrong}").status_code == 302


def log_curve(run, steps):
    for step in steps:
        run.log(step, loss=1 / step, learning_rate=0.1, refit_loss=2 / step)
    return make_candidate(run)


# -- TensorBoard's logs -------------------------------------------------------------------------


def write_logs(run, n_bytes=100):
    folder = run.log_folder / "search"
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1").write_bytes(b"x" * n_bytes)
    return make_candidate(run)


def test_logs_are_kept_with_the_version_and_downloaded_as_a_zip(training_does, client_for):
    training_does(write_logs)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    assert not run_folder(run).exists()
    client = client_for(*VIEWS)
    assert (
        "Download the TensorBoard logs"
        in client.get(admin_url("trainingrun_change", run.pk)).content.decode()
    )
    answer = client.get(admin_url("run_logs", run.pk))
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["search/events.out.tfevents.1"]


def test_logs_of_a_run_that_failed_are_there_as_long_as_its_folder(training_does, client_for):
    def fail(run):
        write_logs(run)
        raise ValueError("boom")

    training_does(fail)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    assert client_for(*VIEWS).get(admin_url("run_logs", run.pk)).status_code == 200


def test_logs_that_are_too_large_or_missing_are_not_offered(training_does, client_for, set_registry):
    set_registry(KEEP_LOGS_BYTES=50)
    training_does(write_logs)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    client = client_for(*VIEWS)
    assert "TensorBoard" not in client.get(admin_url("trainingrun_change", run.pk)).content.decode()
    assert client.get(admin_url("run_logs", run.pk)).status_code == 404
    assert ModelVersion.objects.count() == 1


def test_a_storage_that_cannot_keep_the_logs_does_not_cost_the_training(training_does, monkeypatch):
    save = FileSystemStorage._save

    def full_for_logs(self, name, content):
        if name.endswith(".zip"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(self, name, content)

    monkeypatch.setattr(FileSystemStorage, "_save", full_for_logs)
    training_does(write_logs)
    run_training(request_training(model_name=MODEL).pk)
    assert ModelVersion.objects.count() == 1


def test_logs_go_with_the_files_of_their_version(training_does, trained, set_registry, client_for):
    training_does(write_logs)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    set_registry(KEEP_VERSIONS=1)
    delete_old_artifacts()
    assert client_for(*VIEWS).get(admin_url("run_logs", run.pk)).status_code == 200
    trained(0.6)
    delete_old_artifacts()
    assert client_for("view_job", *VIEWS).get(admin_url("run_logs", run.pk)).status_code == 404


def test_trial_rows_say_what_they_are(searched):
    assert str(RunTrial.objects.get(number=3)) == f"{MODEL} #{searched.pk} trial 3"
