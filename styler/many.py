"""Paint many photos into a folder of pictures, each as if it were painted alone."""

from __future__ import annotations

import hashlib
import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from torch import Tensor

from styler.estimator import StyleTransfer
from styler.images import ImageLike, read
from styler.jobs import side_by_side
from styler.saving import FORMATS, check_output, save

ALONE = 2  # the smallest n_jobs for which joblib starts processes
Regions = Callable[[Tensor], Mapping[str, ImageLike]]
PathLike = str | os.PathLike[str]


class Outcome(NamedTuple):
    """The outcome for one photo.

    Attributes
    ----------
    photo, picture : str
        The paths of the photo and of its picture. After an error there is no picture at that path.
    seconds : float or None
        How long painting took; None if the picture already existed, so that nothing was painted.
    error : str or None
        Why there is no picture, in one sentence.
    """

    photo: str
    picture: str
    seconds: float | None = None
    error: str | None = None


def paint_files(
    painter: StyleTransfer,
    photos: PathLike | Sequence[PathLike],
    folder: PathLike,
    regions: Regions | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Outcome]:
    """Paint files, `painter.n_jobs` at a time or as ``joblib.parallel_config`` says. The work starts at once.

    Only the paths and the painter are sent to other processes, so other machines must see the same files under the
    same names. Each picture is written as soon as it is painted, and its file appears only when it is complete. So a
    later call need not paint it again.

    Parameters
    ----------
    painter : StyleTransfer
        Fitted.
    photos : path, or sequence of paths
        A folder whose photos are painted, see `photos_in`; or the photos themselves.
    folder : path
        The folder for the pictures, see `pictures_of`. It is created if it does not exist.
    regions : callable, optional
        Takes a photo, as a tensor of shape (1, 3, height, width), and returns its regions as for `transform`. It may
        call `styler.subject.find_subject`, for instance. It is pickled.
    settings : mapping, optional
        What each picture's metadata says in addition to its photo and its photo's SHA-256. By default the painter's
        parameters.

    Returns
    -------
    iterator of Outcome
        First the pictures that already existed, then the others, each as soon as it is done. Neither a photo that
        can't be painted nor a process that dies stops the others.

    Raises
    ------
    NotFittedError
        If the painter is not fitted.
    ValueError
        If there are no photos, or the pictures can't be written to the folder.
    """
    painter._check_ready()
    pictures = pictures_of(photos_in(photos) if isinstance(photos, str | os.PathLike) else photos, folder)
    there = {photo: picture for photo, picture in pictures.items() if os.path.exists(picture)}
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder} can't be made a folder ({error.strerror}); choose another place.") from error
    check_output(Path(folder, "picture.png"))
    if settings is None:  # an image object in `init` can't go into metadata
        settings = {k: v for k, v in painter.get_params().items() if k != "init" or isinstance(v, PathLike)}
    here = os.getcwd()  # workers may have another working directory
    calls = [
        (painter, photo, picture, here, regions, settings) for photo, picture in pictures.items() if photo not in there
    ]
    return chain((Outcome(*pair) for pair in there.items()), paint_all(calls, painter.n_jobs))


def paint_all(calls: Iterable[tuple[Any, ...]], n_jobs: int | None) -> Iterator[Outcome]:
    """Call `paint_file` with each tuple of arguments, even if processes die. The work starts at once."""
    waiting, at_hand = deque(calls), dict[str, tuple[Any, ...]]()

    def taken() -> Iterator[tuple[Any, ...]]:
        while waiting:
            arguments = waiting.popleft()
            at_hand[arguments[1]] = arguments
            yield arguments

    def outcomes(results: Iterator[Outcome]) -> Iterator[Outcome]:
        try:
            for outcome in results:
                del at_hand[outcome.photo]
                yield outcome
        except BrokenProcessPool:  # one death ends all processes; calls one by one show the culprit
            for arguments in at_hand.values():
                try:
                    yield from side_by_side(paint_file, [arguments], ALONE)
                except BrokenProcessPool:
                    _, photo, picture, *_ = arguments
                    died = f"{photo}: its process died twice, perhaps for lack of memory; paint it smaller, or later."
                    yield Outcome(photo, picture, 0.0, died)
            yield from paint_all(waiting, n_jobs)

    return outcomes(side_by_side(paint_file, taken(), n_jobs, ordered=False))


def paint_file(
    painter: StyleTransfer,
    photo: str,
    picture: str,
    here: str,
    regions: Regions | None,
    settings: Mapping[str, Any],
) -> Outcome:
    """Paint one file, and return an error as an outcome; paths are relative to the folder `here`."""
    start = time.perf_counter()
    try:
        data = Path(here, photo).read_bytes()
        original = read(data, photo)
        where = None if regions is None else regions(original)
        stage = deque(painter.staged_transform(original, where), maxlen=1).pop()
        digests = {photo: hashlib.sha256(data).hexdigest()} | settings.get("sha256", {})
        own = {"content": photo, "sha256": digests, "steps": stage.step, "of_steps": stage.n_steps}
        save(stage.image, Path(here, picture), {**settings, **own})
    except Exception as error:  # other photos must still be painted
        return Outcome(photo, picture, time.perf_counter() - start, sentence(photo, error))
    return Outcome(photo, picture, time.perf_counter() - start)


def sentence(photo: str, error: Exception) -> str:
    """What is wrong with a photo, in one sentence."""
    if isinstance(error, OSError):
        return f"{photo} can't be read ({error.strerror}); check the file and its permissions."
    if isinstance(error, MemoryError) or "out of memory" in str(error):
        return f"{photo} does not fit in memory; paint it smaller, or fewer at a time."
    told = str(error) if isinstance(error, ValueError | TypeError) else f"{type(error).__name__}: {error}"
    return told if photo in told else f"{photo}: {told}"


def photos_in(folder: PathLike) -> list[str]:
    """The photos in a folder, sorted by name. Subfolders are not searched.

    Parameters
    ----------
    folder : path

    Returns
    -------
    list of str
        Files with an extension that Pillow can open. Other files cause a warning, unless they are hidden.

    Raises
    ------
    ValueError
        If `folder` is not a folder, can't be read, or has no photo.
    """
    try:
        files = sorted(entry.path for entry in os.scandir(folder) if entry.is_file() and entry.name[0] != ".")
    except OSError as error:
        raise ValueError(f"{folder} can't be read as a folder ({error.strerror}); name a folder of photos.") from error
    kinds = {extension for extension, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    photos = [file for file in files if Path(file).suffix.lower() in kinds]
    if not photos:
        raise ValueError(f"there is no photo in {folder}; name a folder that has image files, such as .jpg, in it.")
    others = [file for file in files if file not in photos]
    if others:
        warnings.warn(f"{len(others)} file(s) that are not photos are left out, such as {others[0]}.", stacklevel=2)
    return photos


def pictures_of(photos: Sequence[PathLike], folder: PathLike) -> dict[str, str]:
    """The file for the picture of each photo. It has the photo's name, in the folder.

    So the picture also has the photo's format. If that format can't be written, such as GIF, ".png" is appended.

    Parameters
    ----------
    photos : sequence of paths
    folder : path

    Returns
    -------
    dict of str to str
        From photo to picture.

    Raises
    ------
    ValueError
        If there are no photos, the folder is a file, or a picture would replace a photo or another picture.
    """
    if not len(photos):
        raise ValueError("there are no photos to paint; give one or more.")
    is_file = os.path.exists(folder) or Path(folder).suffix.lower() in FORMATS
    if is_file and not os.path.isdir(folder):
        raise ValueError(f"{folder} names a file; many photos go to a folder, so name an existing folder or a new one.")
    owners: dict[str, str] = {}
    for photo in photos:
        if not isinstance(photo, str | os.PathLike):
            raise TypeError(f"a photo is of type {type(photo).__name__}; give paths, or images to iter_transform.")
        photo = os.fspath(photo)
        name = os.path.basename(photo)
        picture = os.path.join(folder, name if Path(name).suffix.lower() in FORMATS else f"{name}.png")
        if os.path.realpath(picture) == os.path.realpath(photo):
            raise ValueError(f"the picture of {photo} would replace it; give another folder for the pictures.")
        if owners.setdefault(picture, photo) != photo:
            raise ValueError(
                f"{owners[picture]} and {photo} would have the same picture, {picture}; rename one, or use two folders."
            )
    return {photo: picture for picture, photo in owners.items()}
