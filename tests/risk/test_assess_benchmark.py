"""`assess` on a small past, as the command runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_assess_measures_answers_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "benchmark.json").write_text('{"n_events": 400, "seconds": 2, "n_processes": 1}')
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ecomai_project.settings.test",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "ecomai_benchmark", "assess", "--data", str(tmp_path)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert set(result["metrics"]) >= {"p50_ms", "p99_ms", "per_second"}
    assert result["settings"]["n_asked"] > 0
    assert result["settings"]["model_share"] > 0.5
    assert result["metrics"]["p50_ms"] <= result["metrics"]["request_p50_ms"]
