"""VGG-19, with its layers addressed by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCKS = {1: (2, 64), 2: (2, 128), 3: (4, 256), 4: (4, 512), 5: (4, 512)}
CONVOLUTIONS = [f"{block}_{i}" for block, (n, _) in BLOCKS.items() for i in range(1, n + 1)]
LAYERS = [
    name
    for block, (n, _) in BLOCKS.items()
    for name in [f"{kind}{block}_{i}" for i in range(1, n + 1) for kind in ("conv", "relu")] + [f"pool{block}"]
]
POOLING = ("max", "average")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


class VGG19:
    """The convolutional part of VGG-19, run no deeper than the layers requested.

    Every convolution pads by reflection. With zeros around the picture, the network would see an edge there, and it
    would be painted as a frame.

    Parameters
    ----------
    state : mapping of str to Tensor
        Weights and biases, ``"1_1.weight"`` to ``"5_4.bias"``, for RGB input in [0, 1]; see
        `styler.weights.load_state`.
    layers : iterable of str
        Names from `LAYERS`. Weights beyond the deepest of them are not kept.
    pooling : {"max", "average"}, default="max"
        "max" is how VGG was trained; Gatys et al. (2015) suggest "average" for smoother pictures.
    device : torch.device, optional
    dtype : torch.dtype, default=torch.float32
        Precision of weights and feature maps.

    Raises
    ------
    ValueError
        If a layer or the pooling is unknown.

    References
    ----------
    K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015,
    table 1, column E.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        layers: Iterable[str],
        pooling: str = "max",
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.layers = check_layers(layers)
        if pooling not in POOLING:
            raise ValueError(f"pooling={pooling!r} is unknown; choose one of {', '.join(POOLING)}.")
        self.pooling = pooling
        names = [name[4:] for name in up_to(self.layers) if name.startswith("conv")]
        self.weights = {
            name: state[f"{name}.weight"].to(device, dtype).contiguous(memory_format=torch.channels_last)
            for name in names
        }
        self.biases = {name: state[f"{name}.bias"].to(device, dtype) for name in names}

    @property
    def device(self) -> torch.device:
        """Device of the weights and of the feature maps."""
        return self.biases["1_1"].device

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the weights and of the feature maps."""
        return self.biases["1_1"].dtype

    def __call__(self, image: Tensor, layers: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Feature maps of an image.

        Parameters
        ----------
        image : Tensor of shape (1, 3, height, width)
            RGB in [0, 1].
        layers : iterable of str, optional
            Some of the layers that the network was built for; by default all of them.

        Returns
        -------
        dict of str to Tensor of shape (1, channels, height / 2**k, width / 2**k)
            In the network's dtype and in the memory layout channels_last, in which convolutions are fastest.
        """
        return dict(self.walk(image, layers))

    def walk(self, image: Tensor, layers: Iterable[str] | None = None) -> Iterator[tuple[str, Tensor]]:
        """Yield the feature maps of an image one layer at a time.

        A caller saves memory by using each layer's maps at once: their gradient is then not computed before the
        backward pass reaches that layer.
        """
        wanted = self.layers if layers is None else check_layers(layers)
        x = image.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        for name in up_to(wanted):
            kind, where = name[:4], name[4:]
            if kind == "conv":
                x = ReflectConv.apply(x, self.weights[where], self.biases[where])
            elif kind == "relu":
                x = F.relu(x, inplace=f"conv{where}" not in wanted)
            else:
                x = MaxPool.apply(x) if self.pooling == "max" else F.avg_pool2d(x, 2)
            if name in wanted:
                yield name, x


class ReflectConv(torch.autograd.Function):
    """A 3 x 3 convolution with fixed weights, of maps padded by reflection.

    Autograd would keep the padded maps to compute the gradient of the weights, which is never needed.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        # A side of one pixel has nothing to reflect, so the pixels at the border are repeated.
        ctx.reflects = min(x.shape[-2:]) > 1
        with exactly(x):
            return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect" if ctx.reflects else "replicate"), weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        with exactly(gradient):
            padded = F.conv_transpose2d(gradient, weight)
        # The gradient of a padded pixel belongs to the pixel that it mirrors or repeats.
        mirror = 2 if ctx.reflects else 1
        for dim in (-2, -1):
            last = padded.shape[dim] - 1
            padded.select(dim, mirror).add_(padded.select(dim, 0))
            padded.select(dim, last - mirror).add_(padded.select(dim, last))
        return padded[..., 1:-1, 1:-1], None, None


def exactly(x: Tensor) -> AbstractContextManager[None]:
    """A context in which CUDA convolves float32 in full precision and with the same result each time.

    By default NVIDIA's cards would use TF32, which keeps ten bits of the fraction.
    """
    if x.is_cuda and x.dtype == torch.float32:
        return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    return nullcontext()


class MaxPool(torch.autograd.Function):
    """The maximum of each 2 x 2 pixels; the backward pass finds its position again.

    Autograd would store each position in 64 bits, which takes as much memory as the maps themselves.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return F.max_pool2d(x, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(F.max_pool2d(x, 2), x, gradient)[0]


def up_to(layers: Iterable[str]) -> list[str]:
    """All layers of VGG-19 from the first to the deepest of those given."""
    return LAYERS[: 1 + max(map(LAYERS.index, layers))]


def check_layers(layers: Iterable[str]) -> list[str]:
    """Layer names in the network's order, each once; ``ValueError`` if one is unknown or none is given."""
    layers = list(layers)
    for layer in layers:
        if layer not in LAYERS:
            raise ValueError(
                f"layer {layer!r} is not a layer of VGG-19; choose from {LAYERS[0]}, {LAYERS[1]} … {LAYERS[-1]}."
            )
    if not layers:
        raise ValueError("layers is empty; name at least one layer of VGG-19, such as relu4_2.")
    return sorted(set(layers), key=LAYERS.index)


def fast_dtype(device: torch.device) -> torch.dtype:
    """The fastest floating-point type of the device in which VGG does not overflow: bfloat16 or float32.

    The environment variable STYLER_DTYPE, such as "float32", overrides this choice.

    Raises
    ------
    ValueError
        If STYLER_DTYPE is not one of `DTYPES`.
    """
    chosen = os.environ.get("STYLER_DTYPE")
    if chosen:
        if chosen not in DTYPES:
            raise ValueError(f"STYLER_DTYPE is {chosen!r}; set it to one of {', '.join(DTYPES)}, or unset it.")
        return DTYPES[chosen]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu":
        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return torch.bfloat16 if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else torch.float32
    return torch.float32
