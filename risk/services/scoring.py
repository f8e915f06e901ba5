"""The probability of a question: the model's within the time that is left, else the simple model's."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS

from ecomai.registry.models import ModelVersion
from ecomai.serving import live
from ecomai.serving.budget import run_with_budget
from ecomai.serving.predictors.event_ensemble import EventEnsemblePredictor
from ecomai.serving.predictors.tabular_classifier import Judgement, TabularClassifierPredictor

from ..features import FEATURE_NAMES
from ..features.vectors import ASKED, as_row
from ..models import AnsweredBy, Assessment, Policy
from ..normalising import event_of
from ..scorecard import STARTER, Scorecard
from ..sequences import case_of, is_readable
from .moderation import judge, note_picture


@dataclass(frozen=True)
class Score:
    """A probability, what each feature adds to its log odds, and who says so."""

    probability: float
    contributions: Mapping[str, float]
    values: Sequence[float | None]
    answered_by: AnsweredBy = AnsweredBy.SIMPLE_MODEL
    model_version: ModelVersion | None = None


_PREDICTORS = (TabularClassifierPredictor, EventEnsemblePredictor)


def model_name(kind: str) -> str:
    return f"risk.{kind}"


def score(row: Assessment, policy: Policy, *, deadline: float) -> Score:
    """Ask the model of the row's kind; one that is not live yet only while the policy is in shadow."""
    values = row.features or _asked_alone(row)
    note_picture(row, deadline=deadline)
    served = live.get_live(model_name(row.kind))
    if served is None and not policy.is_live:
        served = live.get_shadow(model_name(row.kind))
    if served is None or not isinstance(served.predictor, _PREDICTORS):
        return _simple(STARTER, values, policy)
    predictor = served.predictor
    if not _fits(predictor, policy):
        return _simple(STARTER, values, policy)
    card = _scorecard(predictor)
    if time.perf_counter() >= deadline or not row.features:
        return _simple(card, values, policy)
    judgement = _prepare(predictor, row, values)
    seconds = deadline - time.perf_counter()
    if seconds <= 0:
        return _simple(card, values, policy)

    # What is known of the version without asking the database.
    known = (served.version_id, served.version_number)
    version = ModelVersion.from_db(DEFAULT_DB_ALIAS, ("id", "number"), known)

    def ask() -> Score:
        answer = judgement()
        return Score(answer.probability, answer.contributions, values, AnsweredBy.MODEL, version)

    return run_with_budget(ask, lambda: _simple(card, values, policy), seconds=seconds).value


def _prepare(
    predictor: TabularClassifierPredictor | EventEnsemblePredictor,
    row: Assessment,
    values: list[float | None],
) -> Callable[[], Judgement]:
    """Return what asks the model. The database is read here: it runs in a thread without a connection."""
    if isinstance(predictor, EventEnsemblePredictor):
        table, case = case_of(predictor, row)
        return lambda: predictor.assess(as_row(values), table, case)
    return lambda: judge(predictor, row, as_row(values))


def _fits(predictor: TabularClassifierPredictor | EventEnsemblePredictor, policy: Policy) -> bool:
    """Whether a model takes our features, and was trained without those that the policy forbids."""
    return is_readable(predictor) and not any(
        name.startswith(tuple(policy.forbidden_features)) for name in predictor.used_columns
    )


def _scorecard(predictor: TabularClassifierPredictor | EventEnsemblePredictor) -> Scorecard:
    simple = predictor.simple
    if not simple:
        return STARTER
    return Scorecard(simple["intercept"], {name: tuple(each) for name, each in simple["weights"].items()})


def _simple(card: Scorecard, values: Sequence[float | None], policy: Policy) -> Score:
    card = card.without(policy.forbidden_features)
    return Score(card.probability(values), card.contributions(values), values)


def _asked_alone(row: Assessment) -> list[float | None]:
    """What the question itself says, where its history could not be had."""
    numbers = event_of(row).numbers
    known = [numbers.get(name) for name in ASKED]
    return known + [None] * (len(FEATURE_NAMES) - len(ASKED))
