"""What metrics are called and say, and how they compare, in words for someone who runs a shop."""

import re
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# A name may begin with what was foreseen, and end in @k and in a suffix that restricts what was measured.
_NAME = re.compile(
    r"^(?:(?P<what>click_and_conversion|click|conversion)_)?(?P<base>[a-z0-9_]*?)(?:@(?P<k>\d+))?(?:_(?P<part>tail|new|random|zero_shot|unseen|low|high))?$"
)

_TEXTS: dict[str, Any] = {
    "recall": _("The share of what customers then took that was among the first %(k)s. Higher is better."),
    "precision": _("Of the first %(k)s shown, the share that customers then took. Higher is better."),
    "ndcg": _("How far up among the first %(k)s what was taken stands; 1 is on top. Higher is better."),
    "mrr": _("How early the first right answer comes; 1 is always first. Higher is better."),
    "hit_rate": _("How often at least one of the first %(k)s was taken. Higher is better."),
    "map": _("How early the right answers come among the first %(k)s. Higher is better."),
    "coverage": _("The share of the catalogue that is ever shown among the first %(k)s."),
    "roc_auc": _("How often a true case ranks above a false one; 0.5 is guessing. Higher is better."),
    "average_precision": _("How clean the top of the list is. Higher is better."),
    "perplexity": _("How much right answers surprise the model; 1 is not at all. Lower is better."),
    "supported": _("The share of sentences that a passage supports. Higher is better."),
    "accuracy": _("The share of cases that were answered right. Higher is better."),
    "macro_f1": _("How well each class is found, rare ones too. Higher is better."),
    "expected_calibration_error": _("How far stated probabilities are from what happened. Lower is better."),
    "calibration_error": _("How far stated probabilities are from what happened. Lower is better."),
    "log_loss": _("How surprising what happened is by stated probabilities. Lower is better."),
    "brier": _("The squared distance of stated probabilities from what happened. Lower is better."),
    "loss": _("What the training makes small; only its course matters, not its value."),
    "valid_loss": _("The same on data kept apart; when it rises, more training does harm."),
    "mae": _("The average distance from what happened, in its own unit. Lower is better."),
    "rmse": _("The distance from what happened, large misses weighing more. Lower is better."),
    "wape": _("The total distance from what happened, relative to its total. Lower is better."),
    "tail_share": _("The share of shown products that are rarely bought."),
    "gini": _("How well customers are ranked by what they spent: 1 is perfect, 0 chance. Higher is better."),
    "spearman": _("How alike foreseen and true ranks are; 1 is the same. Higher is better."),
    "correlation": _("How alike foreseen and true numbers rise and fall. Higher is better."),
    "repurchase_auc": _("How often who bought again ranks above who did not. Higher is better."),
    "total_error": _("How far the sum over all customers is off, as a share; 0 is right."),
    "top_decile_capture": _("The share of all purchases made by the tenth ranked highest. Higher is better."),
    "qini": _("How well customers whom a message moves are ranked first; 0 is chance. Higher is better."),
    "auuc": _("How much is gained by sending to the best first, of what could be. Higher is better."),
    "policy_value": _("What choosing who gets a message brings, less its price. Higher is better."),
    "policy_gain": _("How much more that is than a message to everybody brings. Higher is better."),
    "n_cases": _("How many questions were asked; few of them make a shaky number."),
}  # fmt: skip

_PARTS: dict[str, Any] = {
    "tail": _("Counted only for products that are rarely bought."),
    "new": _("Counted only for products that are new to the customer."),
    "random": _("Counted on a random part of the data."),
    "unseen": _("Counted only for cases the training never saw."),
    "low": _("The lower end of its 95 % interval."),
    "high": _("The upper end of its 95 % interval."),
}


_WHAT: dict[str, Any] = {
    "click": _("Clicks"),
    "conversion": _("Orders after a click"),
    "click_and_conversion": _("Clicks that lead to an order"),
}

_LOWER_IS_BETTER = {
    "expected_calibration_error", "calibration_error", "log_loss", "brier", "loss", "valid_loss", "mae",
    "rmse", "wape",
}  # fmt: skip
_NEITHER = {"coverage", "tail_share", "n_cases", "total_error"}


def is_greater_better(name: str) -> bool | None:
    """Which way a metric points; None where it points no way, or is not known."""
    match = _NAME.match(name)
    if match is None or match["base"] not in _TEXTS or match["base"] in _NEITHER:
        return None
    return match["base"] not in _LOWER_IS_BETTER


_TITLES: dict[str, Any] = {
    "recall": _("Found among the first %(k)s"),
    "precision": _("Taken of the first %(k)s shown"),
    "ndcg": _("Ranking quality, first %(k)s"),
    "mrr": _("How early the first hit comes, first %(k)s"),
    "hit_rate": _("At least one hit among the first %(k)s"),
    "map": _("How early all hits come, first %(k)s"),
    "coverage": _("Share of the catalogue shown, first %(k)s"),
    "roc_auc": _("True cases above false ones"),
    "average_precision": _("Clean top of the list"),
    "accuracy": _("Right answers"),
    "macro_f1": _("Each class found"),
    "expected_calibration_error": _("Error of stated probabilities"),
    "calibration_error": _("Error of stated probabilities"),
    "log_loss": _("Surprise by stated probabilities"),
    "brier": _("Squared error of stated probabilities"),
    "loss": _("Error that the training makes small"),
    "valid_loss": _("Error on data kept apart"),
    "learning_rate": _("Step size of the training"),
    "mae": _("Average miss"),
    "rmse": _("Average miss, large ones weighing more"),
    "wape": _("Total miss, relative"),
    "tail_share": _("Share of rarely bought products"),
    "gini": _("Customers ranked by value"),
    "spearman": _("Ranks foreseen and true"),
    "correlation": _("Foreseen and true numbers"),
    "repurchase_auc": _("Who buys again"),
    "total_error": _("Error of the sum"),
    "top_decile_capture": _("Purchases of the best tenth"),
    "qini": _("Qini: customers ranked by what a message changes"),
    "auuc": _("AUUC: gain of the best first"),
    "policy_value": _("Value of choosing who gets a message"),
    "policy_gain": _("Gain over a message to everybody"),
    "n_cases": _("Cases"),
}

# Metrics beside which another one of the same length says nearly the same.
_DETAILS = {"precision", "mrr", "map"}
_REFIT = "refit_"


def metric_title(name: str) -> str:
    """What a metric or a curve is called; one that is not known keeps its name."""
    if name.startswith(_REFIT):
        title = metric_title(name.removeprefix(_REFIT))
        return gettext("%(metric)s, once more on all data") % {"metric": title}
    match = _NAME.match(name)
    if match is None or match["base"] not in _TITLES:
        return name
    title = str(_TITLES[match["base"]]) % {"k": match["k"] or gettext("ones")}
    if match["what"]:
        title = f"{_WHAT[match['what']]}: {title}"
    part = _PARTS.get(match["part"] or "")
    return f"{title}. {part}" if part else title


def is_technical(name: str) -> bool:
    """Whether a curve only says how the training steers itself."""
    return name.removeprefix(_REFIT) == "learning_rate"


def is_detail(name: str, primary: str) -> bool:
    """Whether a metric adds little to the one that decides, so that it may be folded away."""
    if name == primary:
        return False
    match, decides = _NAME.match(name), _NAME.match(primary)
    if match is None:
        return False
    has_other_length = bool(decides and match["k"] and decides["k"] and match["k"] != decides["k"])
    return has_other_length or match["base"] in _DETAILS


def gain_text(gain: float) -> str:
    """A relative gain: “+4.2%”, or from twice as high on “19 times”, as people say it."""
    if gain < 1 or gain == float("inf"):
        return f"{gain:+.1%}"
    n_decimals = 0 if gain >= 9 else 1
    return gettext("%(n)s times") % {"n": number_format(round(gain + 1, n_decimals), n_decimals)}


def explain_metric(name: str) -> str:
    """Return a sentence about a metric; empty for one that is not known."""
    match = _NAME.match(name)
    if match is None or match["base"] not in _TEXTS:
        return ""
    text = str(_TEXTS[match["base"]]) % {"k": match["k"] or gettext("ones")}
    part = _PARTS.get(match["part"] or "")
    return f"{text} {part}" if part else text
