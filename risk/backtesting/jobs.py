"""A back-test as a job: asked for, done in parts that a dead worker's successor takes up, and judged."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import InvalidInputError, NotEnoughDataError, PermissionDeniedError
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import write_audit
from ecomai.serving.predictors import load_predictor
from ecomai.serving.predictors.content_classifier import ContentClassifierPredictor

from .. import contents
from ..contents import content_of
from ..models import Assessment, Backtest, Kind, Policy, Rule
from ..sequences import is_readable, probabilities, reads_events, sequences_before
from ..services.policies import current_policy
from ..services.rules import CompiledRule, compile_rule
from ..services.scoring import model_name
from .costs import Costs, costs_of
from .deciding import Decider, RuleCount, names_of
from .judging import ARMS, DRAFT, LIVE, THEN, Tally, add_to, decided_then, figures, outcomes_of
from .past import AT_ONCE, PastTable, past_tables

KIND = "risk.backtest"
MOST_DAYS, MOST_RULES, MOST_CHANGED = 800, 200, 20
THRESHOLDS = ("step_up_from", "review_from", "decline_from")
BELIEFS = ("review_catches", "proof_stops", "proof_loses")
Predict = Callable[[PastTable], NDArray[np.float64]]
_PARTS = {"rules", "without_rules", "policy", "thresholds", "model_version", *BELIEFS}


def start_backtest(
    *,
    kind: str,
    configuration: Mapping[str, Any],
    period_start: datetime,
    period_end: datetime,
    storefront: str = "",
    name: str = "",
    user: Any = None,
) -> Backtest:
    """Queue a back-test of a period.

    A configuration says what differs from what is live: `rules` (keys of versions that are added, each in
    place of the live one of its name), `without_rules` (keys), `policy` (a key) or `thresholds` (a mapping),
    `model_version` (a key), and beliefs of `Costs`. Raises InvalidInputError, PermissionDeniedError.
    """
    if user is not None and not user.has_perm("ecomai_risk.add_backtest"):
        raise PermissionDeniedError
    if kind not in Kind.values:
        raise InvalidInputError(reason=_("there is no kind “%(kind)s”.") % {"kind": kind})
    if not timedelta(0) < period_end - period_start <= timedelta(days=MOST_DAYS):
        raise InvalidInputError(
            reason=_("the period must end after it begins, and have at most %(n)s days.") % {"n": MOST_DAYS}
        )
    plan_of(configuration, kind=kind, storefront=storefront)
    with transaction.atomic():
        backtest = Backtest.objects.create(
            name=name[:100], kind=kind, storefront=storefront, configuration=dict(configuration),
            period_start=period_start, period_end=period_end, created_by=user,
        )  # fmt: skip
        backtest.job = enqueue_job(
            kind=KIND, arguments={"backtest": backtest.pk}, created_by=user,
            label=_("Back-test %(name)s") % {"name": backtest},
        )  # fmt: skip
        backtest.save(update_fields=["job"])
        write_audit(action="start_backtest", subject=backtest, user=user, details={"backtest": backtest.pk})
    return backtest


# -- what is compared ---------------------------------------------------------------------------


@dataclass(frozen=True)
class BacktestPlan:
    """Who decides: what is tried out, and what is live."""

    draft: Decider
    live: Decider
    costs: Costs
    model_version: ModelVersion | None

    @property
    def names(self) -> frozenset[str]:
        return names_of([*self.draft.rules, *self.live.rules])


def plan_of(configuration: Mapping[str, Any], *, kind: str, storefront: str) -> BacktestPlan:
    """Return who decides. Raises InvalidInputError for what there is not."""
    if not isinstance(configuration, Mapping) or set(configuration) - _PARTS:
        raise InvalidInputError(
            reason=_("a configuration may have: %(names)s.") % {"names": ", ".join(sorted(_PARTS))}
        )
    about = {"kind": kind, "storefront": storefront}
    current = current_policy(**about)
    live = [rule for rule in _live_rules(storefront) if kind in rule.kinds]
    policy = _policy(configuration, current, **about)
    return BacktestPlan(
        draft=Decider(_compiled(_with(live, configuration, **about)), policy),
        live=Decider(_compiled(live), current),
        costs=costs_of(policy, **_beliefs(configuration)),
        model_version=_version(configuration, kind),
    )


def _live_rules(storefront: str) -> list[Rule]:
    return list(Rule.objects.filter(storefront=storefront, state=Rule.State.LIVE))


def _with(live: list[Rule], configuration: Mapping[str, Any], *, kind: str, storefront: str) -> list[Rule]:
    added = _rules(configuration.get("rules", ()), storefront)
    for rule in added:
        if kind not in rule.kinds:
            raise InvalidInputError(reason=_("the rule “%(rule)s” is about other kinds.") % {"rule": rule})
    left_out = {rule.pk for rule in _rules(configuration.get("without_rules", ()), storefront)}
    replaced = {rule.name for rule in added}
    return [rule for rule in live if rule.name not in replaced and rule.pk not in left_out] + added


def _rules(keys: Any, storefront: str) -> list[Rule]:
    if not isinstance(keys, list | tuple) or len(keys) > MOST_RULES or not all(map(_is_key, keys)):
        raise InvalidInputError(reason=_("name rules by at most %(n)s keys.") % {"n": MOST_RULES})
    found = Rule.objects.filter(pk__in=keys, storefront=storefront)
    if missing := set(keys) - {rule.pk for rule in found}:
        raise InvalidInputError(reason=_("there is no rule “%(key)s”.") % {"key": min(missing)})
    return list(found)


def _compiled(rules: list[Rule]) -> list[CompiledRule]:
    ordered = sorted(rules, key=lambda rule: (rule.order, rule.name, -rule.number))
    return [compile_rule(rule, is_live=True) for rule in ordered]


def _policy(configuration: Mapping[str, Any], current: Policy, *, kind: str, storefront: str) -> Policy:
    policy = current
    if "policy" in configuration:
        key = configuration["policy"]
        rows = Policy.objects.filter(kind=kind, storefront=storefront)
        found = rows.filter(pk=key).first() if _is_key(key) else None
        if found is None:
            raise InvalidInputError(reason=_("there is no such policy of this kind."))
        policy = found
    if thresholds := configuration.get("thresholds"):
        policy = _changed(policy, thresholds)
    return policy


def _changed(policy: Policy, thresholds: Any) -> Policy:
    """Return a policy like another one, with other thresholds; it is not stored."""
    values = {name: getattr(policy, name) for name in _FIELDS}
    if not isinstance(thresholds, Mapping) or set(thresholds) - set(THRESHOLDS):
        raise InvalidInputError(reason=_("thresholds are: %(names)s.") % {"names": ", ".join(THRESHOLDS)})
    for name, value in thresholds.items():
        if value is not None and not (_is_number(value) and 0 <= value <= 1):
            raise InvalidInputError(reason=_("a threshold is a number from 0 to 1."))
        values[name] = value
    return Policy(**values)


_FIELDS = (
    *THRESHOLDS, "storefront", "kind", "number", "chargeback_cost", "margin", "review_cost",
    "review_capacity", "default_decision",
)  # fmt: skip


def _beliefs(configuration: Mapping[str, Any]) -> dict[str, float]:
    beliefs = {name: configuration[name] for name in BELIEFS if name in configuration}
    if not all(_is_number(value) and 0 <= value <= 1 for value in beliefs.values()):
        raise InvalidInputError(reason=_("a share is a number from 0 to 1."))
    return beliefs


def _version(configuration: Mapping[str, Any], kind: str) -> ModelVersion | None:
    if "model_version" not in configuration:
        return None
    key = configuration["model_version"]
    rows = ModelVersion.objects.filter(model_name=model_name(kind))
    version = rows.filter(pk=key).first() if _is_key(key) else None
    if version is None:
        raise InvalidInputError(reason=_("there is no such model of this kind."))
    return version


def _is_key(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# -- the work -----------------------------------------------------------------------------------


def run_backtest(job: RunningJob) -> dict[str, Any]:
    """Do the work of a `risk.backtest` job; a second attempt goes on where the first one ended."""
    backtest = Backtest.objects.get(pk=job.arguments["backtest"])
    plan = plan_of(backtest.configuration, kind=backtest.kind, storefront=backtest.storefront)
    progress = _Progress.of(backtest, plan)
    total = _rows_of(backtest).count()
    if not total:
        raise NotEnoughDataError(have=0, need=1, unit=_("assessments in the period"))
    predict = _predictor(plan.model_version)
    names = plan.names if predict is None else plan.names | {"text"}  # which a model may read
    tables = past_tables(
        kind=backtest.kind, storefront=backtest.storefront, start=backtest.period_start,
        end=backtest.period_end, names=names, after=progress.after, with_features=predict is not None,
        at_once=AT_ONCE,
    )  # fmt: skip
    now = timezone.now()
    for table in tables:
        job.report(progress.n_done / total, _("%(n)s of %(total)s") % {"n": progress.n_done, "total": total})
        progress.add(table, plan, predict, now)
        Backtest.objects.filter(pk=backtest.pk).update(partial=progress.as_json())
    report = progress.report(plan, now)
    Backtest.objects.filter(pk=backtest.pk).update(report=report, partial={})
    return {"backtest": backtest.pk, "n_assessments": progress.n_done}


def _rows_of(backtest: Backtest) -> Any:
    return Assessment.objects.filter(
        kind=backtest.kind, storefront=backtest.storefront, received_at__gte=backtest.period_start,
        received_at__lt=backtest.period_end,
    ).exclude(decision="")  # fmt: skip


def _predictor(version: ModelVersion | None) -> Predict | None:
    """Return what gives the probabilities of a version for a table; None without one."""
    if version is None:
        return None
    predictor: Any = load_predictor(open_artifact(version))
    if not is_readable(predictor):
        raise InvalidInputError(
            reason=_("“%(version)s” takes other features than are kept today.") % {"version": version}
        )
    if reads_events(predictor):
        return lambda table: _by_events(predictor, table)
    if isinstance(predictor, ContentClassifierPredictor):
        return lambda table: contents.probabilities(
            predictor, table.features.astype(np.float32), [content_of(row.payload) for row in table.rows]
        )
    return lambda table: predictor.predict_proba(table.features.astype(np.float32))


def _by_events(predictor: Any, table: PastTable) -> NDArray[np.float64]:
    """Each is judged by the events before it, and by what was known of them then."""
    sequences, places = sequences_before(table.rows)
    return probabilities(predictor, table.features.astype(np.float32), sequences, places)


@dataclass
class _Progress:
    """How far a back-test is. It is kept as JSON after each table."""

    tallies: dict[str, Tally]
    n_done: int
    after: tuple[datetime, int] | None
    changed: dict[str, int]
    samples: list[dict[str, Any]]
    plan: BacktestPlan

    @classmethod
    def of(cls, backtest: Backtest, plan: BacktestPlan) -> "_Progress":
        kept = backtest.partial
        if not kept:
            return cls({arm: Tally() for arm in ARMS}, 0, None, {}, [], plan)
        for name, counts in kept["rules"].items():
            decider = getattr(plan, name)
            decider.counts.update({int(key): RuleCount(**count) for key, count in counts.items()})
        at = parse_datetime(kept["after"][0])
        return cls(
            {arm: Tally.of_json(kept["tallies"][arm]) for arm in ARMS}, kept["n_done"],
            (at, kept["after"][1]) if at else None, kept["changed"], kept["samples"], plan,
        )  # fmt: skip

    def add(self, table: PastTable, plan: BacktestPlan, predict: Predict | None, now: datetime) -> None:
        outcomes = outcomes_of(table, now)
        decisions = {LIVE: plan.live.decide(table, outcomes), THEN: decided_then(table)}
        if predict is not None:
            table.use_probability(predict(table))
        decisions[DRAFT] = plan.draft.decide(table, outcomes)
        add_to(self.tallies, table, decisions, plan.costs, outcomes)
        self._note_changes(table, decisions[LIVE], decisions[DRAFT])
        self.n_done += table.n_rows
        self.after = (table.rows[-1].received_at, table.rows[-1].pk)

    def _note_changes(self, table: PastTable, live: NDArray[np.int8], draft: NDArray[np.int8]) -> None:
        for place in np.flatnonzero(live != draft).tolist():
            key = f"{live[place]}>{draft[place]}"
            self.changed[key] = self.changed.get(key, 0) + 1
            if len(self.samples) < MOST_CHANGED:
                row = table.rows[place]
                self.samples.append(
                    {"assessment": row.pk, "live": int(live[place]), "draft": int(draft[place])}
                )

    def as_json(self) -> dict[str, Any]:
        return {
            "tallies": {arm: tally.as_json() for arm, tally in self.tallies.items()},
            "n_done": self.n_done,
            "after": [self.after[0].isoformat(), self.after[1]] if self.after else None,
            "changed": self.changed,
            "samples": self.samples,
            "rules": {name: _counts(getattr(self.plan, name)) for name in ("draft", "live")},
        }

    def report(self, plan: BacktestPlan, now: datetime) -> dict[str, Any]:
        known = self.tallies[DRAFT].counts.sum(axis=0)
        days = sorted(self.tallies[DRAFT].reviews)
        return {
            "n_assessments": self.n_done,
            "n_honest": int(known[0]), "n_fraud": int(known[1]), "n_unknown": int(known[2]),
            "arms": {arm: figures(tally, plan.costs) for arm, tally in self.tallies.items()},
            "days": days,
            "reviews": {arm: [tally.reviews[day] for day in days] for arm, tally in self.tallies.items()},
            "costs_by_day": {arm: [tally.costs[day] for day in days] for arm, tally in self.tallies.items()},
            "changed": self.changed,
            "samples": self.samples,
            "rules": _described(plan.draft),
            "costs": plan.costs.as_json(),
            "thresholds": {
                arm: {name: getattr(decider.policy, name) for name in THRESHOLDS}
                for arm, decider in ((DRAFT, plan.draft), (LIVE, plan.live))
            },
            "model_version": str(plan.model_version) if plan.model_version else "",
            "learned_until": _learned_until(plan.model_version),
            "finished_at": now.isoformat(),
        }  # fmt: skip


def _counts(decider: Decider) -> dict[str, Any]:
    return {str(key): asdict(count) for key, count in decider.counts.items()}


def _described(decider: Decider) -> list[dict[str, Any]]:
    return [
        {"rule": rule.id, "name": rule.name, "number": rule.number, "action": rule.action,
         **asdict(decider.counts.get(rule.id, RuleCount()))}
        for rule in decider.rules
    ]  # fmt: skip


def _learned_until(version: ModelVersion | None) -> str:
    """Until when a model learned: of what is older it knows the outcome."""
    if version is None or version.window_end is None:
        return ""
    return str(version.window_end.isoformat())
