"""The waiting line: who paints now, and how many are ahead of each visitor."""

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple

# Seconds between updates for a waiting visitor while nothing moves. Each update slows the painting in progress.
LOOK_UP = 10.0


class Place(NamedTuple):
    """A visitor's place in the line.

    Attributes
    ----------
    ahead : int
        How many are ahead, including those who paint; 0 means that it is your turn.
    seconds : float
        About how long it will be until your turn.
    """

    ahead: int
    seconds: float


@dataclass(eq=False)
class Ticket:
    """A visitor in line: the current estimate of how long their painting takes, and when it began."""

    seconds: Callable[[], float]
    begun: float | None = None

    def left(self, now: float) -> float:
        """Return the expected seconds until it is done; 1 second if it is late, as it may be done any time."""
        return self.seconds() if self.begun is None else max(1.0, self.seconds() - (now - self.begun))


class Line:
    """A first come, first served line for a few places to paint at.

    Gradio's own queue holds a request back until a place is free. This one lets the request run, so that it can show
    its place, be stopped while it waits, and be refused in our own words.

    Parameters
    ----------
    places : int
        How many may paint at a time.
    waiting : int
        How many more may wait.
    """

    def __init__(self, places: int, waiting: int) -> None:
        self.places, self.waiting = places, waiting
        self._tickets: list[Ticket] = []
        self._moves, self._moved = 0, threading.Condition()

    def turn(self, seconds: Callable[[], float]) -> Generator[Place, None, None]:
        """Stand in line until the generator is closed; the caller must close it.

        Parameters
        ----------
        seconds : callable
            Returns about how long the painting will take; called again for each update of a visitor.

        Yields
        ------
        Place
            Whenever the line has moved, and every `LOOK_UP` seconds; the last one has nobody ahead.

        Raises
        ------
        ValueError
            If the line is full.
        """
        ticket = Ticket(seconds)
        with self._moved:
            if len(self._tickets) >= self.places + self.waiting:
                raise ValueError(f"{self.waiting} visitors are waiting already; please try again in a few minutes.")
            self._tickets.append(ticket)
        try:
            moves = self._moves
            while (place := self._place(ticket)).ahead:
                yield place
                with self._moved:
                    if self._moves == moves:
                        self._moved.wait(LOOK_UP)
                    moves = self._moves
            ticket.begun = time.monotonic()
            yield place
        finally:
            with self._moved:
                self._tickets.remove(ticket)
            self.look_up()

    def look_up(self) -> None:
        """Wake all who wait: one of them may have been stopped."""
        with self._moved:
            self._moves += 1
            self._moved.notify_all()

    def _place(self, ticket: Ticket) -> Place:
        with self._moved:
            index, now = self._tickets.index(ticket), time.monotonic()
            seconds = sum(other.left(now) for other in self._tickets[:index]) / self.places
            return Place(max(0, index - self.places + 1), seconds)
