"""Texts: composed from facts, held against them, approved by a person, used in campaigns."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Item, Order
from ecomai.commerce.services import create_api_key
from ecomai.exceptions import ConflictError, InvalidInputError, PermissionDeniedError
from ecomai.fusion.models import ConsentRecord
from ecomai.generation.models import BrandVoice
from ecomai.registry.jobs import JobCancelled, execute_job
from ecomai.registry.models import AuditEntry, Job
from marketing.exceptions import TextBlockedError
from marketing.models import (
    Campaign,
    CampaignVariant,
    ContentDraft,
    ContentUse,
    CustomerProfile,
    Delivery,
    Segment,
    SegmentMember,
)
from marketing.segments.portrait import portrait_of
from marketing.services import content, content_effects
from marketing.services.content import Source, compose_drafts

pytestmark = pytest.mark.django_db
State = ContentDraft.State


@pytest.fixture
def mug(make_item) -> Item:
    return make_item(
        title="Stoneware mug", brand="Ember & Co", category_path="Kitchen > Cups",
        attributes={"colour": "blue", "volume_ml": 350}, description="Glazed by hand. Fits most machines.",
    )  # fmt: skip


@pytest.fixture
def segment(make_customer) -> Segment:
    """Six who like cups, are late with their next order, and buy cheaply; one of them refused."""
    segment = Segment.objects.create(name="Late", slug="late", condition={"event": "view"})
    now = timezone.now()
    for number in range(6):
        customer = make_customer()
        CustomerProfile.objects.create(
            customer=customer, has_consent=number < 5, n_orders=3, at_risk_at=now - timedelta(days=1),
            lapsed_at=now + timedelta(days=9), favourite_category="Kitchen > Cups", price_level=0.7,
            favourite_brand="Ember & Co" if number < 2 else "",
        )  # fmt: skip
        SegmentMember.objects.create(segment=segment, customer=customer, joined_at=now)
    return segment


@pytest.fixture
def draft(mug) -> ContentDraft:
    compose_drafts(Source(item=mug), kind="subject", language="en", n_variants=1)
    return ContentDraft.objects.get()


@pytest.fixture
def campaign(segment) -> Campaign:
    campaign = Campaign.objects.create(name="Win back", segment=segment)
    CampaignVariant.objects.create(campaign=campaign, name="A", subject="Hello", body="A body")
    return campaign


def work(job: Job) -> Job:
    execute_job(job.pk)
    job.refresh_from_db()
    return job


# -- composing ------------------------------------------------------------------------------------


def test_each_kind_is_written_in_both_languages_from_the_same_facts(mug):
    job = work(
        content.request_content(item=mug, kinds=list(content.ROOM), languages=["en", "zh-hans"], n_variants=3)
    )
    assert job.state == Job.State.SUCCEEDED, job.traceback
    texts = dict(ContentDraft.objects.filter(number=1).values_list("kind", "text").filter(language="en"))
    assert texts == {
        "description": "Stoneware mug by Ember & Co. Category: Cups. Colour: blue, volume ml: 350. "
        "Glazed by hand. Fits most machines.",
        "title": "Stoneware mug by Ember & Co",
        "ad": "Stoneware mug by Ember & Co. Glazed by hand.",
        "subject": "Have a look: Stoneware mug",
        "mail": "Stoneware mug by Ember & Co. Colour: blue, volume ml: 350. Glazed by hand. "
        "Fits most machines. Have a look in our shop.",
    }
    chinese = ContentDraft.objects.get(language="zh-hans", kind="subject", number=1)
    assert chinese.text == "来看看：Stoneware mug"
    assert set(ContentDraft.objects.values_list("state", "composer")) == {("draft", "grounded")}
    assert ContentDraft.objects.filter(kind="title", language="en").count() == 3


def test_composing_twice_writes_nothing_new_until_the_item_changes(mug):
    arguments = {"item": mug, "kinds": ["title"], "languages": ["en"], "n_variants": 2}
    work(content.request_content(**arguments))
    assert work(content.request_content(**arguments)).result["composed"] == 0
    Item.objects.filter(pk=mug.pk).update(brand="Other")
    assert work(content.request_content(**arguments)).result["composed"] == 2
    assert ContentDraft.objects.count() == 4


def test_a_job_that_was_stopped_goes_on_where_it_was(make_item):
    for number in range(5):
        make_item(title=f"Mug {number}", category_path="Cups")
    make_item(title="Plate", category_path="Plates")

    class Stopped:
        arguments = {
            "kinds": ["title"], "languages": ["en"], "n_variants": 1, "item": None, "category": "Cups",
            "n_items": 100, "segment": None,
        }  # fmt: skip
        n_reports, most = 0, 3

        def report(self, progress, message=""):
            self.n_reports += 1
            if self.n_reports > self.most:
                raise JobCancelled

    stopped = Stopped()
    with pytest.raises(JobCancelled):
        content.run_content(stopped)
    assert ContentDraft.objects.count() == 3
    stopped.n_reports, stopped.most = 0, 99
    assert content.run_content(stopped) == {"sources": 5, "composed": 2}
    assert not ContentDraft.objects.filter(item__title="Plate").exists()


def test_a_category_is_itself_and_what_lies_below(make_item):
    for path in ("Cups", "Cups > Small", "Cupsboards", "Kitchen > Cups"):
        make_item(title=path, category_path=path)
    work(content.request_content(category="Cups", kinds=["title"], languages=["en"]))
    assert set(ContentDraft.objects.values_list("item__title", flat=True)) == {"Cups", "Cups > Small"}


def test_a_segment_is_addressed_by_what_most_of_it_have_in_common(segment):
    portrait = portrait_of(segment)
    assert (portrait.n_members, portrait.stage, portrait.categories) == (5, "at_risk", ("Cups",))
    assert (portrait.brand, portrait.price) == ("", "low"), "two who like a brand are too few to speak of"
    work(content.request_content(segment=segment, kinds=["subject", "mail"], languages=["en", "zh-hans"]))
    first = ContentDraft.objects.get(kind="subject", language="en", number=1)
    assert first.text == "We have not seen you lately: our Cups"
    mail = ContentDraft.objects.get(kind="mail", language="en", number=1)
    assert mail.text == ("We have not seen you lately. You will find Cups here. Small prices are among them.")
    assert (
        ContentDraft.objects.get(kind="subject", language="zh-hans", number=1).text
        == "有一阵子没见到您了：Cups"
    )


def test_a_small_segment_gives_nobody_away(segment):
    SegmentMember.objects.filter(pk__in=SegmentMember.objects.values("pk")[:2]).delete()
    assert portrait_of(segment).categories == ()
    compose_drafts(Source(segment=segment), kind="subject", language="en", n_variants=3)
    assert not ContentDraft.objects.filter(text__contains="Cups").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"kinds": []}, {"kinds": ["poem"]}, {"languages": ["tlh"]}, {"item": None}, {"category": "Cups"}],
    ids=str,
)
def test_what_cannot_be_written_is_refused(mug, wrong):
    with pytest.raises(InvalidInputError):
        content.request_content(**{"item": mug, "kinds": ["title"], "languages": ["en"]} | wrong)
    assert not Job.objects.exists()


def test_a_segment_has_no_product_description(segment):
    with pytest.raises(InvalidInputError):
        content.request_content(segment=segment, kinds=["description"], languages=["en"])


# -- a person's part ------------------------------------------------------------------------------


def test_an_edited_text_is_held_against_the_facts_again(draft):
    content.edit_text(draft, text="Have a look: the best red mug")
    assert {row["code"] for row in draft.findings} >= {"colour"}
    assert (draft.is_edited, draft.text) == (True, "Have a look: the best red mug")
    with pytest.raises(TextBlockedError):
        content.approve(draft, may_answer_for=False)
    content.approve(draft)  # a person who read the reasons may answer for it
    assert draft.state == State.APPROVED
    with pytest.raises(ConflictError):
        content.edit_text(draft, text="Later")


@pytest.mark.parametrize("text", ["Mug at www.evil.example", "Mug {{ name }}", "Mug, guaranteed forever"])
def test_what_nobody_may_say_is_not_approved(draft, text):
    BrandVoice.objects.create(language="en", banned_claims="guaranteed forever")
    content.edit_text(draft, text=text)
    with pytest.raises(TextBlockedError):
        content.approve(draft)


def test_a_claim_that_was_banned_later_stops_an_approval(draft):
    BrandVoice.objects.create(language="en", banned_claims="have a look")
    with pytest.raises(TextBlockedError):
        content.approve(draft)


def test_a_text_of_an_item_that_changed_is_not_approved(draft):
    Item.objects.update(title="Another mug")
    with pytest.raises(ConflictError):
        content.approve(ContentDraft.objects.get())


def test_decisions_are_written_down_once(draft, django_user_model):
    admin = django_user_model.objects.create_superuser("admin")
    content.approve(draft, user=admin)
    content.approve(draft, user=admin)
    content.reject(draft, user=admin)
    assert draft.decided_by == admin
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "approve_text", "reject_text",
    ]  # fmt: skip


def test_who_may_not_does_not(draft, campaign, django_user_model):
    nobody = django_user_model.objects.create_user("nobody")
    for act in (
        lambda: content.request_content(item=draft.item, kinds=["ad"], languages=["en"], user=nobody),
        lambda: content.edit_text(draft, text="x", user=nobody),
        lambda: content.approve(draft, user=nobody),
        lambda: content.reject(draft, user=nobody),
        lambda: content.use_in_campaign(draft, campaign=campaign, user=nobody),
    ):
        with pytest.raises(PermissionDeniedError):
            act()


# -- campaigns ------------------------------------------------------------------------------------


def test_an_approved_text_becomes_a_variant_once(draft, campaign):
    with pytest.raises(ConflictError):
        content.use_in_campaign(draft, campaign=campaign)
    content.approve(draft)
    variant = content.use_in_campaign(draft, campaign=campaign)
    assert (variant.subject, variant.body) == ("Have a look: Stoneware mug", "A body")
    with pytest.raises(ConflictError):
        content.use_in_campaign(draft, campaign=campaign)
    assert ContentUse.objects.get().draft == draft


def test_a_campaign_that_has_begun_takes_no_text(draft, campaign):
    content.approve(draft)
    Campaign.objects.update(state=Campaign.State.SENDING)
    with pytest.raises(ConflictError):
        content.use_in_campaign(draft, campaign=campaign)


def test_what_each_variant_brought_is_counted_within_the_window(draft, campaign, make_customer):
    content.approve(draft)
    own = content.use_in_campaign(draft, campaign=campaign)
    other = campaign.variants.get(name="A")
    start = timezone.now() - timedelta(days=10)
    Campaign.objects.update(started_at=start, effect_days=5, state=Campaign.State.FINISHED)
    for variant, n, n_buyers in ((own, 40, 20), (other, 30, 3)):
        for number in range(n):
            customer = make_customer()
            Delivery.objects.create(
                campaign=campaign, customer=customer, variant=variant, state="sent", sent_at=start
            )
            when = start + timedelta(days=1 if number < n_buyers else 7)
            Order.objects.create(
                external_id=f"{variant.pk}-{number}", customer=customer, currency="EUR", total=Decimal(9),
                placed_at=when, status=Order.Status.PAID,
            )  # fmt: skip
            if number == 0:
                ConsentRecord.objects.create(
                    customer=customer, purpose="marketing", is_granted=False, source="x",
                    recorded_at=start + timedelta(days=1),
                )  # fmt: skip
    (use,) = content_effects.effects_of(draft)
    mine, theirs = use.variants
    assert (mine.is_own, mine.n, mine.n_sent, mine.n_buyers, mine.n_unsubscribed) == (True, 40, 40, 20, 1)
    assert (theirs.n, theirs.n_buyers) == (30, 3)
    assert mine.effect is None
    assert theirs.effect is not None
    assert theirs.effect.low < theirs.effect.lift < theirs.effect.high
    assert theirs.effect.lift == pytest.approx(0.1 / 0.5 - 1, abs=0.01)


def test_a_campaign_that_has_not_begun_brought_nothing(draft, campaign):
    content.approve(draft)
    content.use_in_campaign(draft, campaign=campaign)
    (use,) = content_effects.effects_of(draft)
    assert [(row.n, row.effect) for row in use.variants] == [(0, None), (0, None)]


# -- the admin ------------------------------------------------------------------------------------


@pytest.fixture
def marketer(client, django_user_model):
    user = django_user_model.objects.create_user("marketer", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="ecomai_marketing",
            codename__in=[f"{each}_contentdraft" for each in ("add", "change", "view", "approve")]
            + ["view_campaign", "change_campaign"],
        )
    )
    client.force_login(user)
    return client


def page_of(draft):
    return reverse("admin:ecomai_marketing_contentdraft_change", args=[draft.pk])


def test_drafts_are_asked_for_and_come_in(marketer, mug):
    address = reverse("admin:ecomai_marketing_content_ask")
    assert marketer.get(address).status_code == 200
    form = {"item": mug.external_id, "kinds": ["title"], "languages": ["en"], "n_variants": 2, "n_items": 10}
    assert marketer.post(address, form).status_code == 302
    work(Job.objects.get(kind="marketing.content"))
    page = marketer.get(reverse("admin:ecomai_marketing_contentdraft_changelist")).content.decode()
    assert "Stoneware mug by Ember &amp; Co" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"item": "no such"}, {"item": ""}, {"category": "Cups"}, {"kinds": []}, {"n_variants": 99},
        {"languages": ["x"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_form_that_says_too_little_or_too_much_asks_nothing(marketer, mug, wrong):
    form = {"item": mug.external_id, "kinds": ["title"], "languages": ["en"], "n_variants": 2, "n_items": 9}
    answer = marketer.post(reverse("admin:ecomai_marketing_content_ask"), form | wrong)
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not Job.objects.exists()


def test_the_page_shows_the_text_beside_its_facts_and_why_sentences_were_withheld(marketer, draft):
    draft.findings = [{"code": "number", "what": "5 years", "sentence": "It lasts 5 years."}]
    draft.save()
    page = marketer.get(page_of(draft)).content.decode()
    for part in (
        "Have a look: Stoneware mug",
        "Ember &amp; Co",
        "350",
        "It lasts 5 years.",
        "do not say “5 years”",
    ):
        assert part in page, part


def test_a_text_is_changed_approved_and_rejected_on_its_pages(marketer, draft):
    marketer.post(page_of(draft), {"text": "A look at the blue mug"})
    draft.refresh_from_db()
    assert (draft.text, draft.is_edited) == ("A look at the blue mug", True)
    approve = reverse("admin:ecomai_marketing_content_action", args=[draft.pk, "approve"])
    assert "in the facts" in marketer.get(approve).content.decode()
    draft.refresh_from_db()
    assert draft.state == State.DRAFT, "asking is not doing"
    marketer.post(approve)
    draft.refresh_from_db()
    assert draft.state == State.APPROVED
    assert marketer.post(page_of(draft), {"text": "x"}).status_code == 403
    marketer.post(reverse("admin:ecomai_marketing_content_action", args=[draft.pk, "reject"]))
    draft.refresh_from_db()
    assert draft.state == State.REJECTED


def test_many_are_approved_at_once_but_not_what_the_facts_do_not_support(marketer, mug):
    drafts = compose_drafts(Source(item=mug), kind="title", language="en", n_variants=3)
    rows = list(ContentDraft.objects.order_by("number"))
    content.edit_text(rows[0], text="Red mug")
    answer = marketer.post(
        reverse("admin:ecomai_marketing_contentdraft_changelist"),
        {"action": "approve_all", "_selected_action": [row.pk for row in rows]}, follow=True,
    )  # fmt: skip
    assert f"{len(drafts) - 1} texts were approved" in answer.content.decode()
    rows[0].refresh_from_db()
    assert rows[0].state == State.DRAFT


def test_a_text_goes_into_a_campaign_from_its_page(marketer, draft, campaign):
    content.approve(draft)
    assert "Win back" in marketer.get(page_of(draft)).content.decode()
    use = reverse("admin:ecomai_marketing_content_use", args=[draft.pk])
    assert marketer.post(use, {"campaign": 999}).status_code == 302
    assert campaign.variants.count() == 1
    marketer.post(use, {"campaign": campaign.pk})
    assert campaign.variants.count() == 2


def test_an_empty_shop_has_a_page(marketer):
    assert marketer.get(reverse("admin:ecomai_marketing_contentdraft_changelist")).status_code == 200


def test_the_list_asks_no_query_per_row(marketer, make_item, django_assert_max_num_queries):
    for number in range(20):
        compose_drafts(Source(item=make_item(title=f"M{number}")), kind="title", language="en", n_variants=1)
    with django_assert_max_num_queries(14):
        marketer.get(reverse("admin:ecomai_marketing_contentdraft_changelist"))


# -- REST -----------------------------------------------------------------------------------------


@pytest.fixture
def ask(client):
    _key, secret = create_api_key(name="texts", kind="secret", scopes=["marketing:read"])

    def ask(**query):
        address = reverse("ecomai:marketing-texts")
        return client.get(address, query, headers={"Authorization": f"Bearer {secret}"})

    return ask


def test_only_approved_texts_are_given_out(ask, mug, draft):
    assert ask(items=mug.external_id).json() == {"texts": []}
    content.approve(draft)
    assert ask(items=mug.external_id).json()["texts"] == [
        {
            "id": draft.pk, "item": mug.external_id, "kind": "subject", "language": "en", "variant": 1,
            "text": "Have a look: Stoneware mug",
        }
    ]  # fmt: skip
    assert ask(items=mug.external_id, kind="title").json() == {"texts": []}
    assert ask(items=mug.external_id, language="zh-hans").json() == {"texts": []}
    Item.objects.update(brand="Other")
    assert ask(items=mug.external_id).json() == {"texts": []}, "it may say what is no longer so"


@pytest.mark.parametrize(
    "query", [{}, {"items": ""}, {"items": ",".join("x" * 101)}, {"items": "a", "kind": "poem"}]
)
def test_a_wrong_question_is_refused(ask, query):
    items = query.get("items", "")
    if len(items) > 100:
        query = {"items": ",".join(f"i{number}" for number in range(101))}
    assert ask(**query).status_code == 400


def test_many_texts_take_as_many_queries_as_one(ask, make_item, django_assert_max_num_queries):
    items = [make_item(title=f"M{number}") for number in range(30)]
    for item in items:
        compose_drafts(Source(item=item), kind="title", language="en", n_variants=1)
    ContentDraft.objects.update(state=State.APPROVED)
    with django_assert_max_num_queries(5):
        found = ask(items=",".join(item.external_id for item in items)).json()
    assert len(found["texts"]) == 30
