"""What marketing registers with the foundation."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from ecomai.scenarios import FactSpec, Gate, ModelSpec, OfferedSchedule, Scenario
from ecomai.training_options import Option

from .models.profiles import Stage
from .names import AD_RESPONSE, FAVOURITE_CATEGORY, LIFE_CYCLE, PRICE_LEVEL

# The package is also installed as ecomai.apps.marketing, so dotted paths begin with its name.
_HERE = __package__

CUSTOMER_VALUE = "marketing.customer_value"
UPLIFT = "marketing.uplift"
SENTIMENT = "marketing.sentiment"
CHURN_PROBABILITY = "marketing.churn_probability"
EXPECTED_VALUE = "marketing.expected_value"

HORIZON = Option(
    verbose_name=_("How far to look"),
    help_text=_("Shorter where the shop's orders do not reach back three times as far."),
    choices={30: _("a month"), 90: _("three months"), 180: _("half a year"), 365: _("a year")},
)

PRIVACY = Option(
    verbose_name=_("Differential privacy"),
    help_text=_("The model then tells next to nothing of any single customer. It costs accuracy."),
    choices={
        0: _("none"), 8: _("little protection, ε = 8"), 3: _("usual protection, ε = 3"),
        1: _("strong protection, ε = 1"),
    },
)  # fmt: skip

customer_value = ModelSpec(
    name=CUSTOMER_VALUE,
    verbose_name=_("Customer value"),
    description=_("How often each customer will buy, for how much, and who is no customer any more."),
    train=f"{_HERE}.training.customer_value.train_customer_value",
    score=f"{_HERE}.scoring.customer_value.score_shard",
    shards=f"{_HERE}.scoring.customer_value.shards",
    readiness=f"{_HERE}.readiness.customer_value",
    primary_metric="gini",
    baseline="own_rate",
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.0),
    default_hyperparameters={"horizon_days": 90, "privacy_epsilon": 0},
    options={"horizon_days": HORIZON, "privacy_epsilon": PRIVACY},
    offered_schedule=OfferedSchedule(label=_("each Monday night"), crontab="30 1 * * 1"),
    is_served=False,  # workers alone read it
    is_optional=True,  # profiles say much without it
)

OUTCOME = Option(
    verbose_name=_("What a message is to change"),
    help_text=_("Whether customers buy can be told from fewer of them than what they spend."),
    choices={"bought": _("whether they buy"), "spent": _("what they spend")},
)

uplift = ModelSpec(
    name=UPLIFT,
    verbose_name=_("Effect of messages"),
    description=_("Which customers buy because of a message, and whom one keeps from it."),
    train=f"{_HERE}.training.uplift.train_uplift",
    readiness=f"{_HERE}.readiness.uplift",
    primary_metric="auuc",
    baseline="average",
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.0),
    default_hyperparameters={"outcome": "bought"},
    options={"outcome": OUTCOME},
    offered_schedule=OfferedSchedule(label=_("each Sunday night"), crontab="30 2 * * 0"),
    is_served=False,  # workers alone read it
    is_optional=True,  # campaigns with a holdout come first
)

NEXT_ITEM = Option(
    verbose_name=_("What else it learns from"),
    help_text=_("What customers turn to next tells much where few advertisements were clicked."),
    choices={1: _("what customers turn to next, where that helps"), 0: _("advertisements alone")},
)

ad_response = ModelSpec(
    name=AD_RESPONSE,
    verbose_name=_("Answers to advertisements"),
    description=_("Who clicks on an advertisement, and who buys after the click."),
    train=f"{_HERE}.training.ad_response.train_ad_response",
    readiness=f"{_HERE}.readiness.ad_response",
    primary_metric="click_log_loss",
    greater_is_better=False,
    baseline="placement_rate",
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.0),
    default_hyperparameters={"next_item": 1},
    options={"next_item": NEXT_ITEM},
    offered_schedule=OfferedSchedule(label=_("each night"), crontab="45 2 * * *"),
    is_optional=True,  # counted rates choose without it
)

EPOCHS = Option(
    verbose_name=_("How long the encoder learns"),
    help_text=_("Of few texts, more than twice through them may learn them by heart."),
    choices={1: _("once through the texts"), 2: _("twice"), 3: _("three times"), 4: _("four times")},
)

sentiment = ModelSpec(
    name=SENTIMENT,
    verbose_name=_("Sentiment"),
    description=_("Whether what customers write is negative, sentence by sentence."),
    train=f"{_HERE}.training.sentiment.train_sentiment",
    score=f"{_HERE}.scoring.sentiment.score_shard",
    shards=f"{_HERE}.scoring.sentiment.shards",
    readiness=f"{_HERE}.readiness.sentiment",
    primary_metric="roc_auc",
    baseline="words",
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.0),
    default_hyperparameters={"max_epochs": 2},
    options={"max_epochs": EPOCHS},
    offered_schedule=OfferedSchedule(label=_("on the first of each month, at night"), crontab="30 2 1 * *"),
    is_served=False,  # workers alone read it
    is_optional=True,  # stars say enough to begin with
)

FACTS = (
    FactSpec(
        name=CHURN_PROBABILITY, entity="customer", type="number",
        purposes=frozenset({"marketing", "support"}), time_to_live=timedelta(days=45), default=0.0,
        verbose_name=_("Is no customer any more"), unit="0-1",
    ),
    FactSpec(
        name=EXPECTED_VALUE, entity="customer", type="number",
        purposes=frozenset({"marketing", "support"}), time_to_live=timedelta(days=45), default=0.0,
        verbose_name=_("Value expected"),
    ),
    FactSpec(
        name=LIFE_CYCLE, entity="customer", type="text", purposes=frozenset({"marketing", "support"}),
        time_to_live=timedelta(days=45), default="", verbose_name=_("Life cycle"), labels=dict(Stage.choices),
    ),
    FactSpec(
        name=FAVOURITE_CATEGORY, entity="customer", type="text",
        purposes=frozenset({"marketing", "recommendations", "support"}), time_to_live=timedelta(days=45),
        default="", verbose_name=_("Favourite category"),
    ),
    FactSpec(
        name=PRICE_LEVEL, entity="customer", type="number",
        purposes=frozenset({"marketing", "recommendations", "support"}), time_to_live=timedelta(days=45),
        default=1.0, verbose_name=_("Price level in its categories"),
    ),
)  # fmt: skip

SEES = ("ecomai_marketing.view_customerprofile", "ecomai_marketing.view_segment")
HEARS = (
    "ecomai_marketing.view_feedback",
    "ecomai_marketing.view_voicealarm",
    "ecomai_marketing.view_aspect",
    "ecomai_marketing.view_feedsource",
)
LISTENS = (
    "ecomai_marketing.import_feedback",
    "ecomai_marketing.close_voicealarm",
    "ecomai_marketing.add_aspect",
    "ecomai_marketing.change_aspect",
    "ecomai_marketing.add_feedsource",
    "ecomai_marketing.change_feedsource",
    "ecomai_marketing.delete_feedsource",
)
SENDS_CAMPAIGNS = tuple(
    f"ecomai_marketing.{each}"
    for each in (
        "add_campaign", "change_campaign", "view_campaign", "send_campaign", "view_delivery",
        "view_suppression", "lift_suppression", "add_topic", "change_topic", "view_topic",
        "view_webhookendpoint",
    )
)  # fmt: skip
RUNS_JOURNEYS = tuple(
    f"ecomai_marketing.{each}"
    for each in ("add_journey", "change_journey", "view_journey", "run_journey", "view_journeyrun")
)
RUNS_ADS = tuple(
    f"ecomai_marketing.{each}" for each in ("add_adgroup", "change_adgroup", "view_adgroup", "run_adgroup")
)
WRITES_TEXTS = tuple(f"ecomai_marketing.{each}_contentdraft" for each in ("add", "change", "view", "approve"))
DRAWS_PICTURES = tuple(f"ecomai_marketing.{each}_picturedraft" for each in ("add", "view", "approve"))
CHANGES_SEGMENTS = (
    "ecomai_marketing.add_segment",
    "ecomai_marketing.change_segment",
    "ecomai_marketing.export_segment",
)

scenario = Scenario(
    name="marketing",
    verbose_name=_("Marketing"),
    models=(customer_value, uplift, ad_response, sentiment),
    facts=FACTS,
    eraser=f"{_HERE}.services.privacy.erase",
    exporter=f"{_HERE}.services.privacy.export",
    cards=f"{_HERE}.cards.cards",
    doctor=f"{_HERE}.doctor.findings",
    urls=f"{_HERE}.urls",
    capabilities={
        "VoiceListener": f"{_HERE}.capabilities.ShopVoiceListener",
        "ReviewReader": f"{_HERE}.capabilities.ShopReviewReader",
    },
    group_permissions={
        "analyst": (*SEES, *HEARS),
        "marketer": (
            *SEES,
            *CHANGES_SEGMENTS,
            *SENDS_CAMPAIGNS,
            *RUNS_JOURNEYS,
            *RUNS_ADS,
            *HEARS,
            *LISTENS,
            *WRITES_TEXTS,
            *DRAWS_PICTURES,
        ),
        "support_agent": (*SEES[:1], *HEARS[:2]),
    },
    seed_demo=f"{_HERE}.demo.seed_demo",
    benchmarks={
        "ads": f"{_HERE}.benchmarks.ads.ads",
        "campaign": f"{_HERE}.benchmarks.campaign.campaign",
        "clv": f"{_HERE}.benchmarks.clv.clv",
        "segments": f"{_HERE}.benchmarks.segments.segments",
        "sentiment": f"{_HERE}.benchmarks.sentiment.sentiment",
        "tastes": f"{_HERE}.benchmarks.tastes.tastes",
        "uplift": f"{_HERE}.benchmarks.uplift.uplift",
    },
)
