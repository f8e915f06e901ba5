"""The first day as a checklist: data in, enough data, first training, look at it, go live."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.cache import cache
from django.utils import formats
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ecomai.registry.overviews import ModelOverview, model_overviews
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


def model_states() -> list[ModelOverview]:
    """Return how far each installed model has come; readiness only where it was never trained.

    An optional model that the shop has not set up is nothing to wait for.
    """
    states = model_overviews(parts=("deployment", "last_run"))
    for state in states:
        state.readiness = [] if state.n_versions else readiness_of(state.spec)
    return [state for state in states if state.is_ready or not state.spec.is_optional]


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


def first_day(
    states: Sequence[ModelOverview], *, newest_event_at: datetime | None, has_items: bool
) -> list[Step]:
    """Return the steps; the first one that is not done is the next."""
    steps = [
        _data_in(newest_event_at, has_items),
        _enough(states),
        _trained(states),
        _looked(states),
        _live(states),
    ]
    for step in steps:
        if not step.is_done:
            step.is_next = True
            break
    return steps


def _data_in(newest: datetime | None, has_items: bool) -> Step:
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


def _enough(states: Sequence[ModelOverview]) -> Step:
    details = list(dict.fromkeys(_missing_text(part) for state in states for part in state.readiness))
    is_done = bool(states) and all(state.is_ready for state in states)
    text = _("There is enough to learn from.") if is_done else _("A first training needs a little more:")
    if not states:
        text = _("No installed scenario has a model.")
    return Step(
        title=_("Have enough data to learn from"), is_done=is_done, text=text,
        details=[] if all(state.n_versions for state in states) else details,
    )  # fmt: skip


def _missing_text(part: Readiness) -> str:
    counts = {"have": part.have, "need": part.need, "missing": part.missing}
    numbers = {name: formats.number_format(count, force_grouping=True) for name, count in counts.items()}
    numbers["label"] = part.label
    if part.is_enough:
        return _("%(label)s: %(have)s, enough (%(need)s needed).") % numbers
    return _("%(label)s: %(have)s of %(need)s, %(missing)s missing.") % numbers


def _trained(states: Sequence[ModelOverview]) -> Step:
    waiting = [state for state in states if not state.n_versions]
    acts = [
        Act(
            name="train", model_name=state.spec.name, permission="ecomai_registry.request_training",
            label=_("Train “%(model)s”") % {"model": state.spec.verbose_name},
        )
        for state in waiting
        if state.is_ready and not state.active_run
    ]  # fmt: skip
    text = _("Each model has been trained once.")
    if waiting:
        text = _("A training takes minutes. It runs in a worker; you may leave this page.")
    if any(state.active_run for state in waiting):
        text = _("A training is under way; see below how far it is.")
    return Step(
        title=_("Train for the first time"), is_done=bool(states) and not waiting, text=text, acts=acts
    )


def _looked(states: Sequence[ModelOverview]) -> Step:
    chosen = [state for state in states if state.serving]
    return Step(
        title=_("Look at what was learned, and promote it"),
        is_done=bool(states) and len(chosen) == len(states),
        text=_("Compare each version with the baseline, try it on items and customers, then promote it. "
               "It answers in shadow first: customers see nothing of it."),
        url_name="admin:ecomai_registry_modelversion_changelist", link_text=_("See the versions"),
    )  # fmt: skip


def _live(states: Sequence[ModelOverview]) -> Step:
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
