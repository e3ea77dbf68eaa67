"""Many photos: each picture is what its photo alone would have become, wherever it was painted."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import joblib
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster
from PIL import Image
from sklearn.base import clone

from styler import StyleTransfer, cli
from styler.images import read
from styler.jobs import side_by_side
from styler.many import paint_files, photos_in, pictures_of
from styler.samples import path
from styler.saving import save, settings

CAT, STARRY = str(path("cat")), str(path("starry_night"))
SHAPES = [(48, 40), (40, 48), (48, 30), (33, 48), (48, 48), (25, 48)]


@pytest.fixture(params=[1])
def threads(request):
    """Use as many threads as the workers: another number would add in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


SHARE_OF_TWO = pytest.mark.parametrize("threads", [max(1, joblib.cpu_count() // 2)], indirect=True)


@pytest.fixture(scope="module")
def painter():
    return StyleTransfer(size=32, max_iter=2).fit(STARRY)


@pytest.fixture
def photos(tmp_path):
    """A folder of photos of many shapes and a few kinds."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(CAT) as cat:
        for i, (shape, kind) in enumerate(zip(SHAPES, ["jpg", "png", "tif", "gif", "jpg", "PNG"], strict=True)):
            cat.convert("RGB").resize(shape).save(folder / f"{i}.{kind}")
    return folder


def alone(painter, photo, folder):
    """A photo's picture, painted on its own, as a file in its own folder."""
    folder.mkdir(exist_ok=True)
    *_, last = painter.staged_transform(read(photo))
    (picture,) = pictures_of([photo], folder).values()
    save(last.image, picture)
    return picture


def test_pictures_come_one_by_one_and_in_order(painter, photos):
    files = photos_in(photos)
    pictures = painter.iter_transform(files)
    first = next(pictures)
    assert not hasattr(pictures, "__len__") and np.array_equal(first, painter.transform(files[0]))
    assert [picture.size for picture in pictures] == [painter.transform(file).size for file in files[1:]]


@SHARE_OF_TWO
def test_jobs_share_the_cores_and_change_nothing(painter, photos, threads):
    arrays = [np.asarray(Image.open(file).convert("RGB")) for file in photos_in(photos)[:3]]
    one_by_one = [painter.transform(array) for array in arrays]
    together = clone(painter).set_params(n_jobs=2).fit(STARRY).transform(arrays)
    assert all(np.array_equal(a, b) for a, b in zip(one_by_one, together, strict=True))
    assert set(side_by_side(torch.get_num_threads, [()] * 4, n_jobs=2)) == {threads}


@SHARE_OF_TWO
def test_the_command_line_paints_a_folder(photos, threads, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["--size", "32", "--preset", "preview", "--mask", "find", "--background-style", "none"]
    options += ["--jobs", "2", "--quiet", "--json"]
    with Image.open(STARRY) as painting:
        painting.resize((64, 48)).save(photos / "style.png")  # not a photo, although it is in the folder
    command = ["photos", os.path.join("photos", "style.png"), "-o", "out", *options]
    assert cli.main(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["pictures"]) == len(SHAPES) and all(picture["seconds"] > 0 for picture in report["pictures"])
    (photos / "broken.jpg").write_bytes(b"")
    assert cli.main(command) == 2
    said = capsys.readouterr()
    assert said.err == "styler: photos/broken.jpg is empty (0 bytes); save or download it again.\n"
    assert [picture["seconds"] is None for picture in json.loads(said.out)["pictures"]] == [True] * len(SHAPES) + [
        False
    ]
    one, again = os.path.join("out", "1.png"), "again.png"
    assert set(settings(one)["sha256"]) == {"photos/1.png", "photos/style.png"}
    # Only the subject is painted, and the picture can be painted again, here with as many threads.
    assert cli.main(["--from", one, "-o", again, "--quiet"]) == 0
    assert torch.equal(read(again), read(one))


def test_a_folder_is_painted_whatever_is_wrong_with_one_photo(painter, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (photos / "broken.jpg").write_bytes(b"not a photo")
    (photos / "notes.txt").write_text("no photo at all")
    (photos / ".hidden.jpg").write_text("somebody's own")
    with pytest.warns(UserWarning, match="1 file"):
        outcomes = list(paint_files(painter, "photos", "out"))
    failed = [outcome for outcome in outcomes if outcome.error]
    assert [outcome.photo for outcome in failed] == [os.path.join("photos", "broken.jpg")]
    assert failed[0].error.startswith(failed[0].photo) and len(outcomes) == len(SHAPES) + 1
    assert sorted(os.listdir("out")) == ["0.jpg", "1.png", "2.tif", "3.gif.png", "4.jpg", "5.PNG"]
    for outcome in outcomes:
        if not outcome.error:
            assert torch.equal(read(outcome.picture), read(alone(painter, outcome.photo, tmp_path / "alone")))
            kept = settings(outcome.picture)
            assert kept["content"] == outcome.photo and list(kept["sha256"]) == [outcome.photo] and kept["size"] == 32


def deadly(photo):
    """Ends the process that looks at a square photo."""
    if photo.shape[-1] == photo.shape[-2]:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"": torch.ones(1, 1, *photo.shape[-2:])}


@pytest.mark.slow
def test_a_process_that_dies_takes_only_its_own_photo(photos, tmp_path):
    painter = StyleTransfer(size=32, max_iter=2, n_jobs=2).fit({"": STARRY})
    outcomes = list(paint_files(painter, photos, tmp_path / "out", deadly))
    (failed,) = (outcome for outcome in outcomes if outcome.error)
    assert failed.error.startswith(f"{photos / '4.jpg'}: its process died twice, perhaps for lack of memory")
    # A process that ends with the other may have been about to save; what it leaves is hidden.
    assert len(outcomes) == len(SHAPES) == len(list((tmp_path / "out").glob("[!.]*"))) + 1


def test_a_process_that_dies_is_reported():
    with pytest.raises(BrokenProcessPool, match=r"^a process died, perhaps for lack of memory; use fewer at a time"):
        list(side_by_side(os._exit, [(1,)], n_jobs=2))


def test_pictures_that_exist_are_left_as_they_are(painter, photos, tmp_path):
    files, out = photos_in(photos)[:3], tmp_path / "out"
    out.mkdir()
    save(read(CAT), out / "1.png")
    before = (out / "1.png").read_bytes()
    outcomes = list(paint_files(painter, files, out))
    assert [outcome.photo for outcome in outcomes if outcome.seconds is None] == [files[1]] == [outcomes[0].photo]
    assert (out / "1.png").read_bytes() == before and len(os.listdir(out)) == 3


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_paints_all(painter, photos, tmp_path, threads):
    files = photos_in(photos)
    arrays = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        pids = client.run(os.getpid)
        with joblib.parallel_config(backend="dask"):
            outcomes = paint_files(painter, files, tmp_path / "out")
        deadline = time.monotonic() + 30
        while not any(client.processing().values()):  # it starts at once, on the cluster
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with joblib.parallel_config(backend="dask"):
            pictures = painter.iter_transform(arrays)
        painted = [next(outcomes)]
        busy = max(client.processing().items(), key=lambda item: len(item[1]))
        assert busy[1]
        os.kill(pids[busy[0]], signal.SIGKILL)
        painted += outcomes
        pictures = list(pictures)
    assert sorted(outcome.photo for outcome in painted) == files and not any(outcome.error for outcome in painted)
    for outcome in painted:
        assert torch.equal(read(outcome.picture), read(alone(painter, outcome.photo, tmp_path / "alone")))
    assert all(np.array_equal(picture, painter.transform(x)) for picture, x in zip(pictures, arrays, strict=True))


@pytest.mark.slow
def test_ctrl_c_keeps_the_pictures_that_are_done(photos, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "styler", photos, STARRY, "-o", out, "--size", "96", "--preset", "preview"]
    # A shell's background jobs ignore Ctrl-C, and so would their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (out.is_dir() and list(out.glob("*.jpg"))):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command paints the rest" in said and "Traceback" not in said
    assert 0 < len(os.listdir(out)) < len(SHAPES) and all(read(picture) is not None for picture in out.iterdir())


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["photos", STARRY, "-o", "out", "--jobs", "0"], "--jobs is 0"),
        (["photos", STARRY, "-o", "out.png"], "out.png names a file; many photos go to a folder"),
        (["photos", STARRY, "-o", "out", "--resume"], "--resume, --save-mask and --making-of are for one photo"),
        (["nothing", STARRY, "-o", "out"], "there is no photo in nothing"),
        (["photos", STARRY, "-o", CAT], "names a file; many photos go to a folder"),
        (["photos", STARRY, "-o", "photos"], "would replace it"),
        (["photos", STARRY, "-o", "out", "--mask", CAT], "--mask find"),
        (["photos", STARRY, "-o", os.path.join("photos", "0.jpg", "out")], "choose another place"),
        ([CAT, STARRY, "-o", "photos"], "is a folder"),
        (["photos", "-o", "out"], "there is no style"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(args, says, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nothing").mkdir()
    assert cli.main(args) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_bad_input_from_a_script(painter, tmp_path):
    with pytest.raises(ValueError, match="would have the same picture"):
        pictures_of([os.path.join("a", "x.jpg"), os.path.join("b", "x.jpg")], "out")
    with pytest.raises(TypeError, match="a photo is of type ndarray; give paths, or images to iter_transform"):
        paint_files(painter, [np.zeros((32, 32, 3))], tmp_path)
    with pytest.raises(ValueError, match="there are no photos"):
        paint_files(painter, [], tmp_path)
    with pytest.raises(ValueError, match="name a folder of photos"):
        paint_files(painter, CAT, tmp_path)
    with pytest.raises(ValueError, match="not fitted"):
        paint_files(StyleTransfer(), [CAT], tmp_path)
