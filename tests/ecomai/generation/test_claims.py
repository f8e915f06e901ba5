"""Every sentence is held against the facts; what they do not say is withheld, and the reason is told."""

import pytest

from ecomai.generation.claims import Evidence, Rules, check_text, describe
from ecomai.generation.facts import Facts

MUG = Facts(
    title="Stoneware mug", brand="Ember & Co", category="Cups",
    attributes=(("colour", "blue"), ("volume ml", "350"), ("weight", "0.4 kg"), ("pieces", "2")),
    sentences=("Glazed by hand.", "Fits under most machines.", "Dishwasher safe.", "It is not microwavable."),
)  # fmt: skip
CUP = Facts(
    title="陶瓷马克杯", brand="山野", category="杯子", attributes=(("颜色", "蓝色"), ("容量", "350毫升")),
    sentences=("手工上釉。", "适合日常使用。"),
)  # fmt: skip
EVIDENCE = Evidence(facts=MUG)


def codes(text, evidence=EVIDENCE, rules=Rules(), most=1000):  # noqa: B008  (both are frozen)
    return [finding.code for finding in check_text(text, evidence, rules, most=most).findings]


@pytest.mark.parametrize(
    "text",
    [
        "A blue stoneware mug by Ember & Co.",
        "It holds 350 ml.",
        "It holds 0.35 litres.",
        "The mug weighs 400 g.",
        "Two pieces, glazed by hand.",
        "It is dishwasher safe.",
        "The mug is not microwavable.",
        "Fits under most machines.",
        "Have a look today.",
    ],
)
def test_what_the_facts_say_stays(text):
    checked = check_text(text, EVIDENCE, Rules(), most=1000)
    assert (checked.text, checked.findings) == (text, ())


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        ("The mug holds 500 ml.", "number", "500 ml"),
        ("The mug holds 350 litres.", "number", "350 litres"),
        ("Three mugs by Ember.", "number", "Three"),
        ("The mug costs €9.", "number", "€9"),
        ("A red stoneware mug.", "colour", "red"),
        ("A blue porcelain mug.", "material", "porcelain"),
        ("The mug is microwavable.", "denied", "microwavable"),
        ("The mug is not dishwasher safe.", "denied", "dishwasher"),
        ("An organic stoneware mug.", "property", "organic"),
        ("The best mug by Ember.", "superlative", "best"),
        ("The sturdiest stoneware mug.", "superlative", "sturdiest"),
        ("A stoneware mug with lifetime warranty.", "guarantee", "warranty"),
        ("A stoneware mug in size XL.", "size", "XL"),
        ("This stoneware mug was made by Acme.", "name", "Acme"),
        ("Designers worldwide adore craftsmanship.", "support", "Designers, worldwide, adore, craftsmanship"),
        ("See the stoneware mug at www.evil.example/x.", "address", "www.evil.example/x."),
        ("Write to win@evil.example about the mug.", "address", "win@evil.example"),
        ("The mug {{ name }} is blue.", "code", "{{ name }}"),
    ],
)
def test_what_the_facts_do_not_say_is_withheld_with_the_reason(text, code, what):
    checked = check_text(f"A blue mug. {text}", EVIDENCE, Rules(), most=1000)
    assert checked.text == "A blue mug."
    (finding,) = checked.findings
    assert (finding.code, finding.what, finding.sentence) == (code, what, text)
    assert what in describe(finding.as_json())


def test_one_false_word_takes_its_whole_sentence_along():
    assert check_text("A blue mug that holds 350 ml and 5 spoons.", EVIDENCE, Rules(), most=99).text == ""


def test_a_title_in_title_case_hides_no_name():
    assert codes("Blue Stoneware Mug Fits Under Most Machines") == []
    assert codes("Blue Stoneware Mug Glazed Under Acme") == ["support", "empty"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("蓝色陶瓷马克杯。", None),
        ("容量350毫升。", None),
        ("红色陶瓷马克杯。", "colour"),
        ("容量500毫升。", "number"),
        ("最好的马克杯。", "superlative"),
        ("马克杯终身质保。", "guarantee"),
        ("马克杯打五折。", "number"),
        ("设计师们奔走相告。", "support"),
        ("陶瓷马克杯，来自Acme。", "name"),
    ],
)
def test_chinese_is_held_against_chinese_facts(text, code):
    assert codes(text, Evidence(facts=CUP))[:1] == ([code] if code else [])


def test_a_text_in_another_language_needs_something_that_was_proved():
    assert codes("蓝色，350毫升。") == []
    assert codes("红色，350毫升。")[0] == "colour"
    assert codes("设计师们奔走相告。")[0] == "support"


def test_banned_claims_hold_whatever_the_facts_say():
    rules = Rules(banned=("dishwasher safe",), avoided=("mug",), may_exclaim=False)
    assert codes("It is Dishwasher-safe.", rules=rules)[0] == "banned"
    assert codes("A stoneware MUG.", rules=rules)[0] == "avoided"
    assert codes("A smuggler's stoneware.", rules=rules) == []
    assert codes("Stoneware!", rules=rules)[0] == "exclamation"


def test_words_of_the_house_need_no_fact():
    assert codes("Kindred Hearth loves the blue mug.")[0] == "name"
    assert codes("Kindred Hearth loves the blue mug.", rules=Rules(allowed=("Kindred Hearth",))) == []


def test_other_brands_are_known_in_small_letters_too():
    rules = Rules(other_names=frozenset({"Acme", "Ember & Co"}))
    assert codes("A stoneware mug like acme.", rules=rules)[0] == "name"
    assert codes("A stoneware mug by ember & co.", rules=rules) == []


def test_length_counts_columns_and_ends_with_a_sentence():
    text = "A blue mug. Glazed by hand. Fits under most machines."
    checked = check_text(text, EVIDENCE, Rules(), most=30)
    assert checked.text == "A blue mug. Glazed by hand."
    assert [finding.code for finding in checked.findings] == ["length"]
    assert check_text("A blue stoneware mug", EVIDENCE, Rules(), most=12).text == "A blue…"


def test_marks_of_models_are_taken_away():
    text = '"**A blue mug.**\n- Glazed by <b>hand</b>."'
    assert check_text(text, EVIDENCE, Rules(), most=99).text == "A blue mug. Glazed by hand."


def test_the_shops_own_words_are_no_proof_of_claims():
    evidence = Evidence(facts=MUG, own_words="Gather round the table with organic {title}")
    assert codes("Gather round the table with Stoneware mug.", evidence) == []
    assert codes("Gather round, organic.", evidence)[0] == "property"


@pytest.mark.parametrize(
    "text", ["", "   ", "\x00", "<script>alert(1)</script>", "}{" * 50, "🎁" * 400, "a" * 5000]
)
def test_nonsense_breaks_nothing(text):
    assert "<" not in check_text(text, EVIDENCE, Rules(), most=100).text


def test_long_texts_are_checked_in_good_time():
    import time

    started = time.perf_counter()
    check_text("not " * 20_000 + "blue. " + "1," * 20_000, EVIDENCE, Rules(), most=100)
    assert time.perf_counter() - started < 5
