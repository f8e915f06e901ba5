"""The commands of `docs/backup.md`, run as they stand there."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "backup.md"


def commands_below(heading: str) -> list[str]:
    """The blocks of commands of one section, in their order."""
    for section in re.split(r"^##? ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE):
        if section.startswith(heading + "\n"):
            return re.findall(r"^```sh\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    raise LookupError(f"{PAGE} has no section “{heading}”.")


def run_commands(commands: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run them as a person would in the folder of the project, and stop at the first that fails."""
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=ROOT,
        env={**os.environ, "PATH": tools, **environment}, capture_output=True, text=True,
        timeout=240,
    )  # fmt: skip


def require_success(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
