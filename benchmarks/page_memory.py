"""Check that the page's memory stays constant over many paintings: python -m benchmarks.page_memory [N]."""

import sys
import tempfile
from pathlib import Path

from gradio_client import Client, handle_file
from PIL import Image

from styler import samples
from styler.demo import LAUNCH, build


def resident() -> float:
    """Memory of this process in MB."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    page = build(size=64)
    url = page.launch(prevent_thread_lock=True, quiet=True, **LAUNCH)[1]
    with tempfile.TemporaryDirectory() as folder:
        client = Client(url, verbose=False, download_files=folder)
        for i in range(n + 1):
            photo = Path(folder, f"{i}.png")
            Image.new("RGB", (64, 64), (i % 256, 128, 128)).save(photo)  # a new photo each time avoids the cache
            client.predict(
                photo=handle_file(photo), painting=handle_file(samples.path("cat")), size=64, api_name="/paint"
            )
            if i % 10 == 0:
                print(f"after {i:3} paintings: {resident():.0f} MB", flush=True)
    page.close()
