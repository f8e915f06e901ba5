"""The pages of back-tests: what they found, as sentences, tables, charts and a file."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.console import charts
from ecomai.numbers import format_percent

from ..backtesting.deciding import DECISIONS
from ..backtesting.judging import ARMS, DRAFT, LIVE, OUTCOMES, THEN
from ..models import Assessment, Backtest, Decision, Policy, Rule

FIGURES = (
    "cost", "saved", "n_caught", "caught_amount", "recall", "precision", "n_false", "false_share",
    "n_honest_declined", "lost_margin", "missed_amount", "n_reviews", "reviews_a_day", "most_reviews_a_day",
    "days_over_capacity", "review_cost",
)  # fmt: skip
#: What a spreadsheet would take for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def arm_names() -> dict[str, str]:
    return {DRAFT: _("what is tried out"), LIVE: _("what is live"), THEN: _("as decided then")}


def outcome_names() -> dict[str, str]:
    return dict(zip(OUTCOMES, (_("honest"), _("fraud"), _("not known yet")), strict=True))


def described(backtests: Sequence[Backtest]) -> list[str]:
    """Say what each back-test tries out, for people. Two queries, however many they are."""
    asked = [backtest.configuration for backtest in backtests]
    keys = {key for each in asked for name in ("rules", "without_rules") for key in each.get(name, ())}
    rules = {key: str(rule) for key, rule in Rule.objects.in_bulk(keys).items()}
    policies = Policy.objects.in_bulk([each["policy"] for each in asked if "policy" in each])
    return [_described(each, rules, {key: str(policy) for key, policy in policies.items()}) for each in asked]


def _described(asked: Mapping[str, Any], rules: Mapping[int, str], policies: Mapping[int, str]) -> str:
    parts = []
    if added := asked.get("rules"):
        parts.append(_("with: %(rules)s") % {"rules": ", ".join(rules.get(key, "?") for key in added)})
    if left_out := asked.get("without_rules"):
        parts.append(_("without: %(rules)s") % {"rules": ", ".join(rules.get(key, "?") for key in left_out)})
    if "policy" in asked:
        parts.append(_("policy %(policy)s") % {"policy": policies.get(asked["policy"], "?")})
    if thresholds := asked.get("thresholds"):
        values = " / ".join(map(_threshold, thresholds.values()))
        parts.append(_("thresholds %(values)s") % {"values": values})
    if "model_version" in asked:
        parts.append(_("another model"))
    return "; ".join(parts) or _("what is live")


def report_context(backtest: Backtest) -> dict[str, Any]:
    report = backtest.report
    shared: dict[str, Any] = {"what": described([backtest])[0]}
    if not report:
        return shared
    names = arm_names()
    arms = report["arms"]
    return {
        **shared,
        "report": report,
        "verdict": _verdict(report),
        "columns": list(names.values()),
        "rows": [(label, [text(arms[arm]) for arm in names]) for label, text in figures().items()],
        "outcomes": list(outcome_names().values()),
        "matrix": _matrix(arms[DRAFT]),
        "rules": report["rules"],
        "changes": _changes(report),
        "samples": _samples(report),
        "notes": _notes(report, backtest),
        "cost_chart": _chart(report, "costs_by_day", _("Cost by day")),
        "review_chart": _chart(report, "reviews", _("Reviews by day")),
    }


def figures() -> dict[str, Any]:
    """Name the figures of an arm, each with how it is written."""
    return {
        _("Cost in all"): lambda arm: _money(arm["cost"]),
        _("Saved, beside letting everything through"): lambda arm: _money(arm["saved"]),
        _("Frauds stopped (reviewed or declined)"): lambda arm: _count(arm["n_caught"]),
        _("Part of all frauds"): lambda arm: _percent(arm["recall"]),
        _("Amount of them"): lambda arm: _money(arm["caught_amount"]),
        _("Amount of frauds that came through"): lambda arm: _money(arm["missed_amount"]),
        _("Honest ones stopped"): lambda arm: _count(arm["n_false"]),
        _("Part of all honest ones"): lambda arm: _percent(arm["false_share"]),
        _("Frauds among what is stopped"): lambda arm: _percent(arm["precision"]),
        _("Honest ones declined"): lambda arm: _count(arm["n_honest_declined"]),
        _("Margin lost by that"): lambda arm: _money(arm["lost_margin"]),
        _("Reviews"): lambda arm: _count(arm["n_reviews"]),
        _("Reviews a day"): lambda arm: number_format(arm["reviews_a_day"], 1),
        _("Most reviews in a day"): lambda arm: _count(arm["most_reviews_a_day"]),
        _("Days above the capacity"): lambda arm: _count(arm["days_over_capacity"]),
        _("Cost of reviews"): lambda arm: _money(arm["review_cost"]),
    }


def csv_lines(backtest: Backtest) -> Iterator[str]:
    """Return the lines of a CSV file: figures of all arms, then a line a day, then a line a rule."""
    report = backtest.report
    yield _line("figure", *ARMS)
    for name in FIGURES:
        yield _line(name, *(report["arms"][arm][name] for arm in ARMS))
    for decision in map(str, DECISIONS):
        for outcome in OUTCOMES:
            values = (report["arms"][arm]["decisions"][decision][outcome] for arm in ARMS)
            yield _line(f"{decision}_{outcome}", *values)
    yield _line()
    yield _line("day", *(f"cost_{arm}" for arm in ARMS), *(f"reviews_{arm}" for arm in ARMS))
    for place, day in enumerate(report["days"]):
        costs = (round(report["costs_by_day"][arm][place], 2) for arm in ARMS)
        yield _line(day, *costs, *(report["reviews"][arm][place] for arm in ARMS))
    yield _line()
    columns = ("name", "number", "action", "n_hits", "n_decided", "n_fraud", "n_honest", "n_failed")
    yield _line(*columns)
    for rule in report["rules"]:
        yield _line(*(rule[column] for column in columns))


def _line(*values: Any) -> str:
    """A spreadsheet would take a text that begins with = for a formula."""
    written = io.StringIO()
    csv.writer(written).writerow(
        f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value for value in values
    )
    return written.getvalue()


def _verdict(report: Mapping[str, Any]) -> dict[str, str]:
    arms = report["arms"]
    saved = arms[LIVE]["cost"] - arms[DRAFT]["cost"]
    if not report["n_fraud"]:
        return {"state": "attention", "text": _("No fraud of this period is known, so nothing can be told.")}
    if saved > 0:
        text = _("It would have cost %(amount)s less than what is live.") % {"amount": _money(saved)}
        return {"state": "ok", "text": text}
    if saved < 0:
        text = _("It would have cost %(amount)s more than what is live.") % {"amount": _money(-saved)}
        return {"state": "problem", "text": text}
    return {"state": "attention", "text": _("It would have cost the same as what is live.")}


def _matrix(arm: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return what was decided by what it turned out to be."""
    return [
        (str(Decision(name).label), [_count(counts[outcome]) for outcome in OUTCOMES])
        for name, counts in ((str(each), arm["decisions"][str(each)]) for each in DECISIONS)
    ]


def _changes(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found = []
    for change, n in sorted(report["changed"].items(), key=lambda each: -each[1]):
        before, after = (str(DECISIONS[int(code)].label) for code in change.split(">"))
        found.append((before, after, _count(n)))
    return found


def _samples(report: Mapping[str, Any]) -> list[tuple[Assessment, str, str]]:
    rows = Assessment.objects.in_bulk([each["assessment"] for each in report["samples"]])
    return [
        (rows[each["assessment"]], str(DECISIONS[each["live"]].label), str(DECISIONS[each["draft"]].label))
        for each in report["samples"]
        if each["assessment"] in rows
    ]


def _notes(report: Mapping[str, Any], backtest: Backtest) -> list[str]:
    costs = report["costs"]
    notes = [
        _(
            "What nobody complained of for long enough counts as honest. What was declined then and has no "
            "label is left out of the costs, because nobody could complain of it."
        ),
        _(
            "Believed, not measured: a reviewer recognises %(catches)s of frauds, a proof keeps off "
            "%(stops)s of them, and %(loses)s of honest customers leave when they are asked for one."
        )
        % {
            "catches": _percent(costs["review_catches"]), "stops": _percent(costs["proof_stops"]),
            "loses": _percent(costs["proof_loses"]),
        },
    ]  # fmt: skip
    learned = parse_datetime(report["learned_until"]) if report["learned_until"] else None
    if learned is not None and learned > backtest.period_start:
        notes.append(
            _("The model learned from a part of this period and knows how it ended, which flatters it.")
        )
    return notes


def _chart(report: Mapping[str, Any], values: str, title: str) -> charts.Chart:
    names = arm_names()
    return charts.line_chart(
        title=title, x=[date.fromisoformat(day) for day in report["days"]], x_title=_("Day"),
        series={names[arm]: report[values][arm] for arm in ARMS}, from_zero=True,
    )  # fmt: skip


def _threshold(value: float | None) -> str:
    return "–" if value is None else number_format(value, 2)


def _count(value: int) -> str:
    return str(number_format(value, force_grouping=True))


def _money(value: float) -> str:
    return str(number_format(round(value, 2), 2, force_grouping=True))


def _percent(value: float | None) -> str:
    return format_percent(value, 1)
