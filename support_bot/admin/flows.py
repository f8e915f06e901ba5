"""The admin's pages of flows: the next version, what it would have said, and putting one live."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ecomai.registry.admin.base import badge
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages

from ..exceptions import InvalidFlowError
from ..flows.definitions import read_definition
from ..flows.replaying import replay
from ..models import Flow, FlowVersion
from ..pages import flow_builder
from ..pages import flows as pages
from ..services.flows import PUT_LIVE, put_live, save_version, switch_off

PREFIX = "ecomai_support_bot_flow"
TEMPLATES = "admin/ecomai_support_bot"
LONGEST_DEFINITION = 50_000
SEE_CONVERSATIONS = "ecomai_support_bot.view_conversation"
#: In a flow's address: the version whose replay is shown.
REPLAYED = "replay"
FIRST = {"intents": ["find_product"], "steps": [{"do": "say", "text": {"en": "Hello!", "zh-hans": "您好！"}}]}

GO_LIVE = ConfirmedAction(
    label=gettext_lazy("Put live"),
    question=gettext_lazy(
        "From the next message on the flow does what this version says. Conversations in the middle of an "
        "earlier version end by that one. Put it live?"
    ),
    done=gettext_lazy("The version is live."),
    perform=put_live,
)
SWITCH_OFF = ConfirmedAction(
    label=gettext_lazy("Switch off"),
    question=gettext_lazy("The flow begins no more until a version is put live again. Switch it off?"),
    done=gettext_lazy("The flow is switched off."),
    perform=switch_off,
)


class FlowBuilder(forms.Textarea):
    """Steps as form fields with their picture; the JSON that they are kept as stays in reach."""

    template_name = f"{TEMPLATES}/flow_builder.html"

    class Media:
        css = {"all": ["ecomai/console/console.css", "ecomai/console/steps.css"]}
        js = ("ecomai/console/steps.js", "ecomai/support_bot/flow_builder.js")

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, value, attrs) | {"builder": flow_builder.builder_context()}


class FlowForm(forms.ModelForm):
    definition = forms.CharField(
        label=gettext_lazy("Steps"), max_length=LONGEST_DEFINITION,
        widget=FlowBuilder(attrs={"rows": 26, "cols": 100, "spellcheck": "false"}),
        help_text=gettext_lazy("What is saved is the next version, and not live yet."),
    )  # fmt: skip
    note = forms.CharField(
        label=gettext_lazy("What is new"), max_length=200, required=False,
        widget=forms.TextInput(attrs={"size": 80}),
    )  # fmt: skip

    class Meta:
        model = Flow
        fields = ("title", "name", "place")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "definition" in self.fields:
            self.fields["definition"].initial = _pretty(_newest_definition(self.instance))

    def clean_definition(self) -> Any:
        """Return what is to be kept, or say what is wrong with it."""
        try:
            definition = json.loads(self.cleaned_data["definition"])
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This is no JSON: %(problem)s") % {"problem": error}) from error
        try:
            read_definition(definition)
        except InvalidFlowError as error:
            raise forms.ValidationError(str(error.params.get("reason", error))) from error
        return definition


def _newest_definition(flow: Flow) -> Any:
    newest = flow.versions.order_by("-number").first() if flow.pk else None
    return newest.definition if newest else FIRST


#: The order in which a flow is written; the database keeps none.
_WRITTEN = (
    "intents", "when", "do", "slot", "kind", "tool", "question", "text", "value", "label", "arguments",
    "options", "steps",
)  # fmt: skip


def _pretty(definition: Any) -> str:
    return json.dumps(_in_order(definition), indent=2, ensure_ascii=False)


def _in_order(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_order(one) for one in value]
    if not isinstance(value, dict):
        return value
    first = [name for name in _WRITTEN if name in value]
    rest = [name for name in value if name not in _WRITTEN]
    return {name: _in_order(value[name]) for name in (*first, *rest)}


@admin.register(Flow)
class FlowAdmin(OwnPages):
    """Flows with their versions."""

    address_prefix = PREFIX
    form = FlowForm
    list_display = ("title", "name", "place", "live", "n_versions")
    search_fields = ("name", "title")
    ordering = ("place", "name")
    actions = None
    change_form_template = f"{TEMPLATES}/flow_form.html"
    fieldsets = (
        (None, {"fields": (("title", "name"), "place")}),
        (gettext_lazy("The next version"), {"fields": ("definition", "note")}),
    )

    class Media:
        css = {"all": ["ecomai/registry/admin.css", "ecomai/support_bot/flows.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        rows = super().get_queryset(request).select_related("live_version")
        return rows.annotate(n=Count("versions"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look sees the versions and no field for the next one."""
        can_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return super().get_fieldsets(request, obj) if can_write else self.fieldsets[:1]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A flow is switched off; its versions stay, so that conversations can be read."""
        return False

    @admin.display(description=gettext_lazy("live"))
    def live(self, flow: Flow) -> SafeString:
        if flow.live_version is None:
            return badge("stopped", _("off"))
        return badge("live", _("version %(n)s") % {"n": flow.live_version.number})

    @admin.display(description=gettext_lazy("versions"))
    def n_versions(self, flow: Any) -> int:
        return int(flow.n)

    def save_model(self, request: HttpRequest, obj: Flow, form: Any, change: bool) -> None:
        """Keep title and place at once, and the steps as the next version."""
        super().save_model(request, obj, form, change)
        data = form.cleaned_data
        before = obj.versions.count()
        version = save_version(obj, definition=data["definition"], note=data["note"], user=request.user)
        if obj.versions.count() > before:
            text = _("Version %(n)s is saved, and not live yet. Replay it before you put it live.")
            messages.info(request, text % {"n": version.number})

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        may_replay = request.user.has_perm(SEE_CONVERSATIONS)
        context |= {"may_replay": may_replay}
        if obj is not None:
            context |= pages.flow_context(obj) | {
                "may_put_live": request.user.has_perm(PUT_LIVE),
                "replayed": obj.versions.filter(number=_number(request.GET.get(REPLAYED))).first(),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def response_add(self, request: HttpRequest, obj: Flow, post_url_continue: Any = None) -> HttpResponse:
        return self._to_replay(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Flow) -> HttpResponse:
        return self._to_replay(request, obj) or super().response_change(request, obj)

    def _to_replay(self, request: HttpRequest, flow: Flow) -> HttpResponse | None:
        """Where “Save and replay” was pressed, the flow's page with the newest version's replay."""
        newest = flow.versions.order_by("-number").first()
        if "_replay" not in request.POST or newest is None:
            return None
        return HttpResponseRedirect(f"{change_url(flow)}?{REPLAYED}={newest.number}#replayed")

    # -- pages --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("preview/", require_POST(self.preview_view), "preview"),
            self.address("<int:pk>/off/", self.off_view, "off"),
            self.address("<int:pk>/versions/<int:number>/live/", self.live_view, "live"),
            self.address("<int:pk>/versions/<int:number>/replay/", self.replay_view, "replay"),
        ]

    def off_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        flow = self._flow(request, pk)
        return ask_then_act(
            self, request, SWITCH_OFF, about=flow, back=change_url(flow), flow=flow, user=request.user
        )

    def live_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        flow = self._flow(request, pk)
        version = _version(flow, number)
        return ask_then_act(
            self, request, GO_LIVE, about=version, back=change_url(flow), version=version, user=request.user
        )

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Draw steps that are being built, and say what is to be mended."""
        if not (self.has_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        context = flow_builder.preview_context(request.POST.get("definition", "")[:LONGEST_DEFINITION])
        return TemplateResponse(request, f"{TEMPLATES}/flow_preview.html", context)

    def replay_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """Show what a version would have said in past conversations; nothing is done or kept.

        Asked from the flow's own page it is a part of that page.
        """
        flow = self.row(request, pk)
        if not request.user.has_perm(SEE_CONVERSATIONS):
            raise PermissionDenied
        if request.method != "GET":
            return HttpResponseRedirect(request.path)
        version = _version(flow, number)
        title = _("Replay of %(version)s") % {"version": version}
        is_part = request.headers.get("HX-Request") == "true"
        template = "flow_replayed" if is_part else "flow_replay"
        return self.page(
            request, f"{TEMPLATES}/{template}.html", title, flow=flow, version=version,
            is_part=is_part, may_put_live=request.user.has_perm(PUT_LIVE),
            **pages.replay_context(replay(version)),
        )  # fmt: skip

    def _flow(self, request: HttpRequest, pk: int) -> Flow:
        if not request.user.has_perm(PUT_LIVE):
            raise PermissionDenied
        flow: Flow = self.row(request, pk)
        return flow


def _version(flow: Flow, number: int) -> FlowVersion:
    version = flow.versions.filter(number=number).first()
    if version is None:
        raise Http404
    version.flow = flow
    return version


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


def change_url(flow: Flow) -> str:
    return reverse(f"admin:{PREFIX}_change", args=[flow.pk])
