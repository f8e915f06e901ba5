"""What `risk/lists/` takes and answers."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..models import ListEntry

MOST_AT_ONCE = 1_000


class SentEntriesSerializer(serializers.Serializer):
    entries = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField(allow_blank=True, allow_null=True)),
        min_length=1, max_length=MOST_AT_ONCE,
        help_text=_(
            "Each with list, kind, value, and maybe note and expires_at, which are texts; at most 1000. A "
            "value that is on a list changes over, and is kept as a keyed hash."
        ),
    )  # fmt: skip


class ProblemSerializer(serializers.Serializer):
    line = serializers.IntegerField(help_text=_("The place in what was sent, from 1 on."))
    reason = serializers.CharField()


class ImportedSerializer(serializers.Serializer):
    n_stored = serializers.IntegerField()
    n_bad = serializers.IntegerField()
    problems = ProblemSerializer(many=True)


class EntryTarget(serializers.Serializer):
    """Which value."""

    kind = serializers.ChoiceField(choices=ListEntry.Kind.choices)
    value = serializers.CharField(max_length=500)


class EntrySerializer(serializers.Serializer):
    """An entry; of its value there is only what may be shown."""

    list = serializers.ChoiceField(choices=ListEntry.List.choices)
    kind = serializers.ChoiceField(choices=ListEntry.Kind.choices)
    shown = serializers.CharField()
    note = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
