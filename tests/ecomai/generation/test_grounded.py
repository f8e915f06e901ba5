"""Templates say what is known, once, and as long as it fits."""

import pytest

from ecomai.generation.composers import CompositionRequest, GroundedComposer
from ecomai.generation.composers.grounded import check_templates
from ecomai.generation.exceptions import TemplateLineError
from ecomai.generation.facts import Facts
from ecomai.generation.texts import width

FACTS = Facts(
    title="Stoneware mug", brand="Ember & Co", category="Cups",
    attributes=(("colour", "blue"), ("volume ml", "350")), sentences=("Glazed by hand.", "Fits anywhere."),
)  # fmt: skip


def texts(templates, *, facts=FACTS, most=200, n_texts=5, language="en", **audience):
    request = CompositionRequest(
        purpose="x", language=language, most=most, n_texts=n_texts, templates=templates, facts=facts,
        audience=audience,
    )  # fmt: skip
    return list(GroundedComposer().compose(request).texts)


def test_a_block_is_a_text_and_a_line_a_sentence_of_it():
    found = texts("{title} by {brand}\n{attributes}\n{sentences}\n\n{title}, {colour}")
    assert found == [
        "Stoneware mug by Ember & Co. Colour: blue, volume ml: 350. Glazed by hand. Fits anywhere.",
        "Stoneware mug, blue",
    ]


def test_a_line_whose_fact_is_missing_is_not_said():
    assert texts("{title} by {brand}\nMade of {material}\n{title}", facts=Facts(title="Mug")) == ["Mug."]


def test_what_was_said_is_not_said_again():
    assert texts("{title} in {colour}\n{colour}\n{sentences}") == [
        "Stoneware mug in blue. Glazed by hand. Fits anywhere."
    ]


def test_a_sentence_that_does_not_fit_is_left_out_whole():
    found = texts(
        "{title}\nA long sentence of the shop that says nothing of {brand} at all\n{colour}", most=30
    )
    assert found == ["Stoneware mug. blue."]


def test_without_any_template_that_fits_the_title_is_the_text():
    assert texts("Made of {material}") == ["Stoneware mug"]
    assert width(texts("", facts=Facts(title="word " * 50), most=40)[0]) <= 40


def test_the_same_text_is_given_once_and_no_more_than_asked_for():
    assert texts("{title}\n\n{title}\n\n{brand}\n\n{colour}", n_texts=2) == ["Stoneware mug", "Ember & Co"]


def test_words_of_the_audience_fill_templates():
    assert texts("New in {favourite_category}", favourite_category="Cups") == ["New in Cups"]
    assert texts("New in {favourite_category}", favourite_category="") == ["Stoneware mug"]


def test_braces_inside_facts_are_left_as_they_are():
    assert texts("{title}", facts=Facts(title="A {brand} {0.__class__}")) == ["A {brand} {0.__class__}"]


def test_chinese_is_joined_without_gaps():
    facts = Facts(title="马克杯", brand="山野", attributes=(("颜色", "蓝色"),))
    assert texts("{brand} {title}\n{attributes}", facts=facts, language="zh-hans") == [
        "山野 马克杯。颜色：蓝色。"
    ]


@pytest.mark.parametrize("line", ["{title", "title}", "{{ title }}", "{title!r}", "{}", "{a.b}"])
def test_a_line_that_names_nothing_is_refused(line):
    with pytest.raises(TemplateLineError):
        check_templates(f"{{title}}\n{line}")
