"""Who decides what serves, and by which rule."""

import shutil

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from ecomai.exceptions import ConflictError, PermissionDeniedError
from ecomai.registry import selectors
from ecomai.registry.exceptions import (
    ArtifactGoneError,
    CorruptArtifactError,
    NoEarlierVersionError,
    NoVersionError,
)
from ecomai.registry.models import AuditEntry, Job, ModelDeployment, ModelVersion
from ecomai.registry.services import (
    consider_promotion,
    enter_shadow,
    go_live,
    judge,
    promote_version,
    request_training,
    roll_back,
    set_policy,
)
from ecomai.registry.signals import model_promoted
from ecomai.registry.tasks import run_training
from ecomai.scenarios import Gate

from .conftest import MODEL, make_candidate

pytestmark = pytest.mark.django_db

LIVE = {"live_metrics": {"quality": 0.5}}


@pytest.fixture
def live(trained):
    """Version 1, quality 0.5, live."""
    version = trained(0.5)
    promote_version(version=version)
    go_live(model_name=MODEL)
    version.refresh_from_db()
    return version


def states() -> list[tuple[int, str]]:
    return list(ModelVersion.objects.order_by("number").values_list("number", "state"))


def test_first_version_serves_in_shadow_until_someone_lets_it_go_live(trained):
    version = trained(0.5)
    promote_version(version=version)
    assert states() == [(1, "shadow")]
    assert selectors.live_version(MODEL) is None

    go_live(model_name=MODEL)
    assert states() == [(1, "live")]
    assert selectors.live_version(MODEL) == version
    assert ModelDeployment.objects.get().shadow_version is None


def test_promotion_retires_the_one_before_and_both_are_written_down(live, trained):
    second = trained(0.6)
    promote_version(version=second)
    assert states() == [(1, "retired"), (2, "live")]
    entry = AuditEntry.objects.filter(action="promote").last()
    assert entry.details == {"version": 2, "previous": 1}


def test_database_refuses_two_live_versions_of_a_model(live, trained):
    second = trained(0.6)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=second.pk).update(state="live")


def test_promoting_twice_is_refused(live):
    with pytest.raises(ConflictError):
        promote_version(version=live)


def test_roll_back_goes_one_version_back_each_time_and_never_to_one_that_did_not_serve(live, trained):
    for value in (0.6, 0.7):
        promote_version(version=trained(value))
    trained(0.8)
    assert roll_back(model_name=MODEL).number == 2
    assert roll_back(model_name=MODEL).number == 1
    with pytest.raises(NoEarlierVersionError):
        roll_back(model_name=MODEL)
    assert states() == [(1, "live"), (2, "retired"), (3, "retired"), (4, "candidate")]


def test_version_without_files_is_not_promoted_nor_rolled_back_to(live, trained):
    promote_version(version=trained(0.6))
    ModelVersion.objects.filter(number=1).update(is_artifact_deleted=True)
    with pytest.raises(ArtifactGoneError):
        promote_version(version=ModelVersion.objects.get(number=1))
    with pytest.raises(NoEarlierVersionError):
        roll_back(model_name=MODEL)


def test_version_with_damaged_files_is_neither_promoted_nor_rolled_back_to(live, trained, registry_folder):
    promote_version(version=trained(0.6))
    (registry_folder / "artifacts" / live.artifact_path / "model.json").write_text("{}")
    shutil.rmtree(registry_folder / "cache", ignore_errors=True)
    with pytest.raises(CorruptArtifactError, match=r"model\.json was changed"):
        promote_version(version=live)
    with pytest.raises(CorruptArtifactError):
        roll_back(model_name=MODEL)
    assert states() == [(1, "retired"), (2, "live")]


def test_version_with_damaged_files_does_not_go_live(trained, registry_folder):
    version = trained(0.5)
    promote_version(version=version)
    (registry_folder / "artifacts" / version.artifact_path / "model.json").unlink()
    shutil.rmtree(registry_folder / "cache")
    with pytest.raises(CorruptArtifactError):
        go_live(model_name=MODEL)
    assert states() == [(1, "shadow")]


def test_go_live_needs_a_version_in_shadow(training_does):
    with pytest.raises(NoVersionError):
        go_live(model_name=MODEL)


def test_back_to_shadow_keeps_the_version_and_stops_showing_it(live, trained):
    enter_shadow(model_name=MODEL)
    assert states() == [(1, "shadow")]
    with pytest.raises(ConflictError):
        enter_shadow(model_name=MODEL)
    promote_version(version=trained(0.6))
    assert states() == [(1, "retired"), (2, "shadow")]


def test_promoted_signal_comes_after_the_commit_with_both_versions(
    live, trained, django_capture_on_commit_callbacks
):
    received = []

    def receive(**arguments):
        received.append((arguments["version"].number, arguments["previous"].number))

    second = trained(0.6)
    model_promoted.connect(receive)
    with django_capture_on_commit_callbacks(execute=True):
        promote_version(version=second)
        assert received == []
    model_promoted.disconnect(receive)
    assert received == [(2, 1)]


@pytest.mark.parametrize(
    ("act", "codename"),
    [
        (roll_back, "promote_modelversion"),
        (go_live, "go_live_modelversion"),
        (enter_shadow, "go_live_modelversion"),
    ],
)
def test_each_act_needs_its_own_permission(live, make_user, act, codename):
    others = {"promote_modelversion", "go_live_modelversion", "request_training"} - {codename}
    with pytest.raises(PermissionDeniedError):
        act(model_name=MODEL, user=make_user(*others))


def test_promotion_needs_the_permission(trained, make_user):
    version = trained(0.5)
    with pytest.raises(PermissionDeniedError):
        promote_version(version=version, user=make_user("request_training"))
    promote_version(version=version, user=make_user("promote_modelversion"))


# -- judging ------------------------------------------------------------------------------------


def test_gate_asks_for_the_gain_over_the_baseline(trained):
    assert judge(version=trained(0.4)).is_passed  # as good as the baseline, and no more is asked for
    verdict = judge(version=trained(0.39))
    assert not verdict.is_passed
    assert "-2.5%" in verdict.reasons[0]


def test_gate_asks_for_the_gain_over_live_measured_on_the_same_data(live, trained):
    assert not judge(version=trained(0.504, **LIVE)).is_passed  # +0.8 %, asked for is 1 %
    assert judge(version=trained(0.506, **LIVE)).is_passed


def test_candidate_that_was_not_compared_with_live_does_not_pass(live, trained):
    verdict = judge(version=trained(0.9))
    assert not verdict.is_passed
    assert "not known" in verdict.reasons[1]


def test_gap_between_groups_is_bounded_where_a_bound_is_set(trained):
    groups = {"new": {"quality": 0.4}, "regular": {"quality": 0.6}}
    version = trained(0.5, group_metrics=groups)
    assert judge(version=version, gate=Gate(max_group_gap=0.25)).is_passed
    assert not judge(version=version, gate=Gate(max_group_gap=0.15)).is_passed
    assert not judge(version=trained(0.5), gate=Gate(max_group_gap=0.15)).is_passed  # no groups measured


def test_lower_is_better_where_the_model_says_so(trained, probe):
    from dataclasses import replace

    from ecomai import scenarios

    version = trained(0.3)  # the baseline's is 0.4
    scenarios.unregister("probe")
    spec = replace(probe, greater_is_better=False)
    scenarios.register(scenarios.Scenario(name="probe", verbose_name="Probe", models=[spec]))
    verdict = judge(version=version)
    assert verdict.is_passed
    assert "+25.0%" in verdict.reasons[0]


def test_automatic_policy_promotes_what_passes_and_nothing_else(live, trained):
    set_policy(model_name=MODEL, is_automatic=True, gate=Gate(min_gain_over_live=0.1))
    worse = trained(0.52, **LIVE)
    assert worse.state == "candidate"
    better = trained(0.6, **LIVE)
    assert better.state == "live"
    assert AuditEntry.objects.filter(action="promote", actor_label="policy").count() == 1


def test_without_a_policy_a_person_decides(live, trained):
    assert trained(0.9, **LIVE).state == "candidate"


def test_automatic_promotion_never_takes_a_model_live_by_itself(trained, probe):
    set_policy(model_name=MODEL, is_automatic=True, gate=Gate())
    assert trained(0.9).state == "shadow"
    assert selectors.live_version(MODEL) is None


def test_policy_needs_the_permission(probe, make_user):
    with pytest.raises(PermissionDeniedError):
        set_policy(model_name=MODEL, is_automatic=True, gate=Gate(), user=make_user("promote_modelversion"))


# -- another version was promoted meanwhile -----------------------------------------------------


def trained_while_another_is_promoted(training_does, trained, value):
    """A candidate that was compared with version 1, while version 2 was promoted during its training."""
    rival = trained(0.9, live_metrics={"quality": 0.5})

    def train(run):
        run.live_artifact()
        promote_version(version=rival)
        return make_candidate(run, value, live_metrics={"quality": 0.5})

    training_does(train)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    return ModelVersion.objects.get(number=3), Job.objects.get(training_run=run)


def test_candidate_knows_the_version_it_was_compared_with(live, trained):
    assert trained(0.6, **LIVE).compared_with == live
    assert trained(0.6).compared_with is None


def test_rule_refuses_a_candidate_that_was_compared_with_what_no_longer_serves(live, training_does, trained):
    set_policy(model_name=MODEL, is_automatic=False, gate=Gate(min_gain_over_live=0.01))
    candidate, job = trained_while_another_is_promoted(training_does, trained, 0.6)
    set_policy(model_name=MODEL, is_automatic=True, gate=Gate(min_gain_over_live=0.01))
    verdict = consider_promotion(version=candidate)
    assert verdict.is_outdated
    assert not verdict.is_promoted
    assert "Version 2 serves now; version 3 was compared with version 1, not with it." in verdict.reasons
    assert job.result["is_promoted"] is False
    assert states() == [(1, "retired"), (2, "live"), (3, "candidate")]


def test_admin_is_offered_to_compare_again(live, training_does, trained, admin_client):
    candidate, _job = trained_while_another_is_promoted(training_does, trained, 0.6)
    for url in (
        reverse("admin:ecomai_registry_modelversion_change", args=[candidate.pk]),
        reverse("admin:ecomai_registry_model", args=[MODEL]),
        reverse("admin:ecomai_registry_trainingrun_change", args=[candidate.run.pk]),
    ):
        page = admin_client.get(url).content.decode()
        assert "was compared with version 1, not with it" in page, url
        assert "Train and compare again" in page, url
    promote_version(version=candidate)  # a person may all the same
    assert states()[-1] == (3, "live")


def test_verdict_holds_again_after_rolling_back_to_what_it_was_compared_with(live, training_does, trained):
    candidate, _job = trained_while_another_is_promoted(training_does, trained, 0.6)
    roll_back(model_name=MODEL)
    verdict = judge(version=candidate)
    assert verdict.is_passed
    assert not verdict.is_outdated
