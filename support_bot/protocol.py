"""The frames of the chat, version 2: what a client may send, and how what is sent to it is written.

Each frame is one JSON object with `type`. docs/chat-protocol.md describes them for whoever writes a client;
unknown fields are ignored, so that a newer client can talk with an older server.
"""

from typing import Annotated, Any

import msgspec

from .exceptions import FrameError
from .models import Conversation, Message

VERSION = 2
#: What a client of an earlier version does not know, and is not sent.
SINCE_VERSION = {"delta": 2, "progress": 2}
#: The largest frame that is read; a text of the most characters in any script fits.
MAX_FRAME_BYTES = 16_384

Key = Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Hello(msgspec.Struct, tag="hello"):
    """The first frame. `visitor` is the secret of this browser, `conversation` and `after` where it was."""

    version: int = 1
    visitor: Annotated[str, msgspec.Meta(max_length=128)] = ""
    customer: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    session: Annotated[str, msgspec.Meta(max_length=128)] = ""
    conversation: Annotated[str, msgspec.Meta(max_length=36)] = ""
    after: Sequence = 0
    language: Annotated[str, msgspec.Meta(max_length=16)] = ""
    key: Annotated[str, msgspec.Meta(max_length=128)] = ""


class Say(msgspec.Struct, tag="message"):
    """`value` is set where the customer chose one of the offered replies instead of writing.

    `attachments` are ids of pictures that were uploaded before; with one, the text may be empty.
    """

    key: Key
    text: str = ""
    value: Annotated[str, msgspec.Meta(max_length=200)] = ""
    attachments: Annotated[list[Annotated[str, msgspec.Meta(max_length=36)]], msgspec.Meta(max_length=3)] = []


class Acknowledge(msgspec.Struct, tag="ack"):
    sequence: Sequence


class Typing(msgspec.Struct, tag="typing"):
    pass


class AskPerson(msgspec.Struct, tag="person"):
    key: Key


class Rate(msgspec.Struct, tag="rate"):
    """Of the named conversation, which may be closed; without a name, of the one of this socket."""

    stars: Annotated[int, msgspec.Meta(ge=1, le=5)]
    conversation: Annotated[str, msgspec.Meta(max_length=36)] = ""
    text: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class End(msgspec.Struct, tag="end"):
    pass


class Ping(msgspec.Struct, tag="ping"):
    pass


Frame = Hello | Say | Acknowledge | Typing | AskPerson | Rate | End | Ping
_decoder = msgspec.json.Decoder(Frame)


def read_frame(text: str) -> Frame:
    """Return the frame in a text. Raises `FrameError` with the reason."""
    if len(text) > MAX_FRAME_BYTES:
        raise FrameError(reason=f"it is longer than {MAX_FRAME_BYTES} bytes.")
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise FrameError(reason=f"{error or type(error).__name__}.") from None


def write_frame(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()


def message_frame(message: Message) -> dict[str, Any]:
    """How a message is sent; what is empty is left out, for thin networks."""
    frame: dict[str, Any] = {
        "type": "message",
        "sequence": message.sequence,
        "from": message.sender,
        "at": message.created_at.isoformat(timespec="milliseconds"),
    }
    if message.text:
        frame["text"] = message.text
    if message.key and message.sender == Message.Sender.CUSTOMER:
        frame["key"] = message.key
    return frame | message.content


def state_frame(conversation: Conversation) -> dict[str, Any]:
    return {"type": "state", "state": conversation.state}


def delta_frame(*, answers: int, at: int, text: str) -> dict[str, Any]:
    """The next sentence of a reply that is being written, to the message with the number `answers`."""
    return {"type": "delta", "answers": answers, "at": at, "text": text}


def progress_frame(text: str) -> dict[str, Any]:
    """What is being done, where that may take a while."""
    return {"type": "progress", "text": text}


def error_frame(code: str, message: str, key: str = "") -> dict[str, Any]:
    frame = {"type": "error", "code": code, "message": message}
    return frame | {"key": key} if key else frame
