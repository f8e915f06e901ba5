"""The steps from an empty folder to a shop that recommends; each is skipped where it was done before."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.db.models import Count
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.importing.importer import import_path, refresh_statistics
from ecomai.commerce.models import Customer, Event, Item, Order
from ecomai_project.demo.generate import SHOP_CURRENCY, write_shop
from ecomai_project.embedded.stack import needed_services
from ecomai_project.embedded.supervisor import Supervisor, project_programs, require_free_port
from ecomai_project.shop import Shop

from . import learning, people
from .display import Display, StepStream

SEED = 7
WEB_START_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the demo command was asked for."""

    language: str
    export: Path | None
    currency: str
    host: str
    port: int
    password: str
    n_customers: int


class Opening:
    """Opens the shop of the settings' folder; `run()` returns when it is stopped, or all is prepared."""

    def __init__(self, wishes: Wishes, display: Display) -> None:
        self.wishes = wishes
        self.display = display
        self.shop: Shop = settings.SHOP  # type: ignore[misc]
        self.folder = wishes.export or settings.EMBEDDED.folder / "shop"
        self.programs = project_programs(
            settings.EMBEDDED, host=wishes.host, port=wishes.port, project=_name_of_project()
        )
        self.supervisor = Supervisor(
            settings.EMBEDDED, services=needed_services(), programs=self.programs, say=self._say
        )
        self.is_serving = False

    def run(self, *, is_served: bool = True) -> None:
        begin = time.monotonic()
        with self.supervisor.in_charge():
            with self.display.steps():
                self.prepare()
                if is_served:
                    self.open_doors()
            unready = [str(spec.verbose_name) for spec in learning.untrained_models() if not spec.is_optional]
            connections.close_all()  # else a stop of the database would find us connected
            if unready:
                self.display.note(_("Without a model: %(names)s.") % {"names": ", ".join(unready)})
            if is_served:
                self.show_addresses(time.monotonic() - begin)
                self.is_serving = True
                self.supervisor.skip_output()
                self.supervisor.watch()
            elif unready:
                raise CommandError(_("Not everything could be prepared; see above."))

    def prepare(self) -> None:
        self.start_services()
        self.migrate()
        self.choose_shop()
        self.supervisor.start_programs(["worker", "trainer", "beat"])
        if not self.shop.is_imported:
            if self.wishes.export is None:
                self.generate()
            self.load_shop()
            self.backfill()
        self.let_people_in()
        specs = learning.untrained_models()
        self.train(specs)
        self.seed(specs)
        made_ready = [spec for spec in learning.untrained_models() if spec not in specs]
        self.train(made_ready)
        self.score([*specs, *made_ready])

    def start_services(self) -> None:
        with self.display.step(_("PostgreSQL and Redis")) as step:
            for number, service in enumerate(self.supervisor.services):
                was_started = service.start()
                step.report(number / 2, _("started") if was_started else _("were running already"))

    def migrate(self) -> None:
        with self.display.step(_("Tables")):
            call_command("migrate", interactive=False, verbosity=0)

    def choose_shop(self) -> None:
        """Write down which shop this folder holds, before the first row of it; refuse to mix two."""
        source = str(self.wishes.export.resolve()) if self.wishes.export else f"demo:{self.wishes.language}"
        if self.shop.source not in ("", source):
            raise CommandError(
                _("This folder holds another shop: %(source)s. `make clean-demo` empties it.")
                % {"source": self.shop.source}
            )
        if not self.shop.source:
            self.shop.source = source
            self.shop.language = self.wishes.language
            self.shop.currency = self.wishes.currency or SHOP_CURRENCY[self.wishes.language]
            self.shop.save()
        # The programs read it when they start; this process began before it was known.
        settings.ECOMAI["COMMERCE"]["REPORTING_CURRENCY"] = self.shop.currency
        settings.OSCAR_DEFAULT_CURRENCY = self.shop.currency

    def generate(self) -> None:
        with self.display.step(_("A shop with a year of history")) as step:
            counts = write_shop(
                self.folder,
                language=self.wishes.language,  # type: ignore[arg-type]
                seed=SEED,
                n_customers=self.wishes.n_customers,
                report=step.report,
            )
            step.report(1.0, ", ".join(f"{count:,} {name}" for name, count in counts.items()))

    def load_shop(self) -> None:
        """Bring the export into the shop's own tables, as if it had always been run on them."""
        with self.display.step(_("Into the shop")) as step, closing(StepStream(step)) as stream:
            call_command(
                "load_export", self.folder, password=self.wishes.password, language=self.shop.language_code,
                stdout=stream, stderr=stream,
            )  # fmt: skip
            rates = self.folder / "rates.csv"  # the shop has no place for them
            if rates.exists():
                import_path(rates, progress_stream=stream)  # type: ignore[arg-type]

    def backfill(self) -> None:
        """Read the shop's history through its adapter."""
        if self.wishes.export and not self.wishes.currency:
            self._take_currency_of_orders()
        with self.display.step(_("Back-fill through the adapter")) as step:
            backfill(report=step.report)
            refresh_statistics()
            counts = {model: model.objects.count() for model in (Item, Customer, Order, Event)}
            parts = [f"{n:,} {model._meta.verbose_name_plural}" for model, n in counts.items()]
            step.report(1.0, ", ".join(parts))
        self.shop.is_imported = True
        self.shop.save()

    def _take_currency_of_orders(self) -> None:
        """Report in the currency in which the shop sells most; the programs read it when they start."""
        orders = apps.get_model("order", "Order").objects  # type: ignore[misc]
        most = orders.values("currency").annotate(n=Count("pk")).order_by("-n").first()
        if most and most["currency"] != self.shop.currency:
            self.shop.currency = most["currency"]
            self.shop.save()
            settings.ECOMAI["COMMERCE"]["REPORTING_CURRENCY"] = self.shop.currency
            self.supervisor.restart_programs()

    def let_people_in(self) -> None:
        with self.display.step(_("Logins and keys")):
            people.make_admin(self.wishes.password)
            people.make_server_key(self.shop)

    def train(self, specs: list[scenarios.ModelSpec]) -> None:
        """Train models, one after another as one trainer does."""
        runs = [learning.request_training(spec) for spec in specs]
        for spec, run in zip(specs, runs, strict=True):
            with self.display.step(_("Training: %(model)s") % {"model": spec.verbose_name}) as step:
                learning.wait_for(run.job, step, self.supervisor.mend_programs)
                learning.promote(run, step)

    def score(self, specs: list[scenarios.ModelSpec]) -> None:
        for spec in specs:
            if job := learning.request_scoring(spec):
                with self.display.step(_("Scoring: %(model)s") % {"model": spec.verbose_name}) as step:
                    learning.wait_for(job, step, self.supervisor.mend_programs)
                    step.report(1.0, str(job.error_message or job.get_state_display()))

    def seed(self, trained: list[scenarios.ModelSpec]) -> None:
        """Fill what the scenarios show; again, where a model came later than the first time."""
        for scenario in scenarios.installed():
            is_new = scenario.name not in self.shop.seeded or any(spec in scenario.models for spec in trained)
            if scenario.seed_demo and is_new:
                with self.display.step(_("Demo of %(scenario)s") % {"scenario": scenario.verbose_name}):
                    import_string(scenario.seed_demo)()
                self.shop.seeded = sorted({*self.shop.seeded, scenario.name})
                self.shop.save()

    def open_doors(self) -> None:
        with self.display.step(_("Web server")):
            self.programs[-1].end_survivor()
            require_free_port(self.wishes.host, self.wishes.port)
            self.supervisor.start_programs(["web"])
            self._wait_for_web()

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + WEB_START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urlopen(self.address + "/admin/login/", timeout=5):  # noqa: S310 - our own address
                    return
            except (URLError, ConnectionError, TimeoutError):
                self.supervisor.mend_programs()
                time.sleep(0.1)
        raise CommandError(
            _("The web server does not answer; %(log)s says why.") % {"log": self.programs[-1].log_path}
        )

    @property
    def address(self) -> str:
        host = "127.0.0.1" if self.wishes.host in ("0.0.0.0", "::") else self.wishes.host  # noqa: S104
        return f"http://{host}:{self.wishes.port}"

    def show_addresses(self, seconds: float) -> None:
        rows = [
            (_("Shop"), f"{self.address}/"),
            (_("Admin"), f"{self.address}/admin/"),
            (_("Login"), f"{people.ADMIN} / {self.wishes.password}"),
            (_("Login of a customer"), f"{self._a_customer()} / {self.wishes.password}"),
            (_("REST API"), self.address + reverse("ecomai:api-docs")),
            (_("Secret API key"), self.shop.secret_key),
            (_("Logs"), str(settings.EMBEDDED.folder / "log")),
        ]
        if self.shop.is_generated:
            rows.insert(1, (_("Shop as a customer"), self.address + reverse("personas")))
        title = _("The shop is open after %(seconds)d s") % {"seconds": seconds}
        self.display.addresses(title, rows, _("Ctrl-C stops everything"))

    def _a_customer(self) -> str:
        """Return the e-mail address of the customer who has bought most often, to log in with."""
        users = get_user_model()._default_manager.filter(is_staff=False)
        return (
            users.annotate(n=Count("orders")).order_by("-n", "pk").values_list("email", flat=True).first()
            or ""
        )

    def _say(self, name: str, text: str) -> None:
        if self.is_serving or text != "started":
            self.display.output(name, text)


def _name_of_project() -> str:
    """Return the package of the project whose settings these are; it has the Celery and ASGI applications."""
    return settings.ASGI_APPLICATION.partition(".")[0]
