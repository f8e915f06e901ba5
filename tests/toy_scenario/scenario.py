import json
from datetime import timedelta

from ecomai.commerce.models import Customer, Item
from ecomai.registry.models import LabellingTask
from ecomai.registry.runs import Candidate
from ecomai.registry.services import remove_labelling_tasks
from ecomai.scenarios import FactSpec, Gate, ModelSpec, Readiness, Scenario

MODEL = "toy.typical_price"


def readiness():
    return [Readiness("items with a price", Item.objects.filter(price__isnull=False).count(), 1)]


def train(run):
    prices = [float(p) for p in Item.objects.filter(price__isnull=False).values_list("price", flat=True)]
    typical = run.hyperparameters["guess"]
    for step in range(1, 11):
        typical += 0.5 * (sum(prices) / max(len(prices), 1) - typical)
        run.log(step, loss=sum(abs(price - typical) for price in prices))
        run.report(step / 10, "learning")
    artifact = run.folder / "artifact"
    artifact.mkdir(exist_ok=True)
    (artifact / "toy.json").write_text(json.dumps({"typical": typical}))
    return Candidate(
        folder=artifact, kind="toy", metrics={"closeness": 0.9}, baseline_metrics={"closeness": 0.5},
        data_fingerprint=f"{len(prices)}", card={"intended_use": "a test", "licence": "Apache-2.0"},
    )  # fmt: skip


def shards():
    return [{"parity": 0}, {"parity": 1}]


def score(shard):
    return sum(1 for pk in Customer.objects.values_list("pk", flat=True) if pk % 2 == shard["parity"])


def erase(subject):
    return {"cases": remove_labelling_tasks(model_name=MODEL, subject_keys=[subject.external_id])}


def export(subject):
    cases = LabellingTask.objects.filter(model_name=MODEL, subject_key=subject.external_id)
    return {"cases": list(cases.values_list("text", flat=True))}


def cards(request):
    from ecomai.console.cards import Card

    return [Card(title="Toy card", value="42", state="ok")]


HERE = __name__
scenario = Scenario(
    name="toy", verbose_name="Toy",
    models=[ModelSpec(
        name=MODEL, verbose_name="Typical price", description="Guesses what things cost here.",
        train=f"{HERE}.train", score=f"{HERE}.score", shards=f"{HERE}.shards", readiness=f"{HERE}.readiness",
        primary_metric="closeness", baseline="zero", gate=Gate(min_gain_over_live=0.01),
        default_hyperparameters={"guess": 0.0},
    )],
    facts=[FactSpec(
        name="toy.mood", entity="customer", type="number", purposes=frozenset({"service"}),
        time_to_live=timedelta(days=1), default=0.0,
    )],
    eraser=f"{HERE}.erase", exporter=f"{HERE}.export", cards=f"{HERE}.cards",
)  # fmt: skip
