import pytest
from django.core.cache import cache
from django.test import Client

from ecomai.commerce import services as commerce
from ecomai.commerce.models import ApiKey, Customer
from ecomai.commerce.visitors import sign_customer
from ecomai.fusion import services
from ecomai.fusion.models import ConsentRecord, ErasureRequest, SessionLink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop", "fresh_cache")]

ME = "/ecomai/fusion/me/"
CONSENTS = "/ecomai/fusion/me/consents/"
ERASURE = "/ecomai/fusion/me/erasure/"
GRANT = {"purpose": "newsletter", "is_granted": True, "proof": {"wording": "v1"}}


@pytest.fixture
def fresh_cache(settings, tmp_path):
    settings.ECOMAI = {"REGISTRY": {"FOLDER": tmp_path}}
    cache.clear()


def token_of(external_id):
    return {"X-Ecomai-Customer": sign_customer(external_id)}


def post(client, url, body, headers=None):
    return client.post(url, body, content_type="application/json", headers=headers or {})


def code_of(response):
    return response.json()["error"]["code"]


@pytest.fixture
def carla(client, django_user_model):
    """A customer who is logged in at the shop, with one event."""
    user = django_user_model.objects.create(username="carla")
    commerce.ingest_events([{"type": "view", "item_id": "17", "customer_id": str(user.pk)}])
    client.force_login(user)
    return Customer.objects.get(external_id=str(user.pk))


def test_a_logged_in_customer_gets_everything_known(client, carla):
    response = client.get(ME)
    assert response.status_code == 200
    assert response.json()["customer"]["id"] == carla.external_id
    assert len(response.json()["events"]) == 1
    assert response["Cache-Control"] == "no-store"


def test_a_signed_token_of_a_page_counts_as_a_login(client, anna):
    assert client.get(ME, headers=token_of("anna")).json()["customer"]["id"] == "anna"


@pytest.mark.parametrize("url", [ME, CONSENTS])
def test_nobody_gets_nothing(client, url):
    response = client.get(url)
    assert (response.status_code, code_of(response)) == (401, "not_identified")


def test_another_customers_id_cannot_be_asked_for(client, carla, anna):
    for query in ("?customer=anna", "?customer_id=anna", "?external_id=anna", "?customer_token=anna"):
        assert client.get(ME + query).json()["customer"]["id"] == carla.external_id
    post(client, ERASURE, {"confirm": True, "customer": "anna", "customer_id": "anna", "external_id": "anna"})
    assert Customer.objects.filter(external_id="anna").exists()
    assert not Customer.objects.filter(pk=carla.pk).exists()


def test_a_forged_token_is_nobody(client):
    forged = sign_customer("anna")[:-2] + "xx"
    assert client.get(ME, headers={"X-Ecomai-Customer": forged}).status_code == 401


def test_a_customer_gives_and_withdraws_a_consent(client, carla):
    assert post(client, CONSENTS, GRANT).status_code == 201
    assert services.has_consent(purpose="newsletter", customer=carla)
    assert ConsentRecord.objects.get().proof == {"wording": "v1"}
    post(client, CONSENTS, {**GRANT, "is_granted": False})
    assert [row["is_granted"] for row in client.get(CONSENTS).json()["consents"]] == [False]


def test_a_session_answers_for_itself_and_never_for_the_customer_behind_it(client, anna):
    session = {"X-Ecomai-Session": "session-0001"}
    assert post(client, CONSENTS, GRANT, session).status_code == 201
    assert client.get(CONSENTS, headers=session).json()["consents"][0]["is_granted"] is True
    services.link_session(session_id="session-0001", customer=anna)
    assert post(client, CONSENTS, {**GRANT, "is_granted": False}, session).status_code == 401
    assert client.get(ME, headers=session).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"purpose": "x"}, {"purpose": "", "is_granted": True}, {"purpose": "x" * 65}, []]
)
def test_a_bad_answer_is_refused_in_the_one_error_shape(client, carla, body):
    response = post(client, CONSENTS, body)
    assert (response.status_code, code_of(response)) == (400, "invalid_input")
    assert not ConsentRecord.objects.exists()


def test_a_form_of_another_site_cannot_erase(carla):
    browser = Client(enforce_csrf_checks=True)
    from django.contrib.auth import get_user_model

    browser.force_login(get_user_model().objects.get())
    assert post(browser, ERASURE, {"confirm": True}).status_code == 403
    assert Customer.objects.filter(pk=carla.pk).exists()


def test_an_erasure_needs_a_confirmation(client, carla):
    assert post(client, ERASURE, {"confirm": False}).status_code == 400
    assert post(client, ERASURE, {}).status_code == 400
    response = post(client, ERASURE, {"confirm": True})
    assert (response.status_code, response.json()["state"]) == (200, "done")
    assert ErasureRequest.objects.get().requested_by is None, "the receipt must not lead to the person"


def test_too_many_requests_are_held_back_and_the_cache_names_nobody(client, carla, settings):
    settings.ECOMAI = {**settings.ECOMAI, "FUSION": {"REQUESTS_PER_MINUTE": 2}}
    assert [client.get(ME).status_code for _ in range(3)] == [200, 200, 429]
    assert not any(f"user-{carla.external_id}" in key for key in cache._cache)


# -- the shop's servers ----------------------------------------------------------------------------


@pytest.fixture
def server():
    _key, plaintext = commerce.create_api_key(name="server", kind=ApiKey.Kind.SECRET, scopes=["fusion:write"])
    return {"Authorization": f"Bearer {plaintext}"}


def test_a_server_records_links_exports_and_erases(client, server, anna):
    assert post(client, "/ecomai/fusion/consents/", {**GRANT, "customer": "anna"}, server).status_code == 201
    body = {"customer": "anna", "session": "session-0001"}
    assert post(client, "/ecomai/fusion/session-links/", body, server).status_code == 200
    exported = post(client, "/ecomai/fusion/exports/", {"customer": "anna"}, server).json()
    assert exported["sessions"] == ["session-0001"]
    assert exported["consents"][0]["source"] == "server"
    assert post(client, "/ecomai/fusion/erasures/", {"customer": "anna"}, server).json()["state"] == "done"
    assert not Customer.objects.filter(external_id="anna").exists()


SERVER_URLS = ["consents", "session-links", "exports", "erasures"]


@pytest.mark.parametrize("url", SERVER_URLS)
def test_without_a_secret_key_of_the_scope_a_server_may_do_nothing(client, url, anna):
    address = f"/ecomai/fusion/{url}/"
    body = {**GRANT, "customer": "anna", "session": "session-0001"}
    assert post(client, address, body).status_code == 401
    assert post(client, address, body, {"Authorization": "Bearer sk_wrong"}).status_code == 401
    _key, other_scope = commerce.create_api_key(name="x", kind=ApiKey.Kind.SECRET, scopes=["items:write"])
    assert post(client, address, body, {"Authorization": f"Bearer {other_scope}"}).status_code == 403
    assert not SessionLink.objects.exists()
    assert Customer.objects.filter(external_id="anna").exists()


def test_a_pages_key_is_no_servers_key_whatever_its_scopes(client, anna):
    key, plaintext = commerce.create_api_key(
        name="page", kind=ApiKey.Kind.PUBLISHABLE, origins=["https://a.example"]
    )
    ApiKey.objects.filter(pk=key.pk).update(scopes=["fusion:write"])
    headers = {"X-Ecomai-Key": plaintext, "Origin": "https://a.example"}
    assert post(client, "/ecomai/fusion/erasures/", {"customer": "anna"}, headers).status_code == 403


def test_a_key_of_one_storefront_does_not_reach_another(client, anna):
    _key, plaintext = commerce.create_api_key(
        name="de", kind=ApiKey.Kind.SECRET, scopes=["fusion:write"], storefront="de"
    )
    response = post(
        client, "/ecomai/fusion/exports/", {"customer": "anna"}, {"Authorization": f"Bearer {plaintext}"}
    )
    assert (response.status_code, code_of(response)) == (404, "not_found")


def test_an_unknown_customer_is_not_found_and_a_taken_session_a_conflict(client, server, anna, bert):
    assert post(client, "/ecomai/fusion/exports/", {"customer": "nobody"}, server).status_code == 404
    services.link_session(session_id="session-0001", customer=anna)
    body = {"customer": "bert", "session": "session-0001"}
    response = post(client, "/ecomai/fusion/session-links/", body, server)
    assert (response.status_code, code_of(response)) == (409, "session_taken")
