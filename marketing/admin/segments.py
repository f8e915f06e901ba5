"""The admin's pages of segments: the list, the builder, a segment with its history, import and export."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ecomai.exceptions import EcomaiError, InvalidInputError, PermissionDeniedError
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act

from ..models import Segment
from ..pages import segments as pages
from ..services import segments as services
from .likeness import LikenessPages

APP = "ecomai_marketing"
MOST_BYTES = 30_000_000
TEMPLATES = "admin/ecomai_marketing/segment"

ACTIONS = {
    "archive": ConfirmedAction(
        label=gettext_lazy("Archive"),
        question=gettext_lazy(
            "It stays as it is and can be restored: nobody joins or leaves it meanwhile, except who refuses "
            "marketing. Archive it?"
        ),
        done=gettext_lazy("The segment is archived."),
        perform=services.archive_segment,
    ),
    "restore": ConfirmedAction(
        label=gettext_lazy("Restore"),
        question=gettext_lazy("A live segment asks all customers once more. Restore it?"),
        done=gettext_lazy("The segment is in use again."),
        perform=services.restore_segment,
    ),
    "evaluate": ConfirmedAction(
        label=gettext_lazy("Ask all customers again"),
        question=gettext_lazy(
            "Who meets the condition now joins, and who does not meet it leaves. Ask all customers?"
        ),
        done=gettext_lazy("All customers are asked in the background."),
        perform=services.evaluate_again,
    ),
}


class _Echo:
    """What a CSV writer writes to; it hands back the line."""

    def write(self, line: str) -> str:
        return line


@admin.register(Segment)
class SegmentAdmin(LikenessPages):
    address_prefix = f"{APP}_segment"
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Archiving takes its place: campaigns name segments for ever."""
        return False

    # -- the list --

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.check_view(request)
        context = pages.list_context(is_archived=request.GET.get("archived") == "1")
        context["may_add"] = self.has_add_permission(request)
        title = capfirst(str(self.opts.verbose_name_plural))
        return self.page(request, f"{TEMPLATES}_list.html", title, **context)

    # -- the builder --

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._build(request, None)

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        segment = self.row(request, pk)
        if not self.has_change_permission(request, segment):
            raise PermissionDenied
        return self._build(request, segment)

    def _build(self, request: HttpRequest, segment: Segment | None) -> HttpResponse:
        given = _given(request, segment)
        if request.method == "POST":
            try:
                saved = _save(request, segment, given)
            except PermissionDeniedError as error:
                raise PermissionDenied from error
            except EcomaiError as error:
                messages.error(request, _sentence(error))
            else:
                messages.success(
                    request, _("The segment is saved. Its customers are found in the background.")
                )
                return HttpResponseRedirect(segment_url(saved))
        title = _("Change “%(name)s”") % {"name": segment.name} if segment else _("New segment")
        context = pages.builder_context(segment) | {"given": given, "kinds": Segment.Kind.choices}
        return self.page(request, f"{TEMPLATES}_builder.html", title, **context)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        context = pages.preview_context(request.POST.get("condition", ""))
        return TemplateResponse(request, f"{TEMPLATES}_preview.html", context)

    def complete_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        found = pages.complete(request.GET.get("kind", ""), request.GET.get("q", ""))
        return JsonResponse({"found": found})

    # -- one segment --

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        segment = self.row(request, object_id)
        may_change = self.has_change_permission(request, segment)
        possible = ["restore"] if segment.is_archived else ["archive"]
        if segment.condition and not segment.is_archived:
            possible.insert(0, "evaluate")
        context = pages.segment_context(segment) | {
            "may_change": may_change,
            "may_export": request.user.has_perm(f"{APP}.export_segment"),
            "may_find_similar": not segment.is_archived and self.has_add_permission(request),
            "possible": [(name, ACTIONS[name].label) for name in possible] if may_change else [],
        }
        return self.page(request, f"{TEMPLATES}.html", segment.name, **context)

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Ask once more on GET, do it on POST."""
        segment = self.row(request, pk)
        if not self.has_change_permission(request, segment):
            raise PermissionDenied
        if action not in ACTIONS:
            raise Http404
        return ask_then_act(
            self, request, ACTIONS[action], about=segment, back=segment_url(segment), segment=segment,
            user=request.user,
        )  # fmt: skip

    def import_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        segment = self.row(request, pk)
        try:
            report = services.import_members(segment, _ids_of(request), user=request.user)
        except PermissionDeniedError as error:
            raise PermissionDenied from error
        except EcomaiError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _told(report))
            if report.unknown:
                names = ", ".join(report.unknown[:20])
                messages.warning(request, _("Not known, among others: %(names)s") % {"names": names})
        return HttpResponseRedirect(segment_url(segment))

    def export_view(self, request: HttpRequest, pk: int) -> Any:
        segment = self.row(request, pk)
        try:
            rows = services.export_members(segment, user=request.user)
        except PermissionDeniedError as error:
            raise PermissionDenied from error
        writer: Any = csv.writer(_Echo())
        lines: Iterator[str] = (writer.writerow(row) for row in rows)
        headers = {"Content-Disposition": f'attachment; filename="{segment.slug}.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    def own_urls(self) -> list[URLPattern]:
        return [
            *self.likeness_urls(),
            self.address("preview/", require_POST(self.preview_view), "preview"),
            self.address("complete/", self.complete_view, "complete"),
            self.address("<int:pk>/edit/", self.edit_view, "edit"),
            self.address("<int:pk>/do/<slug:action>/", self.action_view, "action"),
            self.address("<int:pk>/import/", require_POST(self.import_view), "import"),
            self.address("<int:pk>/export/", require_POST(self.export_view), "export"),
        ]


def segment_url(segment: Segment) -> str:
    return reverse(f"admin:{APP}_segment_change", args=[segment.pk])


def _given(request: HttpRequest, segment: Segment | None) -> dict[str, Any]:
    """What the form shows: what was sent, or what the segment is, or an empty one."""
    if request.method == "POST":
        sent = {name: request.POST.get(name, "") for name in ("name", "description", "kind")}
        return sent | {"condition": pages.read_condition(request.POST.get("condition", ""))}
    if segment is None:
        return {"name": "", "description": "", "kind": Segment.Kind.LIVE, "condition": None}
    return {
        "name": segment.name, "description": segment.description, "kind": segment.kind,
        "condition": segment.condition or None,
    }  # fmt: skip


def _save(request: HttpRequest, segment: Segment | None, given: dict[str, Any]) -> Segment:
    told = {"name": given["name"], "description": given["description"], "user": request.user}
    if segment is None:
        return services.create_segment(condition=given["condition"], kind=given["kind"], **told)
    return services.change_segment(segment, condition=given["condition"], **told)


def _sentence(error: EcomaiError) -> str:
    """The builder marks the faulty part itself; its path is for programs."""
    reason = error.params.get("reason")
    return _("The segment is not saved: %(reason)s") % {"reason": reason} if reason else str(error)


def _ids_of(request: HttpRequest) -> Iterator[str]:
    """One id a line, from a file or a field; of a CSV file the first column."""
    file: Any = request.FILES.get("file")
    if file and file.size > MOST_BYTES:
        raise InvalidInputError(
            reason=_("the file is larger than %(n)s MB.") % {"n": MOST_BYTES // 1_000_000}
        )
    text = file.read().decode("utf-8-sig", "replace") if file else request.POST.get("ids", "")
    for line in text.splitlines():
        yield line.split(",")[0].split(";")[0].strip().strip('"')


def _told(report: services.ImportReport) -> str:
    sentence = _(
        "%(joined)s joined, %(already)s were there, %(refused)s may not be addressed, %(unknown)s are not "
        "known."
    )
    counts = {
        "joined": report.n_joined, "already": report.n_already, "refused": report.n_without_consent,
        "unknown": report.n_unknown,
    }  # fmt: skip
    return sentence % {name: pages.number(value) for name, value in counts.items()}
