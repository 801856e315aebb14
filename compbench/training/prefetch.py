"""What comes next is made while the last one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterable[Item], count: int = 2) -> Iterator[Item]:
    """The same items in the same order, made by one thread, so many ahead of their use."""
    source = iter(items)
    with ThreadPoolExecutor(1, "prefetch") as thread:

        def following() -> object:
            return next(source, _END)

        waiting = deque(thread.submit(following) for _ in range(count))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(thread.submit(following))
            yield item  # type: ignore[misc]
