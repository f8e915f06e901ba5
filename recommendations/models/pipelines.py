"""What is shown at a placement, and how it comes about: candidate sources, a ranker, and rules."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Item, Storefronted
from ecomai.conditions import ConditionError

SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]
MOST_CANDIDATES = 500


class Pipeline(Storefronted):
    """How one placement of a storefront is filled. One at most is live; what was live stays as it was."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", _("live")
        RETIRED = "retired", _("retired")

    class Ranker(models.TextChoices):
        MODEL = "model", _("the trained ranker, where one is live")
        BLEND = "blend", _("a mixture of what the sources say")

    class BoughtPolicy(models.TextChoices):
        SETTINGS = "settings", _("as the settings say")
        EXCLUDE = "exclude", _("leave it out")
        LAST = "last", _("show it last")
        KEEP = "keep", _("show it like anything else")

    name = models.CharField(_("name"), max_length=100)
    placement = models.CharField(
        _("placement"), max_length=64,
        help_text=_("As the shop's pages name it: home, item, basket, search, email, chat."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT, editable=False)
    ranker = models.CharField(
        _("order"), max_length=16, choices=Ranker, default=Ranker.MODEL,
        help_text=_("Who puts the candidates in order."),
    )  # fmt: skip
    diversity = models.FloatField(
        _("diversity"), default=0.2, validators=SHARE,
        help_text=_("From 0, where the best come first however alike, to 1, where no two are alike."),
    )  # fmt: skip
    most_per_category = models.PositiveSmallIntegerField(
        _("most of one category"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("So many of the shown items, as long as others have something. Empty: any number."),
    )  # fmt: skip
    most_per_brand = models.PositiveSmallIntegerField(
        _("most of one brand"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("So many of the shown items, as long as others have something. Empty: any number."),
    )  # fmt: skip
    bought_policy = models.CharField(
        _("what was bought already"), max_length=16, choices=BoughtPolicy, default=BoughtPolicy.SETTINGS
    )
    cap_shown = models.PositiveSmallIntegerField(
        _("shown so many times"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("After so many times without a click an item is left out for a while. Empty: never."),
    )  # fmt: skip
    cap_days = models.PositiveSmallIntegerField(
        _("within so many days"), default=7, validators=[MinValueValidator(1), MaxValueValidator(90)]
    )
    tail_share = models.FloatField(
        _("share of rarely shown and new items"), null=True, blank=True, validators=SHARE,
        help_text=_(
            "From 0 to 1. So many of the places go to items that are hardly ever shown, those that fit best. "
            "Empty: as it comes."
        ),
    )  # fmt: skip
    copied_from = models.ForeignKey(
        "self", verbose_name=_("copied from"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)
    live_since = models.DateTimeField(_("live since"), null=True, blank=True, editable=False)
    put_live_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("put live by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("pipeline")
        verbose_name_plural = _("pipelines")
        permissions = [("put_pipeline_live", _("Can put pipelines live, and roll back to earlier ones"))]
        constraints = [
            models.UniqueConstraint(
                fields=["storefront", "placement"], condition=models.Q(state="live"),
                name="ecomai_pipeline_one_live",
            ),
            models.CheckConstraint(
                condition=models.Q(diversity__gte=0, diversity__lte=1), name="ecomai_pipeline_diversity"
            ),
            models.CheckConstraint(
                condition=models.Q(tail_share__isnull=True) | models.Q(tail_share__gte=0, tail_share__lte=1),
                name="ecomai_pipeline_tail_share",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def is_live(self) -> bool:
        return self.state == self.State.LIVE


class PipelineSource(models.Model):
    """Where candidates come from, and how many of them."""

    class Kind(models.TextChoices):
        SEQUENCE = "sequence", _("what the customer takes next (model)")
        SIMILAR = "similar", _("similar items")
        TOGETHER = "together", _("bought together")
        TRENDING = "trending", _("popular lately")
        NEW = "new", _("new arrivals")
        REBUY = "rebuy", _("bought before")

    #: What a source counts in a mixture, where nobody says otherwise.
    WEIGHTS = {"sequence": 1.0, "similar": 0.6, "together": 0.6, "trending": 0.2, "new": 0.1, "rebuy": 0.4}

    pipeline = models.ForeignKey(
        Pipeline, verbose_name=_("pipeline"), on_delete=models.CASCADE, related_name="sources"
    )
    kind = models.CharField(_("source"), max_length=16, choices=Kind)
    n_items = models.PositiveSmallIntegerField(
        _("candidates"), default=50,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_CANDIDATES)],
        help_text=_("The best so many of them."),
    )  # fmt: skip
    weight = models.FloatField(
        _("weight"), default=1.0, validators=[MinValueValidator(0.0), MaxValueValidator(100.0)],
        help_text=_("What it counts in the mixture, where no trained ranker orders."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("candidate source")
        verbose_name_plural = _("candidate sources")
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "kind"], name="ecomai_pipeline_source_once")
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())


class Rule(models.Model):
    """What a merchandiser wants of some items: an item by itself, or all that a condition says."""

    class Action(models.TextChoices):
        EXCLUDE = "exclude", _("leave out")
        BOOST = "boost", _("boost")
        BURY = "bury", _("bury")
        PIN = "pin", _("pin to a place")

    pipeline = models.ForeignKey(
        Pipeline, verbose_name=_("pipeline"), on_delete=models.CASCADE, related_name="rules"
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("Told where it moved an item."))
    action = models.CharField(_("action"), max_length=16, choices=Action)
    item = models.ForeignKey(
        Item, verbose_name=_("one item"), null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    condition = models.CharField(
        _("or all items where"), max_length=500, blank=True, default="",
        help_text=_("Such as: price < 20 and \"Coffee\" in categories"),
    )  # fmt: skip
    factor = models.FloatField(
        _("factor"), default=2.0, validators=[MinValueValidator(0.01), MaxValueValidator(100.0)],
        help_text=_("Of a boost: what the score is multiplied by."),
    )  # fmt: skip
    position = models.PositiveSmallIntegerField(
        _("place"), default=1, validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Of a pin: 1 is the first."),
    )  # fmt: skip
    is_on = models.BooleanField(_("on"), default=True)

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(item__isnull=True) ^ models.Q(condition=""), name="ecomai_rule_of_one_kind"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Say what is wrong with a condition before anybody is shown what comes of it."""
        from ..pipeline.rules import LANGUAGE

        self.condition = self.condition.strip()
        if bool(self.condition) == (self.item_id is not None):
            raise ValidationError(_("Name one item, or write a condition; a rule has one of the two."))
        if self.condition:
            try:
                LANGUAGE.compile(self.condition)
            except ConditionError as error:
                raise ValidationError({"condition": str(error)}) from error
