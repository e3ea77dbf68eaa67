"""What tests of images share."""

import re

import torch


def assert_image(image, expected, atol=0.0):
    assert image.dtype == torch.float32 and image.is_contiguous() and image.shape == expected.shape
    assert (image - expected).abs().max() <= atol


def fault(error, name):
    """Return the text of a caught error, after checking that it is one sentence and names its subject."""
    sentence = str(error.value)
    assert sentence.startswith(f"{name} ") and sentence.endswith(".") and "\n" not in sentence
    assert re.search(
        r"[;:] .*\b(use|give|check|crop|scale|save|name|divide|replace|open|add|create|choose)\b", sentence
    )
    return sentence
