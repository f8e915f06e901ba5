"""What `recommendations/search/` takes and answers."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..app_settings import app_settings
from ..models import SearchLog
from ..models.search import MOST_LETTERS
from ..services.search import SORTS
from .recommendations import PickSerializer, first_image

MOST_CHOSEN = 30
_LISTS = ("brand", "attribute", "ignore")


class _Values(serializers.ListField):
    """A parameter that may be repeated."""

    def __init__(self, help_text: Any, max_length: int = 200) -> None:
        child = serializers.CharField(max_length=max_length)
        super().__init__(child=child, required=False, max_length=MOST_CHOSEN, help_text=help_text)


class SearchQuery(serializers.Serializer):
    """The query string of a search."""

    q = serializers.CharField(
        max_length=MOST_LETTERS, allow_blank=True, required=False, default="", trim_whitespace=True,
        help_text=_("What a visitor typed."),
    )  # fmt: skip
    n = serializers.IntegerField(required=False, min_value=1, help_text=_("How many items a page has."))
    page = serializers.IntegerField(required=False, min_value=1, max_value=200, default=1)
    sort = serializers.ChoiceField(choices=SORTS, required=False, default=SORTS[0])
    customer = serializers.CharField(
        required=False, max_length=128,
        help_text=_("The shop's id of a customer; for servers with a secret key."),
    )  # fmt: skip
    session_id = serializers.CharField(required=False, max_length=128, help_text=_("The anonymous session."))
    category = serializers.CharField(
        required=False, max_length=500, help_text=_("A category path, or its beginning.")
    )
    brand = _Values(_("One of these brands; may be repeated."))
    attribute = _Values(_("A value of an attribute as name:value; may be repeated."), max_length=130)
    min_price = serializers.DecimalField(required=False, max_digits=14, decimal_places=4, min_value=0)
    max_price = serializers.DecimalField(required=False, max_digits=14, decimal_places=4, min_value=0)
    currency = serializers.CharField(
        required=False, max_length=3, help_text=_("Which prices the bounds mean.")
    )
    in_stock = serializers.BooleanField(required=False, default=False)
    personal = serializers.BooleanField(
        required=False, allow_null=True, default=None,
        help_text=_("Whether what the customer is fond of comes first; else as the setting says."),
    )  # fmt: skip
    exact = serializers.BooleanField(
        required=False, default=False, help_text=_("Search for it as it is spelt.")
    )
    ignore = _Values(_("Codes of what was understood and is not meant; may be repeated."), max_length=600)

    def validate_n(self, n: int) -> int:
        if n > app_settings.MAX_N:
            raise serializers.ValidationError(
                _("At most %(most)s items can be asked for.") % {"most": app_settings.MAX_N}, code="max_value"
            )
        return n

    def validate_attribute(self, values: list[str]) -> list[tuple[str, str]]:
        pairs = []
        for value in values:
            name, colon, text = value.partition(":")
            if not (name and colon and text):
                raise serializers.ValidationError(_("An attribute is chosen as name:value."))
            pairs.append((name, text))
        return pairs

    def validate(self, query: dict[str, Any]) -> dict[str, Any]:
        low, high = query.get("min_price"), query.get("max_price")
        if low is not None and high is not None and low > high:
            raise serializers.ValidationError(_("The lowest price is above the highest."))
        return query


def read_search(sent: QueryDict) -> dict[str, Any]:
    """Check a query string. Empty parameters of a form count as not sent."""
    values: dict[str, Any] = {name: value for name in sent if (value := sent[name]) != ""}
    values |= {name: [one for one in sent.getlist(name) if one] for name in _LISTS if name in sent}
    query = SearchQuery(data=values)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


class WhySerializer(serializers.Serializer):
    code = serializers.CharField(
        help_text="words, corrected, synonym, meaning, letters, taken or personal; most telling first."
    )
    text = serializers.CharField(help_text="A sentence in the request's language.")
    words = serializers.ListField(child=serializers.CharField())


class HitSerializer(PickSerializer):
    reason = None  # type: ignore[assignment]
    why = WhySerializer(many=True)


class ChoiceSerializer(serializers.Serializer):
    value = serializers.CharField(help_text="What a request sends to choose it.")
    label = serializers.CharField()
    n = serializers.IntegerField()
    is_chosen = serializers.BooleanField()


class FacetSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="category, brand, price, in_stock, or attribute.NAME.")
    label = serializers.CharField()
    choices = ChoiceSerializer(many=True)


class WishSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="price, category, brand, or an attribute's name.")
    code = serializers.CharField(help_text="Send it as “ignore” to take it back.")
    label = serializers.CharField()


class SearchSerializer(serializers.Serializer):
    query = serializers.CharField(allow_blank=True)
    searched = serializers.CharField(
        allow_blank=True, help_text="What was looked for: corrected, and without what was understood."
    )
    is_corrected = serializers.BooleanField(help_text="Send “exact=1” to search for it as it was spelt.")
    understood = WishSerializer(many=True)
    items = HitSerializer(many=True)
    n_found = serializers.IntegerField()
    page = serializers.IntegerField()
    n_pages = serializers.IntegerField()
    sort = serializers.ChoiceField(choices=SORTS)
    facets = FacetSerializer(many=True)
    is_personal = serializers.BooleanField()
    source = serializers.ChoiceField(choices=SearchLog.Source.choices, allow_blank=True)
    is_fallback = serializers.BooleanField(help_text="Whether words alone answered.")
    model_version = serializers.IntegerField(allow_null=True)
    search = serializers.UUIDField(
        allow_null=True, help_text="Send it as property “search” of impressions and clicks."
    )
    code = serializers.CharField(
        allow_blank=True,
        help_text="“switched_off”, or “warming_up” for a moment after a process has started.",
    )


def search_body(answer: Any) -> dict[str, Any]:
    """Return what `SearchSerializer` describes, without making an object of each field."""
    return {
        "query": answer.query,
        "searched": answer.searched,
        "is_corrected": answer.is_corrected,
        "understood": [{"kind": w.kind, "code": w.code, "label": w.label} for w in answer.wishes],
        "items": [_hit_body(hit) for hit in answer.hits],
        "n_found": answer.n_found,
        "page": answer.page,
        "n_pages": answer.n_pages,
        "sort": answer.sort,
        "facets": [_facet_body(facet) for facet in answer.facets],
        "is_personal": answer.is_personal,
        "source": str(answer.source),
        "is_fallback": answer.is_fallback,
        "model_version": answer.model_version,
        "search": str(answer.key) if answer.key else None,
        "code": answer.code,
    }


def _hit_body(hit: Any) -> dict[str, Any]:
    return {
        **item_body(hit.item),
        "is_in_stock": hit.item.is_in_stock,
        "score": round(hit.score, 4),
        "why": [{"code": why.code, "text": why.text, "words": list(why.words)} for why in hit.why],
    }


def item_body(item: Any) -> dict[str, Any]:
    return {
        "item": item.external_id,
        "title": item.title,
        "url": item.url,
        "image_url": first_image(item),
        "price": None if item.price is None else f"{item.price:.4f}",
        "currency": item.currency,
    }


def _facet_body(facet: Any) -> dict[str, Any]:
    choices: list[Mapping[str, Any]] = [
        {"value": one.value, "label": one.label, "n": one.n, "is_chosen": one.is_chosen}
        for one in facet.choices
    ]
    return {"name": facet.name, "label": facet.label, "choices": choices}


class SuggestionsQuery(serializers.Serializer):
    q = serializers.CharField(
        max_length=MOST_LETTERS, allow_blank=True, help_text=_("What was typed so far.")
    )


class SuggestedItemSerializer(serializers.Serializer):
    item = serializers.CharField()
    title = serializers.CharField()
    url = serializers.CharField()
    image_url = serializers.CharField()
    price = serializers.CharField(allow_null=True)
    currency = serializers.CharField()


class SuggestionsSerializer(serializers.Serializer):
    queries = serializers.ListField(child=serializers.CharField())
    categories = serializers.ListField(child=serializers.CharField())
    items = SuggestedItemSerializer(many=True)
    corrected = serializers.CharField(allow_blank=True, help_text="Where nothing begins as it was typed.")


def suggestions_body(found: Any) -> dict[str, Any]:
    return {
        "queries": [entry.text for entry in found.queries],
        "categories": [entry.text for entry in found.categories],
        "items": [item_body(item) for item in found.items],
        "corrected": found.corrected,
    }
