"""Who is like whom: customers by what they take and how they buy, never one who may not be addressed."""

from datetime import timedelta

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ecomai.exceptions import ConflictError, InvalidInputError
from ecomai.fusion.models import EntityVector
from ecomai.fusion.services import record_consent
from ecomai.fusion.subjects import Subject
from ecomai.fusion.vectors import store_vectors
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import AuditEntry, Job
from marketing.likeness.describing import describe, names_of, sentences_of_group
from marketing.likeness.similar import find_similar
from marketing.likeness.tastes import TASTE_DIMENSIONS, project, taste_vectors
from marketing.likeness.vectors import blocks, ready_version
from marketing.models import Cluster, CustomerProfile, Lookalike, Segment, SegmentMember, VectorVersion
from marketing.services import likeness as services
from marketing.services import refresh_profiles
from marketing.services.clusters import adopt_cluster, propose_clusters
from marketing.services.privacy import erase
from marketing.tasks import compare_customers

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
N = 90
KINDS = ("Tea", "Cups", "Bread")


@pytest.fixture(autouse=True)
def _allowed(settings) -> None:
    fusion = {**settings.ECOMAI.get("FUSION", {}), "DEFAULT_CONSENT": {"marketing": True}}
    settings.ECOMAI = {**settings.ECOMAI, "FUSION": fusion}


@pytest.fixture
def shop(make_customer, make_item, make_order, make_event):
    """A third likes tea, a third cups, a third bread, which they buy often."""
    items = {kind: [make_item(category_path=f"Home > {kind}") for _each in range(4)] for kind in KINDS}
    now = timezone.now()
    customers = [make_customer() for _number in range(N)]
    for number, customer in enumerate(customers):
        kind = kind_of(number)
        for age in (5, 10, 15, 20, 25) if kind == "Bread" else (40, 80, 120 + number):
            make_order(customer, now - age * DAY, item=items[kind][number % 4], total=10 + number % 5)
        make_event(customer, "view", now - DAY, item=items[kind][(number + 1) % 4])
    refresh_profiles([customer.pk for customer in customers])
    return customers


@pytest.fixture
def refuse(django_capture_on_commit_callbacks):
    def refuse(customer) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            record_consent(customer=customer, purpose="marketing", is_granted=False, source="test")

    return refuse


def kind_of(number: int) -> str:
    return KINDS[number % 3]


def compare() -> VectorVersion:
    job = services.start_vectors()
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error_message
    return ready_version()


def segment_of(customers, name="Seed") -> Segment:
    segment = Segment.objects.create(name=name, slug=name.lower(), kind="static", n_members=len(customers))
    SegmentMember.objects.bulk_create(
        SegmentMember(segment=segment, customer=customer) for customer in customers
    )
    return segment


def kinds_of(shop, pks) -> list[str]:
    numbers = {customer.pk: number for number, customer in enumerate(shop)}
    return [kind_of(numbers[pk]) for pk in pks]


# -- vectors --------------------------------------------------------------------------------------


def test_who_takes_the_same_is_most_alike(shop):
    version = compare()
    assert version.n_customers == N
    assert version.item_encoder == ""
    seeds = [customer.pk for customer in shop[:15:3]]
    found = find_similar(version, seeds, n=25)
    assert set(kinds_of(shop, found.pks)) == {"Tea"}
    assert not set(found.pks.tolist()) & set(seeds)
    assert (np.diff(found.alikeness) <= 0).all()
    assert found.alikeness.max() <= 1 + 1e-5


def test_a_mixed_seed_finds_both_kinds(shop):
    version = compare()
    seeds = [shop[number].pk for number in (0, 3, 6, 9, 12, 15, 1, 4, 7, 10, 13, 16)]
    found = kinds_of(shop, find_similar(version, seeds, n=40).pks)
    assert "Bread" not in found
    assert min(found.count("Tea"), found.count("Cups")) >= 10


def test_what_a_text_encoder_says_counts_where_one_has_read_the_items(shop):
    """The encoder finds tea and cups the same, whatever their categories say."""
    rng = np.random.default_rng(0)
    drinks, bread = rng.standard_normal((2, 384)).astype(np.float32)
    from ecomai.commerce.models import Item

    vectors = {
        item.external_id: bread if "Bread" in item.category_path else drinks for item in Item.objects.all()
    }
    store_vectors(entity="item", encoder="recommendations:e1", vectors=vectors)
    store_vectors(entity="item", encoder="recommendations.pictures:p", vectors=vectors)
    version = compare()
    assert version.item_encoder == "recommendations:e1"
    pks = [customer.pk for customer in shop]
    tastes = taste_vectors(pks, now=timezone.now(), encoder=version.item_encoder)
    np.testing.assert_allclose(tastes[0] @ tastes[1], 1.0, atol=1e-5)
    assert abs(tastes[0] @ tastes[2]) < 0.5
    assert tastes.shape == (N, TASTE_DIMENSIONS)


def test_angles_survive_the_projection():
    vectors = np.random.default_rng(1).standard_normal((50, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    projected = project(vectors)
    np.testing.assert_allclose(np.linalg.norm(projected, axis=1), 1, atol=0.4)
    np.testing.assert_array_equal(project(vectors), projected)


def test_newer_and_stronger_touches_weigh_more(make_customer, make_item, make_order, make_event):
    now = timezone.now()
    tea, cups = make_item(category_path="Tea"), make_item(category_path="Cups")
    buyer, looker, old, only = (make_customer() for _each in range(4))
    for customer in (buyer, looker, old):
        make_event(customer, "view", now - DAY, item=cups)
    make_order(buyer, now - DAY, item=tea)
    make_event(looker, "view", now - DAY, item=tea)
    make_order(old, now - 600 * DAY, item=tea)
    make_event(only, "view", now - DAY, item=tea)
    tastes = taste_vectors([c.pk for c in (buyer, looker, old, only)], now=now, encoder="")
    of_buyer, of_looker, of_old, _itself = tastes @ tastes[3]
    assert of_buyer > of_looker > of_old
    later = taste_vectors([only.pk], now=now - 2 * DAY, encoder="")
    assert not later.any(), "what came later is not in it"


def test_who_touched_nothing_has_no_taste(make_customer):
    assert not taste_vectors([make_customer().pk], now=timezone.now(), encoder="").any()


def test_it_goes_on_where_it_stopped(shop, settings, monkeypatch):
    settings.ECOMAI = {**settings.ECOMAI, "MARKETING": {"BATCH_SIZE": 25}}
    job = services.start_vectors()
    store, calls = services._store, []

    def dies(version, pks):
        if len(calls) == 2:
            raise SystemExit
        calls.append(pks)
        return store(version, pks)

    monkeypatch.setattr(services, "_store", dies)
    with pytest.raises(SystemExit):
        execute_job(job.pk)
    assert ready_version() is None
    monkeypatch.undo()
    settings.ECOMAI = {**settings.ECOMAI, "MARKETING": {"BATCH_SIZE": 25}}
    Job.objects.filter(pk=job.pk).update(run_after=timezone.now(), wake_at=timezone.now(), state="queued")
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error_message
    assert ready_version().n_customers == N
    assert EntityVector.objects.filter(entity="customer").count() == N


def test_a_new_version_takes_the_place_of_the_old_one(shop):
    first = compare()
    second = compare()
    assert second.pk > first.pk
    assert VectorVersion.objects.count() == 1
    encoders = EntityVector.objects.filter(entity="customer").values_list("encoder", flat=True)
    assert set(encoders) == {second.encoder}


def test_who_refuses_is_in_no_search_and_has_no_vector_at_once(shop, refuse):
    version = compare()
    refuse(shop[3])
    assert not EntityVector.objects.filter(entity="customer", entity_id=shop[3].external_id).exists()
    everybody = np.concatenate([block.pks for block in blocks(version)])
    assert shop[3].pk not in everybody
    assert len(everybody) == N - 1
    CustomerProfile.objects.filter(customer=shop[6]).update(has_consent=False)
    assert shop[6].pk not in find_similar(version, [shop[0].pk], n=N).pks


def test_an_erasure_takes_the_vector(shop):
    compare()
    subject = Subject(customer_pk=shop[0].pk, external_id=shop[0].external_id, storefront="")
    assert erase(subject)["customer_vectors"] == 1
    assert not EntityVector.objects.filter(entity="customer", entity_id=shop[0].external_id).exists()


def test_an_empty_shop_compares_nobody(db):
    compare_customers()
    assert not Job.objects.filter(kind="marketing.vectors").exists()


def test_one_at_a_time(shop):
    compare_customers()
    compare_customers()
    assert Job.objects.filter(kind="marketing.vectors").count() == 1


# -- segments of similar customers ----------------------------------------------------------------


def test_a_segment_of_similar_customers_is_found_and_found_anew(shop, refuse):
    compare()
    seed = segment_of(shop[:15:3])
    lookalike = services.create_lookalike(seed=seed, name="More tea", n=20, is_refreshed=True)
    execute_job(Job.objects.get(kind="marketing.similar").pk)
    members = lookalike.segment.members
    assert set(kinds_of(shop, members.values_list("customer_id", flat=True))) == {"Tea"}
    lookalike.segment.refresh_from_db()
    assert lookalike.segment.n_members == members.count() == 20
    lookalike.refresh_from_db()
    assert 0 < lookalike.found["least"] <= lookalike.found["mean"] <= 1
    gone = members.order_by("pk").first().customer
    refuse(gone)
    assert members.count() == 19
    compare()
    assert members.count() == 20, "another one takes the place"
    assert not members.filter(customer=gone).exists()
    assert AuditEntry.objects.filter(action="segment_lookalike").exists()


def test_one_that_is_fixed_stays_as_it_was(shop):
    compare()
    lookalike = services.create_lookalike(seed=segment_of(shop[:3]), name="Fixed", n=5)
    services.refresh_lookalike(lookalike)
    found_at = Lookalike.objects.get().found_at
    compare()
    assert Lookalike.objects.get().found_at == found_at


def test_what_cannot_be_found_is_refused_with_a_sentence(shop):
    seed = segment_of(shop[:3])
    with pytest.raises(ConflictError):
        services.create_lookalike(seed=seed, name="x", n=5)
    compare()
    for n in (0, 100_001):
        with pytest.raises(InvalidInputError):
            services.create_lookalike(seed=seed, name="x", n=n)
    with pytest.raises(ConflictError):
        services.create_lookalike(seed=segment_of([], name="Empty"), name="x", n=5)
    assert not Lookalike.objects.exists()


# -- groups ---------------------------------------------------------------------------------------


def test_groups_are_those_that_are_there_with_names_that_say_so(shop):
    version = compare()
    rows = list(version.clusters.order_by("place"))
    assert sum(row.n for row in rows) == N
    names = names_of([row.description for row in rows])
    assert len(set(names)) == len(names)
    for kind in KINDS:
        assert any(kind in name for name in names), names
    bread = next(row for row, name in zip(rows, names, strict=True) if "Bread" in name)
    assert "order often" in names[rows.index(bread)]
    assert any("every 5 days" in sentence for sentence in sentences_of_group(bread.description))


def test_groups_are_the_same_each_time(shop):
    version = compare()
    first = list(version.clusters.order_by("place").values_list("n", "middle"))
    propose_clusters(version)
    assert list(version.clusters.order_by("place").values_list("n", "middle")) == first


def test_a_group_becomes_a_segment_of_its_customers(shop):
    version = compare()
    rows = list(version.clusters.order_by("place"))
    names = names_of([row.description for row in rows])
    place = next(place for place, name in enumerate(names) if "Tea" in name)
    segment = adopt_cluster(rows[place])
    assert segment.name == names[place]
    execute_job(Job.objects.get(kind="marketing.cluster").pk)
    members = segment.members.values_list("customer_id", flat=True)
    assert len(members) == rows[place].n
    assert set(kinds_of(shop, members)) == {"Tea"}
    with pytest.raises(ConflictError):
        adopt_cluster(rows[place])


def test_few_customers_have_no_groups(make_customer, make_item, make_order):
    mia = make_customer()
    make_order(mia, timezone.now() - DAY, item=make_item())
    refresh_profiles([mia.pk])
    assert not compare().clusters.exists()


def test_who_is_like_all_is_told_so(shop):
    known = describe([customer.pk for customer in shop], now=timezone.now()).as_json()
    assert sentences_of_group(known) == ["They are much like all customers."]
    assert names_of([known, known]) == ["Customers like most", "Customers like most (2)"]


# -- pages ----------------------------------------------------------------------------------------


@pytest.fixture
def marketer(client) -> User:
    user = User.objects.create_user("marketer", is_staff=True)
    names = ("view_segment", "add_segment", "change_segment")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return user


def address(name: str, *args) -> str:
    return reverse(f"admin:ecomai_marketing_segment_{name}", args=args)


def test_a_look_before_says_how_alike_they_are_and_what_they_share(client, marketer, shop):
    seed = segment_of(shop[:15:3])
    assert "Customers are not compared yet" in client.get(address("similar", seed.pk)).content.decode()
    compare()
    text = client.get(address("similar", seed.pk), {"n": "10"}).content.decode()
    assert "10 customers, alike by" in text
    assert "like “Tea” most" in text
    assert "by category and brand alone" in text
    assert client.get(address("similar", seed.pk), {"n": "many"}).status_code == 200
    sent = {"name": "More tea", "n": "10", "is_refreshed": "on"}
    answer = client.post(address("similar", seed.pk), sent)
    segment = Segment.objects.get(name="More tea")
    assert answer.url == address("change", segment.pk)
    text = client.get(answer.url).content.decode()
    assert "They are being found in the background." in text
    execute_job(Job.objects.get(kind="marketing.similar").pk)
    assert "Alikeness:" in client.get(answer.url).content.decode()
    again = client.post(address("similar", seed.pk), sent)
    assert "There is a segment “More tea” already" in again.content.decode()


def test_groups_are_shown_and_made_segments_with_one_click(client, marketer, shop):
    assert "No groups were found yet" in client.get(address("groups")).content.decode()
    compare()
    text = client.get(address("groups")).content.decode()
    assert "Friends of Tea" in text
    cluster = Cluster.objects.order_by("place").first()
    answer = client.post(address("adopt", cluster.pk))
    assert answer.url == address("change", Cluster.objects.get(pk=cluster.pk).segment_id)
    assert client.post(address("adopt", 10**6)).status_code == 404
    assert client.get(address("adopt", cluster.pk)).status_code == 405


def test_the_page_of_groups_asks_as_often_for_many_as_for_few(client, marketer, shop):
    compare()
    client.get(address("groups"))
    counts = []
    for _each in range(2):
        with CaptureQueriesContext(connection) as asked:
            client.get(address("groups"))
        counts.append(len(asked))
        Cluster.objects.filter(place__gt=1).delete()
    assert counts[0] == counts[1]


def test_who_may_only_look_makes_no_segment(client, shop):
    user = User.objects.create_user("analyst", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_segment"))
    client.force_login(user)
    compare()
    seed, cluster = segment_of(shop[:3]), Cluster.objects.first()
    for answer in (
        client.get(address("similar", seed.pk)),
        client.post(address("similar", seed.pk), {"name": "x", "n": "5"}),
        client.post(address("adopt", cluster.pk)),
    ):
        assert answer.status_code == 403
    assert client.get(address("groups")).status_code == 200
    assert not Lookalike.objects.exists()
