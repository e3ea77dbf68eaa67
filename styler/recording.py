"""Record a GPU's work once and replay it.

For a small picture, Python takes ten times as long to request the work as the GPU takes to do it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from styler.tiles import Function, Terms

# Up to LARGEST pixels the GPU waits for Python. From FEWEST steps on a recording saves more time than it takes.
LARGEST, FEWEST = 1.5e6, 3


def recorded(function: Function, like: Tensor) -> Function:
    """Record a function as a CUDA graph.

    Parameters
    ----------
    function : callable
        A function of pixels on a CUDA device. It must neither wait for the device nor send it anything.
    like : Tensor
        A tensor of the shape that the pixels have.

    Returns
    -------
    callable
        The same function, replayed. Each call returns tensors of its own, which later calls do not overwrite.
    """
    # A recording holds addresses, so what it reads must stay in memory: the pixels, and all that the function holds.
    read, side_stream = like.detach().clone(), torch.cuda.Stream(like.device)
    side_stream.wait_stream(torch.cuda.current_stream(like.device))
    with torch.cuda.stream(side_stream):
        function(read)  # libraries set themselves up at first use, which can't be recorded
    torch.cuda.current_stream(like.device).wait_stream(side_stream)
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
