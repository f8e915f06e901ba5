"""Messages understood before and after a training: intent, what they name, mood, language."""

from datetime import date
from typing import Any

import pytest

from ecomai.exceptions import NotEnoughDataError
from ecomai.inference.spans import Span
from support_bot.benchmarks.intent import span_f1
from support_bot.benchmarks.phrases import Phrases, components, grouped_split
from support_bot.benchmarks.retrieval import first_sentence
from support_bot.benchmarks.values import values_without
from support_bot.models import Intent, IntentExample
from support_bot.names import INTENT
from support_bot.selectors import active_phrases
from support_bot.services.intents import add_starter_intents, keep_labelled
from support_bot.training.intent import check_enough, judge, split
from support_bot.understanding.languages import detect_language
from support_bot.understanding.moods import read_mood
from support_bot.understanding.patterns import find_patterns
from support_bot.understanding.reading import understand
from support_bot.understanding.starter import STARTER, starter_examples

TODAY = date(2026, 3, 5)


def named(text: str) -> list[tuple[str, str]]:
    return [(entity.kind, entity.value) for entity in find_patterns(text, today=TODAY)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where is order 123842?", [("order_number", "123842")]),
        ("订单号：A-20391 在哪", [("order_number", "A-20391")]),
        ("see #00108 please", [("order_number", "00108")]),
        ("I paid $1,200.50 on 2026-02-01", [("amount", "1200.50 USD"), ("date", "2026-02-01")]),
        ("退我350元，昨天付的", [("amount", "350 CNY"), ("date", "2026-03-04")]),
        ("it came on March 3rd, 2025", [("date", "2025-03-03")]),
        ("on 3 May", [("date", "2026-05-03")]),
        ("3月8日送到", [("date", "2026-03-08")]),
        ("mail Ann.Lee+shop@Example.org now", [("email", "ann.lee+shop@example.org")]),
        ("on 2026-02-31", []),
        ("I have 3 lamps", []),
        ("", []),
    ],
)
def test_fixed_forms_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert named(text) == expected
    for entity in find_patterns(text, today=TODAY):
        assert text[entity.start : entity.end] == entity.text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("我的包裹", "zh-hans"), ("荷物はどこですか", "ja"), ("где мой заказ", "ru"), ("where is it", "en"),
        ("ich habe das Paket nicht und es ist kaputt", "de"), ("123", "en"), ("🙂", "en"),
    ],
)  # fmt: skip
def test_the_language_is_told_by_script_and_small_words(text: str, code: str) -> None:
    assert detect_language(text) == code


def test_anger_and_haste_are_heard() -> None:
    assert read_mood("This is the WORST shop ever, I am furious!!").sentiment < -0.9
    assert read_mood("你们是骗子，气死我了").sentiment < -0.5
    assert read_mood("thank you, that is perfect").sentiment > 0.5
    assert read_mood("that is not good").sentiment < 0
    assert read_mood("where is my order").sentiment == 0
    assert read_mood("I need it today, urgently").urgency == 1
    assert read_mood("请马上处理").urgency > 0
    assert read_mood("").urgency == 0


def test_each_starter_intent_has_sixteen_phrases_of_its_own_in_both_languages() -> None:
    seen: set[str] = set()
    for name in STARTER:
        for language in ("en", "zh"):
            phrases = starter_examples(name, language)
            assert len(phrases) == 16
            assert seen.isdisjoint(phrases)
            seen.update(phrases)


@pytest.mark.django_db
class TestReading:
    def test_before_a_training_the_most_similar_phrases_answer(self) -> None:
        found = understand("where is my order 58213, I need it today")
        assert found.intent == "track_order"
        assert not found.is_out_of_scope
        assert found.version is None
        assert [entity.kind for entity in found.entities] == ["order_number", "date"]
        assert found.urgency > 0
        assert understand("人工客服").intent == "talk_to_person"
        assert understand("人工客服").language == "zh-hans"
        assert understand("我想退货").intent == "return_item"
        assert not understand("我想退货").is_out_of_scope
        assert understand("今天天气怎么样").is_out_of_scope

    @pytest.mark.parametrize("text", ["", "🙂🙂", "qwzx vbnm", "x" * 100_000])
    def test_what_is_like_no_phrase_is_out_of_scope(self, text: str) -> None:
        assert understand(text).is_out_of_scope

    def test_a_shop_with_phrases_of_its_own_has_only_those(self) -> None:
        intent = Intent.objects.create(name="engraving", title="Engraving")
        IntentExample.objects.create(intent=intent, text="can you engrave a name")
        off = Intent.objects.create(name="off", title="Off", is_active=False)
        IntentExample.objects.create(intent=off, text="something else")
        assert active_phrases() == [("can you engrave a name", "engraving")]
        assert understand("engrave a name please").intent == "engraving"

    def test_starter_intents_are_added_once(self) -> None:
        Intent.objects.create(name="complaint", title="Ours")
        assert add_starter_intents() == len(STARTER) - 1
        assert add_starter_intents() == 0
        assert Intent.objects.get(name="complaint").examples.count() == 0

    def test_a_labelled_message_becomes_a_phrase_once(self) -> None:
        from ecomai.registry.models import LabellingTask

        add_starter_intents()
        for model, label in ((INTENT, "complaint"), ("risk.x", "complaint"), (INTENT, "gone")):
            task = LabellingTask(model_name=model, text="you sent me a brick", label=label)
            keep_labelled(task)
            keep_labelled(task)
        rows = IntentExample.objects.filter(text="you sent me a brick")
        assert [(row.intent.name, row.source) for row in rows] == [("complaint", "labelled")]


def test_a_training_needs_two_intents_with_enough_phrases() -> None:
    few: Any = [("a", "x")] * 9 + [("b", "y")] * 4
    with pytest.raises(NotEnoughDataError):
        check_enough(few)
    _texts, labels = check_enough([*few, ("b", "y"), ("c", "z")])
    assert set(labels) == {"x", "y"}
    learned, asked = split(labels, 0)
    assert sorted([*learned, *asked]) == list(range(14))
    assert {labels[row] for row in asked} == {"x", "y"}
    assert judge(["x"] * len(asked), labels, asked)["accuracy"] == pytest.approx(2 / 3)


# -- benchmarks ---------------------------------------------------------------------------------


def test_phrases_that_share_their_words_are_never_on_both_sides() -> None:
    texts = [f"please {verb} order {number} now" for verb in ("cancel", "track") for number in (1, 22, 333)]
    assert components(texts).tolist() in ([0] * 6, [0, 0, 0, 1, 1, 1])
    names = [chr(97 + row // 26) + chr(97 + row % 26) for row in range(40)]
    texts = [f"word{name} other{name} third{name}" for name in names]
    is_test = grouped_split(Phrases(texts, ["a"] * 20 + ["b"] * 20), 0)
    assert is_test[:20].sum() == is_test[20:].sum() == 4


def test_values_of_the_test_are_not_among_those_put_in_their_place() -> None:
    found = values_without({"Toronto", "japan", "Basic", "Ms. Baker"})
    assert "Toronto" not in found["delivery_city"]
    assert "Japan" not in found["delivery_country"]
    assert "Basic" not in found["account_type"]
    assert "Ms. Baker" not in found["person_name"]
    assert min(map(len, found.values())) > 20


def test_spans_count_only_to_the_letter() -> None:
    right, short = Span(0, 4, "city"), Span(0, 3, "city")
    assert span_f1([[right], []], [[right], []]) == 1
    assert span_f1([[right]], [[short]]) == 0
    assert span_f1([[right]], [[right, Span(6, 8, "city")]]) == pytest.approx(2 / 3)


def test_the_first_sentence_ends_where_one_does() -> None:
    assert first_sentence("We ship 2.5 kg. More?") == "We ship 2.5 kg."
    assert first_sentence("七天内可退货。请联系我们。") == "七天内可退货。"
    assert first_sentence("") == ""
