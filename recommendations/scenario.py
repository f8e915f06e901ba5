"""What recommendations registers with the foundation."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from ecomai.scenarios import FactSpec, Gate, Group, ModelSpec, OfferedSchedule, Scenario
from ecomai.search_spaces import Choices, Floats, Integers
from ecomai.training_options import Option

NEXT_ITEM = "recommendations.next_item"
SIMILAR_ITEMS = "recommendations.similar_items"
RANKER = "recommendations.ranker"
SEARCH = "recommendations.search"
IMAGE_ENCODER = "recommendations.image_encoder"
FAVOURITE_CATEGORIES = "recommendations.favourite_categories"

# The package is also installed as ecomai.apps.recommendations, so dotted paths begin with its name.
_HERE = __package__

# Shares of the events in the validation and the test period; an empty encoder means the setting's.
SPLIT = {"valid_share": 0.1, "test_share": 0.1, "encoder": ""}

GROUPS = {
    "head_items": Group(
        _("Well-known items"), _("What was taken had been taken more than five times before.")
    ),
    "tail_items": Group(
        _("Rarely taken items"), _("What was taken had been taken at most five times before.")
    ),
    "new_customers": Group(_("New customers"), _("Their first events lie in the test period.")),
    "returning_customers": Group(_("Returning customers"), _("They were known before the test period.")),
}

next_item = ModelSpec(
    name=NEXT_ITEM,
    verbose_name=_("Next item"),
    description=_("What a customer turns to next, from what the customer did so far and what items say."),
    train=f"{_HERE}.training.next_item.train_next_item",
    score=f"{_HERE}.scoring.score_shard",
    shards=f"{_HERE}.scoring.shards",
    readiness=f"{_HERE}.readiness.next_item_readiness",
    primary_metric="ndcg@10",
    baseline="popularity",
    gate=Gate(min_gain_over_live=0.01, min_gain_over_baseline=0.05, max_forgetting=0.1),
    offered_schedule=OfferedSchedule(
        label=_("Each night at half past four: go on from the live version with what is new."),
        crontab="30 4 * * *",
        hyperparameters={"is_update": True},
    ),
    groups=GROUPS,
    default_hyperparameters={
        **SPLIT,
        "encoder_precision": "float32",
        "encoder_adaptation": "none",
        "encoder_pretraining": "none",
        "encoder_layers": 0,
        "encoder_is_vocabulary_pruned": False,
        "encoder_max_pairs": 10_000,
        "encoder_minutes": 20,
        "encoder_picture_weight": 0.5,
        "is_refitted": True,
        "is_update": False,
        "dim": 64,
        "n_layers": 1,
        "n_heads": 2,
        "max_length": 50,
        "has_context": False,
        "dropout": 0.2,
        "max_epochs": 20,
        "batch_size": 128,
        "learning_rate": 2e-3,
        "weight_decay": 0.01,
        "patience": 2,
    },
    search_space={
        "dim": Integers(32, 128, step=16),
        "n_layers": Integers(1, 3),
        "max_length": Choices((20, 50, 100)),
        "dropout": Floats(0.0, 0.5),
        "learning_rate": Floats(5e-4, 8e-3, is_log=True),
        "weight_decay": Floats(1e-4, 0.1, is_log=True),
    },
    options={
        "is_update": Option(
            verbose_name=_("Update the live version"),
            help_text=_(
                "Goes on from the network that serves, with what was done since it learned, in a fraction "
                "of the time. Where that cannot be, the training begins anew, and the version says why."
            ),
        ),
        "has_context": Option(
            verbose_name=_("Read types and times of events"),
            help_text=_(
                "Whether something was looked at, put into a basket or bought, and how long after the step "
                "before it. Answers take a little longer."
            ),
        ),
        "encoder_precision": Option(
            verbose_name=_("Numbers of the text encoder"),
            help_text=_(
                "Integers make it smaller and read new texts faster. They are used only where its vectors "
                "stay what they were; what each form costs and keeps is measured, for the version's card."
            ),
            choices={"float32": _("exact (float32)"), "int8": _("integers where they do (int8)")},
        ),
        "encoder_adaptation": Option(
            verbose_name=_("Adapt the text encoder"),
            help_text=_(
                "It learns from what customers of this shop take one after the other. The published one "
                "stays where it finds the next item no better for that."
            ),
            choices={
                "none": _("no"),
                "head": _("a matrix on top"),
                "lora": _("small additions to each layer (LoRA)"),
                "adalora": _("small additions where they matter (AdaLoRA)"),
                "full": _("all of its weights"),
            },
        ),
        "encoder_layers": Option(
            verbose_name=_("Layers of the text encoder"),
            help_text=_(
                "Fewer are faster and know less; those that are left are taught to answer as all did."
            ),
            choices={0: _("all"), 1: "1", 2: "2", 3: "3", 4: "4", 6: "6"},
        ),
        "encoder_is_vocabulary_pruned": Option(
            verbose_name=_("Leave out words that no item has"),
            help_text=_("Makes the text encoder smaller; what it says of known words stays the same."),
        ),
    },
)

similar_items = ModelSpec(
    name=SIMILAR_ITEMS,
    verbose_name=_("Similar items"),
    description=_("What goes with an item: what customers take together, completed by what texts say."),
    train=f"{_HERE}.training.next_item.train_similar_items",
    readiness=f"{_HERE}.readiness.next_item_readiness",
    primary_metric="ndcg@10",
    baseline="popularity",
    gate=Gate(min_gain_over_live=0.01, min_gain_over_baseline=0.05),
    groups=GROUPS,
    default_hyperparameters={
        **SPLIT,
        "n_neighbours": 100,
        "window": 10,
        "step_decay": 0.8,
        "shrinkage": 5.0,
        "text_weight": 0.5,
        "encoder_picture_weight": 0.5,
    },
    search_space={
        "window": Integers(1, 20),
        "step_decay": Floats(0.4, 1.0),
        "shrinkage": Floats(0.5, 50.0, is_log=True),
        "text_weight": Floats(0.0, 1.0),
    },
)

search = ModelSpec(
    name=SEARCH,
    verbose_name=_("Search"),
    description=_("What a search finds: by words, by meaning, and by what others took who searched so."),
    train=f"{_HERE}.training.search.train_search",
    readiness=f"{_HERE}.readiness.search_readiness",
    primary_metric="ndcg@10",
    baseline="bm25",
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.02),
    groups={
        "known_queries": Group(_("Known searches"), _("Somebody had searched so before.")),
        "new_queries": Group(_("New searches"), _("Nobody had searched so before.")),
    },
    default_hyperparameters={
        "valid_share": 0.15,
        "test_share": 0.15,
        "encoder": "",
        "n_trees": 100,
        "n_candidates": 200,
        "reading_minutes": 0,
    },
    options={
        "reading_minutes": Option(
            verbose_name=_("Learn to read query and title together"),
            help_text=_(
                "A transformer learns from what searches led to in which order the first items should come. "
                "It serves only where that helps on later searches, for as long as a search has time."
            ),
            choices={0: _("no"), 10: _("for 10 minutes"), 30: _("for 30 minutes")},
        ),
    },
)

image_encoder = ModelSpec(
    name=IMAGE_ENCODER,
    verbose_name=_("Pictures"),
    description=_(
        "What pictures of items show, so that a picture finds items, and items are compared by theirs too."
    ),
    train=f"{_HERE}.training.pictures.train_image_encoder",
    readiness=f"{_HERE}.readiness.image_encoder_readiness",
    primary_metric="recall@1",
    baseline="colours",
    gate=Gate(min_gain_over_live=0.0, min_gain_over_baseline=0.0),
    is_optional=True,
    default_hyperparameters={"max_pictures": 20_000, "max_epochs": 0, "small_epochs": 0},
    options={
        "max_epochs": Option(
            verbose_name=_("Learn from the shop's pictures"),
            help_text=_(
                "A published encoder goes on learning which picture belongs to which text. It stays as it "
                "was where it finds pictures that were kept aside no better for that. Slow without a GPU."
            ),
            choices={0: _("no"), 1: _("once through all"), 3: _("3 times"), 10: _("10 times")},
        ),
    },
)

ranker = ModelSpec(
    name=RANKER,
    verbose_name=_("Order of candidates"),
    description=_(
        "In which order pipelines show what their sources name: from what visitors took of answers, and "
        "from what customers did next where the log says too little. Purchases count more than baskets, "
        "baskets more than clicks and looks. Of trees and a transformer, the better is kept."
    ),
    train=f"{_HERE}.training.ranker.train_ranker",
    readiness=f"{_HERE}.readiness.next_item_readiness",
    primary_metric="ndcg@10",
    baseline="popularity",
    gate=Gate(min_gain_over_live=0.01, min_gain_over_baseline=0.05),
    is_optional=True,
    default_hyperparameters={**SPLIT, "sequence_epochs": 5, "dim": 64},
)

SEES_ANSWERS = (
    "ecomai_recommendations.view_answer",
    "ecomai_recommendations.view_batchrecommendation",
    "ecomai_recommendations.view_dailyfigures",
    "ecomai_recommendations.view_dailyexposure",
    "ecomai_recommendations.view_feedback",
    "ecomai_recommendations.view_replay",
    "ecomai_recommendations.view_seodraft",
    "ecomai_recommendations.view_searchlog",
    "ecomai_recommendations.view_synonym",
)

EDITS_SYNONYMS = (
    "ecomai_recommendations.add_synonym",
    "ecomai_recommendations.change_synonym",
    "ecomai_recommendations.delete_synonym",
)

# A back-test reads the log and writes nothing but its own report.
TRIES_OUT = ("ecomai_recommendations.add_replay",)
APPROVES_TEXTS = (
    "ecomai_recommendations.change_seodraft",
    "ecomai_recommendations.approve_seodraft",
)

favourite_categories = FactSpec(
    name=FAVOURITE_CATEGORIES,
    entity="customer",
    type="json",
    purposes=frozenset({"recommendations", "marketing", "support"}),
    time_to_live=timedelta(days=30),
    default=[],
    verbose_name=_("Favourite categories"),
)

EDITS_PIPELINES = (
    "ecomai_recommendations.view_pipeline",
    "ecomai_recommendations.add_pipeline",
    "ecomai_recommendations.change_pipeline",
    "ecomai_recommendations.delete_pipeline",
    "ecomai_recommendations.put_pipeline_live",
)

scenario = Scenario(
    name="recommendations",
    verbose_name=_("Recommendations"),
    models=(next_item, similar_items, search, image_encoder, ranker),
    facts=(favourite_categories,),
    capabilities={
        "Recommender": f"{_HERE}.capabilities.ShopRecommender",
        "Searcher": f"{_HERE}.capabilities.ShopSearcher",
        "PictureSearcher": f"{_HERE}.capabilities.ShopPictureSearcher",
    },
    eraser=f"{_HERE}.services.privacy.erase",
    exporter=f"{_HERE}.services.privacy.export",
    cards=f"{_HERE}.cards.cards",
    doctor=f"{_HERE}.doctor.findings",
    urls=f"{_HERE}.urls",
    group_permissions={
        "analyst": (*SEES_ANSWERS, *TRIES_OUT, "ecomai_recommendations.view_pipeline"),
        "merchandiser": (*SEES_ANSWERS, *TRIES_OUT, *APPROVES_TEXTS, *EDITS_SYNONYMS, *EDITS_PIPELINES),
        "support_agent": ("ecomai_recommendations.view_answer",),
        "marketer": SEES_ANSWERS,
    },
    benchmarks={
        "sequential": f"{_HERE}.benchmarks.sequential.sequential",
        "basket": f"{_HERE}.benchmarks.basket.basket",
        "search": f"{_HERE}.benchmarks.search.search",
        "long_tail": f"{_HERE}.benchmarks.long_tail.long_tail",
        "vectors": f"{_HERE}.benchmarks.vectors.vectors",
        "encoder": f"{_HERE}.benchmarks.encoder.encoder",
        "encoder_adaptation": f"{_HERE}.benchmarks.encoder_adaptation.encoder_adaptation",
        "faithfulness": f"{_HERE}.benchmarks.faithfulness.faithfulness",
        "training": f"{_HERE}.benchmarks.training.training",
        "serving": f"{_HERE}.benchmarks.serving.serving",
        "pipeline": f"{_HERE}.benchmarks.pipeline.pipeline",
        "ingest": f"{_HERE}.benchmarks.ingest.ingest",
        "scoring": f"{_HERE}.benchmarks.scoring.scoring",
        "growth": f"{_HERE}.benchmarks.growth.growth",
    },
    arm_choices=f"{_HERE}.arms.arm_choices",
    seed_demo=f"{_HERE}.demo.seed_demo",
)
