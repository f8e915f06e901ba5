"""Past traffic answered once more, by a configuration that is not live yet."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted
from ecomai.registry.models import Job


class Replay(Storefronted):
    """A back-test: logged answers of a period given anew by a draft and by what is live, and judged."""

    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    configuration = models.JSONField(
        _("configuration"), help_text=_('What an arm of an experiment has, such as {"source": "similar"}.')
    )
    placement = models.CharField(_("placement"), max_length=64, blank=True, default="")
    period_start = models.DateTimeField(_("from"))
    period_end = models.DateTimeField(_("until"))
    n_answers = models.PositiveIntegerField(
        _("answers"), default=500, help_text=_("So many answers are drawn at random from the period.")
    )
    k = models.PositiveSmallIntegerField(_("items in an answer"), default=10)
    random_state = models.PositiveIntegerField(_("seed"), default=0)
    job = models.OneToOneField(
        Job, verbose_name=_("job"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    partial = models.JSONField(default=dict, editable=False)
    report = models.JSONField(_("report"), default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("started by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("started"), default=timezone.now)

    class Meta:
        verbose_name = _("back-test")
        verbose_name_plural = _("back-tests")
        default_permissions = ("add", "view", "delete")
        indexes = [models.Index(fields=["-created_at"], name="ecomai_rec_replay_time")]

    def __str__(self) -> str:
        return self.name or f"{self.created_at:%Y-%m-%d %H:%M}"
