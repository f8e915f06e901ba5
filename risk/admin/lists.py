"""The admin's pages of lists: put a value on, import and export files."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.exceptions import EcomaiError, InvalidInputError
from ecomai.registry.admin.pages import OwnPages

from ..models import ListEntry
from ..services import lists

APP = "ecomai_risk"
#: A line is some hundred bytes; what is larger than this is no list of 100,000 entries.
MOST_BYTES = 64 * 1024 * 1024


class EntryForm(forms.ModelForm):
    value = forms.CharField(
        label=gettext_lazy("Value"), max_length=lists.LONGEST,
        help_text=gettext_lazy(
            "Such as an e-mail, a domain, 203.0.113.7 or 203.0.113.0/24. It is kept as a keyed hash, and "
            "cannot be read here again."
        ),
    )  # fmt: skip

    class Meta:
        model = ListEntry
        fields = ("list", "kind", "storefront", "note", "expires_at")

    def clean(self) -> dict[str, Any]:
        """Say here what the service would refuse."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("value") and values.get("kind"):
            try:
                lists.key_of(values.get("storefront", ""), values["kind"], values["value"])
            except InvalidInputError as error:
                self.add_error("value", ValidationError(str(error)))
        ends = values.get("expires_at")
        if ends is not None and ends <= timezone.now():
            self.add_error("expires_at", _("It would have ended already."))
        return values


class ImportForm(forms.Form):
    """A file of entries."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy(
            "In UTF-8, with the columns list, kind, value, and maybe expires_at and note."
        ),
    )
    storefront = forms.CharField(label=gettext_lazy("Storefront"), max_length=64, required=False)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError(_("The file is larger than a list can be; split it."))
        return file


class InForceFilter(admin.SimpleListFilter):
    title = gettext_lazy("in force")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", _("yes")), ("0", _("ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        is_in_force = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        if self.value() == "1":
            return queryset.filter(is_in_force)
        return queryset.exclude(is_in_force) if self.value() == "0" else queryset


@admin.register(ListEntry)
class ListEntryAdmin(OwnPages):
    address_prefix = f"{APP}_listentry"
    form = EntryForm
    list_display = ("shown", "kind", "list", "note", "expires_at", "storefront", "created_at", "created_by")
    list_filter = ("list", "kind", InForceFilter, "storefront")
    search_fields = ("shown", "note")
    search_help_text = gettext_lazy(
        "What is shown, a note, or a whole value after its kind: email:a@b.example"
    )
    ordering = ("-created_at", "-id")
    list_select_related = ("created_by",)
    list_per_page = 50
    show_full_result_count = False
    change_list_template = "ecomai/risk/list_entries.html"

    class Media:
        css = {"all": ["ecomai/registry/admin.css", "ecomai/risk/rules.css"]}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A value that is kept is a hash: only what is said of it can be changed."""
        if obj is None:
            return ("list", "kind", "value", "storefront", "note", "expires_at")
        return ("shown", "kind", "list", "storefront", "note", "expires_at", "created_at", "created_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("shown", "kind", "storefront", "created_at", "created_by")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            kwargs["form"] = forms.ModelForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> Any:
        """`email:a@b.example` finds the value itself, by its hash."""
        kind, colon, value = search_term.strip().partition(":")
        if colon and kind in ListEntry.Kind.values and value:
            try:
                return queryset.filter(
                    key=lists.key_of(request.GET.get("storefront", ""), kind, value)[0]
                ), False
            except InvalidInputError:
                return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def save_model(self, request: HttpRequest, obj: ListEntry, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        values = form.cleaned_data
        stored = lists.put_on_list(
            storefront=values["storefront"], list=values["list"], kind=values["kind"], value=values["value"],
            note=values["note"], expires_at=values["expires_at"], user=request.user,
        )  # fmt: skip
        obj.pk, obj.key, obj.shown = stored.pk, stored.key, stored.shown
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: ListEntry) -> None:
        lists.take_off_list(entry=obj, user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        with transaction.atomic():
            for entry in queryset:
                lists.take_off_list(entry=entry, user=request.user)

    # -- files --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("import/", self.import_view, "import"),
            self.address("export/", self.export_view, "export"),
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Import a file, and show which of its lines were bad."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        report = None
        if request.method == "POST" and form.is_valid():
            try:
                report = lists.import_entries(
                    text_lines(form.cleaned_data["file"].file), storefront=form.cleaned_data["storefront"],
                    user=request.user,
                )  # fmt: skip
            except EcomaiError as error:
                form.add_error("file", str(error))
        return self.page(
            request, "ecomai/risk/list_import.html", _("Import entries"), form=form, report=report,
            most=lists.MOST_ENTRIES, back=reverse(f"admin:{APP}_listentry_changelist"),
        )  # fmt: skip

    def export_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        rows = lists.export_entries(user=request.user)
        return StreamingHttpResponse(  # type: ignore[return-value]
            csv_lines(rows),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="lists.csv"'},
        )


def text_lines(file: Any) -> Iterable[str]:
    """Return an uploaded file as text, line by line, without the mark that spreadsheets begin with."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", newline="")


class _Echo:
    """What a writer of CSV writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[list[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    return (writer.writerow(row) for row in rows)  # type: ignore[misc]
