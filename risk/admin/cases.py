"""The review queue and the page of a case."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from ecomai.exceptions import EcomaiError
from ecomai.registry.admin.base import act
from ecomai.registry.admin.pages import OwnPages

from ..models import Case, ReasonCode, Verdict
from ..pages import case as case_page
from ..pages import queue
from ..services import cases
from .base import ReadOnlyAdmin

FOLDER = "admin/ecomai_risk"
MOST_AT_ONCE = 200


@admin.register(Case)
class CaseAdmin(OwnPages, ReadOnlyAdmin):
    address_prefix = "ecomai_risk_case"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("next/", require_POST(self.next_view), "next"),
            self.address("decide/", require_POST(self.bulk_view), "bulk"),
            self.address("<int:pk>/act/", require_POST(self.act_view), "act"),
            self.address("<int:pk>/lock/", require_POST(self.lock_view), "lock"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.check_view(request)
        context = queue.context(request.GET, request.user) | {
            "may_review": _may(request, "review_case"), "may_bulk": _may(request, "decide_cases"),
            "verdicts": Verdict.choices, "reason_codes": ReasonCode.choices,
        }  # fmt: skip
        return self.page(request, f"{FOLDER}/queue.html", _("Review queue"), **context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        case = self.row(request, object_id)
        context = case_page.context(case, request.user) | {
            "may_review": _may(request, "review_case"),
            "queue_query": _queue_query(request.GET, request.user),
        }  # fmt: skip
        title = _("Case %(id)s") % {"id": case.assessment.external_id}
        return self.page(request, f"{FOLDER}/case.html", title, **context)

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("assessment__policy", "assessment__model_version", "locked_by", "decided_by")
        return super().get_queryset(request).select_related(*related)

    # -- acts ----------------------------------------------------------------------------------------

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Go to what this person should look at next; the case's page takes it."""
        self._check_review(request)
        return self._next(request)

    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Note, give back, open again or decide, by the name of the button."""
        self._check_review(request)
        case = self.row(request, pk)
        name = request.POST.get("act", "")
        if name == "decide":
            return self._decide(request, case)
        acts: dict[str, tuple[Callable[[], Any], str]] = {
            "note": (
                lambda: cases.add_note(case, text=request.POST.get("note", ""), user=request.user),
                _("The note is kept."),
            ),
            "unlock": (lambda: cases.release_lock(case, user=request.user), _("You gave the case back.")),
            "reopen": (lambda: cases.reopen_case(case, user=request.user), _("The case is open again.")),
        }
        if name not in acts:
            return HttpResponseRedirect(self._address_of(request, case))
        perform, done = acts[name]
        back = _queue_address(request) if name == "unlock" else self._address_of(request, case)
        return act(request, perform, done=done, back=back)

    def _decide(self, request: HttpRequest, case: Case) -> HttpResponse:
        said = request.POST
        try:
            case = cases.decide_case(
                case, verdict=said.get("verdict", ""), reason_code=said.get("reason_code", ""),
                text=said.get("text", ""), answer=said.get("answer", ""), user=request.user,
            )  # fmt: skip
        except EcomaiError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self._address_of(request, case))
        told = {"id": case.assessment.external_id, "verdict": case.get_verdict_display()}
        if case.state == Case.State.SECOND:
            messages.success(request, _("%(id)s: %(verdict)s. A second person has to confirm it.") % told)
        else:
            messages.success(request, _("%(id)s: %(verdict)s.") % told)
        return self._next(request, but=case.pk)

    def lock_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take the case, or take it longer: the page asks as long as it is open. Answers a part of it."""
        self._check_review(request)
        case, problem = self.row(request, pk), ""
        try:
            case = cases.lock_case(case, user=request.user)
        except EcomaiError as error:
            problem = str(error)
        if not request.headers.get("HX-Request"):
            if problem:
                messages.error(request, problem)
            return HttpResponseRedirect(self._address_of(request, case))
        context = {"case": case, "problem": problem, "is_mine": not problem, "may_review": True}
        return self.page(request, f"{FOLDER}/case_lock.html", "", **context)

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Decide what is ticked, each by itself."""
        self.check_view(request)
        if not _may(request, "decide_cases"):
            raise PermissionDenied
        said = request.POST
        picked = [int(pk) for pk in said.getlist("case") if pk.isdecimal()][:MOST_AT_ONCE]
        if not picked:
            messages.warning(request, _("Tick the cases first that are to be decided."))
            return HttpResponseRedirect(_queue_address(request))
        try:
            outcomes = cases.decide_cases(
                self.get_queryset(request).filter(pk__in=picked), verdict=said.get("verdict", ""),
                reason_code=said.get("reason_code", ""), text=said.get("text", ""), user=request.user,
            )  # fmt: skip
        except EcomaiError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(_queue_address(request))
        self._tell(request, outcomes)
        return HttpResponseRedirect(_queue_address(request))

    # -- where to ------------------------------------------------------------------------------------

    def _tell(self, request: HttpRequest, outcomes: list[cases.BulkOutcome]) -> None:
        n_done = sum(not one.problem for one in outcomes)
        if n_done:
            told = ngettext("%(n)s case is decided.", "%(n)s cases are decided.", n_done) % {"n": n_done}
            messages.success(request, told)
        for one in outcomes:
            if one.problem:
                messages.error(request, f"{one.case.assessment.external_id}: {one.problem}")

    def _next(self, request: HttpRequest, but: int = 0) -> HttpResponse:
        wanted = _wanted(QueryDict(request.POST.get("queue", "")), request.user)
        case = queue.next_case(request.user, wanted=wanted, but=but)
        if case is None:
            messages.info(request, _("No other case waits for you. Thank you!"))
            return HttpResponseRedirect(_queue_address(request))
        return HttpResponseRedirect(self._address_of(request, case))

    def _address_of(self, request: HttpRequest, case: Case) -> str:
        query = _queue_query(QueryDict(request.POST.get("queue", "")), request.user)
        address = reverse("admin:ecomai_risk_case_change", args=[case.pk])
        return f"{address}?{query}" if query else address

    def _check_review(self, request: HttpRequest) -> None:
        self.check_view(request)
        if not _may(request, "review_case"):
            raise PermissionDenied


def _queue_query(query: QueryDict, user: Any) -> str:
    """Return how the queue was narrowed, so that the next case is of the same."""
    return _wanted(query, user).query()


def _wanted(query: QueryDict, user: Any) -> queue.Wanted:
    return queue.Wanted({name: str(query[name]) for name in query}, user)


def _queue_address(request: HttpRequest) -> str:
    query = _queue_query(QueryDict(request.POST.get("queue", "")), request.user)
    address = reverse("admin:ecomai_risk_case_changelist")
    return f"{address}?{query}" if query else address


def _may(request: HttpRequest, codename: str) -> bool:
    return bool(request.user.has_perm(f"{cases.APP}.{codename}"))
