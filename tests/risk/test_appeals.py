"""A customer is told why, without the rules, and appeals: only about what is theirs."""

from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import reverse
from django.utils import translation

from ecomai.commerce.visitors import sign_customer
from ecomai.registry.models import AuditEntry
from risk.models import Appeal, Case, Label
from risk.services import appeals, cases

from . import holding_shop
from .reviewing import add_assessment, add_case, add_reviewer

pytestmark = pytest.mark.django_db
ADDRESS = "/ecomai/risk/decisions/"


@pytest.fixture(autouse=True)
def address():
    assert reverse("ecomai:risk-decision") == ADDRESS


def ask(client, external_id="o-1", customer="c-1", **query):
    headers = {"X-Ecomai-Customer": sign_customer(customer)} if customer else {}
    return client.get(ADDRESS, {"id": external_id, **query}, headers=headers)


def appeal(client, text="It was me.", customer="c-1", **body):
    headers = {"X-Ecomai-Customer": sign_customer(customer)} if customer else {}
    return client.post(
        ADDRESS, {"id": "o-1", "text": text, **body}, content_type="application/json", headers=headers
    )


def test_the_customer_is_told_why_in_the_own_language_and_no_rule(client):
    rule = {"code": "block_list_nigeria", "text": "Rule 7: block cards of BIN 4711", "rule": 7}
    add_assessment(reasons=[rule, {"code": "many_by_card", "weight": 1, "number": 9}])
    told = ask(client).json()
    assert told["decision"] == "review"
    assert told["reasons"] == [
        "It did not pass one of our checks.",
        "We could not be sure that the payment is your own.",
    ]
    assert told["may_appeal"] is True
    assert not any(word in str(told) for word in ("4711", "block_list", "Rule", "many_by_card", "9"))


def test_every_reason_has_a_sentence_that_names_no_number():
    from risk.customer_reasons import customer_sentences
    from risk.reasons import REASONS

    for code in REASONS:
        (sentence,) = customer_sentences([{"code": code, "number": 3}])
        assert not any(letter.isdigit() for letter in sentence), code


@pytest.mark.parametrize("customer", ["c-2", ""], ids=["another customer", "nobody"])
def test_the_order_of_somebody_else_is_unknown(client, customer):
    add_assessment()
    assert ask(client, customer=customer).status_code == (404 if customer else 401)
    assert appeal(client, customer=customer).status_code == (404 if customer else 401)
    assert ask(client, customer=customer, token="forged").status_code == 404
    assert not Appeal.objects.exists()


def test_a_guest_asks_with_the_token_of_the_one_order(client):
    add_assessment(customer_external_id="")
    add_assessment("o-2", customer_external_id="")
    token = appeals.sign_decision(kind="payment_fraud", external_id="o-1")
    assert ask(client, customer="", token=token).status_code == 200
    assert ask(client, "o-2", customer="", token=token).status_code == 404
    assert appeal(client, customer="", token=token).status_code == 200


def test_an_order_without_a_customer_is_nobodys_by_an_empty_id(client):
    add_assessment(customer_external_id="")
    assert ask(client, customer="").status_code == 401


def test_an_appeal_opens_the_case_and_its_answer_goes_back(client):
    case = cases.decide_case(add_case(), verdict="decline", reason_code="linked", user=add_reviewer("mia"))
    assert appeal(client).json()["appeal"]["state"] == "waiting"
    case.refresh_from_db()
    assert (case.state, case.origin) == ("open", "appeal")
    cases.decide_case(
        case, verdict="approve", reason_code="confirmed", answer="We are sorry.", user=add_reviewer("tom")
    )
    told = ask(client).json()
    assert (told["decision"], told["may_appeal"]) == ("approve", False)
    assert (told["appeal"]["state"], told["appeal"]["answer"]) == ("granted", "We are sorry.")
    assert Label.objects.get(superseded_at=None).source == "appeal"


def test_the_answer_is_in_the_language_of_the_appeal():
    with translation.override("zh-hans"):
        appeals.file_appeal(add_case().assessment, text="是我")
    cases.decide_case(Case.objects.get(), verdict="decline", reason_code="linked", user=add_reviewer())
    written = Appeal.objects.get()
    with translation.override("zh-hans"):
        expected = translation.gettext("We looked at it again, and our decision stands.")
    assert (written.state, written.answer) == ("refused", expected)


def test_the_first_of_two_people_writes_the_answer():
    case = add_case()
    Case.objects.update(needs_second=True)
    appeals.file_appeal(case.assessment, text="x")
    for name, answer in (("mia", "Please call us."), ("tom", "")):
        cases.decide_case(
            case, verdict="decline", reason_code="linked", answer=answer, user=add_reviewer(name)
        )
    assert Appeal.objects.get().answer == "Please call us."


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ("approved", "nothing_to_appeal"), ("shadow", "nothing_to_appeal"), ("waits", "already_appealed"),
        ("answered twice", "no_more_appeals"),
    ],
)  # fmt: skip
def test_what_cannot_be_appealed(client, before, code):
    assessment = add_assessment(decision="approve" if before in ("approved", "shadow") else "decline")
    n_before = {"waits": 1, "answered twice": 2}.get(before, 0)
    for _ in range(n_before):
        state = "waiting" if before == "waits" else "refused"
        Appeal.objects.create(assessment=assessment, text="x", state=state)
    answer = appeal(client)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)
    assert Appeal.objects.count() == n_before


@pytest.mark.parametrize("text", ["", "   ", "\x00", "x" * 2001], ids=["empty", "blank", "null", "long"])
def test_an_appeal_says_something(client, text):
    add_assessment()
    assert appeal(client, text).status_code == 400


def test_appeals_are_bounded_and_reading_is_not(client, settings):
    cache.clear()
    settings.ECOMAI = settings.ECOMAI | {"RISK": {"APPEALS_PER_HOUR": 2}}
    add_assessment()
    assert [appeal(client).status_code for _ in range(3)] == [200, 409, 429]
    assert ask(client).status_code == 200


def test_the_audit_log_knows_of_it_and_quotes_nothing(client):
    add_assessment()
    appeal(client, "My name is Mia Jones")
    entry = AuditEntry.objects.get(action="file_appeal")
    assert entry.actor_label == "customer"
    assert "Mia" not in str(AuditEntry.objects.values_list("details", "subject", "actor_label"))


def test_the_answer_is_mailed_once(settings):
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.risk.holding_shop.MailingShop"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}
    holding_shop.MAILS.clear()
    waiting = Appeal.objects.create(assessment=add_assessment(), text="x")
    assert not appeals.mail_answer(waiting)
    waiting.state, waiting.answer = "granted", "You were right."
    assert appeals.mail_answer(waiting)
    assert appeals.mail_answer(waiting)
    assert holding_shop.MAILS == [("c-1", "You were right.")]


def test_the_answer_to_a_guest_goes_to_the_address_of_the_order(settings):
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.risk.holding_shop.GuestMailingShop"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}
    holding_shop.MAILS.clear()

    def answered(external_id, **fields):
        return Appeal.objects.create(
            assessment=add_assessment(external_id, **fields),
            text="x",
            state="granted",
            answer="You were right.",
        )

    guest = answered("o-7", customer_external_id="")
    assert appeals.mail_answer(guest)
    assert appeals.mail_answer(guest)
    assert not appeals.mail_answer(answered("r-7", customer_external_id="", kind="return_abuse"))
    assert holding_shop.MAILS == [("o-7", "You were right.")]
    # A shop that knows no addresses of orders mails to nobody.
    commerce["ADAPTER"] = "tests.risk.holding_shop.MailingShop"
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": dict(commerce)}
    assert not appeals.mail_answer(answered("o-8", customer_external_id=""))


def test_what_a_customer_said_is_exported_without_the_rules_and_erased_with_all_that_followed():
    from ecomai.fusion.subjects import Subject
    from risk.services import privacy

    case = add_case(reasons=[{"code": "rule_7", "text": "Rule 7: BIN 4711"}])
    appeals.file_appeal(case.assessment, text="It was me.")
    cases.add_note(case, text="Mia Jones called", user=add_reviewer())
    subject = Subject(storefront="", external_id="c-1", customer_pk=None)
    (told,) = privacy.export(subject)["assessments"]
    assert told["reasons"] == ["It did not pass one of our checks."]
    assert told["appeals"][0]["text"] == "It was me."
    privacy.erase(subject)
    assert not Case.objects.exists()
    assert not Appeal.objects.exists()


# -- on a page of the shop ------------------------------------------------------------------------


def render(external_id="o-1", customer="c-1", query=""):
    request = RequestFactory().get(f"/orders/{external_id}/{query}")
    if customer:
        request.META["HTTP_X_ECOMAI_CUSTOMER"] = sign_customer(customer)
    page = Template("{% load ecomai_risk %}{% risk_decision number %}")
    return page.render(Context({"request": request, "number": external_id}))


def test_the_tag_tells_the_customer_and_nobody_else():
    add_assessment()
    assert "It was unlike what you usually do here." in render()
    assert "<form" in render()
    assert render(customer="c-2") == render("o-9") == render(customer="") == ""


def test_the_tag_says_nothing_of_an_approved_order():
    add_assessment(decision="approve")
    assert render() == ""


def test_a_form_goes_back_to_its_page_and_to_no_other_site(client):
    add_assessment()
    token = appeals.sign_decision(kind="payment_fraud", external_id="o-1")
    body = {"id": "o-1", "kind": "payment_fraud", "token": token, "text": "It was me."}

    def send(next):
        content = urlencode(body | {"next": next})
        return client.post(ADDRESS, content, content_type="application/x-www-form-urlencoded")

    answer = send("/orders/o-1/?a=1")
    assert (answer.status_code, answer["Location"]) == (302, "/orders/o-1/?a=1&appeal=sent#ecomai-decision")
    again = send("/orders/o-1/")
    assert again["Location"] == "/orders/o-1/?appeal=already_appealed#ecomai-decision"
    assert send("https://evil.example/").status_code == 409
    assert "You asked for another look already" in render(query="?appeal=already_appealed")
