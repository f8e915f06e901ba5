"""Searches: a page to try them out, reports, and synonyms that a merchandiser decides on."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..models import SearchLog, Synonym
from ..services.search import propose_synonyms
from ..training import search_trials
from .base import ReadOnlyAdmin, preview_link

TRY_OUT, REPORT = "ecomai_recommendations_search_try", "ecomai_recommendations_search_report"
LEARN = "ecomai_recommendations_synonym_learn"


@admin.register(SearchLog)
class SearchLogAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "query", "corrected", "n_found", "who", "source", "is_personal", "took")
    list_filter = ("source", "is_personal", "is_filtered", "created_at", "storefront")
    search_fields = ("normalised", "query", "customer__external_id", "session_id", "request_id")
    list_select_related = ("customer",)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    show_full_result_count = False
    change_list_template = "admin/ecomai_recommendations/searchlog/change_list.html"

    @admin.display(description=_("customer"))
    def who(self, search: SearchLog) -> SafeString | str:
        if search.customer is None:
            return search.session_id or "-"
        return preview_link(search.customer_id, search.customer.external_id)

    @admin.display(description=_("milliseconds"), ordering="milliseconds")
    def took(self, search: SearchLog) -> str:
        return f"{search.milliseconds:.0f}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("try/", view(self.try_out), name=TRY_OUT),
            path("report/", view(self.report), name=REPORT),
        ]
        return [*own, *super().get_urls()]

    def try_out(self, request: HttpRequest) -> HttpResponse:
        """Search as a visitor, with all reasons; for a chosen customer beside the same for everybody."""
        values = search_trials.try_out(request.GET)
        return self._page(request, "search_try.html", _("Try the search"), values)

    def report(self, request: HttpRequest) -> HttpResponse:
        """What was searched for in vain, and what was searched for most."""
        values = search_trials.report(request.GET)
        values["may_add"] = request.user.has_perm("ecomai_recommendations.add_synonym")
        return self._page(request, "search_report.html", _("What visitors search for"), values)

    def _page(self, request: HttpRequest, template: str, title: Any, values: dict[str, Any]) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,
            **values,
        }
        return TemplateResponse(request, f"admin/ecomai_recommendations/{template}", context)


@admin.register(Synonym)
class SynonymAdmin(admin.ModelAdmin):
    """Written here they are active at once; learned ones wait for somebody to decide."""

    list_display = ("terms", "means", "is_two_way", "state", "n_people", "origin", "try_it")
    list_display_links = ("terms",)
    list_filter = ("state", "is_two_way", "storefront")
    search_fields = ("terms", "means")
    ordering = ("-state", "-n_people", "terms")
    fields = ("terms", "means", "is_two_way", "state", "storefront", "origin", "n_people")
    readonly_fields = ("origin", "n_people")
    actions = ("approve", "refuse")
    change_list_template = "admin/ecomai_recommendations/synonym/change_list.html"

    @admin.display(description=_("try"))
    def try_it(self, synonym: Synonym) -> SafeString:
        return search_trials.try_link(synonym.terms)

    @admin.action(description=_("Approve: search with them from now on"), permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Synonym]) -> None:
        self._decide(request, queryset, Synonym.State.ACTIVE)

    @admin.action(description=_("Refuse: do not propose them again"), permissions=["change"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[Synonym]) -> None:
        self._decide(request, queryset, Synonym.State.REFUSED)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Synonym], state: str) -> None:
        rows = list(queryset)
        for row in rows:
            row.state = state
            row.save(update_fields=["state", "updated_at"])
            self.log_change(request, row, f"{row}: {row.get_state_display()}")
        text = ngettext("%(n)s synonym was decided on.", "%(n)s synonyms were decided on.", len(rows))
        self.message_user(request, text % {"n": len(rows)}, messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        learn = path("learn/", self.admin_site.admin_view(self.learn), name=LEARN)
        return [learn, *super().get_urls()]

    def learn(self, request: HttpRequest) -> HttpResponse:
        """Look through the searches now; beat does so each night."""
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        n = propose_synonyms()
        text = ngettext("%(n)s new proposal.", "%(n)s new proposals.", n)
        self.message_user(request, text % {"n": n}, messages.SUCCESS if n else messages.INFO)
        query = urlencode({"state__exact": Synonym.State.PROPOSED.value})
        return redirect(f"{reverse('admin:ecomai_recommendations_synonym_changelist')}?{query}")
