"""What risk registers with the foundation."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from ecomai.scenarios import FactSpec, Gate, Group, ModelSpec, Scenario
from ecomai.training_options import Option

COUPON_HOLD = "risk.coupon_hold"

# The package is also installed as ecomai.apps.risk, so dotted paths begin with its name.
_HERE = __package__

#: What learns from features, and from the order of events.
ENSEMBLE = "training.ensembles.train_ensemble"
#: What learns from texts and pictures besides features.
MODERATION = "training.moderation.train_moderation"

GROUPS = {
    "new_customers": Group(_("New customers"), _("Their first questions, before they have a history here.")),
    "known_customers": Group(_("Known customers"), _("With a history of at least one order.")),
    "large_amounts": Group(_("Large amounts"), _("The tenth of the amounts that are the largest.")),
}

SEQUENCE_MINUTES = Option(
    verbose_name=_("Learn from the order of events"),
    help_text=_(
        "A transformer reads the newest events of customer, card and device beside the trees, from 300 known "
        "frauds on. It serves only where that helps on later cases, within the policy's time."
    ),
    choices={
        0: _("no"),
        10: _("for 10 minutes"),
        30: _("for 30 minutes, some of them on history without labels"),
        120: _("for 2 hours, some of them on history without labels"),
    },
)


def _model(kind: str, verbose_name: Any, description: Any, train: str = ENSEMBLE) -> ModelSpec:
    return ModelSpec(
        name=f"risk.{kind}",
        verbose_name=verbose_name,
        description=description,
        train=f"{_HERE}.{train}",
        readiness=f"{_HERE}.readiness.{kind}",
        primary_metric="average_precision",
        baseline="scorecard",
        gate=Gate(min_gain_over_live=0.01, min_gain_over_baseline=0.05),
        groups=GROUPS,
        # Shares of the assessments with a known outcome, by time.
        default_hyperparameters={
            "valid_share": 0.2,
            "test_share": 0.2,
            "n_trees": 250,
            "n_leaves": 8,
            **({"sequence_minutes": 10} if train == ENSEMBLE else {}),
        },
        options={"sequence_minutes": SEQUENCE_MINUTES} if train == ENSEMBLE else {},
        is_optional=True,  # until enough is known, the simple model answers
        queue="gpu",
    )


MODELS = (
    _model(
        "payment_fraud", _("Payment fraud"),
        _("How probable it is that an order will be charged back, from all that is known when it is placed."),
    ),
    _model(
        "account_takeover", _("Account takeover"),
        _("Whether somebody else logs in or changes an account."),
    ),
    _model(
        "promotion_abuse", _("Abuse of promotions"),
        _("Whether a coupon is redeemed by one person as many."),
    ),
    _model(
        "return_abuse", _("Abuse of returns"),
        _("Whether a return or refund takes advantage of the shop."),
    ),
    _model(
        "fake_review", _("Fake reviews"),
        _("Whether a review was written by somebody who was paid for it."),
        train=MODERATION,
    ),
    _model(
        "listing", _("Listings"),
        _("Whether a listing, a picture or a text does not belong in the shop."),
        train=MODERATION,
    ),
)  # fmt: skip

coupon_hold = FactSpec(
    name=COUPON_HOLD,
    entity="customer",
    type="boolean",
    purposes=frozenset({"marketing", "fraud", "support"}),
    time_to_live=timedelta(days=90),
    default=False,
    verbose_name=_("Hold coupons"),
)

SEES_ASSESSMENTS = (
    "ecomai_risk.view_assessment",
    "ecomai_risk.view_label",
    "ecomai_risk.view_policy",
    "ecomai_risk.view_case",
    "ecomai_risk.view_appeal",
    "ecomai_risk.view_fairnessreport",
)

DECIDES_CASES = ("ecomai_risk.review_case", "ecomai_risk.decide_cases")

SEES_RULES = ("ecomai_risk.view_rule", "ecomai_risk.view_listentry", "ecomai_risk.view_backtest")

DECIDES_RULES = (
    "ecomai_risk.add_rule",
    "ecomai_risk.change_rule",
    "ecomai_risk.delete_rule",
    "ecomai_risk.put_rule_live",
    "ecomai_risk.add_listentry",
    "ecomai_risk.change_listentry",
    "ecomai_risk.delete_listentry",
    "ecomai_risk.add_backtest",
    "ecomai_risk.delete_backtest",
)

DECIDES_POLICIES = (
    "ecomai_risk.add_policy",
    "ecomai_risk.change_policy",
    "ecomai_risk.put_policy_live",
)

scenario = Scenario(
    name="risk",
    verbose_name=_("Risk"),
    models=MODELS,
    facts=(coupon_hold,),
    capabilities={"RiskAssessor": f"{_HERE}.capabilities.ShopRiskAssessor"},
    eraser=f"{_HERE}.services.privacy.erase",
    exporter=f"{_HERE}.services.privacy.export",
    cards=f"{_HERE}.cards.cards",
    doctor=f"{_HERE}.doctor.findings",
    urls=f"{_HERE}.urls",
    group_permissions={
        "analyst": (*SEES_ASSESSMENTS, *SEES_RULES, "ecomai_risk.add_backtest"),
        "merchandiser": (*SEES_ASSESSMENTS, *DECIDES_POLICIES, *SEES_RULES, *DECIDES_RULES),
        "risk_reviewer": (*SEES_ASSESSMENTS, *SEES_RULES, *DECIDES_CASES, "ecomai_risk.label_assessment"),
        "support_agent": ("ecomai_risk.view_assessment",),
    },
    seed_demo=f"{_HERE}.demo.seed_demo",
    benchmarks={
        "fraud": f"{_HERE}.benchmarks.fraud.fraud",
        "assess": f"{_HERE}.benchmarks.assess.assess",
        "backtest": f"{_HERE}.benchmarks.backtest.backtest",
    },
)
