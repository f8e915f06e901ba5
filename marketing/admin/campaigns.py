"""The admin's pages of campaigns: drafts with their texts, start and stop, and what a campaign brought."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages
from ecomai.registry.services.access import write_audit

from ..channels import what_is_missing
from ..exceptions import AdTargetError, TemplateError
from ..mails import VARIABLES, compile_text
from ..models import Campaign, CampaignVariant, Channel, Segment, Topic, WebhookEndpoint
from ..pages import campaigns as pages
from ..services import campaigns as services
from ..services.ads.groups import check_target

State = Campaign.State

ACTIONS = {
    "start": ConfirmedAction(
        label=_("Start"),
        question=_("The messages go out now, but to the holdout. Start the campaign?"),
        done=_("The campaign is on its way."),
        perform=services.start_campaign,
    ),
    "schedule": ConfirmedAction(
        label=_("Schedule"),
        question=_("The campaign starts by itself at its time, but for the holdout. Schedule it?"),
        done=_("The campaign is scheduled."),
        perform=services.schedule_campaign,
    ),
    "unschedule": ConfirmedAction(
        label=_("Do not start it by itself"),
        question=_("It is a draft again, and nothing starts it by itself. Take it off the schedule?"),
        done=_("The campaign is a draft again."),
        perform=services.unschedule_campaign,
    ),
    "pause": ConfirmedAction(
        label=_("Pause"),
        question=_("No more mails go out until somebody starts it again. Pause the campaign?"),
        done=_("The campaign is paused."),
        perform=services.pause_campaign,
    ),
    "stop": ConfirmedAction(
        label=_("Stop"),
        question=_("Who has not got a mail by now gets none, and that cannot be undone. Stop the campaign?"),
        done=_("The campaign is stopped."),
        perform=services.stop_campaign,
    ),
    "send-unsure": ConfirmedAction(
        label=_("Send the unsure ones again"),
        question=_(
            "Nobody knows whether these mails went out; some customers may get theirs twice. Send them again?"
        ),
        done=_("They wait to be sent again."),
        perform=services.send_unsure_again,
    ),
}
#: What can be done in which state.
POSSIBLE = {
    State.DRAFT: ["start"],
    State.SCHEDULED: ["unschedule", "start"],
    State.SENDING: ["pause", "stop"],
    State.PAUSED: ["start", "stop"],
    State.STOPPED: [],
    State.FINISHED: [],
}


class VariantForm(forms.ModelForm):
    """A text that can be filled in, or a sentence that says why not."""

    class Meta:
        model = CampaignVariant
        fields = ("name", "subject", "body", "weight", "target_url", "offer_percent", "offer_days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "subject" in self.fields:
            text = gettext("May name: %(names)s, as in {{ name }}.")
            self.fields["subject"].help_text = text % {"names": ", ".join(VARIABLES)}

    def clean_subject(self) -> str:
        return _checked(self.cleaned_data["subject"])

    def clean_body(self) -> str:
        return _checked(self.cleaned_data["body"])

    def clean_target_url(self) -> str:
        address: str = self.cleaned_data["target_url"].strip()
        try:
            if address:
                check_target(address)
        except AdTargetError as error:
            raise forms.ValidationError(str(error)) from error
        return address


def _checked(text: str) -> str:
    try:
        compile_text(text)
    except TemplateError as error:
        raise forms.ValidationError(str(error)) from error
    return text


class CampaignForm(forms.ModelForm):
    """A campaign that could go out by its channel, or a sentence that says why not."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = Campaign(
            **{name: cleaned.get(name) or "" for name in ("channel", "slot")},
            endpoint=cleaned.get("endpoint"),
        )
        # What a mail needs is set up apart, and said where it is started.
        if given.channel and given.channel != Channel.EMAIL:
            for reason in what_is_missing(given):
                sentence = gettext("It cannot be sent by this channel: %(reason)s")
                self.add_error("channel", sentence % {"reason": reason})
        return cleaned

    def clean_send_at(self) -> Any:
        send_at = self.cleaned_data["send_at"]
        if send_at is not None and send_at <= timezone.now():
            raise forms.ValidationError(gettext("This time is over. Choose one that is to come."))
        return send_at


class VariantInline(admin.StackedInline):
    """Drafts alone can be changed; permissions are those of the campaign."""

    model = CampaignVariant
    form = VariantForm
    extra = 0
    min_num = 1

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ecomai_marketing.view_campaign")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ecomai_marketing.add_campaign")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ecomai_marketing.change_campaign")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Campaign)
class CampaignAdmin(OwnPages):
    address_prefix = "ecomai_marketing_campaign"
    form = CampaignForm
    # One field with one label, which needs no script; Django's own pair of fields has none.
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        models.DateTimeField: {
            "form_class": forms.DateTimeField,
            "widget": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }
    }
    list_display = ["name", "channel", "segment", "state", "holdout_share", "started_at", "finished_at"]
    list_filter = ["state", "channel", "started_at"]
    list_select_related = ["segment"]
    search_fields = ["name"]
    ordering = ["-pk"]
    fieldsets = [
        (None, {"fields": ["name", "segment", "storefront", "holdout_share", "effect_days", "send_at"]}),
        (_("By which way"), {"fields": ["channel", "endpoint", "slot", "most_views", "topic"]}),
        (_("What it costs"), {"fields": ["cost_per_message", "fixed_cost", "margin_share"]}),
        (_("When it stops by itself"), {"fields": ["stops_at_harm"]}),
        (_("Only where it pays"), {"fields": ["is_targeted", "explored_share"]}),
    ]
    inlines = [VariantInline]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        """Messages of journeys are told on the pages of those."""
        return super().get_queryset(request).filter(journey=None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was sent stays on record."""
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "segment":
            kwargs["queryset"] = Segment.objects.filter(is_archived=False).order_by("name")
        if db_field.name == "endpoint":
            kwargs["queryset"] = WebhookEndpoint.objects.filter(is_active=True).order_by("name")
        if db_field.name == "topic":
            kwargs["queryset"] = Topic.objects.filter(is_active=True).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        if not change:
            obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)
        action = "campaign_changed" if change else "campaign_created"
        write_audit(action=action, subject=obj, user=request.user)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A draft is a form; from its start on a campaign is a report."""
        campaign = self.row(request, object_id)
        is_edited = request.GET.get("edit") == "1" or request.method == "POST"
        if campaign.state == State.DRAFT and is_edited:
            return super().change_view(request, object_id, form_url, extra_context)
        context = pages.context(campaign) | {
            "may_change": campaign.state == State.DRAFT and self.has_change_permission(request, campaign),
            "possible": [(name, ACTIONS[name].label) for name in self._possible(request, campaign)],
        }
        return self.page(request, "admin/ecomai_marketing/campaign.html", campaign.name, **context)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing of a campaign changes once it has begun: its report would tell of something else."""
        has_begun = obj is not None and obj.state != State.DRAFT
        return not has_begun and super().has_change_permission(request, obj)

    # -- start, pause, stop --

    def own_urls(self) -> list[URLPattern]:
        return [self.address("<int:pk>/act/<str:action>/", self.action_view, "action")]

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        campaign = self.row(request, pk)
        if not request.user.has_perm("ecomai_marketing.send_campaign"):
            raise PermissionDenied
        if action not in ACTIONS:
            raise Http404
        try:
            return ask_then_act(
                self, request, ACTIONS[action], about=campaign, back=campaign_url(campaign),
                reasons=lambda: pages.reasons(campaign) if action in ("start", "schedule") else (),
                campaign=campaign, user=request.user,
            )  # fmt: skip
        except PermissionDeniedError as error:
            raise PermissionDenied from error

    def _possible(self, request: HttpRequest, campaign: Campaign) -> list[str]:
        if not request.user.has_perm("ecomai_marketing.send_campaign"):
            return []
        possible = list(POSSIBLE[State(campaign.state)])
        if campaign.state == State.DRAFT and campaign.send_at and campaign.send_at > timezone.now():
            possible.append("schedule")
        if campaign.state in (State.SENDING, State.PAUSED) and pages.n_unsure(campaign):
            possible.append("send-unsure")
        return possible


def campaign_url(campaign: Campaign) -> str:
    return reverse("admin:ecomai_marketing_campaign_change", args=[campaign.pk])
