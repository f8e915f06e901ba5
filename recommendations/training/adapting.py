"""A published text encoder made the shop's own: taught by what goes together in it, or made smaller."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from django.utils.translation import gettext as _

from ecomai.learning.callbacks import Callback, ReportTo
from ecomai.learning.splits import Split
from ecomai.registry.runs import Run

if TYPE_CHECKING:
    from ecomai.learning.encoders.pretrained import PretrainedTextEncoder

T = TypeVar("T")

NONE, HEAD = "none", "head"
METRIC = "mrr@10"
#: With fewer pairs or texts there is nothing to learn.
LEAST_ROWS = 64
#: Before that nobody knows how long it takes.
SECONDS_TO_JUDGE = 20.0
#: Of what a first attempt says would fit into the time.
CAUTION = 0.8
N_MEASURED_TEXTS = 200


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is to be made of the published encoder, and how long that may take."""

    kind: str = NONE
    pretraining: str = NONE
    n_layers: int = 0  # 0 keeps all
    is_vocabulary_pruned: bool = False
    max_pairs: int
    minutes: float

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Any]) -> "Wishes":
        return cls(
            kind=str(hyperparameters.get("encoder_adaptation", NONE)),
            pretraining=str(hyperparameters.get("encoder_pretraining", NONE)),
            n_layers=int(hyperparameters.get("encoder_layers", 0)),
            is_vocabulary_pruned=bool(hyperparameters.get("encoder_is_vocabulary_pruned", False)),
            max_pairs=int(hyperparameters.get("encoder_max_pairs", 10_000)),
            minutes=float(hyperparameters.get("encoder_minutes", 20)),
        )

    @property
    def is_smaller(self) -> bool:
        return self.n_layers > 0 or self.is_vocabulary_pruned

    @property
    def is_any(self) -> bool:
        return self.kind != NONE or self.is_smaller


@dataclass(frozen=True, eq=False)
class Made:
    """An encoder of the shop's own (None: the published one stays), and what a card says of it."""

    encoder: "PretrainedTextEncoder | None"
    facts: Mapping[str, Any]
    trade_offs: Sequence[Mapping[str, Any]]


class Reports(Protocol):
    """How far a part of a training is; `ReportTo` talks to it."""

    def report(self, progress: float, message: str = "") -> None: ...
    def log(self, step: int, **metrics: float) -> None: ...
    def check_cancelled(self) -> None: ...


def make_own(
    run: Run, reports: Reports, wishes: Wishes, model: str, texts: Sequence[str], cases: Split
) -> Made:
    """Adapt a published encoder, then make it smaller, as far as that is wanted.

    `texts` are those of all items, empty where the encoder does not know their script. `cases` hold what may
    be learned from, and later cases to judge by.
    """
    from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
    from ecomai.learning.exceptions import InvalidDataError

    encoder: PretrainedTextEncoder = PretrainedTextEncoder(model).fit()
    made = Made(None, {}, [])
    steps = ((wishes.kind != NONE, _adapt), (wishes.is_smaller, _make_smaller))
    for is_wanted, step in steps:
        if not is_wanted:
            continue
        try:
            made = step(run, reports, wishes, made.encoder or encoder, made, texts, cases)
        except InvalidDataError as reason:
            made = Made(made.encoder, {**made.facts, "left_out_because": str(reason)}, made.trade_offs)
    return made


def _adapt(
    run: Run, reports: Reports, wishes: Wishes, published: "PretrainedTextEncoder", made: Made,
    texts: Sequence[str], cases: Split,
) -> Made:  # fmt: skip
    """Teach the encoder; what it was stays where it finds the next item no better for that."""
    from ecomai.learning.encoders.adapted import AdaptedTextEncoder

    def fit(n_pairs: int, watch: Callback) -> AdaptedTextEncoder:
        encoder = AdaptedTextEncoder(
            model=published.model,
            kind="full" if wishes.kind == HEAD else wishes.kind,
            layers=HEAD if wishes.kind == HEAD else "all",
            pretraining=wishes.pretraining,
            max_pairs=n_pairs,
            max_texts=n_pairs,
            random_state=run.random_state,
        )
        return encoder.fit(
            texts, cases.train, valid=cases, checkpoint_folder=run.folder / "adaptation",
            callbacks=[watch, ReportTo(reports, start=0.02, end=0.1, message=_("Adapting the text encoder"))],
        )  # fmt: skip

    began = time.monotonic()
    encoder, n_pairs = within(wishes.minutes, wishes.max_pairs, fit)
    if encoder is None:
        return Made(None, {"kind": wishes.kind, "left_out_because": _too_slow(wishes)}, [])
    before, after = encoder.judged_[0], max(encoder.judged_[1:], default=0.0)
    is_kept = after > before
    facts = {
        "kind": wishes.kind, "pretraining": wishes.pretraining, "max_pairs": n_pairs, "is_kept": is_kept,
        f"{METRIC}_before": round(before, 4), f"{METRIC}_after": round(after, 4),
        "seconds": round(time.monotonic() - began),
    }  # fmt: skip
    rows = _measured({"published": published, wishes.kind: encoder}, texts)
    rows[0] |= {METRIC: round(before, 4), "is_chosen": not is_kept}
    rows[1] |= {METRIC: round(after, 4), "is_chosen": is_kept, "train_seconds": facts["seconds"]}
    return Made(encoder if is_kept else None, facts, rows)


def _make_smaller(
    run: Run, reports: Reports, wishes: Wishes, teacher: "PretrainedTextEncoder", made: Made,
    texts: Sequence[str], cases: Split,
) -> Made:  # fmt: skip
    """Prune the encoder, and teach what is left to answer as it did."""
    from ecomai.learning.encoders.compact import CompactTextEncoder
    from ecomai.learning.encoders.item_judge import ItemJudge

    def fit(n_texts: int, watch: Callback) -> CompactTextEncoder:
        encoder = CompactTextEncoder(
            model=teacher.model,
            n_layers=wishes.n_layers or None,
            is_vocabulary_pruned=wishes.is_vocabulary_pruned,
            max_texts=n_texts,
            random_state=run.random_state,
        )
        return encoder.fit(
            texts, teacher=teacher, judge=ItemJudge(cases, texts, random_state=run.random_state),
            callbacks=[
                watch, ReportTo(reports, start=0.1, end=0.15, message=_("Making the text encoder smaller"))
            ],
            checkpoint_folder=run.folder / "distillation",
        )  # fmt: skip

    began = time.monotonic()
    encoder, _n_texts = within(wishes.minutes, max(wishes.max_pairs, len(texts)), fit)
    if encoder is None:
        return Made(made.encoder, {**made.facts, "left_out_because": _too_slow(wishes)}, made.trade_offs)
    seconds = round(time.monotonic() - began)
    before, after = ({name: row[name] for name in row if name != "encoder"} for row in encoder.trade_offs_)
    known = made.trade_offs or [{"name": "published", **before, "is_chosen": False}]
    rows = [{**row, "is_chosen": False} for row in known]
    rows.append({"name": "compact", **after, "is_chosen": True, "train_seconds": seconds})
    facts = {
        **made.facts, "n_layers": wishes.n_layers or None,
        "is_vocabulary_pruned": wishes.is_vocabulary_pruned, "distillation_seconds": seconds,
    }  # fmt: skip
    return Made(encoder, facts, rows)


def _measured(encoders: Mapping[str, "PretrainedTextEncoder"], texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return size, speed and likeness to the first of each encoder."""
    from ecomai.learning.encoders.trade_offs import measure_trade_off

    sample = [text for text in dict.fromkeys(texts) if text][:N_MEASURED_TEXTS]
    answers: np.ndarray = next(iter(encoders.values())).encode(sample)
    return [
        {"name": name, **measure_trade_off(encoder, sample, answers)} for name, encoder in encoders.items()
    ]


def _too_slow(wishes: Wishes) -> str:
    return _("It takes longer than %(minutes)g minutes on this machine.") % {"minutes": wishes.minutes}


# -- time -----------------------------------------------------------------------------------------


class _TooSlowError(Exception):
    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class _Watch(Callback):
    """Ends a training that would take too long, as soon as that can be said."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.began = time.monotonic()

    def on_progress(self, progress: float) -> None:
        passed = time.monotonic() - self.began
        if progress <= 0 or passed < min(SECONDS_TO_JUDGE, self.seconds):
            return
        if passed / progress > self.seconds:
            raise _TooSlowError(passed / progress)


def within(minutes: float, n_rows: int, fit: Callable[[int, Callback], T]) -> tuple[T | None, int]:
    """Fit on as many rows as fit into the time, and return how many those were; None where hardly any do."""
    until = time.monotonic() + 60 * minutes
    while n_rows >= LEAST_ROWS:
        try:
            return fit(n_rows, _Watch(until - time.monotonic())), n_rows
        except _TooSlowError as error:
            left = max(until - time.monotonic(), 0.0)
            n_rows = int(CAUTION * n_rows * left / error.seconds)
    return None, 0
