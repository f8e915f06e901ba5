"""Mail servers over a real socket: one that hangs, and one that goes away in the middle of a mail."""

import socket
import time
from threading import Thread

import pytest

from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.models import Campaign, CustomerProfile, Delivery, Segment, SegmentMember
from marketing.services import sending
from marketing.services.campaigns import create_campaign, start_campaign, stop_campaign

pytestmark = pytest.mark.django_db
TEXT = {"name": "A", "subject": "Hello", "body": "New."}


class SmtpServer(Thread):
    """Speaks just enough SMTP. `hangs_at` is the word after which it says nothing any more."""

    def __init__(self, *, hangs_at: str = "", leaves_at: str = "") -> None:
        super().__init__(daemon=True)
        self.hangs_at, self.leaves_at = hangs_at, leaves_at
        self.n_taken = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.start()

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                line, _address = self.listener.accept()
            except OSError:
                return
            Thread(target=self.talk, args=(line,), daemon=True).start()

    def talk(self, line: socket.socket) -> None:
        if self.hangs_at == "connect":
            time.sleep(30)
        file = line.makefile("rwb")
        self.say(file, "220 here")
        in_data = False
        for raw in file:
            word = raw.decode(errors="replace").strip()
            if in_data:
                if word == ".":
                    in_data, self.n_taken = False, self.n_taken + 1
                    self.say(file, "250 taken")
                continue
            verb = word.split(" ")[0].upper()
            if verb == self.hangs_at:
                time.sleep(30)
            if verb == self.leaves_at:
                line.shutdown(socket.SHUT_RDWR)
                return
            in_data = verb == "DATA"
            self.say(file, "354 go on" if in_data else "250 fine")

    def say(self, file, text: str) -> None:
        file.write(f"{text}\r\n".encode())
        file.flush()


@pytest.fixture
def segment(make_customer) -> Segment:
    segment = Segment.objects.create(name="All", slug="all", kind="static")
    for number in range(4):
        customer = make_customer(f"c{number}")
        CustomerProfile.objects.create(customer=customer, has_consent=True)
        SegmentMember.objects.create(segment=segment, customer=customer)
    return segment


@pytest.fixture
def use(settings):
    """Let mails go to a server."""

    def set_up(server: SmtpServer) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, None
        commerce = settings.ECOMAI.get("COMMERCE", {}) | {
            "ADAPTER": "tests.marketing.mailing_shop.MailingShop"
        }
        settings.ECOMAI = settings.ECOMAI | {
            "COMMERCE": commerce,
            "FUSION": {"DEFAULT_CONSENT": {"marketing": True}},
            "MARKETING": {
                "BASE_URL": "https://shop.example", "QUIET_HOURS": (0, 0), "MAIL_TIMEOUT_SECONDS": 1,
            },
        }  # fmt: skip

    return set_up


def send(segment: Segment) -> tuple[Campaign, Job]:
    campaign = create_campaign(name="Spring", segment=segment, variants=[TEXT], holdout_share=0.0)
    job = start_campaign(campaign)
    execute_job(job.pk)
    job.refresh_from_db()
    return campaign, job


def counts(campaign: Campaign) -> dict[str, int]:
    return dict(sending._states(campaign))


def test_mails_go_over_one_line(segment, use):
    server = SmtpServer()
    use(server)
    campaign, job = send(segment)
    assert (server.n_taken, counts(campaign), job.state) == (4, {"sent": 4}, Job.State.SUCCEEDED)


def test_a_server_that_hangs_from_the_start_is_tried_again_later(segment, use):
    use(SmtpServer(hangs_at="connect"))
    began = time.monotonic()
    campaign, job = send(segment)
    assert time.monotonic() - began < 15
    assert (counts(campaign), job.state) == ({"waiting": 4}, Job.State.QUEUED)


@pytest.mark.parametrize("trouble", ["hangs_at", "leaves_at"])
def test_of_a_mail_on_which_the_line_broke_nobody_is_sure(segment, use, trouble):
    use(SmtpServer(**{trouble: "DATA"}))
    campaign, job = send(segment)
    assert (counts(campaign), job.state) == ({"unsure": 1, "waiting": 3}, Job.State.QUEUED)


def test_a_campaign_that_is_stopped_while_sending_sends_no_further_batch(segment, use, monkeypatch):
    server = SmtpServer()
    use(server)
    monkeypatch.setattr(sending, "SENT_AT_ONCE", 1)
    campaign = create_campaign(name="Spring", segment=segment, variants=[TEXT], holdout_share=0.0)
    job = start_campaign(campaign)
    tell = sending.tell

    def tells_and_stops(sent, of):
        tell(sent, of)
        if server.n_taken == 2:
            stop_campaign(Campaign.objects.get())

    monkeypatch.setattr(sending, "tell", tells_and_stops)
    execute_job(job.pk)
    job.refresh_from_db()
    assert (server.n_taken, counts(campaign)) == (2, {"sent": 2, "waiting": 2})
    assert job.state in (Job.State.CANCELLED, Job.State.SUCCEEDED)
    assert sending.send_waiting(now=sending.timezone.now()) == 0
    assert Delivery.objects.filter(state="claimed").count() == 0
