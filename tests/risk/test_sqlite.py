"""SQLite, for trying out: questions, labels and history, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "ecomai_project.settings.test"
from django.conf import settings
settings.DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from decimal import Decimal
from ecomai.capabilities import RiskQuestion
from risk.models import Assessment
from risk.replaying import replay_history
from risk.services import assess, record_label

for number in range(12):
    question = RiskQuestion(kind="payment_fraud", external_id=str(number), customer_id=f"c-{number % 4}",
                            amount=Decimal(number), currency="EUR", device_id=f"d-{number % 3}",
                            email=f"p{number % 4}@shop.example", ip_address="2001:db8::1")
    row = assess(question, time_budget_seconds=30)
    assert row.pk and row.features, row.reasons
    assert assess(question, time_budget_seconds=30).pk == row.pk
    if number % 5 == 0:
        record_label(assessment=row, is_fraud=True, source="chargeback")
stored = dict(Assessment.objects.values_list("pk", "features"))
assert len(stored) == 12
assert dict(replay_history()) == stored
"""


@pytest.mark.slow
def test_assessing_and_folding_again_work_on_sqlite() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
