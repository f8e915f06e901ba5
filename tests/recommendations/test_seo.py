"""Texts for search engines: made of an item's facts alone, and given out only once a person approved them."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.template import Context, Template
from django.urls import reverse
from django.utils import timezone, translation

from ecomai.commerce.models import Item
from ecomai.commerce.services import create_api_key
from ecomai.exceptions import ConflictError, PermissionDeniedError
from ecomai.registry.models import AuditEntry
from recommendations import seo
from recommendations.models import ItemExposure, SeoDraft
from recommendations.services import seo as service

pytestmark = pytest.mark.django_db
MUG = {
    "title": "Stoneware mug", "brand": "Ember & Co", "category_path": "Kitchen > Cups",
    "attributes": {"colour": "blue", "volume_ml": 350, "is_new": True, "story": "x" * 90, "size": ["a"]},
    "description": "<p>Fired twice &amp; glazed by hand.</p> Fits under most machines. Third. Fourth.",
}  # fmt: skip


@pytest.fixture
def mug(add_item) -> Item:
    return add_item("mug", **MUG)


def words_of(text: str) -> set[str]:
    return {word.casefold() for word in re.findall(r"[^\W_]+", text)}


# -- composing ------------------------------------------------------------------------------------


def test_facts_become_a_title_and_a_description(mug):
    title, description = seo.compose(seo.facts_of(mug), "en")
    assert title == "Stoneware mug – Ember & Co | Cups"
    assert description == (
        "Stoneware mug by Ember & Co in Cups. Colour: blue, volume ml: 350. Fired twice & glazed by hand. "
        "Fits under most machines. Third."
    )


def test_chinese_joins_the_same_facts(add_item):
    item = add_item(
        "cup", title="陶瓷马克杯", brand="山野", category_path="厨房 > 杯子", attributes={"颜色": "蓝色"},
        description="手工上釉。适合日常使用。",
    )  # fmt: skip
    title, description = seo.compose(seo.facts_of(item), "zh-hans")
    assert title == "陶瓷马克杯 – 山野 | 杯子"
    assert description == "山野 陶瓷马克杯，杯子。颜色：蓝色。手工上釉。适合日常使用。"


@pytest.mark.parametrize("language", seo.LANGUAGES)
def test_nothing_is_claimed_that_the_item_does_not_say(mug, language):
    facts = " ".join([mug.title, mug.brand, mug.category_path, "Fired twice glazed by hand. Fits under most"])
    known = words_of(facts + " machines Third colour blue volume ml 350") | {"by", "in"}
    title, description = seo.compose(seo.facts_of(mug), language)
    assert words_of(title) | words_of(description) <= known


@pytest.mark.parametrize(
    "title",
    [
        "word " * 60,
        "x" * 300,
        "很长的标题" * 40,
        "🎁" * 80,
        "a – b | c " * 20,
        "<b>Bold</b> & 'quoted' \x00\x07 mug",
    ],
)
def test_texts_fit_and_carry_no_markup(add_item, title):
    item = add_item(
        "long", title=title[:500].replace("\x00", ""), brand="B" * 100, description="Sentence. " * 40
    )
    for language in seo.LANGUAGES:
        made_title, description = seo.compose(seo.facts_of(item), language)
        assert 0 < seo.width(made_title) <= seo.TITLE_LENGTH
        assert 0 < seo.width(description) <= seo.DESCRIPTION_LENGTH
        assert not re.search(r"[<>\x00-\x1f]", made_title + description)


def test_what_the_title_says_is_not_said_again(add_item):
    item = add_item(
        "x", title="Ember & Co blue mug", brand="Ember & Co", category_path="Mug", attributes={"c": "blue"}
    )
    assert seo.compose(seo.facts_of(item), "en") == ("Ember & Co blue mug", "Ember & Co blue mug.")


def test_prices_and_stock_are_no_facts(mug):
    before = seo.facts_of(mug).digest
    mug.price, mug.stock = 99, 0
    assert seo.facts_of(mug).digest == before
    mug.brand = "Another"
    assert seo.facts_of(mug).digest != before


# -- drafts ---------------------------------------------------------------------------------------


def test_the_least_shown_items_come_first(add_item):
    items = [add_item(f"i{number}") for number in range(4)]
    for item, n in zip(items, (50, 0, 5, 500), strict=True):
        ItemExposure.objects.create(item=item, day=timezone.localdate() - timedelta(days=1), n_shown=n)
    assert service.tail_items(2) == [items[1], items[2]]
    found = service.compose_drafts(n_items=2)
    assert found == {"composed": 4, "renewed": 0}
    assert set(SeoDraft.objects.values_list("item", flat=True)) == {items[1].pk, items[2].pk}
    # The next call goes on with those that have none.
    service.compose_drafts(n_items=2)
    assert SeoDraft.objects.values("item").distinct().count() == 4
    assert service.compose_drafts(n_items=2) == {"composed": 0, "renewed": 0}


def test_a_draft_follows_its_item_until_a_person_changed_it(mug):
    service.compose_draft(mug, "en")
    mug.brand = "New Brand"
    mug.save()
    assert service.compose_draft(mug, "en") == "renewed"
    draft = SeoDraft.objects.get()
    assert "New Brand" in draft.title
    service.note_edit(draft)
    draft.title = "By hand"
    draft.save()
    mug.brand = "Third"
    mug.save()
    assert service.compose_draft(mug, "en") == ""
    assert SeoDraft.objects.get().title == "By hand"


def test_what_was_rejected_is_not_composed_again(mug, admin_user):
    service.compose_draft(mug, "en")
    service.reject(draft=SeoDraft.objects.get(), user=admin_user)
    assert service.compose_draft(mug, "en") == ""
    mug.title = "Another mug"
    mug.save()
    assert service.compose_draft(mug, "en") == "composed"


def test_only_approved_and_true_texts_are_given_out(mug, admin_user):
    service.compose_draft(mug, "en")
    draft = SeoDraft.objects.get()
    assert service.seo_meta(mug, language="en") is None
    service.reject(draft=draft, user=admin_user)
    assert service.seo_meta(mug, language="en") is None
    service.approve(draft=draft, user=admin_user)
    assert service.seo_meta(mug, language="en").title == draft.title
    assert service.seo_meta(mug, language="en-gb").title == draft.title
    assert service.seo_meta(mug, language="zh-hans") is None
    mug.brand = "Another"
    mug.save()
    assert service.seo_meta(mug, language="en") is None


def test_a_new_approval_replaces_the_old_one(mug, admin_user):
    service.compose_draft(mug, "en")
    service.approve(draft=SeoDraft.objects.get(), user=admin_user)
    mug.brand = "New Brand"
    mug.save()
    service.compose_draft(mug, "en")
    service.approve(draft=SeoDraft.objects.get(state="draft"), user=admin_user)
    assert "New Brand" in SeoDraft.objects.get().title
    assert AuditEntry.objects.filter(action="approve_seo").count() == 2


def test_what_is_no_longer_so_cannot_be_approved(mug, admin_user, django_user_model):
    service.compose_draft(mug, "en")
    draft = SeoDraft.objects.get()
    with pytest.raises(PermissionDeniedError):
        service.approve(draft=draft, user=django_user_model.objects.create_user("clerk"))
    mug.brand = "Another"
    mug.save()
    with pytest.raises(ConflictError):
        service.approve(draft=draft, user=admin_user)
    assert SeoDraft.objects.get().state == "draft"


# -- skins ----------------------------------------------------------------------------------------


def render(source: str, **context) -> str:
    return Template("{% load ecomai_recommendations %}" + source).render(Context(context))


def test_the_tag_gives_elements_of_the_head_and_nothing_unapproved(mug, admin_user):
    service.compose_draft(mug, "en")
    assert render("{% seo_meta item 'en' %}", item=mug) == ""
    service.approve(draft=SeoDraft.objects.get(), user=admin_user)
    page = render("{% seo_meta 'mug' 'en' %}")
    assert page.startswith("<title>Stoneware mug – Ember &amp; Co | Cups</title>")
    assert 'content="Stoneware mug by Ember &amp; Co' in page
    assert render("{% seo_meta item 'en' as meta %}{{ meta.title }}", item=mug).startswith("Stoneware mug")
    with translation.override("en"):
        assert render("{% seo_meta 'mug' %}") == page
    assert render("{% seo_meta 'no such' %}") == ""


def test_the_endpoint_gives_approved_texts_alone(client, mug, admin_user, add_item):
    other = add_item("other", title="Other thing")
    for item in (mug, other):
        service.compose_draft(item, "en")
    service.approve(draft=SeoDraft.objects.get(item=mug), user=admin_user)
    _key, secret = create_api_key(name="shop", kind="secret", scopes=["recommendations:read"])
    ask = {"items": "mug,other,gone,mug", "language": "en"}
    headers = {"Authorization": f"Bearer {secret}"}
    answer = client.get(reverse("ecomai:recommendation-seo"), ask, headers=headers)
    assert answer.status_code == 200, answer.content
    assert [text["item"] for text in answer.json()["texts"]] == ["mug"]
    too_many = {"items": ",".join(str(number) for number in range(101))}
    assert client.get(reverse("ecomai:recommendation-seo"), too_many, headers=headers).status_code == 400
    assert client.get(reverse("ecomai:recommendation-seo"), ask).status_code in (401, 403)


def test_drafts_are_composed_edited_and_approved_in_the_admin(admin_client, mug):
    page = admin_client.get(reverse("admin:ecomai_recommendations_seodraft_changelist")).content.decode()
    assert "Nothing is given out before somebody approves it." in page
    admin_client.post(reverse("admin:ecomai_recommendations_seo_compose"))
    draft = SeoDraft.objects.get(language="en")
    change = reverse("admin:ecomai_recommendations_seodraft_change", args=[draft.pk])
    assert "Fits under most machines" in admin_client.get(change).content.decode()
    wide = admin_client.post(change, {"title": "杯" * 31, "description": "A mug."}).content.decode()
    assert "Search engines would cut this" in wide
    admin_client.post(change, {"title": "A mug  for tea", "description": "A mug."})
    draft.refresh_from_db()
    assert (draft.title, draft.is_edited, draft.state) == ("A mug for tea", True, "draft")
    chosen = {"action": "approve_all", "_selected_action": [row.pk for row in SeoDraft.objects.all()]}
    admin_client.post(reverse("admin:ecomai_recommendations_seodraft_changelist"), chosen)
    assert set(SeoDraft.objects.values_list("state", flat=True)) == {"approved"}
    admin_client.post(change, {"title": "Something else", "description": "A mug."})
    assert SeoDraft.objects.get(pk=draft.pk).title == "A mug for tea"  # what was decided stays


def test_who_may_only_edit_approves_nothing(client, mug, django_user_model):
    service.compose_draft(mug, "en")
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_seodraft", "change_seodraft"]))
    client.force_login(clerk)
    chosen = {"action": "approve_all", "_selected_action": [SeoDraft.objects.get().pk]}
    client.post(reverse("admin:ecomai_recommendations_seodraft_changelist"), chosen)
    assert SeoDraft.objects.get().state == "draft"
