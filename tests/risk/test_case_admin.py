"""The review queue and the page of a case, as people use them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Customer, Order
from risk.models import Case, CaseNote, Label, Origin
from risk.pages import queue
from risk.pages.links import MOST_NODES, link_graph
from risk.pages.similar import similar_cases
from risk.services import cases
from risk.services.audit import audit_assessments

from .reviewing import NOW, add_assessment, add_case, add_policy, add_reviewer

pytestmark = pytest.mark.django_db
QUEUE = "/admin/ecomai_risk/case/"


@pytest.fixture
def mia():
    return add_reviewer("mia")


@pytest.fixture
def page(client, mia):
    client.force_login(mia)
    return client


def names(answer):
    return [row["case"].assessment.external_id for row in answer.context["rows"]]


def act(client, case, name, **said):
    return client.post(f"{QUEUE}{case.pk}/act/", {"act": name, **said})


# -- the queue ------------------------------------------------------------------------------------


def test_an_empty_queue_says_where_cases_come_from(page):
    answer = page.get(QUEUE)
    assert answer.status_code == 200
    assert "when a customer appeals" in answer.content.decode()


def test_the_dearest_case_comes_first(page):
    for name, amount in (("small", 10), ("large", 900), ("middle", 90)):
        add_case(name, amount=Decimal(amount), amount_reporting=Decimal(amount))
    assert names(page.get(QUEUE)) == ["large", "middle", "small"]


def test_filters_narrow_and_nonsense_is_as_if_it_were_not_there(page, mia):
    add_case("order")
    add_case("review", kind="fake_review")
    late, taken = add_case("late"), add_case("taken")
    Case.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=3))
    cases.lock_case(taken, user=mia)
    done = cases.decide_case(
        add_case("done"), verdict="approve", reason_code="harmless", user=add_reviewer("tom")
    )
    assert done.state == "decided"
    wanted = {
        "?kind=fake_review": {"review"}, "?overdue=1": {"late"}, "?mine=1": {"taken"},
        "?state=locked": {"taken"}, "?state=decided": {"done"}, "?origin=appeal": set(),
        "?kind=x&state=y&origin=z&sort=w&page=q": {"order", "review", "late", "taken"},
    }  # fmt: skip
    for query, expected in wanted.items():
        assert set(names(page.get(QUEUE + query))) == expected, query
    counts = page.get(QUEUE).context["counts"]
    assert counts == {"waiting": 4, "overdue": 1, "second": 0, "mine": 1}


def test_pages_are_bounded_and_keep_the_filter(page):
    for number in range(queue.PER_PAGE + 1):
        add_case(f"o-{number}")
    answer = page.get(f"{QUEUE}?kind=payment_fraud")
    assert len(names(answer)) == queue.PER_PAGE
    assert "kind=payment_fraud&amp;page=2" in answer.content.decode()
    assert len(names(page.get(f"{QUEUE}?kind=payment_fraud&page=2"))) == 1


def test_a_long_queue_costs_no_more_queries(page, django_assert_max_num_queries):
    for number in range(queue.PER_PAGE):
        add_case(f"o-{number}")
    page.get(QUEUE)
    with django_assert_max_num_queries(12):
        page.get(QUEUE)


# -- the page of a case ---------------------------------------------------------------------------


def test_the_page_says_who_what_why_and_what_was_before(page):
    policy = add_policy()
    customer = Customer.objects.create(external_id="c-1")
    Order.objects.create(external_id="old-1", customer=customer, currency="EUR", total=7, placed_at=NOW)
    earlier = add_assessment("earlier", customer="a", received_at=NOW - timedelta(days=9))
    Label.objects.create(assessment=earlier, is_fraud=True, source="chargeback", reference="bank-7")
    case = add_case(
        "o-77", policy=policy, customer="a", shown={"card_last_digits": "4242", "ip_country": "FR"},
        rules_fired=[{"rule": 1, "name": "Many cards", "number": 2, "action": "review", "is_shadow": True}],
        payload={"lines": [{"item_id": "mug", "category": "Cups", "quantity": 2, "unit_price": "3.50"}]},
    )  # fmt: skip
    audit_assessments([case.assessment])
    html = page.get(f"{QUEUE}{case.pk}/change/").content.decode()
    for expected in (
        "o-77", "c-1", "€100.00", "4242", "mug", "€3.50", "Many cards (2): review",
        "The customer never used this device before.", "old-1", "bank-7", "Chargeback", "earlier",
        "Opened the case", "Assessed",
    ):  # fmt: skip
        assert expected in html, expected
    assert "<script>" not in html
    assert "style=" not in html
    assert "onclick" not in html


def test_what_customers_write_is_shown_as_text(page):
    case = add_case(
        "<script>alert(1)</script>", customer_external_id="<b>x", kind="listing",
        payload={"title": "<i>", "text": "<img src=x onerror=alert(1)>"},
    )  # fmt: skip
    html = page.get(f"{QUEUE}{case.pk}/change/").content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "<b>x" not in html


def test_a_case_costs_a_bounded_number_of_queries(page, django_assert_max_num_queries):
    for number in range(60):
        add_assessment(f"p-{number}", customer=number % 20, device="d", card=number, address="x")
    for number in range(8):
        done = add_case(f"done-{number}", features=[1.0, None], features_version=1)
        cases.decide_case(done, verdict="approve", reason_code="harmless", user=add_reviewer(f"r{number}"))
    case = add_case(
        "o-1", customer=1, device="d", card=1, address="x", features=[2.0, 3.0], features_version=1
    )
    page.get(f"{QUEUE}{case.pk}/change/")
    with django_assert_max_num_queries(30 + 2 * MOST_NODES):
        page.get(f"{QUEUE}{case.pk}/change/")


def test_opening_takes_the_case_and_the_second_person_reads_who_has_it(client, mia):
    case, tom = add_case(), add_reviewer("tom")
    client.force_login(mia)
    mine = client.post(f"{QUEUE}{case.pk}/lock/", headers={"HX-Request": "true"}).content.decode()
    assert "You have this case until" in mine
    client.force_login(tom)
    theirs = client.post(f"{QUEUE}{case.pk}/lock/", headers={"HX-Request": "true"}).content.decode()
    assert "mia looks at this case until" in theirs
    assert "mia looks at this case until" in client.get(f"{QUEUE}{case.pk}/change/").content.decode()
    refused = act(client, case, "decide", verdict="approve", reason_code="harmless")
    assert refused["Location"] == f"{QUEUE}{case.pk}/change/"
    case.refresh_from_db()
    assert case.state == "open"


def test_deciding_goes_on_to_the_next_case_of_the_same_filter(page):
    first = add_case("first", amount_reporting=Decimal(900))
    add_case("other kind", kind="fake_review", amount_reporting=Decimal(800))
    second = add_case("second", amount_reporting=Decimal(10))
    said = {"verdict": "decline", "reason_code": "stolen_payment", "queue": "kind=payment_fraud"}
    answer = act(page, first, "decide", **said)
    assert answer["Location"] == f"{QUEUE}{second.pk}/change/?kind=payment_fraud"
    last = act(page, second, "decide", **said)
    assert last["Location"] == f"{QUEUE}?kind=payment_fraud"


def test_notes_giving_back_and_opening_again(page, mia):
    case = add_case()
    act(page, case, "note", note="called")
    assert CaseNote.objects.get().text == "called"
    cases.lock_case(case, user=mia)
    act(page, case, "unlock")
    case.refresh_from_db()
    assert case.locked_by is None
    act(page, case, "decide", verdict="approve", reason_code="harmless")
    act(page, case, "reopen")
    case.refresh_from_db()
    assert case.state == "open"
    assert act(page, case, "nonsense").status_code == 302


def test_who_may_only_look_changes_nothing(client, django_user_model):
    from django.contrib.auth.models import Permission

    case = add_case()
    watcher = django_user_model.objects.create_user("watcher", is_staff=True)
    watcher.user_permissions.add(Permission.objects.get(codename="view_case"))
    client.force_login(watcher)
    assert client.get(f"{QUEUE}{case.pk}/change/").status_code == 200
    for address in (f"{case.pk}/act/", f"{case.pk}/lock/", "next/", "decide/"):
        assert client.post(QUEUE + address, {"act": "note", "note": "x"}).status_code == 403, address
        assert client.get(QUEUE + address).status_code == 405, address
    assert not CaseNote.objects.exists()


def test_many_are_decided_at_once_with_the_permission(client):
    client.force_login(add_reviewer("boss", "decide_cases"))
    picked = [add_case(f"o-{number}").pk for number in range(3)]
    said = {"case": [*picked[:2], "x"], "verdict": "decline", "reason_code": "linked"}
    answer = client.post(f"{QUEUE}decide/", said, follow=True)
    assert "2 cases are decided." in answer.content.decode()
    assert sorted(Case.objects.filter(state="decided").values_list("pk", flat=True)) == sorted(picked[:2])
    assert "Tick the cases first" in client.post(f"{QUEUE}decide/", {}, follow=True).content.decode()


# -- next -----------------------------------------------------------------------------------------


def test_next_is_nobody_elses_and_not_what_one_proposed_oneself(mia):
    tom = add_reviewer("tom")
    policy = add_policy(four_eyes_from=Decimal(500))
    proposed = add_case("proposed", policy=policy, amount_reporting=Decimal(900))
    taken = add_case("taken", amount_reporting=Decimal(400))
    free = add_case("free", amount_reporting=Decimal(40))
    cases.decide_case(proposed, verdict="decline", reason_code="linked", user=mia)
    cases.lock_case(taken, user=tom)
    assert queue.next_case(mia) == free
    assert queue.next_case(tom) == proposed
    assert queue.next_case(mia, but=free.pk) is None


def test_a_part_of_the_day_is_spent_on_what_teaches_most(mia, settings):
    settings.ECOMAI = settings.ECOMAI | {"RISK": {"LEARNING_SHARE": 0.5}}
    teaching = cases.open_case(
        add_assessment("teaching", amount_reporting=Decimal(1)), origin=Origin.LEARNING
    )
    dear, dearer = add_case("dear"), add_case("dearer", amount_reporting=Decimal(900))
    assert queue.next_case(mia) == dearer
    cases.decide_case(dearer, verdict="approve", reason_code="harmless", user=mia)
    assert queue.next_case(mia) == teaching
    cases.decide_case(teaching, verdict="approve", reason_code="harmless", user=mia)
    assert queue.next_case(mia) == dear


# -- links and similar cases ----------------------------------------------------------------------


def test_a_ring_is_found_over_two_steps_and_strangers_are_not():
    """a and b share a device, b and c a card; d shares nothing."""
    own = add_assessment("a", customer="a", device="one")
    add_assessment("b", customer="b", device="one", card="k", customer_external_id="b", is_fraud=True)
    add_assessment("c", customer="c", card="k", customer_external_id="c")
    add_assessment("d", customer="d", device="two", customer_external_id="d")
    graph = link_graph(own)
    assert {node.label for node in graph.accounts} == {"c-1", "b", "c"}
    assert {node.kind for node in graph.shared} == {"device", "card"}
    assert (graph.n_fraud, graph.is_cut) == (1, False)
    assert {edge.is_fraud for edge in graph.edges} == {True, False}


def test_a_crowd_is_cut_and_says_so():
    own = add_assessment("own", customer="own", address="parcel shop")
    for number in range(100):
        add_assessment(
            f"o-{number}", customer=number, address="parcel shop", customer_external_id=f"c{number}"
        )
    graph = link_graph(own)
    assert graph.is_cut
    assert len(graph.nodes) <= MOST_NODES
    assert any(node.is_self for node in graph.accounts)


def test_an_assessment_without_anything_shared_has_no_graph():
    assert not link_graph(add_assessment()).shared


def test_the_nearest_decided_cases_come_first():
    def decided(name, *features, **more):
        case = add_case(name, features=list(features), features_version=1, **more)
        return cases.decide_case(case, verdict="approve", reason_code="harmless", user=add_reviewer(name))

    own = add_assessment("own", features=[10.0, 1.0, None], features_version=1)
    decided("far", 900.0, 0.0, 5.0)
    decided("near", 11.0, 1.0, None)
    decided("other kind", 10.0, 1.0, None, kind="listing")
    decided("shorter", 10.0, 1.0)
    add_case("undecided", features=[10.0, 1.0, None], features_version=1)
    found = similar_cases(own)
    assert [one.case.assessment.external_id for one in found] == ["near", "far"]
    assert 1 >= found[0].likeness > found[1].likeness > 0


def test_similar_without_features_is_empty():
    assert similar_cases(add_assessment()) == []


def test_the_consoles_card_says_what_waits_and_is_late(rf, django_user_model):
    from risk.cards import cards

    request = rf.get("/")
    request.user = django_user_model.objects.create_superuser("boss")
    waiting = {card.title: card for card in cards(request)}["Cases to decide"]
    assert (waiting.value, waiting.state) == ("0", "empty")
    late = add_case("late")
    add_case("other")
    Case.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1))
    waiting = {card.title: card for card in cards(request)}["Cases to decide"]
    assert (waiting.value, waiting.text, waiting.state) == ("2", "1 of them are overdue.", "attention")


def test_the_address_of_the_queue_is_what_the_menu_links_to():
    assert reverse("admin:ecomai_risk_case_changelist") == QUEUE
