"""A request's body, read before the application reads it."""

from starlette.types import Message, Receive


async def read_all(receive: Receive) -> list[Message] | None:
    """Returns all that the caller sends; None when they have gone before its end."""
    messages: list[Message] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        messages.append(message)
        if not message.get("more_body", False):
            return messages


def replay(messages: list[Message], receive: Receive) -> Receive:
    """Returns what gives the same again, and thereafter what comes."""
    left = iter(messages)

    async def next_one() -> Message:
        message = next(left, None)
        return message if message is not None else await receive()

    return next_one
