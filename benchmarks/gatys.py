"""Neural style transfer as most people run it, in a short file: one size, float32, L-BFGS, zero padding."""

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
MEAN = torch.tensor([123.68, 116.779, 103.939]) / 255  # ImageNet's mean colour; VGG was trained with it subtracted


def gatys(photo: Tensor, painting: Tensor, device: str = "cpu") -> Iterator[Tensor]:
    """Paint a photo after Gatys, Ecker and Bethge (2015). Yield the picture after each iteration, and never stop.

    Parameters
    ----------
    photo, painting : Tensor of shape (1, 3, height, width)
        RGB in [0, 1]. The painting is resized to the photo's longest side.
    device : str, default="cpu"

    Yields
    ------
    Tensor of shape (1, 3, height, width)
        RGB in [0, 1], on the CPU.
    """
    # These weights take RGB as it is. Zero padding should stand for the mean colour. So that colour is subtracted from
    # the image below, and added back through the first bias here.
    state = load_state()
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
        for layer in STYLE_LAYERS:  # M = 1: Gram matrices per position, as sums over positions may overflow float32
            loss = loss + STYLE_WEIGHT / len(STYLE_LAYERS) * style_loss(moments(features[layer]).gram, A[layer], M=1)
        return loss

    x = photo.to(device, copy=True).requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=1, tolerance_grad=0, tolerance_change=0)
    # The loss is relative to the photo's own. If L-BFGS finds no curvature, its step is as long as the gradient.
    scale = 1 / total(x).item()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = scale * total(x)
        loss.backward()
        return loss

    while True:
        optimizer.step(closure)
        yield x.detach().clamp(0, 1).cpu()
