"""Calls side by side: in this process, in others, or on other machines, as joblib is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from joblib import Parallel, delayed


def side_by_side(
    function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], n_jobs: int | None, ordered: bool = True
) -> Iterator[Any]:
    """Start calling a function with each of many arguments, and hand back an iterator of its results.

    Without more ado joblib's processes do the work, each with an equal part of the cores for its threads; inside
    ``joblib.parallel_config`` it is what that says. Few calls are on their way at a time.

    Parameters
    ----------
    function : callable
        Something that can be pickled.
    calls : iterable of tuple
        The arguments of each call.
    n_jobs : int or None
        As joblib's: None is 1 unless joblib is configured otherwise, -1 is one for each core.
    ordered : bool, default=True
        Whether results come in the order of the calls, or each as soon as it is there.

    Returns
    -------
    iterator
        It raises BrokenProcessPool if a process dies.
    """
    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator" if ordered else "generator_unordered")
    except ValueError:  # a backend, such as Ray's, that has all results at the end
        parallel = Parallel(n_jobs=n_jobs)
    return told(iter(parallel(delayed(call)(function, arguments) for arguments in calls)))


def told(results: Iterator[Any]) -> Iterator[Any]:
    """Results, or a sentence where joblib has three paragraphs."""
    try:
        yield from results
    except BrokenProcessPool as error:
        raise BrokenProcessPool("a process died, as for want of memory; use fewer at a time (n_jobs).") from error


def call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """One call. The arguments stay a tuple: joblib would leave a large one in the memory of one of Dask's workers
    beforehand, and if that worker died, nothing could bring it back."""
    return function(*arguments)
