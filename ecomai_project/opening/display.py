"""How the demo command shows its steps: moving bars on a terminal, plain lines elsewhere."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOBase

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

COLOURS = {"web": "cyan", "worker": "green", "trainer": "magenta", "beat": "blue"}


class Step:
    """One step of the opening, while it is done."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self.detail = ""
        self.is_failed = False

    def report(self, share: float, detail: str = "") -> None:
        """Move the bar to a share from 0 to 1 and say what is being done."""
        self.detail = detail or self.detail
        self._progress.update(self._task, completed=share, total=1.0, detail=escape(self.detail))

    def fail(self, reason: str) -> None:
        """Say that this step did not reach its end, though the others go on."""
        self.is_failed = True
        self.report(1.0, reason)


class StepStream(TextIOBase):
    """Lets a command that writes its progress as lines with a percentage move a step's bar."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self._share = 0.0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        line = re.sub(r"\x1b\[K|[\r\n]", "", text).strip()
        if line:
            if found := re.search(r"(\d+) %", line):
                self._share = int(found[1]) / 100
            self.step.report(self._share, line)
        return len(text)


class Display:
    """A console with steps, notes above them, and output of programs below."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._progress = Progress(
            SpinnerColumn(finished_text=""),
            TextColumn("{task.fields[mark]}"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}[/]"),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    @contextmanager
    def steps(self) -> Iterator[None]:
        with self._progress:
            yield

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        task = self._progress.add_task(title, total=None, detail="", mark="")
        step = Step(self._progress, task)
        begin = time.monotonic()
        yield step
        mark = "✗" if step.is_failed else "✓"
        self._progress.update(
            task, completed=1.0, total=1.0, detail=escape(step.detail),
            mark=f"[{'yellow' if step.is_failed else 'green'}]{mark}[/]",
        )  # fmt: skip
        if not self.console.is_terminal:
            seconds = f"{time.monotonic() - begin:.1f} s"
            line = f"{mark} {title} ({seconds}) {step.detail}".rstrip()
            self.console.print(line, markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        self.console.print(text, style="yellow", markup=False, soft_wrap=True)

    def output(self, name: str, line: str) -> None:
        """Print a line of a program or service under its name."""
        colour = COLOURS.get(name, "yellow")
        self.console.print(f"[{colour}]{escape(name):>10}[/] {escape(line)}", soft_wrap=True)

    def addresses(self, title: str, rows: list[tuple[str, str]], footer: str) -> None:
        table = Table.grid(padding=(0, 2))
        for label, value in rows:
            table.add_row(f"[bold]{escape(label)}[/]", escape(value))
        self.console.print(Panel(table, title=title, subtitle=footer, border_style="green", expand=False))
