"""Judging candidates, and deciding what serves: by rule, or by a person with the permission."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.exceptions import ConflictError
from ecomai.registry import selectors
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.exceptions import ArtifactGoneError, NoEarlierVersionError, NoVersionError
from ecomai.registry.metric_texts import gain_text, metric_title
from ecomai.registry.models import ModelDeployment, ModelVersion, PromotionPolicy
from ecomai.registry.signals import model_promoted

from .access import check_permission, write_audit

POLICY = "policy"

State = ModelVersion.State
Mode = ModelDeployment.Mode
#: Fewer cases from before say nothing about forgetting.
LEAST_OLD_CASES = 30


@dataclass(kw_only=True)
class Verdict:
    """Whether a candidate passes the model's gate, and each comparison as a sentence.

    `is_outdated`: it was compared with another version than the one that serves now.
    """

    is_passed: bool
    is_promoted: bool = False
    is_outdated: bool = False
    reasons: list[str] = field(default_factory=list)


# -- judging ------------------------------------------------------------------------------------


def gate_of(spec: scenarios.ModelSpec) -> tuple[scenarios.Gate, bool]:
    """The gate in force, and whether it promotes by itself: the shop's policy, else the model's gate."""
    policy = PromotionPolicy.objects.filter(model_name=spec.name).first()
    if policy is None:
        return spec.gate, False
    gate = scenarios.Gate(
        min_gain_over_live=policy.min_gain_over_live,
        min_gain_over_baseline=policy.min_gain_over_baseline,
        max_group_gap=policy.max_group_gap,
        max_forgetting=spec.gate.max_forgetting,
    )
    return gate, policy.is_automatic


def judge(*, version: ModelVersion, gate: scenarios.Gate | None = None) -> Verdict:
    """Compare a version with the baseline and the serving version by the model's primary metric."""
    spec = scenarios.get_model_spec(version.model_name)
    gate = gate or gate_of(spec)[0]
    checks = [
        _check_gain(spec, version, version.baseline_metrics, gate.min_gain_over_baseline, _("the baseline"))
    ]
    serving = selectors.serving_version(version.model_name)
    is_outdated = serving is not None and _is_outdated(version, serving)
    if serving is not None and is_outdated:
        checks.append((False, _outdated_text(version, serving)))
    elif serving is not None and serving != version:
        checks.append(
            _check_gain(spec, version, version.live_metrics, gate.min_gain_over_live, _("the live version"))
        )
    if gate.max_group_gap is not None:
        checks.append(_check_group_gap(spec, version, gate.max_group_gap))
    forgotten = version.card.get(scenarios.FORGETTING)
    if gate.max_forgetting is not None and forgotten:
        checks.append(_check_forgetting(spec, forgotten, gate.max_forgetting))
    return Verdict(
        is_passed=all(is_passed for is_passed, _reason in checks),
        is_outdated=is_outdated,
        reasons=[reason for _ok, reason in checks],
    )


def _is_outdated(version: ModelVersion, serving: ModelVersion) -> bool:
    """Whether another version was promoted since this one was compared with what served."""
    return serving != version and bool(version.live_metrics) and version.compared_with_id != serving.pk


def _outdated_text(version: ModelVersion, serving: ModelVersion) -> str:
    words = {"now": serving.number, "number": version.number}
    if version.compared_with is None:
        return _("Version %(now)s serves now, and version %(number)s was not compared with it.") % words
    words["then"] = version.compared_with.number
    return (
        _("Version %(now)s serves now; version %(number)s was compared with version %(then)s, not with it.")
        % words
    )


def relative_gain(new: float, old: float, *, greater_is_better: bool = True) -> float:
    """How much better `new` is, relative to `old`; positive is better whichever way the metric points."""
    difference = new - old if greater_is_better else old - new
    if old == 0:
        return 0.0 if difference == 0 else float("inf") if difference > 0 else float("-inf")
    return difference / abs(old)


def _check_gain(
    spec: scenarios.ModelSpec, version: ModelVersion, other: Mapping[str, float], least: float, name: str
) -> tuple[bool, str]:
    metric = spec.primary_metric
    if metric not in version.metrics or metric not in other:
        return False, _("%(metric)s of %(other)s is not known, so there is no comparison with it.") % {
            "metric": metric_title(metric), "other": name,
        }  # fmt: skip
    gain = relative_gain(version.metrics[metric], other[metric], greater_is_better=spec.greater_is_better)
    texts = {
        "metric": metric_title(metric), "other": name, "gain": gain_text(gain), "least": f"{least:+.1%}",
    }  # fmt: skip
    if gain >= 1:
        text = _("%(metric)s is %(gain)s that of %(other)s; at least %(least)s is asked for.")
        return gain >= least, text % texts
    if gain >= least:
        return True, _("%(metric)s is %(gain)s against %(other)s; at least %(least)s is asked for.") % texts
    return False, _("%(metric)s is only %(gain)s against %(other)s; at least %(least)s is asked for.") % texts


def _check_group_gap(spec: scenarios.ModelSpec, version: ModelVersion, bound: float) -> tuple[bool, str]:
    values = [m[spec.primary_metric] for m in version.group_metrics.values() if spec.primary_metric in m]
    if not values:
        return False, _("The training measured no groups, so the gap between them is not known.")
    gap = max(values) - min(values)
    texts = {"gap": f"{gap:.4g}", "bound": f"{bound:.4g}"}
    if gap <= bound:
        return True, _("The gap between groups is %(gap)s; at most %(bound)s is allowed.") % texts
    return False, _("The gap between groups is %(gap)s, more than the %(bound)s that is allowed.") % texts


def _check_forgetting(
    spec: scenarios.ModelSpec, found: Mapping[str, float], bound: float
) -> tuple[bool, str]:
    """On cases from before, an update must still do about what the version did that it goes on from."""
    loss = -relative_gain(found["after"], found["before"], greater_is_better=spec.greater_is_better)
    texts = {
        "metric": metric_title(spec.primary_metric), "n": int(found["n_cases"]), "gain": gain_text(-loss),
        "bound": f"{bound:.0%}",
    }  # fmt: skip
    if found["n_cases"] < LEAST_OLD_CASES:
        return True, _("Only %(n)s cases from before say whether something was forgotten; too few.") % texts
    if loss <= bound:
        text = _(
            "On %(n)s cases from before, %(metric)s is %(gain)s against the version it goes on from; a loss "
            "of at most %(bound)s is allowed."
        )
        return True, text % texts
    text = _(
        "It forgot: on %(n)s cases from before, %(metric)s is %(gain)s against the version it goes on from; "
        "a loss of at most %(bound)s is allowed."
    )
    return False, text % texts


def consider_promotion(*, version: ModelVersion) -> Verdict:
    """Judge a fresh candidate, and promote it if the shop's policy does that by itself.

    What serves is locked meanwhile, so that nobody promotes another version between verdict and promotion.
    """
    gate, is_automatic = gate_of(scenarios.get_model_spec(version.model_name))
    with transaction.atomic():
        _lock_deployment(version.model_name)
        verdict = judge(version=version, gate=gate)
        if is_automatic and verdict.is_passed and version.state == State.CANDIDATE:
            promote_version(version=version, actor_label=POLICY)
            verdict.is_promoted = True
    return verdict


def set_policy(
    *, model_name: str, is_automatic: bool, gate: scenarios.Gate, user: Any = None, actor_label: str = ""
) -> PromotionPolicy:
    """Say when candidates of a model are promoted without a person."""
    check_permission(user, "change_promotionpolicy")
    scenarios.get_model_spec(model_name)
    values = {
        "is_automatic": is_automatic,
        "min_gain_over_live": gate.min_gain_over_live,
        "min_gain_over_baseline": gate.min_gain_over_baseline,
        "max_group_gap": gate.max_group_gap,
    }
    with transaction.atomic():
        policy, _created = PromotionPolicy.objects.update_or_create(model_name=model_name, defaults=values)
        write_audit(
            action="set_policy", subject=model_name, user=user, actor_label=actor_label, details=values
        )
    return policy


# -- what serves --------------------------------------------------------------------------------


def promote_version(*, version: ModelVersion, user: Any = None, actor_label: str = "") -> None:
    """Let a version serve: live, or in shadow as long as the model has not gone live.

    Atomic; sends `model_promoted` after the commit. Raises `CorruptArtifactError` for damaged files.
    """
    check_permission(user, "promote_modelversion")
    _serve(version, user=user, actor_label=actor_label, action="promote")


def roll_back(*, model_name: str, user: Any = None, actor_label: str = "") -> ModelVersion:
    """Promote the version that served before the present one.

    Raises `NoEarlierVersionError`, or `CorruptArtifactError` where that version's files are damaged.
    """
    check_permission(user, "promote_modelversion")
    spec = scenarios.get_model_spec(model_name)
    with transaction.atomic():
        _lock_deployment(model_name)
        version = selectors.previous_version(model_name)
        if version is None:
            raise NoEarlierVersionError(model=spec.verbose_name)
        _serve(version, user=user, actor_label=actor_label, action="roll_back")
    return version


def go_live(*, model_name: str, user: Any = None, actor_label: str = "") -> ModelVersion:
    """Show customers what the model in shadow answers. Raises `NoVersionError` where nothing is in shadow."""
    check_permission(user, "go_live_modelversion")
    spec = scenarios.get_model_spec(model_name)
    with transaction.atomic():
        deployment = _lock_deployment(model_name)
        version = deployment.shadow_version
        if deployment.mode == Mode.LIVE:
            raise ConflictError(reason=_("this model is live already."))
        if version is None:
            raise NoVersionError(model=spec.verbose_name)
        open_artifact(version)
        deployment.mode = Mode.LIVE
        _place(deployment, version)
        write_audit(
            action="go_live", subject=model_name, user=user, actor_label=actor_label,
            details={"version": version.number},
        )  # fmt: skip
    return version


def enter_shadow(*, model_name: str, user: Any = None, actor_label: str = "") -> None:
    """Stop showing a model's answers; they are still computed, so that they can be looked at."""
    check_permission(user, "go_live_modelversion")
    scenarios.get_model_spec(model_name)
    with transaction.atomic():
        deployment = _lock_deployment(model_name)
        if deployment.mode == Mode.SHADOW:
            raise ConflictError(reason=_("this model is in shadow already."))
        version = deployment.live_version
        deployment.mode = Mode.SHADOW
        if version is None:
            deployment.save()
        else:
            _place(deployment, version)
        write_audit(action="enter_shadow", subject=model_name, user=user, actor_label=actor_label)


def _lock_deployment(model_name: str) -> ModelDeployment:
    ModelDeployment.objects.get_or_create(model_name=model_name)
    return ModelDeployment.objects.select_for_update().get(model_name=model_name)


def _serve(version: ModelVersion, *, user: Any, actor_label: str, action: str) -> None:
    """Raises `CorruptArtifactError` where the files are damaged: what serves now goes on serving."""
    if not version.is_artifact_deleted:
        open_artifact(version)
    with transaction.atomic():
        deployment = _lock_deployment(version.model_name)
        # The clean-up of old files waits for this lock, and then finds that the version serves.
        version.refresh_from_db(from_queryset=ModelVersion.objects.select_for_update())
        if version.is_artifact_deleted:
            raise ArtifactGoneError(version=version)
        if version.state in (State.LIVE, State.SHADOW):
            raise ConflictError(reason=_("this version serves already."))
        previous = deployment.live_version or deployment.shadow_version
        _place(deployment, version)
        write_audit(
            action=action, subject=version.model_name, user=user, actor_label=actor_label,
            details={"version": version.number, "previous": previous.number if previous else None},
        )  # fmt: skip
    transaction.on_commit(
        lambda: model_promoted.send_robust(sender=ModelVersion, version=version, previous=previous)
    )


def _place(deployment: ModelDeployment, version: ModelVersion) -> None:
    """Make a version the only one that serves, in the deployment's mode."""
    serving = ModelVersion.objects.filter(model_name=version.model_name, state__in=[State.LIVE, State.SHADOW])
    serving.exclude(pk=version.pk).update(state=State.RETIRED)
    is_live = deployment.mode == Mode.LIVE
    version.state = State.LIVE if is_live else State.SHADOW
    version.promoted_at = timezone.now()
    version.save(update_fields=["state", "promoted_at"])
    deployment.live_version = version if is_live else None
    deployment.shadow_version = None if is_live else version
    deployment.save()
