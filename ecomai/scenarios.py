"""The contract between a scenario and the foundation: what a scenario registers, and who is registered.

A scenario calls `register(Scenario(...))` once, from its `AppConfig.ready()`. Admin, REST, schedules,
consoles, erasure, export and benchmarks work from what is registered here and from nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, get_args

from django.core.exceptions import ImproperlyConfigured

from .exceptions import NotFoundError
from .search_spaces import SearchSpace, problems_of
from .training_options import Option


@dataclass(frozen=True, kw_only=True)
class Gate:
    """When a candidate may be promoted without a person.

    Gains are relative: 0.01 means the primary metric must be 1 % better than the other's.
    `max_group_gap` bounds the difference of the primary metric between the best and the worst
    group, in the metric's own unit; None sets no bound. `max_forgetting` bounds how much worse, as a share,
    an update may do on cases from before than the version that it goes on from; cases are in its card, as
    `FORGETTING`.
    """

    min_gain_over_live: float = 0.0
    min_gain_over_baseline: float = 0.0
    max_group_gap: float | None = None
    max_forgetting: float | None = None


#: In a version's card: `{"before": ..., "after": ..., "n_cases": ..., "from_version": ...}`, by the primary
#: metric, of cases that neither version learned from.
FORGETTING = "forgetting"


@dataclass(frozen=True, kw_only=True)
class OfferedSchedule:
    """A schedule of trainings that the admin offers with one button, while there is none."""

    label: Any
    crontab: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Readiness:
    """How much of one kind of data there is, and how much a first training needs."""

    label: str
    have: int
    need: int

    @property
    def is_enough(self) -> bool:
        return self.have >= self.need

    @property
    def missing(self) -> int:
        return max(self.need - self.have, 0)


@dataclass(frozen=True)
class Group:
    """What a group of `Candidate.group_metrics` is called in the admin, and who is in it."""

    verbose_name: Any
    description: Any = ""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model that the registry can train, judge, promote, serve and score in batch.

    Dotted paths are imported in the process that needs them, so that a web process never loads torch:

    - `train(run: TrainingRun) -> Candidate` runs in a worker;
    - `score(shard: Mapping) -> int` scores one shard of `shards() -> list[Mapping]`, returns rows written;
    - `benchmark(data, *, device, seed, report) -> dict` measures on a data folder;
    - `readiness() -> list[Readiness]` says whether there is enough data.

    Nothing trains an optional model of its own accord before it is ready: a shop does well without it.
    One that is not served is read by workers alone, in batch: no process holds it to answer with.

    `search_space` says which hyperparameters a search may try, and among which values; `train` then
    looks at `run.search`. Empty means that none is offered. `options` are the hyperparameters that the
    admin offers in its forms; all others are set over REST and on the command line.
    """

    name: str
    verbose_name: Any
    train: str
    primary_metric: str
    baseline: str
    description: Any = ""
    score: str = ""
    shards: str = ""
    readiness: str = ""
    greater_is_better: bool = True
    gate: Gate = field(default_factory=Gate)
    default_hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    search_space: SearchSpace = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    offered_schedule: OfferedSchedule | None = None
    queue: str = "gpu"
    is_optional: bool = False
    is_served: bool = True


#: Groups that are made ready for a shop's staff: `ecomai.console.groups`.
Role = Literal["analyst", "merchandiser", "risk_reviewer", "support_agent", "marketer"]
EntityType = Literal["customer", "item"]
FactType = Literal["number", "text", "boolean", "json"]


@dataclass(frozen=True, kw_only=True)
class FactSpec:
    """Something a scenario knows about a customer or an item, and for which purposes it may be read.

    `default` is what a reader gets when nothing is known: it must be neutral. `labels` are what people read
    in place of the values of a text.
    """

    name: str
    entity: EntityType
    type: FactType
    purposes: frozenset[str]
    time_to_live: timedelta
    default: Any
    verbose_name: Any = ""
    unit: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """All that the foundation needs to know of a scenario. Callables are dotted paths.

    - `capabilities`: protocol name of `ecomai.capabilities` -> class that implements it;
    - `eraser(subject) -> Mapping[str, int]`: what was removed, by kind; safe to call twice;
    - `exporter(subject) -> Mapping[str, Any]`: what is known of the subject, as JSON values;
    - `cards(request) -> list[Card]`: what the console's front page shows of this scenario;
    - `doctor() -> list[Finding]`: whether the scenario could work now;
    - `urls`: an URLconf, included below the plugin's own under the scenario's name;
    - `websocket_urls`: a list of routes to consumers, such as `support_bot.routing.websocket_urlpatterns`;
    - `group_permissions`: what the ready-made groups of staff may do here, as `app_label.codename`;
    - `benchmarks`: benchmark name -> function `(data, *, device, seed, report) -> dict`;
    - `arm_choices() -> Iterable[ArmChoice]`: what arms of experiments at its subjects may show;
    - `seed_demo() -> None`: fills what the demo shop shows of this scenario.
    """

    name: str
    verbose_name: Any
    models: Sequence[ModelSpec] = ()
    facts: Sequence[FactSpec] = ()
    capabilities: Mapping[str, str] = field(default_factory=dict)
    eraser: str = ""
    exporter: str = ""
    cards: str = ""
    doctor: str = ""
    urls: str = ""
    websocket_urls: str = ""
    group_permissions: Mapping[Role, Sequence[str]] = field(default_factory=dict)
    benchmarks: Mapping[str, str] = field(default_factory=dict)
    arm_choices: str = ""
    seed_demo: str = ""


_registered: dict[str, Scenario] = {}


def register(scenario: Scenario) -> None:
    """Make a scenario known. A second scenario of the same name is a mistake of the installation."""
    known = _registered.get(scenario.name)
    if known is not None and known != scenario:
        raise ImproperlyConfigured(f"Two scenarios are called {scenario.name!r}; each name may be used once.")
    for model in scenario.models:
        if not model.name.startswith(f"{scenario.name}."):
            raise ImproperlyConfigured(f"Model {model.name!r} must be called '{scenario.name}.<name>'.")
        _check_search_space(model)
        _check_options(model)
    for fact in scenario.facts:
        if not fact.name.startswith(f"{scenario.name}."):
            raise ImproperlyConfigured(f"Fact {fact.name!r} must be called '{scenario.name}.<name>'.")
    if unknown := set(scenario.group_permissions) - set(get_args(Role)):
        raise ImproperlyConfigured(f"{scenario.name!r} names groups that do not exist: {sorted(unknown)}.")
    _registered[scenario.name] = scenario


def _check_search_space(model: ModelSpec) -> None:
    problems = problems_of(model.search_space)
    problems += [
        f"{name}: it is no hyperparameter of the model."
        for name in sorted(set(model.search_space) - set(model.default_hyperparameters))
    ]
    if problems:
        raise ImproperlyConfigured(f"The search space of {model.name!r} is wrong. {' '.join(problems)}")


def _check_options(model: ModelSpec) -> None:
    for name, option in model.options.items():
        if not option.contains(model.default_hyperparameters.get(name)):
            raise ImproperlyConfigured(f"The default of {name} of {model.name!r} is none of its choices.")


def unregister(name: str) -> None:
    """Forget a scenario; for tests that install one for a moment."""
    _registered.pop(name, None)


def installed() -> list[Scenario]:
    return list(_registered.values())


def get_scenario(name: str) -> Scenario:
    try:
        return _registered[name]
    except KeyError:
        raise NotFoundError(f"No scenario is called “{name}”.") from None


def model_specs() -> Iterator[ModelSpec]:
    for scenario in _registered.values():
        yield from scenario.models


def get_model_spec(name: str) -> ModelSpec:
    for spec in model_specs():
        if spec.name == name:
            return spec
    raise NotFoundError(f"No installed scenario has a model called “{name}”.")


def fact_specs() -> Iterator[FactSpec]:
    for scenario in _registered.values():
        yield from scenario.facts


def get_fact_spec(name: str) -> FactSpec:
    for spec in fact_specs():
        if spec.name == name:
            return spec
    raise NotFoundError(f"No installed scenario publishes a fact called “{name}”.")
