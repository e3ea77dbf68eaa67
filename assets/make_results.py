"""Paint the finished pictures that the README and the page show: python -m assets.make_results."""

from pathlib import Path

from styler import StyleTransfer, samples
from styler.images import read
from styler.saving import save

RESULTS = [("astronaut", "starry_night"), *samples.PAIRS]

if __name__ == "__main__":
    for content, style in RESULTS:
        painter = StyleTransfer(random_state=0).fit(samples.path(style))
        painted = painter.transform(read(samples.path(content)))
        settings = painter.get_params() | {"content": content, "style": style}
        save(painted, Path(__file__).parent / "results" / f"{content}_{style}.webp", settings)
