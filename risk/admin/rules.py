"""The admin's pages of rules: write one, see at once what it would have met, and put it to work."""

from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, reverse
from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ecomai.conditions import ConditionError
from ecomai.exceptions import EcomaiError
from ecomai.registry.admin.base import act, badge
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages

from ..facts import LANGUAGE, described_facts
from ..models import Decision, Kind, Rule
from ..services import rule_versions
from ..services.dry_runs import MOST_ASSESSMENTS, DryRun, dry_run
from ..services.rule_counts import hits_of

APP = "ecomai_risk"
State = Rule.State
BADGES = {State.DRAFT: "draft", State.SHADOW: "shadow", State.LIVE: "live", State.RETIRED: "stopped"}
PERIODS = (1, 7, 30, 90, 365)
EXAMPLES = (
    "amount > 500 and card_payments_1h >= 3",
    'shipping_country not in ["DE", "AT"] and probability > 0.4',
    '"block" in lists or fraud_distance <= 1',
    'email_domain == "mail.example" and own_orders == 0',
)


@dataclass(frozen=True, kw_only=True)
class RuleAction(ConfirmedAction):
    """Before an action that `is_warned`, a person is told what may be wrong with the rule."""

    is_warned: bool = False


ACTIONS = {
    "shadow": RuleAction(
        label=gettext_lazy("Run in shadow"),
        question=gettext_lazy(
            "It is asked at each assessment and counted, and decides nothing. The version stays as it is "
            "from now on. Run it in shadow?"
        ),
        done=gettext_lazy("The rule runs in shadow."),
        perform=rule_versions.put_in_shadow,
    ),
    "go-live": RuleAction(
        label=gettext_lazy("Go live"),
        question=gettext_lazy(
            "It decides within a second in every process, as far as the policy of a kind is live. What is "
            "live of this rule now is retired. Put it live?"
        ),
        done=gettext_lazy("The rule is live."),
        perform=rule_versions.put_rule_live,
        is_warned=True,
    ),
    "retire": RuleAction(
        label=gettext_lazy("Retire"),
        question=gettext_lazy("It is asked no more, within a second, and stays to be read. Retire it?"),
        done=gettext_lazy("The rule is retired."),
        perform=rule_versions.retire_rule,
    ),
}
#: What can be done with a rule in each state.
POSSIBLE = {
    State.DRAFT: ("shadow", "go-live"), State.SHADOW: ("go-live", "retire"), State.LIVE: ("retire",),
    State.RETIRED: (),
}  # fmt: skip


class RuleForm(forms.ModelForm):
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("About"), choices=Kind.choices, widget=forms.CheckboxSelectMultiple,
        initial=[Kind.PAYMENT_FRAUD],
    )  # fmt: skip

    class Meta:
        model = Rule
        fields = (
            "name", "storefront", "kinds", "condition", "action", "order", "reason_code", "reason",
            "starts_at", "ends_at",
        )  # fmt: skip
        widgets = {
            "condition": forms.Textarea(attrs={
                "rows": 3, "cols": 80, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "off",
                "data-risk-condition": "",
            }),
            "reason": forms.TextInput(attrs={"size": 80}),
        }  # fmt: skip


@admin.register(Rule)
class RuleAdmin(OwnPages):
    address_prefix = f"{APP}_rule"
    form = RuleForm
    list_display = (
        "what", "number", "state_badge", "shown_kinds", "condition", "action", "order", "dates", "trouble",
    )  # fmt: skip
    list_filter = ("state", "action", "storefront")
    search_fields = ("name", "condition", "reason_code")
    ordering = ("order", "name", "-number")
    actions = None
    list_per_page = 50
    show_full_result_count = False
    change_list_template = "ecomai/risk/rule_list.html"
    change_form_template = "ecomai/risk/rule_form.html"
    fieldsets = (
        (None, {"fields": (("name", "storefront"), "kinds", "condition")}),
        (gettext_lazy("What is done"), {"fields": (("action", "order"), ("reason", "reason_code"))}),
        (gettext_lazy("Only for some time"), {"fields": (("starts_at", "ends_at"),)}),
    )

    class Media:
        css = {"all": ["ecomai/registry/admin.css", "ecomai/risk/rules.css"]}
        js = ["ecomai/risk/rules.js"]

    # -- who may what --

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was at work stays as it was, so that the log can be read; the page says so."""
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_draft)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A version after the first belongs to its rule."""
        return ("name", "storefront") if obj is not None and obj.number > 1 else ()

    # -- the list --

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            "title": capfirst(self.opts.verbose_name_plural),
            "may_plant": self.has_add_permission(request) and not Rule.objects.exists(),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    @admin.display(description=gettext_lazy("rule"), ordering="name")
    def what(self, rule: Rule) -> str:
        return rule.name

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, rule: Rule) -> SafeString:
        return badge(BADGES[State(rule.state)], rule.get_state_display())

    @admin.display(description=gettext_lazy("about"))
    def shown_kinds(self, rule: Rule) -> str:
        if set(rule.kinds) == set(Kind.values):
            return _("everything")
        return ", ".join(str(Kind(kind).label) for kind in rule.kinds if kind in Kind.values)

    @admin.display(description=gettext_lazy("holds"))
    def dates(self, rule: Rule) -> str:
        if not (rule.starts_at or rule.ends_at):
            return "–"
        ends = (rule.starts_at, rule.ends_at)
        start, end = (date_format(localtime(at), "SHORT_DATE_FORMAT") if at else "" for at in ends)
        return f"{start} – {end}".strip()

    @admin.display(description=gettext_lazy("trouble"))
    def trouble(self, rule: Rule) -> SafeString | str:
        return badge("failed", _("failed")) if rule.problem and rule.is_at_work else "–"

    # -- the form --

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name both halves of a moment: Django's own label is that of none of them."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.SplitDateTimeField):
            for part, name in zip(field.widget.widgets, (_("date"), _("time")), strict=True):  # type: ignore[attr-defined]
                part.attrs["aria-label"] = f"{capfirst(db_field.verbose_name)}: {name}"
        return field

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
            obj.number = rule_versions.next_number(storefront=obj.storefront, name=obj.name)
        super().save_model(request, obj, form, change)

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        context |= {
            "facts": described_facts(), "examples": EXAMPLES, "periods": PERIODS,
            "texts": texts(), "addresses": {"dry_run": reverse(f"admin:{APP}_rule_dry_run")},
        }  # fmt: skip
        if obj is not None:
            may_work = request.user.has_perm(rule_versions.PUT_LIVE)
            possible = POSSIBLE[State(obj.state)] if may_work else ()
            context |= {
                "possible": [(name, ACTIONS[name].label) for name in possible],
                "may_copy": self.has_add_permission(request),
                "hits": hits_of(obj),
                "may_backtest": request.user.has_perm(f"{APP}.add_backtest"),
                "versions": Rule.objects.filter(storefront=obj.storefront, name=obj.name).order_by("-number"),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    # -- pages --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("dry-run/", self.dry_run_view, "dry_run"),
            self.address("usual/", require_POST(self.usual_view), "usual"),
            self.address("<int:pk>/copy/", require_POST(self.copy_view), "copy"),
            self.address("<int:pk>/do/<slug:action>/", self.action_view, "action"),
        ]

    def dry_run_view(self, request: HttpRequest) -> HttpResponse:
        """Answer, as JSON, what is wrong with a condition, or what it would have met."""
        self.check_view(request)
        asked = request.POST if request.method == "POST" else request.GET
        text = asked.get("condition", "").strip()
        try:
            if asked.get("count") != "1":
                LANGUAGE.compile(text)
                return JsonResponse({"problem": ""})
            found = dry_run(
                text, kinds=asked.getlist("kinds"), storefront=asked.get("storefront", ""), days=_days(asked)
            )
        except ConditionError as error:
            return JsonResponse({"problem": str(error)})
        return JsonResponse({"problem": "", **_told(found)})

    def usual_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        back = reverse(f"admin:{APP}_rule_changelist")
        done = _("These are drafts: look at each, and put live what suits you.")
        return act(request, lambda: rule_versions.plant_usual_rules(user=request.user), done=done, back=back)

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule = self.row(request, pk)
        try:
            draft = rule_versions.copy_rule(rule=rule, user=request.user)
        except EcomaiError as error:
            raise PermissionDenied from error
        messages.success(request, _("This is the draft of the next version."))
        return HttpResponseRedirect(change_url(draft))

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Ask once more on GET, do it on POST."""
        rule = self.row(request, pk)
        if action not in ACTIONS:
            raise Http404
        if not request.user.has_perm(rule_versions.PUT_LIVE):
            raise PermissionDenied
        chosen = ACTIONS[action]
        return ask_then_act(
            self, request, chosen, about=rule, back=change_url(rule),
            reasons=lambda: rule_versions.warnings_of(rule) if chosen.is_warned else [],
            rule=rule, user=request.user,
        )  # fmt: skip


def change_url(rule: Rule) -> str:
    return reverse(f"admin:{APP}_rule_change", args=[rule.pk])


def _days(asked: Any) -> int:
    days = asked.get("days", "")
    return int(days) if days in {str(period) for period in PERIODS} else 30


def _told(found: DryRun) -> dict[str, Any]:
    """What a dry run says, in words, for a page that only shows it."""
    numbers = {"hits": found.n_hits, "asked": found.n_asked, "fraud": found.n_fraud, "honest": found.n_honest}
    told = {name: number_format(value, force_grouping=True) for name, value in numbers.items()}
    told["percent"] = number_format(round(100 * found.share, 1), 1)
    sentences = [_("It would have met %(hits)s of %(asked)s assessments (%(percent)s %%).") % told]
    if not found.n_asked:
        sentences = [_("Nothing was assessed in this period.")]
    if found.n_fraud or found.n_honest:
        sentences.append(_("Known by now: %(fraud)s of them fraud, %(honest)s honest.") % told)
    if not found.is_complete or found.n_asked >= MOST_ASSESSMENTS:
        sentences.append(_("Only the newest were looked at; a back-test looks at all."))
    if found.n_failed:
        problem = _("It could not be evaluated for %(n)s of them, and left those alone: %(problem)s")
        sentences.append(problem % {"n": found.n_failed, "problem": found.problem})
    return {
        "sentences": sentences,
        "samples": [_sample(each) for each in found.samples],
        "counts": {name: value for name, value in asdict(found).items() if name.startswith("n_")},
    }


def _sample(each: dict[str, Any]) -> dict[str, str]:
    outcome = {True: _("fraud"), False: _("honest"), None: "–"}[each["is_fraud"]]
    return {
        "url": reverse(f"admin:{APP}_assessment_change", args=[each["assessment"]]),
        "id": each["external_id"],
        "at": date_format(localtime(each["at"]), "SHORT_DATETIME_FORMAT"),
        "amount": "–" if each["amount"] is None else number_format(each["amount"], 2),
        "decision": str(Decision(each["decision"]).label),
        "outcome": str(outcome),
    }


def texts() -> dict[str, str]:
    """Words that the page's script needs."""
    return {
        "ok": _("The condition can be read."),
        "counting": _("Counting…"),
        "away": _("The server does not answer. What you write is kept in the form."),
        "columns": "|".join([_("id"), _("time"), _("amount"), _("decided"), _("turned out")]),
    }
