"""A search of hyperparameters, judged on the validation period with the metric that decides."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from ecomai.exceptions import NotEnoughDataError
from ecomai.registry.runs import Run

from ..datasets import Cases
from .judging import judge_recommender

if TYPE_CHECKING:
    from ecomai.learning.recommenders.base import Recommender
    from ecomai.learning.tuning import Trial

    from .next_item import Material


def tune_next_item(run: Run, material: "Material", parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the sequence model's hyperparameters, the best that were found where a search was asked for."""
    from ecomai.learning.recommenders.sequence import SequenceRecommender
    from ecomai.learning.tensorboard_logs import TensorBoardLogs

    def fit(parameters: dict[str, Any], trial: "Trial") -> "Recommender":
        model = SequenceRecommender(**parameters, random_state=run.random_state)
        return model.fit(
            material.early,
            material.vectors,
            valid=material.valid_split,
            callbacks=[trial, TensorBoardLogs(run.log_folder / f"trial-{trial.number + 1}")],
            checkpoint_folder=trial.folder,
        )

    return _tune(run, fit, parameters, material.valid, material)


def tune_similar_items(run: Run, material: "Material", parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters of item-item, the best that were found where a search was asked for."""
    from ecomai.learning.recommenders.item_item import ItemItemRecommender

    def fit(parameters: dict[str, Any], trial: "Trial") -> "Recommender":
        return ItemItemRecommender(**parameters).fit(material.early, material.vectors, callbacks=[trial])

    # As it will be judged: from the last item, which one is next.
    cases = replace(material.valid, histories=material.valid.histories.newest(1))
    return _tune(run, fit, parameters, cases, material)


def _tune(
    run: Run,
    fit: Callable[[dict[str, Any], "Trial"], "Recommender"],
    parameters: dict[str, Any],
    cases: Cases,
    material: "Material",
) -> dict[str, Any]:
    if run.search is None:
        return parameters
    from ecomai.learning.tuning import search

    if not len(cases):
        raise NotEnoughDataError(have=0, need=1, unit=_("customers with a new item in the validation period"))
    metric = run.search.options["metric"]

    def objective(trial: "Trial") -> float:
        model = fit({**parameters, **trial.parameters}, trial)
        return judge_recommender(model, cases, {}, material.is_offered).metrics[metric]

    found = search(objective, run.search.space, defaults=parameters, **run.search.options)
    return {**parameters, **found.best.parameters}
