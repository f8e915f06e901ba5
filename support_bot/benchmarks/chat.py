"""`chat`: many customers who chat at once with a few web processes, also through their restart."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import numpy as np

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import Server, load_average, web_process
from ecomai.benchmarking.scratch import scratch_shop

from ..demo.articles import demo_articles, seed_articles
from ..models import Conversation, Message
from ..services.intents import add_starter_intents
from ..understanding.starter import STARTER, starter_examples
from .grounding import open_shop

N_SOCKETS, EVERY_SECONDS, SECONDS = 500, 10, 300
N_PROCESSES = 2  # as many as the cores of the figure
#: A restart that takes longer than this is none that customers would sit out.
RESTART_SECONDS = 2
WARM_SECONDS = 30


def chat(
    data: Path,
    *,
    device: str,
    seed: int,
    report: Report,
    hyperparameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure replies over open sockets; `n_sockets`, `seconds` and `n_processes` may be hyperparameters.

    Articles are found by meaning, as in a shop at work; by words alone with `has_encoder` 0.
    """
    given = dict(hyperparameters or {})
    plan = {
        "n_sockets": int(given.get("n_sockets", N_SOCKETS)), "seconds": float(given.get("seconds", SECONDS)),
        "n_processes": int(given.get("n_processes", N_PROCESSES)),
        "every_seconds": EVERY_SECONDS, "seed": seed, "texts": _texts(),
    }  # fmt: skip
    has_encoder = bool(int(given.get("has_encoder", 1)))
    with scratch_shop("chat") as environment:
        add_starter_intents()
        if has_encoder:
            open_shop(seed)
        else:
            seed_articles()
        report(0.02, f"{plan['n_sockets']} sockets")
        steady = _talk(environment, plan, is_restarted=False)
        report(0.5, "the same through a restart")
        restarted = _talk(environment, plan, is_restarted=True)
    shown = {name: plan[name] for name in ("n_sockets", "seconds", "every_seconds", "n_processes")}
    return {
        "metrics": steady,
        "splits": {"restart": restarted},
        "settings": {**shown, "has_encoder": has_encoder, "load_average": load_average()},
    }


def _texts() -> list[str]:
    """What customers of the demo ask: questions to its articles, and what they want done."""
    asked = [each.questions.splitlines() for each in demo_articles() if each.language == "en"]
    wanted = [starter_examples(name, "en") for name in STARTER]
    return [text for texts in (*asked, *wanted) for text in texts]


def _talk(environment: Mapping[str, str], plan: Mapping[str, Any], *, is_restarted: bool) -> dict[str, float]:
    """Let all customers talk; count in their books and in the database what is missing or double."""
    Conversation.objects.all().delete()
    with ExitStack() as stack:
        servers = [stack.enter_context(web_process(environment)) for _each in range(plan["n_processes"])]
        clients = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.chat_customers"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(environment),
        )  # fmt: skip
        with _Memory(servers, since=min(WARM_SECONDS, plan["seconds"] / 4)) as memory:
            for server in servers if is_restarted else ():
                timer = threading.Timer(plan["seconds"] / 2, server.restart, kwargs={"down": RESTART_SECONDS})
                timer.start()
            ports = [server.port for server in servers]
            books, _errors = clients.communicate(json.dumps({**plan, "ports": ports}))
        if clients.returncode:
            raise RuntimeError("The customers' process ended early; its reason is above.")
    return _judge(json.loads(books), memory)


def _judge(books: Mapping[str, Any], memory: "_Memory") -> dict[str, float]:
    waits = np.array(books["waits_ms"])
    lost, doubled = _compare(books["sent"])
    return {
        "p50_first_reply_ms": round(float(np.percentile(waits, 50)), 1),
        "p95_first_reply_ms": round(float(np.percentile(waits, 95)), 1),
        "p99_first_reply_ms": round(float(np.percentile(waits, 99)), 1),
        "n_messages": len(books["sent"]),
        "lost": lost + books["n_missing"] + books["n_unanswered"],
        "doubled": doubled + books["n_repeated"],
        "n_reconnects": books["n_reconnects"],
        "resident_mb": round(memory.last, 1),
        "resident_growth_mb": round(memory.last - memory.first, 1),
    }


def _compare(sent: list[str]) -> tuple[int, int]:
    """Return how many messages the database lacks or has no reply to, and how many of either are double."""
    keys = Message.objects.filter(sender=Message.Sender.CUSTOMER).values_list("key", flat=True)
    n_kept, n_lacking = len(set(keys)), len(set(sent) - set(keys))
    n_without = n_twice = 0
    shown = Message.objects.order_by("conversation", "sequence").values_list(
        "conversation", "conversation__handoff_reason", "sender"
    )
    for (_conversation, reason), talk in groupby(shown, key=itemgetter(0, 1)):
        without = _n_without_reply([row[2] for row in talk], is_handed_over=bool(reason))
        n_without += max(0, without)
        n_twice += max(0, -without)
    return n_lacking + n_without, len(keys) - n_kept + n_twice


def _n_without_reply(senders: Sequence[str], *, is_handed_over: bool) -> int:
    """Return how many messages of a conversation have no reply; below 0, how many have two.

    What is said in one go with the wish for a person has one: the bot says no more then.
    """
    turns = [(sender, len(list(group))) for sender, group in groupby(senders)]
    without = sum(n if sender == Message.Sender.CUSTOMER else -n for sender, n in turns)
    if is_handed_over and without > 0 and turns[-1] == (Message.Sender.BOT, 1) and len(turns) > 1:
        without -= min(without, turns[-2][1] - 1)
    return without


class _Memory:
    """Reads now and then how much memory the web processes keep together."""

    def __init__(self, servers: Sequence[Server], *, since: float) -> None:
        self.servers, self.since = servers, since
        self.first = self.last = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        begin = time.monotonic()
        while not self._is_over.wait(timeout=2):
            if time.monotonic() - begin < self.since:
                continue
            try:
                self.last = sum(server.ask("GET", "/process/")["resident_mb"] for server in self.servers)
            except OSError:  # they are being restarted: what the new processes need is counted from there
                self.first = 0.0
                continue
            self.first = self.first or self.last
