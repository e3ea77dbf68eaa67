"""The line in front of the machine: who paints now, and who is how far from it."""

import threading
from collections.abc import Generator

LOOK_UP = 1.0  # seconds after which one who waits is told again, which also finds out who has left


class Line:
    """A first come, first served line for a few places to paint at.

    Gradio's own queue holds back a request until there is a place; this one lets the request run, so that it can show
    its place, be stopped while it waits, and say no in its own words.

    Parameters
    ----------
    places : int
        How many may paint at a time.
    waiting : int
        How many more may wait.
    """

    def __init__(self, places: int, waiting: int) -> None:
        self.places, self.waiting = places, waiting
        self._tickets: list[object] = []
        self._moved = threading.Condition()

    def turn(self) -> Generator[int, None, None]:
        """Stand in line until the generator is closed, which has to be seen to.

        Yields
        ------
        int
            How many are ahead, the one who paints included, now and then; at last 0, and the place is yours.

        Raises
        ------
        ValueError
            If the line is full.
        """
        ticket = object()
        with self._moved:
            if len(self._tickets) >= self.places + self.waiting:
                raise ValueError(f"{self.waiting} visitors are waiting already; please try again in a few minutes.")
            self._tickets.append(ticket)
        try:
            while ahead := self._ahead(ticket):
                yield ahead
                with self._moved:
                    self._moved.wait(LOOK_UP)
            yield 0
        finally:
            with self._moved:
                self._tickets.remove(ticket)
                self._moved.notify_all()

    def _ahead(self, ticket: object) -> int:
        with self._moved:
            return max(0, self._tickets.index(ticket) - self.places + 1)
