"""Customers who chat, for the benchmark: a process of its own, with an order on standard input.

Each keeps books as the protocol asks of a client: what was sent and not accepted is sent again, and after a
reconnect it says how far it has come.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

#: After the last message so long is waited for its reply.
PATIENCE_SECONDS = 20


class Customer:
    """One browser tab."""

    def __init__(self, order: Mapping[str, Any], number: int) -> None:
        self.order, self.chance = order, random.Random(f"{order['seed']}-{number}")  # noqa: S311
        self.port = order["ports"][number % len(order["ports"])]
        self.secret = self.conversation = ""
        self.newest = 0
        self.seen: Counter[tuple[str, int]] = Counter()
        self.n_read = 0  # the numbers of conversations that are over
        self.waiting: dict[str, tuple[str, float]] = {}  # key: text, when it was sent
        self.asked: dict[int, float] = {}  # sequence of a message: when it was sent
        self.sent: list[str] = []
        self.waits_ms: list[float] = []
        self.n_connects = 0
        self.socket: ClientConnection | None = None

    async def chat(self, until: float) -> None:
        reading = asyncio.create_task(self.stay_connected())
        await asyncio.sleep(self.chance.uniform(0, self.order["every_seconds"]))
        while time.monotonic() < until:
            await self.say(self.chance.choice(self.order["texts"]))
            await asyncio.sleep(self.order["every_seconds"])
        patience = time.monotonic() + PATIENCE_SECONDS
        while (self.waiting or self.asked) and time.monotonic() < patience:
            await asyncio.sleep(0.2)
        reading.cancel()

    async def say(self, text: str) -> None:
        key = uuid4().hex
        self.sent.append(key)
        self.waiting[key] = (text, time.perf_counter())
        await self.transmit({"type": "message", "key": key, "text": text})

    async def say_again(self, key: str) -> None:
        if key in self.waiting:
            await self.transmit({"type": "message", "key": key, "text": self.waiting[key][0]})

    async def transmit(self, frame: Mapping[str, Any]) -> None:
        with suppress(ConnectionClosed):  # it goes out again after the next welcome
            if self.socket is not None:
                await self.socket.send(json.dumps(frame))

    async def stay_connected(self) -> None:
        address = f"ws://127.0.0.1:{self.port}/ecomai/support_bot/chat/"
        while True:
            with suppress(OSError, ConnectionClosed, TimeoutError):  # as a browser, it tries again
                async with connect(address, origin=f"http://127.0.0.1:{self.port}") as socket:  # type: ignore[arg-type]
                    self.socket = socket
                    self.n_connects += 1
                    await self.transmit({
                        "type": "hello", "visitor": self.secret, "conversation": self.conversation,
                        "after": self.newest, "language": "en",
                    })  # fmt: skip
                    async for text in socket:
                        await self.take(json.loads(text))
            self.socket = None
            await asyncio.sleep(self.chance.uniform(0.2, 1.5))

    async def take(self, frame: Mapping[str, Any]) -> None:
        match frame["type"]:
            case "welcome":
                self.secret, self.conversation = frame["visitor"], frame["conversation"] or self.conversation
                for key in list(self.waiting):
                    await self.say_again(key)
            case "accepted":
                self.conversation = frame["conversation"]
                if frame["key"] in self.waiting:
                    self.asked[frame["sequence"]] = self.waiting.pop(frame["key"])[1]
            case "message":
                await self.read(frame)
            case "state":
                await self.go_on(frame["state"])
            case "error" if frame["code"] == "conversation_closed":
                await self.go_on("closed")
                await self.say_again(frame["key"])
            case "error":
                print(frame, file=sys.stderr)

    async def read(self, frame: Mapping[str, Any]) -> None:
        sequence = frame["sequence"]
        self.seen[self.conversation, sequence] += 1
        self.newest = max(self.newest, sequence)
        await self.transmit({"type": "ack", "sequence": self.newest})
        if frame["from"] != "bot":
            return
        for asked in [each for each in self.asked if each < sequence]:
            self.waits_ms.append(round(1000 * (time.perf_counter() - self.asked.pop(asked)), 2))

    async def go_on(self, state: str) -> None:
        """Begin anew where a person was asked: there is none, and the bot says no more."""
        if state == "waiting":
            await self.transmit({"type": "end"})
        elif state == "closed":
            self.n_read += self.newest
            self.conversation, self.newest = "", 0

    @property
    def n_missing(self) -> int:
        return self.n_read + self.newest - len(self.seen)


async def talk(order: Mapping[str, Any]) -> dict[str, Any]:
    until = time.monotonic() + order["seconds"]
    customers = [Customer(order, number) for number in range(order["n_sockets"])]
    await asyncio.gather(*(customer.chat(until) for customer in customers))
    return {
        "waits_ms": [wait for each in customers for wait in each.waits_ms],
        "sent": [key for each in customers for key in each.sent],
        "n_missing": sum(each.n_missing for each in customers),
        "n_unanswered": sum(len(each.waiting) + len(each.asked) for each in customers),
        "n_repeated": sum(n - 1 for each in customers for n in each.seen.values()),
        "n_reconnects": sum(each.n_connects - 1 for each in customers),
    }


if __name__ == "__main__":
    json.dump(asyncio.run(talk(json.load(sys.stdin))), sys.stdout)
