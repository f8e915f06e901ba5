"""Past traffic answered once more, by a configuration that is not live yet."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted
from ecomai.registry.models import AbstractBacktest


class Replay(Storefronted, AbstractBacktest):
    """A back-test: logged answers of a period given anew by a draft and by what is live, and judged."""

    configuration = models.JSONField(
        _("configuration"), help_text=_('What an arm of an experiment has, such as {"source": "similar"}.')
    )
    placement = models.CharField(_("placement"), max_length=64, blank=True, default="")
    n_answers = models.PositiveIntegerField(
        _("answers"), default=500, help_text=_("So many answers are drawn at random from the period.")
    )
    k = models.PositiveSmallIntegerField(_("items in an answer"), default=10)
    random_state = models.PositiveIntegerField(_("seed"), default=0)

    class Meta(AbstractBacktest.Meta):
        indexes = [models.Index(fields=["-created_at"], name="ecomai_rec_replay_time")]
