"""The line in front of the machine: who paints now, and who is how far from it."""

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple

# Seconds after which one who waits is told again though nothing has moved. Each telling costs the one who is painted.
LOOK_UP = 10.0


class Place(NamedTuple):
    """Where somebody stands.

    Attributes
    ----------
    ahead : int
        How many are ahead, those who paint included; 0: the place is yours.
    seconds : float
        About how long it will be until then.
    """

    ahead: int
    seconds: float


@dataclass(eq=False)
class Ticket:
    """Somebody in line: how long their painting takes, as far as is known by now, and when it began."""

    seconds: Callable[[], float]
    begun: float | None = None

    def left(self, now: float) -> float:
        """Seconds until it is done, if all goes as expected; what is late may be done any time."""
        return self.seconds() if self.begun is None else max(1.0, self.seconds() - (now - self.begun))


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
        self._tickets: list[Ticket] = []
        self._moves, self._moved = 0, threading.Condition()

    def turn(self, seconds: Callable[[], float]) -> Generator[Place, None, None]:
        """Stand in line until the generator is closed, which has to be seen to.

        Parameters
        ----------
        seconds : callable
            Tells about how long the painting will take; asked anew each time that somebody is told.

        Yields
        ------
        Place
            Whenever the line has moved, and now and then; at last one with nobody ahead.

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
        """Wake those who wait, one of whom may have been stopped."""
        with self._moved:
            self._moves += 1
            self._moved.notify_all()

    def _place(self, ticket: Ticket) -> Place:
        with self._moved:
            index, now = self._tickets.index(ticket), time.monotonic()
            seconds = sum(other.left(now) for other in self._tickets[:index]) / self.places
            return Place(max(0, index - self.places + 1), seconds)
