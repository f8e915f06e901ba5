"""The pages and the endpoint of the voice of the customer: who may, what they say, how often they ask."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.services.keys import create_api_key
from marketing.demo.voice import seed_voice
from marketing.models import Feedback, VoiceAlarm
from marketing.services import alarms, refresh_profiles, voice

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PAGE = "admin:ecomai_marketing_feedback_changelist"


@pytest.fixture
def listener(client) -> User:
    return let_in(client, "view_feedback", "view_voicealarm")


def let_in(client, *codenames: str) -> User:
    user = User.objects.create_user(f"u-{'-'.join(codenames)}"[:50], is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def test_an_empty_shop_is_told_how_to_begin(client, listener):
    page = client.get(reverse(PAGE)).content.decode()
    assert "Nobody has been heard yet" in page
    assert "Import texts" not in page, "that wants another permission"


def test_the_page_says_what_is_complained_of_and_shows_the_alarm(client, listener):
    seed_voice()
    page = client.get(reverse(PAGE)).content.decode()
    assert "Customers complain more: Delivery" in page
    assert "What it is about" in page
    assert "Newest negative sentences" in page
    few = client.get(reverse(PAGE), {"aspect": "price", "days": "365", "source": "review"}).content.decode()
    assert "expensive" in few or "worth" in few
    odd = client.get(reverse(PAGE), {"days": "x", "source": "nobody", "aspect": "none", "item": "?"})
    assert "No text fits what was asked for." in odd.content.decode()


def test_the_page_asks_as_often_for_many_texts_as_for_few(client, listener):
    now = timezone.now()

    def counted() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(reverse(PAGE))
        return len(queries)

    rows = [
        {
            "external_id": f"r-{n}",
            "text": "It came late. The price is wrong.",
            "rating": 1,
            "written_at": now - n * DAY,
        }
        for n in range(40)
    ]
    voice.take_feedback(rows[:2])
    few = counted()
    voice.take_feedback(rows)
    assert counted() == few <= 25


def test_an_alarm_is_seen_and_closed_by_those_who_may(client, listener):
    seed_voice()
    alarm = VoiceAlarm.objects.get()
    url = reverse("admin:ecomai_marketing_voicealarm_change", args=[alarm.pk])
    page = client.get(url).content.decode()
    assert "sentences behind it" in page
    assert "Close it" not in page
    mark = {
        state: reverse("admin:ecomai_marketing_voicealarm_mark", args=[alarm.pk, state])
        for state in ("seen", "closed", "open")
    }
    assert client.post(mark["seen"]).status_code == 403
    let_in(client, "view_voicealarm", "close_voicealarm")
    assert "Close it" in client.get(url).content.decode()
    assert client.get(mark["seen"]).status_code == 405
    assert client.post(mark["open"]).status_code == 404
    assert client.post(mark["seen"]).status_code == 302
    assert not alarms.front_page_alerts()
    client.post(mark["closed"])
    client.post(mark["seen"])
    alarm.refresh_from_db()
    assert alarm.state == "closed", "what is closed is not opened by a stale page"


def test_a_text_has_a_page_sentence_by_sentence(client, listener):
    voice.take_feedback([{"external_id": "r", "text": "<b>Late</b> delivery. 贵了。", "rating": 2}])
    row = Feedback.objects.get()
    page = client.get(reverse("admin:ecomai_marketing_feedback_change", args=[row.pk])).content.decode()
    assert "&lt;b&gt;Late&lt;/b&gt; delivery." in page
    assert "Delivery" in page
    assert "Price" in page


def test_a_profile_has_what_its_customer_wrote_for_those_who_may_see_texts(client, make_customer):
    mia = make_customer("mia")
    refresh_profiles([mia.pk])
    voice.take_feedback([{"external_id": "r", "text": "Far too small.", "rating": 1, "customer_id": "mia"}])
    url = reverse("admin:ecomai_marketing_customerprofile_change", args=[mia.pk])
    let_in(client, "view_customerprofile")
    assert "Far too small." not in client.get(url).content.decode()
    let_in(client, "view_customerprofile", "view_feedback")
    page = client.get(url).content.decode()
    assert "Far too small." in page
    assert "What was written" in page


def test_a_file_is_imported_on_the_page_by_those_who_may(client, listener):
    url = reverse("admin:ecomai_marketing_voice_import")
    file = SimpleUploadedFile("a.csv", b"external_id,text,rating\nr-1,Too small,2\nr-2,,1\n")
    assert client.post(url, {"file": file, "source": "review"}).status_code == 403
    let_in(client, "view_feedback", "import_feedback")
    file.seek(0)
    told = client.post(url, {"file": file, "source": "review"}, follow=True).content.decode()
    assert "1 texts were taken, 0 were there before, 1 were set aside." in told
    file.seek(0)
    assert "where the texts come from" in client.post(url, {"file": file}, follow=True).content.decode()
    assert "choose a CSV file" in client.post(url, {"source": "chat"}, follow=True).content.decode()
    assert Feedback.objects.count() == 1


def test_the_endpoint_takes_a_batch_with_the_scope_for_it(client):
    url = reverse("ecomai:marketing-feedback")
    body = {"feedback": [{"external_id": "r-1", "text": "Fine"}, {"external_id": "r-2"}]}
    assert client.post(url, body, content_type="application/json").status_code in (401, 403)
    _key, other = create_api_key(name="other", kind="secret", scopes=["marketing:read"])
    _key, right = create_api_key(name="right", kind="secret", scopes=["feedback:write"])

    def post(secret: str, sent: object):
        headers = {"authorization": f"Bearer {secret}"}
        return client.post(url, sent, content_type="application/json", headers=headers)

    assert post(other, body).status_code == 403
    assert post(right, {"texts": []}).status_code == 400
    answer = post(right, body).json()
    assert (answer["accepted"], answer["rejected"], answer["results"][1]["code"]) == (1, 1, "invalid_field")
    assert post(right, body).json()["duplicate"] == 1
