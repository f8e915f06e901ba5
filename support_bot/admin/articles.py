"""The admin's pages of articles."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ecomai.exceptions import EcomaiError
from ecomai.registry.admin.pages import OwnPages

from ..knowledge.markdown import as_html, parts_of
from ..knowledge.reading import MOST_BYTES
from ..models import Article, Relation
from ..pages import gaps as pages
from ..services.articles import is_page, publish_articles, save_article
from ..services.drafting import draft_from_conversations
from ..services.importing import ImportReport, import_articles

TEMPLATES = "admin/ecomai_support_bot"


class ArticleForm(forms.ModelForm):
    def clean_body(self) -> str:
        body = str(self.cleaned_data["body"])
        if not parts_of(body):
            raise ValidationError(gettext("An article needs a text, besides its headings."))
        return body

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if url and not is_page(url):
            raise ValidationError(gettext("A page begins with https://, http:// or /."))
        return url


class ImportForm(forms.Form):
    file = forms.FileField(label=_("File"), help_text=_("Markdown (.md), HTML or CSV, at most 5 MB."))
    language = forms.CharField(
        label=_("Language"), max_length=16, help_text=_("Of articles that the file names no language for.")
    )
    state = forms.ChoiceField(
        label=_("New articles are"), choices=Article.State.choices, initial=Article.State.DRAFT
    )


@admin.register(Article)
class ArticleAdmin(OwnPages):
    """Articles are written, read as customers read them, imported and published here."""

    address_prefix = "ecomai_support_bot_article"
    change_list_template = f"{TEMPLATES}/article_list.html"

    form = ArticleForm
    list_display = ("title", "language", "category", "state", "audience", "source", "updated_at")
    list_filter = ("state", "language", "audience", "source", "category")
    search_fields = ("title", "body", "questions", "tags", "external_id")
    readonly_fields = ("preview", "passages_found", "source", "version", "author", "updated_at")
    actions = ("publish",)
    fieldsets = (
        (None, {"fields": ("title", "body", "preview", "questions", "state", "audience")}),
        (_("Where it belongs"), {"fields": ("language", "category", "tags", "url", "slug", "storefront")}),
        (
            _("Where it comes from"),
            {"fields": ("source", "external_id", "version", "author", "updated_at", "passages_found")},
        ),
    )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The links of other pages fill in what was asked."""
        return {"language": request.LANGUAGE_CODE, **super().get_changeform_initial_data(request)}

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("import/", self.import_view, "import"),
            self.address("gaps/", self.gaps_view, "gaps"),
            self.address("drafts/", require_POST(self.drafts_view), "drafts"),
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not (self.has_add_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None, initial={"language": _language()})
        report = None
        if request.method == "POST" and form.is_valid():
            try:
                report = _import(form.cleaned_data, request.user)
            except EcomaiError as error:
                form.add_error("file", str(error))
        title = gettext("Import articles")
        return self.page(request, f"{TEMPLATES}/article_import.html", title, form=form, report=report)

    def gaps_view(self, request: HttpRequest) -> HttpResponse:
        """What customers asked and nobody answered; what they wrote is for those who see conversations."""
        self.check_view(request)
        if not request.user.has_perm("ecomai_support_bot.view_conversation"):
            raise PermissionDenied
        context = pages.gaps_context(request.GET)
        return self.page(request, f"{TEMPLATES}/gaps.html", gettext("Asked and not answered"), **context)

    def drafts_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("ecomai_support_bot.view_conversation"):
            raise PermissionDenied
        n = draft_from_conversations(user=request.user)
        text = ngettext("%(n)s draft was written.", "%(n)s drafts were written.", n) % {"n": n}
        self.message_user(request, text, messages.SUCCESS)
        address = reverse("admin:ecomai_support_bot_article_changelist")
        return HttpResponseRedirect(f"{address}?state__exact={Article.State.DRAFT}")

    def save_model(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> None:
        save_article(obj, user=request.user)

    @admin.display(description=_("as customers read it"))
    def preview(self, article: Article) -> str:
        if not article.body:
            return "-"
        # Rendered without any HTML of its own, so it is safe to show.
        shown: SafeString = mark_safe(as_html(article.body))  # noqa: S308
        return format_html('<div class="ecomai-article">{}</div>', shown)

    @admin.display(description=_("passages"))
    def passages_found(self, article: Article) -> int:
        return article.passages.count() if article.pk else 0

    @admin.action(description=_("Publish the chosen drafts"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: Any) -> None:
        n = publish_articles(queryset, user=request.user)
        text = ngettext("%(n)s article was published.", "%(n)s articles were published.", n) % {"n": n}
        self.message_user(request, text, messages.SUCCESS)


@admin.register(Relation)
class RelationAdmin(admin.ModelAdmin):
    """What fits what, and which article's rules hold for what."""

    list_display = ("subject", "kind", "object", "subject_kind", "object_kind", "note")
    list_filter = ("kind", "subject_kind", "object_kind")
    search_fields = ("subject", "object", "note")


def _import(values: Mapping[str, Any], user: Any) -> ImportReport:
    file = values["file"]
    return import_articles(
        name=file.name, content=file.read(MOST_BYTES + 1), language=values["language"],
        state=values["state"], user=user,
    )  # fmt: skip


def _language() -> str:
    return get_language() or "en"
