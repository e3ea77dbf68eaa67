"""Neural style transfer as most people run it, on one screen: one size, float32, L-BFGS, zeros around the picture."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from styler.images import resize
from styler.losses import content_loss, moments, style_loss
from styler.vgg import LAYERS
from styler.weights import load_state

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE_WEIGHT = 1e3  # beta / alpha, as in the paper's figure 3
MEAN = torch.tensor([123.68, 116.779, 103.939]) / 255  # of ImageNet's colours, which VGG was trained to find at zero


def gatys(photo: Tensor, painting: Tensor, device: str = "cpu") -> Iterator[Tensor]:
    """Paint a photo after Gatys, Ecker and Bethge (2015), yielding the picture after each iteration, without end.

    Parameters
    ----------
    photo, painting : Tensor of shape (1, 3, height, width)
        RGB in [0, 1]; the painting is brought to the photo's longest side.
    device : str, default="cpu"

    Yields
    ------
    Tensor of shape (1, 3, height, width)
        RGB in [0, 1], on the CPU.
    """
    state = load_state()  # takes RGB as it is; zeros are to be the mean colour, so subtract that and put it back here
    state["1_1.bias"] = state["1_1.bias"] + state["1_1.weight"].sum((2, 3)) @ MEAN
    state = {name: tensor.to(device) for name, tensor in state.items()}

    def vgg(image: Tensor) -> dict[str, Tensor]:
        x, features = image - MEAN[:, None, None].to(device), {}
        for name in LAYERS[: LAYERS.index(STYLE_LAYERS[-1]) + 1]:
            if name.startswith("conv"):
                x = F.conv2d(x, state[f"{name[4:]}.weight"], state[f"{name[4:]}.bias"], padding=1)
            else:
                x = F.relu(x) if name.startswith("relu") else F.max_pool2d(x, 2)
            features[name] = x
        return features

    with torch.no_grad():
        seen = vgg(resize(painting, max(photo.shape[-2:])).to(device))
        A = {layer: moments(seen[layer]).gram for layer in STYLE_LAYERS}
        P = vgg(photo.to(device))[CONTENT_LAYER]

    def total(x: Tensor) -> Tensor:
        features = vgg(x)
        loss = content_loss(features[CONTENT_LAYER], P) / 2
        for layer in STYLE_LAYERS:  # Gram matrices per position, that is M = 1: their sums may overflow float32
            loss = loss + STYLE_WEIGHT / len(STYLE_LAYERS) * style_loss(moments(features[layer]).gram, A[layer], M=1)
        return loss

    x = photo.to(device, copy=True).requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=1, tolerance_grad=0, tolerance_change=0)
    # Relative to the photo's own: where L-BFGS finds no curvature it goes down the gradient as far as that is long.
    scale = 1 / total(x).item()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = scale * total(x)
        loss.backward()
        return loss

    while True:
        optimizer.step(closure)
        yield x.detach().clamp(0, 1).cpu()
