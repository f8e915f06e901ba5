"""The first day as a checklist: data in, enough data, first training, look at it, go live."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.cache import cache
from django.utils import formats
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.commerce.models import Item
from ecomai.registry.models import Job, ModelDeployment, ModelVersion
from ecomai.registry.selectors import deployments
from ecomai.scenarios import ModelSpec, Readiness

from .app_settings import app_settings

# What is enough stays enough: data grows.
ENOUGH_CACHE_SECONDS = 24 * 3600


@dataclass(kw_only=True)
class Act:
    """A button of a step: which act on which model, and what it says."""

    name: str
    model_name: str
    label: str
    permission: str

    @property
    def url_name(self) -> str:
        return f"admin:ecomai_console_console_{self.name}"


@dataclass(kw_only=True)
class Step:
    """One step: done, the next one to do, or waiting for those before it."""

    title: str
    is_done: bool
    text: str = ""
    details: Sequence[str] = ()
    acts: list[Act] = field(default_factory=list)
    url_name: str = ""
    link_text: str = ""
    is_next: bool = False


@dataclass
class ModelState:
    """How far one model has come."""

    spec: ModelSpec
    newest_version: int | None
    deployment: ModelDeployment | None
    readiness: list[Readiness]
    is_training: bool

    @property
    def is_enough(self) -> bool:
        return self.newest_version is not None or all(part.is_enough for part in self.readiness)

    @property
    def serving(self) -> ModelVersion | None:
        return (self.deployment.live_version or self.deployment.shadow_version) if self.deployment else None

    @property
    def is_live(self) -> bool:
        return bool(self.deployment and self.deployment.mode == ModelDeployment.Mode.LIVE and self.serving)


def model_states(jobs: Sequence[Job]) -> list[ModelState]:
    """Return the state of every installed model; `jobs` are those under way."""
    newest: dict[str, int] = {}
    for name, number in ModelVersion.objects.order_by("number").values_list("model_name", "number"):
        newest[name] = number
    serving = {deployment.model_name: deployment for deployment in deployments()}
    training = {job.training_run.model_name for job in jobs if hasattr(job, "training_run")}
    return [
        ModelState(
            spec, newest.get(spec.name), serving.get(spec.name),
            [] if spec.name in newest else readiness_of(spec), spec.name in training,
        )
        for spec in scenarios.model_specs()
    ]  # fmt: skip


def readiness_of(spec: ModelSpec) -> list[Readiness]:
    """Return how much data there is and is needed; remembered a while, as counting events takes time."""
    if not spec.readiness:
        return []
    # Models that ask the same function share one answer.
    key = f"ecomai:readiness:{spec.readiness}:{get_language()}"
    known: list[Readiness] | None = cache.get(key)
    if known is None:
        known = list(import_string(spec.readiness)())
        is_enough = all(part.is_enough for part in known)
        cache.set(key, known, ENOUGH_CACHE_SECONDS if is_enough else app_settings.READINESS_CACHE_SECONDS)
    return known


def first_day(states: Sequence[ModelState], *, newest_event_at: datetime | None) -> list[Step]:
    """Return the steps; the first one that is not done is the next."""
    steps = [_data_in(newest_event_at), _enough(states), _trained(states), _looked(states), _live(states)]
    for step in steps:
        if not step.is_done:
            step.is_next = True
            break
    return steps


def _data_in(newest: datetime | None) -> Step:
    has_items = Item.objects.exists()
    if newest and has_items:
        text = _("The shop's items and events arrive.")
    elif has_items:
        text = _("There are items, and no events yet. Pull in the history, or put the tracker on the pages.")
    else:
        text = _(
            "Nothing is here yet. Pull in the shop's history with one command; the documentation shows how."
        )
    return Step(
        title=_("Bring the shop's data in"), is_done=bool(newest and has_items), text=text,
        url_name="admin:ecomai_console_qualityreport_changelist", link_text=_("Look at the data's quality"),
    )  # fmt: skip


def _enough(states: Sequence[ModelState]) -> Step:
    details = list(dict.fromkeys(_missing_text(part) for state in states for part in state.readiness))
    is_done = bool(states) and all(state.is_enough for state in states)
    text = _("There is enough to learn from.") if is_done else _("A first training needs a little more:")
    if not states:
        text = _("No installed scenario has a model.")
    return Step(
        title=_("Have enough data to learn from"), is_done=is_done, text=text,
        details=[] if all(state.newest_version for state in states) else details,
    )  # fmt: skip


def _missing_text(part: Readiness) -> str:
    counts = {"have": part.have, "need": part.need, "missing": part.missing}
    numbers = {name: formats.number_format(count, force_grouping=True) for name, count in counts.items()}
    numbers["label"] = part.label
    if part.is_enough:
        return _("%(label)s: %(have)s, enough (%(need)s needed).") % numbers
    return _("%(label)s: %(have)s of %(need)s, %(missing)s missing.") % numbers


def _trained(states: Sequence[ModelState]) -> Step:
    waiting = [state for state in states if state.newest_version is None]
    acts = [
        Act(
            name="train", model_name=state.spec.name, permission="ecomai_registry.request_training",
            label=_("Train “%(model)s”") % {"model": state.spec.verbose_name},
        )
        for state in waiting
        if state.is_enough and not state.is_training
    ]  # fmt: skip
    text = _("Each model has been trained once.")
    if waiting:
        text = _("A training takes minutes. It runs in a worker; you may leave this page.")
    if any(state.is_training for state in waiting):
        text = _("A training is under way; see below how far it is.")
    return Step(
        title=_("Train for the first time"), is_done=bool(states) and not waiting, text=text, acts=acts
    )


def _looked(states: Sequence[ModelState]) -> Step:
    chosen = [state for state in states if state.serving]
    return Step(
        title=_("Look at what was learned, and promote it"),
        is_done=bool(states) and len(chosen) == len(states),
        text=_("Compare each version with the baseline, try it on items and customers, then promote it. "
               "It answers in shadow first: customers see nothing of it."),
        url_name="admin:ecomai_registry_modelversion_changelist", link_text=_("See the versions"),
    )  # fmt: skip


def _live(states: Sequence[ModelState]) -> Step:
    acts = [
        Act(
            name="go_live", model_name=state.spec.name, permission="ecomai_registry.go_live_modelversion",
            label=_("Let “%(model)s” go live") % {"model": state.spec.verbose_name},
        )
        for state in states
        if state.serving and not state.is_live
    ]  # fmt: skip
    return Step(
        title=_("Go live"), is_done=bool(states) and all(state.is_live for state in states),
        text=_("Customers see the answers from then on. One switch takes them back within a second."),
        acts=acts,
    )  # fmt: skip
