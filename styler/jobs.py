"""Calls in parallel: in this process, in other processes or on other machines, as joblib is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from joblib import Parallel, delayed


def side_by_side(
    function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], n_jobs: int | None, ordered: bool = True
) -> Iterator[Any]:
    """Start to call a function once for each tuple of arguments, and return an iterator over the results.

    By default joblib's own processes do the work, each with an equal share of the cores for its threads. Inside
    ``joblib.parallel_config`` that configuration decides. Only a few calls are in progress at a time.

    Parameters
    ----------
    function : callable
        It must be picklable.
    calls : iterable of tuple
        The arguments of each call.
    n_jobs : int or None
        As in joblib: None means 1 unless joblib is configured otherwise, -1 means one for each core.
    ordered : bool, default=True
        True: results come in the order of the calls. False: each result comes as soon as it is ready.

    Returns
    -------
    iterator
        Raises BrokenProcessPool if a process dies.
    """
    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator" if ordered else "generator_unordered")
    except ValueError:  # a backend, such as Ray's, that returns all results at the end
        parallel = Parallel(n_jobs=n_jobs)
    return told(iter(parallel(delayed(call)(function, arguments) for arguments in calls)))


def told(results: Iterator[Any]) -> Iterator[Any]:
    """The results; if a process dies, one sentence in place of joblib's three paragraphs."""
    try:
        yield from results
    except BrokenProcessPool as error:
        raise BrokenProcessPool("a process died, perhaps for lack of memory; use fewer at a time (n_jobs).") from error


def call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Make one call.

    The arguments stay in a tuple. Otherwise joblib would first place a large argument in the memory of one of Dask's
    workers, and it would be lost if that worker died.
    """
    return function(*arguments)
