"""A GPU's work recorded once and replayed: Python takes ten times as long to ask for a small picture as it takes."""

from __future__ import annotations

import torch
from torch import Tensor

from styler.tiles import Function, Terms

# Pixels up to which the GPU waits for Python; steps from which a recording is paid back.
LARGEST, FEWEST = 1.5e6, 3


def recorded(function: Function, like: Tensor) -> Function:
    """The same function, as a CUDA graph.

    Parameters
    ----------
    function : callable
        Of pixels on a CUDA device. It must neither wait for the device nor send it anything.
    like : Tensor
        Of the shape that the pixels have.

    Returns
    -------
    callable
        What it gives is overwritten by nothing: each call's is its own.
    """
    # A recording knows addresses, so what it reads has to be kept: the pixels, and all that the function holds.
    read, beside = like.detach().clone(), torch.cuda.Stream(like.device)
    beside.wait_stream(torch.cuda.current_stream(like.device))
    with torch.cuda.stream(beside):
        function(read)  # so that libraries have set up what they can't while it is recorded
    torch.cuda.current_stream(like.device).wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        loss, gradient, terms = function(read)

    def replayed(pixels: Tensor, slope: bool = True) -> tuple[Tensor, Tensor, Terms]:
        if not slope:
            return function(pixels, slope)
        read.copy_(pixels)
        graph.replay()
        own = {term: {layer: loss.clone() for layer, loss in losses.items()} for term, losses in terms.items()}
        return loss.clone(), gradient.clone(), own

    return replayed
