"""The steps from an empty folder to a shop that recommends; each is skipped where it was done before."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.db.models import Count
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.commerce.importing.importer import import_path
from ecomai.commerce.models import Customer, Event, Item, Order
from ecomai_project.demo.generate import SHOP_CURRENCY, write_shop
from ecomai_project.embedded.stack import needed_services
from ecomai_project.embedded.supervisor import Supervisor, project_programs, require_free_port
from ecomai_project.shop import Shop
from ecomai_project.storefront import personas

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
        self.folder = wishes.export or Path(settings.VAR_DIR) / "shop"
        self.programs = project_programs(settings.EMBEDDED, host=wishes.host, port=wishes.port)
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
            unready = [str(spec.verbose_name) for spec in learning.untrained_models()]
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
            self.import_history()
        self.let_people_in()
        trained = self.train()
        self.seed(trained)
        self.score(trained)

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

    def import_history(self) -> None:
        with self.display.step(_("Import")) as step, closing(StepStream(step)) as stream:
            import_path(self.folder, progress_stream=stream)  # type: ignore[arg-type]
            counts = {model: model.objects.count() for model in (Item, Customer, Order, Event)}
            parts = [f"{n:,} {model._meta.verbose_name_plural}" for model, n in counts.items()]
            step.report(1.0, ", ".join(parts))
        self.shop.is_imported = True
        if self.wishes.export and not self.wishes.currency:
            self._take_currency_of_orders()
        self.shop.save()

    def _take_currency_of_orders(self) -> None:
        most = Order.objects.values("currency").annotate(n=Count("pk")).order_by("-n").first()
        if most and most["currency"] != self.shop.currency:
            self.shop.currency = most["currency"]
            settings.ECOMAI["COMMERCE"]["REPORTING_CURRENCY"] = self.shop.currency
            self.supervisor.restart_programs()

    def let_people_in(self) -> None:
        with self.display.step(_("Logins and keys")):
            people.make_admin(self.wishes.password)
            people.make_server_key(self.shop)

    def train(self) -> list[scenarios.ModelSpec]:
        """Train what has no version yet, one after another as one trainer does; return what was trained."""
        specs = learning.untrained_models()
        runs = [learning.request_training(spec) for spec in specs]
        for spec, run in zip(specs, runs, strict=True):
            with self.display.step(_("Training: %(model)s") % {"model": spec.verbose_name}) as step:
                learning.wait_for(run.job, step, self.supervisor.mend_programs)
                learning.promote(run, step)
        return specs

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
            (_("REST API"), self.address + reverse("ecomai:api-docs")),
            (_("Secret API key"), self.shop.secret_key),
            (_("Logs"), str(settings.EMBEDDED.folder / "log")),
        ]
        if personas.is_open():
            rows.insert(1, (_("Shop as a customer"), self.address + reverse("storefront:welcome")))
        title = _("The shop is open after %(seconds)d s") % {"seconds": seconds}
        self.display.addresses(title, rows, _("Ctrl-C stops everything"))

    def _say(self, name: str, text: str) -> None:
        if self.is_serving or text != "started":
            self.display.output(name, text)
