"""The line in which messages wait for the writer: fresh scans pass a backlog, in gateways' turns.

After an outage hundreds of gateways send full batches at once. Whoever scans meanwhile at another
gate sends small ones. Messages of one gateway keep their order; gateways take turns. Those whose
next message is small come first, and of the others so little is taken at a time that the next scan
does not wait long either; a part of each group is theirs, so that they come to an end.

A gateway that hears nothing for long sends the same again: while the first still waits, both are
stored as one and confirmed together.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from doorward_controller.ingest.ports import Inbound

Task = Callable[[], None]

SMALL_BYTES: Final = 8 * 1024
"""A few dozen records: what an on-time gateway sends at once. A backlog fills its batches."""

MAX_GROUP: Final = 64
"""Messages in one transaction: 6,400 records take about 0.2 s; an answer should not wait longer."""

BACKLOG_BYTES_ALONE: Final = 2 * 1024 * 1024
BACKLOG_BYTES_BESIDE: Final = 384 * 1024
"""Of full batches in a group: about 8,000 records, and 1,500 while others scan."""

BACKLOG_SHARE: Final = 8
"""Of the messages in a group so many are left for full batches, however many small ones wait."""

REMEMBERED_GROUPS: Final = 16
"""Others scan, if one of the last so many groups held a small message."""

MAX_WAITING: Final = 4_000
MAX_WAITING_BYTES: Final = 128 * 1024 * 1024
"""Past either the connection's own thread waits, and the broker keeps the rest."""


class Line:
    """Messages by gateway, and tasks; filled by one thread and emptied by another."""

    def __init__(self, most: int = MAX_WAITING, most_bytes: int = MAX_WAITING_BYTES) -> None:
        """Begins empty."""
        self._most, self._most_bytes = most, most_bytes
        self._by_gateway: dict[str, deque[Inbound]] = {}
        self._small: deque[str] = deque()
        self._large: deque[str] = deque()
        self._tasks: deque[Task] = deque()
        self._count = self._bytes = 0
        self._since_small = REMEMBERED_GROUPS
        self._changed = threading.Condition()

    def put(self, item: Inbound | Task, timeout_s: float) -> bool:
        """Takes a message or a task; False where there was no room within the time."""
        with self._changed:
            if not isinstance(item, Inbound):
                self._tasks.append(item)
                self._changed.notify_all()
                return True
            if not self._changed.wait_for(lambda: self._has_room(item), timeout_s):
                return False
            self._add(item)
            self._changed.notify_all()
            return True

    def next_group(self, wait_s: float) -> tuple[list[Inbound], list[Task]]:
        """Waits until there is something, and returns the messages and tasks that are next."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self), wait_s)
            tasks = list(self._tasks)
            self._tasks.clear()
            group = self._take_small()
            self._since_small = 0 if group else min(self._since_small + 1, REMEMBERED_GROUPS)
            self._take_large(group)
            if group:
                self._changed.notify_all()
            return group, tasks

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._count or self._tasks)

    def _has_room(self, item: Inbound) -> bool:
        if not self._count:
            return True
        return self._count < self._most and self._bytes + len(item.wire) <= self._most_bytes

    def _add(self, item: Inbound) -> None:
        gateway = _gateway_of(item.topic)
        waiting = self._by_gateway.get(gateway)
        if waiting is None:
            self._by_gateway[gateway] = deque((item,))
            self._place(gateway, item)
        elif not _is_there_already(waiting, item):
            waiting.append(item)
        else:
            return
        self._count += 1
        self._bytes += len(item.wire)

    def _place(self, gateway: str, first: Inbound) -> None:
        (self._small if len(first.wire) <= SMALL_BYTES else self._large).append(gateway)

    def _take_small(self) -> list[Inbound]:
        most = MAX_GROUP - min(BACKLOG_SHARE, len(self._large))
        group: list[Inbound] = []
        while self._small and len(group) < most:
            group.append(self._take(self._small.popleft()))
        return group

    def _take_large(self, group: list[Inbound]) -> None:
        is_beside = self._since_small < REMEMBERED_GROUPS
        left = BACKLOG_BYTES_BESIDE if is_beside else BACKLOG_BYTES_ALONE
        while self._large and len(group) < MAX_GROUP and left > 0:
            message = self._take(self._large.popleft())
            left -= len(message.wire)
            group.append(message)

    def _take(self, gateway: str) -> Inbound:
        """Takes a gateway's first message; the gateway goes to the end of those that wait."""
        waiting = self._by_gateway[gateway]
        message = waiting.popleft()
        if waiting:
            self._place(gateway, waiting[0])
        else:
            del self._by_gateway[gateway]
        self._count -= 1
        self._bytes -= len(message.wire)
        return message


def _gateway_of(topic: str) -> str:
    """Returns whose message it seems to be; whether it is one is found out later."""
    parts = topic.split("/", 4)
    return parts[3] if len(parts) > 3 else ""


def _is_there_already(waiting: deque[Inbound], item: Inbound) -> bool:
    """Confirms a copy together with the message that it is one of."""
    if len(item.wire) <= SMALL_BYTES:
        return False
    for place, other in enumerate(waiting):
        if len(other.wire) == len(item.wire) and (other.topic, other.wire) == (
            item.topic,
            item.wire,
        ):
            waiting[place] = replace(other, confirm=_both(other.confirm, item.confirm))
            return True
    return False


def _both(one: Task, other: Task) -> Task:
    def confirm() -> None:
        one()
        other()

    return confirm
