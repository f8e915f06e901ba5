"""Pictures and recordings: told by their content, the sender's own, read in a worker, gone with the chat."""

import io
import sys
import wave
import zlib

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageDraw, ImageFont

from ecomai import capabilities
from ecomai.capabilities import FoundItem, SearchResults
from ecomai.commerce.models import Item
from ecomai.commerce.services import create_api_key
from ecomai.fusion.services import erase_customer
from ecomai.fusion.subjects import Subject
from ecomai.registry.jobs import execute_job, requeue_dead_jobs
from ecomai.registry.models import Job
from support_bot import protocol
from support_bot.exceptions import (
    AttachmentTooLargeError,
    NoPictureReaderError,
    NotAPictureError,
    NotARecordingError,
    RecordingTooLongError,
    SilentRecordingError,
    TooManyAttachmentsError,
    UnknownAttachmentError,
)
from support_bot.models import Attachment, Conversation
from support_bot.services import attachments, conversations, privacy
from support_bot.services.replying import reply_to
from support_bot.understanding.fusing import understand_turn
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db
RATE = 16_000


def picture(*lines, kind="PNG", size=(700, 420), **options) -> bytes:
    drawn = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(30)
    for number, line in enumerate(lines):
        pen.text((30, 30 + 60 * number), line, fill="black", font=font)
    written = io.BytesIO()
    drawn.save(written, format=kind, **options)
    return written.getvalue()


def recording(samples, *, rate=RATE, channels=1) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, dtype="<i2").tobytes())
    return written.getvalue()


def hum(seconds=1.0):
    return (9_000 * np.sin(np.arange(int(seconds * RATE)) / 9)).astype(np.int16)


def bomb() -> bytes:
    """A PNG of 100 kB that claims 40,000 x 40,000 pixels."""

    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    side = (40_000).to_bytes(4, "big")
    rows = zlib.compress(b"\x00" * 10_000_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", side + side + b"\x08\x00\x00\x00\x00")
        + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )  # fmt: skip


def send(visitor, *sent, text="", key="key-0001"):
    return conversations.take_message(
        visitor, None, text=text, key=key, attachments=[str(row.public_id) for row in sent]
    )


def read(row):
    execute_job(row.job_id)
    row.refresh_from_db()
    return row


# -- what is taken ------------------------------------------------------------------------------------


def test_a_picture_is_kept_without_what_its_camera_wrote_and_no_larger_than_needed(visitor):
    exif = Image.Exif()
    exif[0x010E], exif[0x8825] = "Ada's kitchen", {1: "N", 2: (52.0, 31.0, 12.0)}
    row = attachments.take_picture(
        visitor, content=picture(kind="JPEG", size=(3000, 1500), exif=exif), alt="  My  cup "
    )
    kept = Image.open(io.BytesIO(bytes(row.content)))
    assert (kept.format, kept.size, row.alt) == ("JPEG", (1600, 800), "My cup")
    assert not kept.getexif()
    assert b"kitchen" not in bytes(row.content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"\xff\xd8\xff\xe0 no picture",
        b"PK\x03\x04",
    ],
    ids=["empty", "svg", "lies", "zip"],
)
def test_a_file_that_lies_about_its_type_is_no_picture(visitor, content):
    with pytest.raises(NotAPictureError):
        attachments.take_picture(visitor, content=content)
    assert not Attachment.objects.exists()


def test_a_shop_without_pillow_says_that_it_takes_no_pictures(visitor, monkeypatch):
    content = picture("x")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(NoPictureReaderError):
        attachments.take_picture(visitor, content=content)


def test_a_bomb_is_not_unpacked(visitor):
    content = bomb()
    assert len(content) < 100_000
    with pytest.raises(NotAPictureError):
        attachments.take_picture(visitor, content=content)


def test_a_file_that_is_too_large_is_refused(visitor, settings):
    settings.ECOMAI = settings.ECOMAI | {"SUPPORT_BOT": {"PICTURE_MAX_BYTES": 1_000}}
    with pytest.raises(AttachmentTooLargeError):
        attachments.take_picture(visitor, content=picture("x"))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", NotARecordingError), (b"RIFF\x00\x00\x00\x00WAVE", NotARecordingError),
        (b"\x1aE\xdf\xa3webm", NotARecordingError), (recording(hum(), rate=44_100), NotARecordingError),
        (recording(hum(), channels=2), NotARecordingError), (recording(hum(31)), RecordingTooLongError),
        (recording(np.zeros(2 * RATE)), SilentRecordingError), (recording(hum(0.1)), SilentRecordingError),
        (recording(np.full(RATE, 9_000)), SilentRecordingError),
    ],
    ids=["empty", "cut", "webm", "rate", "stereo", "long", "silence", "click", "constant"],
)  # fmt: skip
def test_what_cannot_be_heard_is_said_at_once(visitor, content, error):
    with pytest.raises(error):
        attachments.take_recording(visitor, content=content)
    assert not Attachment.objects.exists()


def test_a_header_that_claims_hours_is_not_believed(visitor):
    content = bytearray(recording(hum()))
    content[40:44] = (2**31 - 1).to_bytes(4, "little")
    assert attachments.take_recording(visitor, content=bytes(content)).state == "waiting"


def test_nobody_fills_the_database(visitor):
    for _n in range(attachments.MOST_UNSENT):
        attachments.take_recording(visitor, content=recording(hum(0.3)))
    with pytest.raises(TooManyAttachmentsError):
        attachments.take_recording(visitor, content=recording(hum(0.3)))
    assert attachments.take_recording(chat_visitor(), content=recording(hum(0.3)))


# -- whose it is --------------------------------------------------------------------------------------


def test_somebody_elses_picture_is_neither_sent_nor_seen(visitor):
    row = attachments.take_picture(visitor, content=picture("x"))
    with pytest.raises(UnknownAttachmentError):
        send(chat_visitor(), row)
    assert not Conversation.objects.exists()


def test_a_message_names_its_pictures_and_the_same_key_is_one_message(visitor):
    row = attachments.take_picture(visitor, content=picture("x"), alt="A cup")
    message, again = send(visitor, row), send(visitor, row)
    assert message.pk == again.pk
    frame = protocol.message_frame(message)
    assert frame["attachments"] == [
        {"id": str(row.public_id), "kind": "picture", "width": 700, "height": 420, "alt": "A cup"}
    ]
    assert "text" not in frame
    row.refresh_from_db()
    assert row.message_id == message.pk
    send(visitor, row, key="key-0002")
    row.refresh_from_db()
    assert row.message_id == message.pk


def test_what_was_sent_before_the_login_stays_the_customers(visitor, ada):
    row = attachments.take_picture(visitor, content=picture("x"))
    known = chat_visitor(secret=visitor.secret, customer=ada, language="en")
    conversations.claim_conversations(known)
    assert send(known, row).conversation.customer == ada


# -- what is read -------------------------------------------------------------------------------------


@pytest.fixture
def receipt(visitor):
    pytest.importorskip("rapidocr", reason="text in pictures is read with the extra “images”")
    content = picture("EMBER & CO", "Order number: 100234", "Stoneware mug 12.50", "Total EUR 12.50")
    return read(attachments.take_picture(visitor, content=content))


def test_the_number_of_an_order_is_read_from_a_receipt_and_asked_about(visitor, receipt):
    assert receipt.state == "read"
    assert "100234" in receipt.text
    (reply,) = reply_to(send(visitor, receipt))
    assert "100234" in reply.text
    assert reply.answered_by == "picture"
    labels = [choice["label"] for choice in reply.content["choices"]]
    assert "Where is my order 100234?" in labels


def test_words_and_picture_are_one_wish(visitor, receipt):
    message = send(visitor, receipt, text="where is my parcel now")
    understood = understand_turn(message, default_language="en")
    assert understood.intent == "track_order"
    assert [each.value for each in understood.entities if each.kind == "order_number"] == ["100234"]
    assert all(each["start"] >= 0 for each in understood.as_json()["entities"])


def test_what_is_written_comes_before_what_is_read(visitor, receipt):
    message = send(visitor, receipt, text="where is order 777888?")
    numbers = [
        each.value
        for each in understand_turn(message, default_language="en").entities
        if each.kind == "order_number"
    ]
    assert numbers == ["777888"]


class LikeACup:
    """A scenario that finds the shop's cup in any picture."""

    def search_picture(self, *, content, n=5, storefront=""):
        return SearchResults(items=[FoundItem("cup", 0.93), FoundItem("plate", 0.2)])


def test_a_product_is_matched_to_the_catalogue(visitor, monkeypatch):
    Item.objects.create(external_id="cup", title="Stoneware cup", url="https://shop.example/cup")
    monkeypatch.setattr(capabilities, "get", lambda protocol: LikeACup())
    row = read(attachments.take_picture(visitor, content=picture()))
    (reply,) = reply_to(send(visitor, row))
    (card,) = reply.content["cards"]
    assert (card["item_id"], card["title"]) == ("cup", "Stoneware cup")


def test_a_picture_that_says_nothing_is_admitted(visitor):
    row = read(attachments.take_picture(visitor, content=picture()))
    (reply,) = reply_to(send(visitor, row))
    assert "can't make out" in reply.text


def test_a_worker_that_dies_is_told_in_the_end(visitor):
    row = attachments.take_recording(visitor, content=recording(hum()))
    assert attachments.settle(row).state == "waiting"
    Job.objects.filter(pk=row.job_id).update(state="failed", error_code="worker_lost")
    settled = attachments.settle(row)
    assert (settled.state, settled.code) == ("failed", "worker_lost")


def test_a_worker_killed_while_it_listens_is_followed_by_another(visitor, monkeypatch):
    row = attachments.take_recording(visitor, content=recording(hum()))
    killed = {"n": 0}

    def die_once(*_args, **_more):
        killed["n"] += 1
        if killed["n"] == 1:
            raise SystemExit  # as when the worker is stopped
        return "where is my order"

    monkeypatch.setattr(attachments, "write_down", die_once)
    with pytest.raises(SystemExit):
        execute_job(row.job_id)
    requeue_dead_jobs()
    read(row)
    assert (row.state, row.text, bytes(row.content)) == ("read", "where is my order", b"")


# -- over REST ----------------------------------------------------------------------------------------


@pytest.fixture
def shop_page():
    """What a page of the shop sends, and whose secret."""
    _key, plaintext = create_api_key(
        name="page", kind="publishable", scopes=["chat:write"], origins=["https://shop.example"]
    )
    return {"X-Ecomai-Key": plaintext, "Origin": "https://shop.example"}


def upload(headers, content, *, kind="picture", name="x.png", **form):
    file = SimpleUploadedFile(name, content, content_type="image/png")
    address = reverse("ecomai:support-bot-attachments")
    return Client().post(address, {"kind": kind, "file": file, **form}, headers=headers)


def test_a_page_uploads_looks_and_sends(shop_page):
    answer = upload(shop_page, picture("x"), alt="A cup")
    body = answer.json()
    assert (answer.status_code, body["state"], body["kind"]) == (201, "waiting", "picture")
    mine = shop_page | {"X-Ecomai-Visitor": body["visitor"]}
    told = Client().get(reverse("ecomai:support-bot-attachment", args=[body["id"]]), headers=mine).json()
    assert (told["alt"], told["width"]) == ("A cup", 700)
    file = reverse("ecomai:support-bot-attachment-file", args=[body["id"]])
    served = Client().get(file, headers=mine)
    assert (served["Content-Type"], served["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert "no-store" in served["Cache-Control"]
    for who in (shop_page, shop_page | {"X-Ecomai-Visitor": "x" * 32}):
        assert Client().get(file, headers=who).json()["error"]["code"] == "unknown_attachment"
    Attachment.objects.update(state="read")
    said = Client().post(
        reverse("ecomai:support-bot-messages"), {"key": "key-0001", "text": "", "attachments": [body["id"]]},
        content_type="application/json", headers=mine,
    ).json()  # fmt: skip
    assert said["frames"][0]["attachments"][0]["id"] == body["id"]
    assert len(said["frames"]) == 2


@pytest.mark.parametrize(
    ("content", "form", "code"),
    [
        (b"no picture", {}, "not_a_picture"), (b"x" * 9_000_000, {}, "attachment_too_large"),
        (b"x", {"kind": "film"}, "invalid"),
        (recording(np.zeros(RATE)), {"kind": "voice"}, "silent_recording"),
    ],
    ids=["lies", "large", "kind", "silence"],
)  # fmt: skip
def test_what_cannot_be_taken_is_named(shop_page, content, form, code):
    answer = upload(shop_page, content, **form)
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["code"] == code or code == "invalid"
    assert not Attachment.objects.exists()


def test_ids_that_are_none_are_not_found(shop_page):
    for wrong in ("x", "00000000-0000-0000-0000-000000000001"):
        address = reverse("ecomai:support-bot-attachment", args=[wrong])
        assert Client().get(address, headers=shop_page).status_code == 404


# -- the inbox, and forgetting ------------------------------------------------------------------------


def test_who_sees_the_conversation_sees_its_pictures_and_nobody_else(visitor, receipt, colleague, client):
    message = send(visitor, receipt)
    file = reverse(
        "admin:ecomai_support_bot_conversation_file", args=[message.conversation_id, receipt.public_id]
    )
    client.force_login(colleague)
    assert client.get(file).status_code == 403
    from django.contrib.auth.models import Permission

    colleague.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    assert client.get(file)["Content-Type"] == "image/jpeg"
    page = client.get(
        reverse("admin:ecomai_support_bot_conversation_change", args=[message.conversation_id])
    ).content.decode()
    assert file in page
    assert "100234" in page
    other = conversations.take_message(chat_visitor(), None, text="Hi", key="key-0001")
    wrong = reverse(
        "admin:ecomai_support_bot_conversation_file", args=[other.conversation_id, receipt.public_id]
    )
    assert client.get(wrong).status_code == 404


def test_pictures_are_told_and_erased_with_their_customer(ada):
    known = chat_visitor(customer=ada, language="en")
    sent = attachments.take_picture(known, content=picture("x"))
    attachments.take_picture(known, content=picture("y"))
    send(known, sent)
    told = privacy.export(Subject("", "ada", ada.pk))
    told = told["conversations"][0]["messages"][0]
    assert told["attachments"][0]["type"] == "image/jpeg"
    assert told["attachments"][0]["content"]
    erase_customer(storefront="", external_id="ada", actor_label="test")
    assert not Attachment.objects.exists()


def test_what_was_never_sent_goes_after_a_day(visitor):
    old, new, sent = (attachments.take_picture(visitor, content=picture(name)) for name in "abc")
    send(visitor, sent)
    Attachment.objects.filter(pk__in=(old.pk, sent.pk)).update(created_at="2020-01-01T00:00Z")
    privacy.remove_old()
    assert set(Attachment.objects.all()) == {new, sent}
