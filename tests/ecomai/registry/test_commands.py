"""The registry's commands."""

import json

import pytest
from django.core.management import CommandError, call_command

from ecomai import scenarios
from ecomai.exceptions import NotEnoughDataError
from ecomai.registry.models import ModelVersion, TrainingRun
from ecomai.registry.overviews import model_overview
from ecomai.registry.selectors import is_scenario_on

from .conftest import MODEL

pytestmark = pytest.mark.django_db


def test_train_promote_and_roll_back_by_command(training_does, capsys):
    call_command("ecomai_train", MODEL, "--here", "--set", "width=3", "--seed", "5")
    version = ModelVersion.objects.get()
    assert (version.hyperparameters, version.random_state) == ({"width": 3}, 5)
    call_command("ecomai_promote", MODEL, "--if-better", "--go-live")
    call_command("ecomai_train", MODEL, "--here")
    call_command("ecomai_promote", MODEL, "--number", "2")
    call_command("ecomai_rollback", MODEL)
    assert ModelVersion.objects.get(number=1).state == "live"
    assert "serves again" in capsys.readouterr().out


def test_version_in_shadow_goes_live_by_the_same_command(trained):
    trained(0.9)
    call_command("ecomai_promote", MODEL)
    assert ModelVersion.objects.get().state == "shadow"
    call_command("ecomai_promote", MODEL, "--go-live")
    assert ModelVersion.objects.get().state == "live"


def test_failed_training_fails_the_command_with_its_sentence(training_does):
    def fail(run):
        raise NotEnoughDataError(have=1, need=2, unit="orders")

    training_does(fail)
    with pytest.raises(CommandError, match="not enough data"):
        call_command("ecomai_train", MODEL, "--here")


@pytest.mark.parametrize(
    "arguments",
    [
        ["ecomai_train", "no.such"],
        ["ecomai_train", MODEL, "--set", "nonsense"],
        ["ecomai_promote", MODEL],
        ["ecomai_rollback", MODEL],
        ["ecomai_cancel", "404"],
        ["ecomai_retry", "404"],
        ["ecomai_compare", MODEL],
        ["ecomai_switch", "no-such", "off"],
        ["ecomai_schedule", MODEL, "x"],
        ["ecomai_benchmark", "no-such", "--data", "."],
    ],
)
def test_mistakes_end_with_a_sentence(probe, arguments):
    with pytest.raises(CommandError):
        call_command(*arguments)


def test_worse_version_is_not_promoted_if_better_was_asked_for(trained):
    trained(0.3)
    with pytest.raises(CommandError, match="does not pass"):
        call_command("ecomai_promote", MODEL, "--if-better")


def test_cancel_and_retry_by_command(training_does):
    call_command("ecomai_train", MODEL)
    run = TrainingRun.objects.get()
    call_command("ecomai_cancel", str(run.pk))
    run.job.refresh_from_db()
    assert run.job.state == "cancelled"
    with pytest.raises(CommandError):
        call_command("ecomai_cancel", str(run.pk + 1))
    call_command("ecomai_retry", str(run.pk))
    assert list(TrainingRun.objects.order_by("pk").values_list("job__state", flat=True)) == [
        "cancelled",
        "queued",
    ]


def test_comparison_by_command_shows_the_version_the_baseline_and_the_verdict(trained, capsys):
    trained(0.75)
    call_command("ecomai_compare", MODEL)
    header, quality, *_reasons, verdict = capsys.readouterr().out.splitlines()
    assert header.split() == ["metric", "this", "version", "live", "version", "baseline"]
    assert quality.split() == ["quality", "*", "0.75", "-", "0.4"]
    assert verdict.endswith("passes the gate.")


def test_switch_and_schedule_by_command(probe):
    call_command("ecomai_switch", "all", "off")
    assert not is_scenario_on("probe")
    call_command("ecomai_switch", "all", "on")
    assert is_scenario_on("probe")
    call_command("ecomai_schedule", MODEL, "0 3 * * *")
    assert model_overview(MODEL).crontab == "0 3 * * *"
    call_command("ecomai_schedule", MODEL)
    assert model_overview(MODEL).crontab == ""


def benchmark(data, *, device, seed, report):
    report(0.5, "half way")
    return {"metrics": {"recall@10": 0.5}, "rows": {}, "splits": {}, "peers": {}, "settings": {"seed": seed}}


def test_benchmark_prints_progress_aside_and_one_json_object_last(tmp_path, capsys):
    scenarios.register(
        scenarios.Scenario(name="bench", verbose_name="", benchmarks={"probe": f"{__name__}.benchmark"})
    )
    try:
        call_command("ecomai_benchmark", "probe", "--data", str(tmp_path), "--device", "cpu", "--seed", "3")
    finally:
        scenarios.unregister("bench")
    printed = capsys.readouterr()
    answer = json.loads(printed.out.strip().splitlines()[-1])
    assert answer["metrics"] == {"recall@10": 0.5}
    assert (answer["benchmark"], answer["data"], answer["device"]) == ("probe", tmp_path.name, "cpu")
    assert answer["settings"] == {"seed": 3}
    assert answer["peak_memory_mb"] > 10
    assert "half way" in printed.err
