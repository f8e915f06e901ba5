"""What the support bot registers with the foundation."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from ecomai.scenarios import FactSpec, Gate, ModelSpec, Scenario

from .names import ANSWERS as ANSWER_MODEL
from .names import INTENT, MOOD, PASSAGES

# The package is also installed as ecomai.apps.support_bot, so dotted paths begin with its name.
_HERE = __package__

SEES = ("ecomai_support_bot.view_conversation",)
ANSWERS = (
    *SEES,
    "ecomai_support_bot.answer_conversation",
    "ecomai_support_bot.export_conversation",
    *(f"ecomai_support_bot.view_{row}" for row in ("agentprofile", "officehours", "closedday")),
    *(
        f"ecomai_support_bot.{each}_{row}"
        for row in ("tag", "cannedanswer")
        for each in ("add", "change", "delete", "view")
    ),
)
ORGANISES = (
    *ANSWERS,
    *(
        f"ecomai_support_bot.{each}_{row}"
        for row in ("agentprofile", "officehours", "closedday")
        for each in ("add", "change", "delete")
    ),
)

TEACHES = tuple(
    f"ecomai_support_bot.{each}_{row}"
    for row in ("intent", "intentexample")
    for each in ("add", "change", "delete", "view")
)

# Putting a version of a flow live is left to whom the shop gives it: money may move by it.
WRITES_FLOWS = tuple(f"ecomai_support_bot.{each}_flow" for each in ("add", "change", "view"))
SEES_ACTS = ("ecomai_support_bot.view_toolcall",)

intent = ModelSpec(
    name=INTENT,
    verbose_name=_("Intents"),
    description=_("What customers want, learned from the phrases of each intent and from labelled messages."),
    train=f"{_HERE}.training.intent.train_intent",
    readiness=f"{_HERE}.readiness.intents",
    primary_metric="accuracy",
    baseline="frozen",
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.0),
    is_optional=True,  # the shipped phrases alone are found as well without it
)

passages = ModelSpec(
    name=PASSAGES,
    verbose_name=_("Finding articles by meaning"),
    description=_("Which passage of an article answers a question, also where it is asked in other words."),
    train=f"{_HERE}.training.passages.train_passages",
    readiness=f"{_HERE}.readiness.passages",
    primary_metric="mrr@10",
    baseline="words",
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.0),
    is_optional=True,  # words alone find most
)

TRIES_PROMPTS = ("ecomai_support_bot.add_prompttrial", "ecomai_support_bot.view_prompttrial")

answers = ModelSpec(
    name=ANSWER_MODEL,
    verbose_name=_("Wording of answers"),
    description=_(
        "How this shop words its answers, learned from solved conversations for a language model of its own."
    ),
    train=f"{_HERE}.training.answers.train_answers",
    readiness=f"{_HERE}.readiness.answers",
    primary_metric="perplexity",
    greater_is_better=False,
    baseline="without",
    default_hyperparameters={
        "rank": 8,
        "max_epochs": 3,
        "batch_size": 8,
        "learning_rate": 5e-4,
        "max_length": 1024,
    },
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.0),
    is_optional=True,  # without a language model of one's own there is nothing to adapt
    is_served=False,  # workers alone read it
)

WRITES = tuple(
    f"ecomai_support_bot.{each}_{row}"
    for row in ("article", "relation")
    for each in ("add", "change", "delete", "view")
)

mood = FactSpec(
    name=MOOD,
    entity="customer",
    type="number",
    purposes=frozenset({"marketing", "support"}),
    time_to_live=timedelta(days=90),
    default=0.0,
    verbose_name=_("Mood in the last chat, from -1 to 1"),
)

scenario = Scenario(
    name="support_bot",
    verbose_name=_("Support"),
    models=(intent, passages, answers),
    facts=(mood,),
    benchmarks={
        "chat": f"{_HERE}.benchmarks.chat.chat",
        "intent": f"{_HERE}.benchmarks.intent.intent",
        "confidence": f"{_HERE}.benchmarks.confidence.confidence",
        "grounding": f"{_HERE}.benchmarks.grounding.grounding",
        "retrieval": f"{_HERE}.benchmarks.retrieval.retrieval",
        "speech": f"{_HERE}.benchmarks.speech.speech",
    },
    capabilities={"MessageSender": f"{_HERE}.capabilities.ChatMessageSender"},
    cards=f"{_HERE}.cards.cards",
    eraser=f"{_HERE}.services.privacy.erase",
    exporter=f"{_HERE}.services.privacy.export",
    seed_demo=f"{_HERE}.demo.seed_demo",
    urls=f"{_HERE}.urls",
    websocket_urls=f"{_HERE}.routing.websocket_urlpatterns",
    group_permissions={
        "analyst": SEES,
        "support_agent": (*ANSWERS, *TEACHES, *WRITES, *WRITES_FLOWS, *SEES_ACTS, *TRIES_PROMPTS),
        "merchandiser": (*ORGANISES, *TRIES_PROMPTS),
        "marketer": TRIES_PROMPTS,  # who writes prompts
    },
)
