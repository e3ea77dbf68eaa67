"""The command line, run as a separate process where that matters."""

import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image

from styler import StyleTransfer, arguments, cli
from styler.images import read, resize
from styler.objective import CONTENT_LOSSES, STYLE_LOSSES
from styler.picture import COLORS
from styler.samples import path
from styler.saving import save, settings
from styler.schedule import PRESETS
from styler.subject import find_subject

BALL, CAT, STARRY, WAVE = (str(path(key)) for key in ("ball", "cat", "starry_night", "great_wave"))


def test_choices_are_the_estimators():
    assert tuple(PRESETS) == arguments.PRESETS
    assert tuple(COLORS) == arguments.COLORS
    assert (tuple(STYLE_LOSSES), tuple(CONTENT_LOSSES)) == (arguments.STYLE_LOSSES, arguments.CONTENT_LOSSES)


# A value for each option of the painter, other than its usual one.
VALUES = {
    "size": "40",
    "strength": "0.7",
    "style_scale": "1.5",
    "preset": "preview",
    "colors": "matched",
    "init": "noise",
    "style_layers": "relu1_1=1",
    "content_layers": "relu2_1=1",
    "style_loss": "gram",
    "content_loss": "squared",
    "device": "cpu",
    "max_memory": "1.5",
}


def test_every_option_of_the_painter_is_used_and_restored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    usual = StyleTransfer().get_params()
    options = {action.dest: action.option_strings for action in arguments.parser()._actions}
    assert {name for name in options if name in usual} == VALUES.keys(), "give a new option a value above"
    command = [word for name, value in VALUES.items() for word in (options[name][-1], value)]
    assert cli.main([CAT, STARRY, "-o", "first.png", *command, "--seed", "3", "--quiet"]) == 0
    assert cli.main(["--from", "first.png", "-o", "again.png", "--quiet"]) == 0
    used, restored = settings("first.png"), settings("again.png")
    assert not [name for name in VALUES if used[name] == usual[name]]
    assert used["random_state"] == 3
    del used["max_memory"], restored["max_memory"]  # that of another machine would not do
    assert restored == used


def test_help_needs_no_torch():
    code = "import sys, styler.arguments; styler.arguments.parser().format_help(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    done = subprocess.run([sys.executable, "-m", "styler", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("usage: styler")


def test_one_picture_and_its_report(tmp_path, capsys):
    out = tmp_path / "out.png"
    options = ["--size", "64", "--preset", "preview", "--seed", "3", "--style-weights", "2", "1", "--strength", "0.7"]
    options += ["--colors", "photo", "--device", "cpu", "--json"]
    assert cli.main([CAT, STARRY, WAVE, "-o", str(out), *options]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["output"] == str(out) and report["size"] == [64, 43] and report["device"] == "cpu"
    assert report["style_distance"]["after"] < report["style_distance"]["before"]
    assert report["content_distance"]["before"] == 0 < report["content_distance"]["after"]
    assert report["iterations"] == report["settings"]["steps"] > 0 < report["seconds"]
    with Image.open(out) as image:
        assert image.size == (64, 43)
    kept = settings(out)
    assert (
        kept["strength"] == 0.7
        and kept["random_state"] == 3
        and kept["style"] == [STARRY, WAVE]
        and kept["colors"] == "photo"
    )
    assert "remaining" in said.err  # the bar


def test_subject_and_background(tmp_path, capsys):
    X = read(CAT)
    mask, out = torch.zeros_like(X), tmp_path / "out.png"
    mask[..., : X.shape[-1] // 2] = 1
    save(resize(mask, 300), tmp_path / "mask.png")
    options = ["--size", "64", "--preset", "preview", "--mask", str(tmp_path / "mask.png"), "--json"]
    options += ["--background-style", "None", "--style-weights", "2", "1"]
    assert cli.main([CAT, STARRY, WAVE, "-o", str(out), *options]) == 0
    said = capsys.readouterr()
    assert said.err.count("the mask is resized") == 1 and "Warning" not in said.err
    difference = (read(out) - resize(X, 64)).abs().mean((0, 1, 2))
    assert difference[:28].min() > 0.01 > 0.005 > difference[36:].max()
    assert settings(out)["mask"] == str(tmp_path / "mask.png") and settings(out)["background_style"] == "None"
    distance = json.loads(said.out)["style_distance"]
    assert distance["after"] < distance["before"]


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_a_picture_is_painted_again(tmp_path, monkeypatch, capsys, extension):
    monkeypatch.chdir(tmp_path)
    small, again, other = tmp_path / "cat.png", f"again.{extension}", f"other.{extension}"
    save(resize(read(CAT), 40), small)
    options = [
        "--size",
        "32",
        "--strength",
        "0.7",
        "--init",
        "noise",
        "--preset",
        "preview",
        "--style-weights",
        "2",
        "1",
    ]
    first = f"first.{extension}"
    assert cli.main(["cat.png", STARRY, WAVE, "-o", first, *options, "--quiet"]) == 0
    assert cli.main(["--from", first, "-o", again, "--quiet"]) == 0
    assert cli.main(["--from", again, "-o", other, "--quiet", "--seed", "1"]) == 0
    assert settings(again) == settings(first) and set(settings(first)["sha256"]) == {"cat.png", STARRY, WAVE}
    assert torch.equal(read(again), read(first)) and not torch.equal(read(other), read(first))
    save(resize(read(CAT), 41), small)
    assert cli.main(["--from", first, "-o", again]) == 2
    small.unlink()
    assert cli.main(["--from", first, "-o", again]) == 2
    assert cli.main(["--from", STARRY, "-o", again]) == 2
    changed, missing, foreign = capsys.readouterr().err.splitlines()
    assert f"cat.png has changed since {first}" in changed and "cat.png, which" in missing
    assert "does not tell how it was painted" in foreign


def test_layers_and_losses_are_kept(tmp_path):
    small, first, again = (str(tmp_path / name) for name in ("cat.png", "first.png", "again.png"))
    save(resize(read(CAT), 40), small)
    options = ["--size", "32", "--preset", "preview", "--style-layers", "relu1_1", "relu2_2=0.5"]
    options += ["--content-layers", "conv3_1", "--style-loss", "gram", "--content-loss", "squared"]
    assert cli.main([small, STARRY, "-o", first, *options, "--quiet"]) == 0
    assert cli.main(["--from", first, "-o", again, "--quiet"]) == 0
    kept = settings(first)
    assert kept["style_layers"] == {"relu1_1": 1, "relu2_2": 0.5} and kept["content_layers"] == {"conv3_1": 1}
    assert (kept["style_loss"], kept["content_loss"]) == ("gram", "squared")
    assert settings(again) == kept and torch.equal(read(again), read(first))


def test_a_picture_that_was_stopped_is_painted_to_its_end(tmp_path, capsys):
    first, again = str(tmp_path / "first.png"), str(tmp_path / "again.png")
    options = ["--size", "32", "--preset", "preview"]
    assert cli.main([CAT, STARRY, "-o", first, *options, "--quiet"]) == 0
    kept = settings(first)
    save(read(first), first, kept | {"steps": 2})
    assert cli.main(["--from", first, "-o", again]) == 0
    assert f"was stopped at step 2 of {kept['of_steps']}; it is painted to the end this time" in capsys.readouterr().err
    assert settings(again)["steps"] == kept["steps"]


def test_quiet_is_quiet(tmp_path, capfd):
    """A process is quiet too, even if killed: see `test_a_killed_picture_goes_on_from_its_checkpoint`."""
    options = ["--size", "32", "--preset", "preview", "--quiet"]
    assert cli.main([CAT, STARRY, "-o", str(tmp_path / "out.jpg"), *options]) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere.jpg", STARRY, "-o", "out.png"], "nowhere.jpg does not exist"),
        ([CAT, "nowhere.jpg", "-o", "out.png"], "nowhere.jpg does not exist"),
        ([CAT, STARRY, "-o", "nowhere/out.png"], "can't be written"),
        ([CAT, STARRY, "-o", "out.gif"], "extension"),
        ([CAT, STARRY, "-o", CAT], "another name"),
        ([CAT, STARRY, "-o", "out.png", "--init", "zeros"], "zeros is neither content nor noise, nor an image"),
        ([CAT, STARRY, "-o", "out.png", "--save-mask", "m.png"], "--save-mask writes the mask that was found"),
        ([CAT, STARRY, "-o", "o.png", "--mask", "find", "--save-mask", "o.png"], "give --save-mask another name"),
        (["nophotos", STARRY, "-o", "out/"], "nophotos does not exist"),
        ([CAT, STARRY, WAVE, "-o", "out.png", "--style-weights", "1"], "one weight for each"),
        ([CAT, STARRY, WAVE, "-o", "out.png", "--style-weights", "1", "-1"], "give finite numbers, 0 or more"),
        (["-o", "out.png"], "there is no photo"),
        ([CAT, "-o", "out.png"], "there is no style"),
        ([CAT, STARRY, "-o", "out.png", "--subject-style", WAVE], "need --mask"),
        ([CAT, "-o", "out.png", "--mask", CAT, "--subject-style", WAVE], "both --subject-style and"),
        ([CAT, STARRY, "-o", "out.png", "--mask", "nowhere.png"], "nowhere.png does not exist"),
        ([CAT, STARRY, "-o", CAT, "--mask", CAT], "another name"),
        ([CAT, STARRY, "-o", "out.png", "--mask", CAT, "--style-weights", "1", "2"], "one weight for each"),
        (
            [CAT, "-o", "o.png", "--mask", CAT, "--subject-style", "none", "--background-style", "none"],
            "no style to learn",
        ),
        ([CAT, STARRY, "-o", "out.png", "--device", "quantum"], "device='quantum'"),
        ([CAT, STARRY, "-o", "out.png", "--style-layers", "relu6_1"], "style_layers: 'relu6_1' is not a layer"),
        ([CAT, STARRY, "-o", "out.png", "--style-layers", "relu1_1", "relu1_1=2"], "a layer is named twice"),
        ([CAT, STARRY, "-o", "out.png", "--content-layers", "relu1_1=-1"], "content_layers: the weight of relu1_1"),
        ([CAT, STARRY, "-o", "out.png", "--content-layers", "pixels"], "content_layers: 'pixels' is not a layer"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(args, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(args) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and "Traceback" not in error


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--size", "8"], "--size: 8 is not a whole number of 32 or more."),
        (["--strength", "2"], "--strength: 2 is not a number from 0 to 1."),
        (["--strength", "nan"], "--strength: nan is not a number from 0 to 1."),
        (["--style-scale", "3"], "--style-scale: 3 is not a number from 0.5 to 2."),
        (["--seed", "-1"], "--seed: -1 is not a whole number from 0 to 4294967295."),
        (["--style-layers", "relu1_1=big"], "the weight in relu1_1=big is not a number; write it as relu1_1=0.5."),
        (
            ["--style-layers", "relu1_1", CAT],
            f"{CAT} is not a layer, such as relu1_1 or relu1_1=0.5; write the pictures before this option",
        ),
        (
            ["--style-weights", "0.5", CAT],
            f"--style-weights: {CAT} is not a number; write the pictures before this option",
        ),
    ],
)
def test_an_option_out_of_bounds_is_a_line_of_usage_a_sentence_and_status_2(options, says, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([CAT, STARRY, "-o", "out.png", *options])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and says in error and error.count("\n") == 2


def test_bounds_are_the_estimators():
    for options in (
        ["--size", "32", "--strength", "0", "--style-scale", "0.5", "--seed", "0"],
        ["--strength", "1", "--style-scale", "2", "--seed", str(2**32 - 1), "--max-memory", "0.01"],
    ):
        args = vars(arguments.parser().parse_args([CAT, "-o", "out.png", *options]))
        values = {name: args[name] for name in ("size", "strength", "style_scale", "max_memory")}
        StyleTransfer(**values, random_state=args["seed"])._validate_params()


def test_paintings_that_are_not_used_are_reported(tmp_path, capsys):
    options = ["--mask", "find", "--subject-style", WAVE, "--background-style", "none", "--size", "32"]
    assert cli.main([BALL, STARRY, "-o", str(tmp_path / "out.png"), *options, "--preset", "preview"]) == 0
    assert f"{STARRY}: not used, as both regions have a style of their own" in capsys.readouterr().err


def test_ctrl_c_keeps_the_picture_so_far(tmp_path):
    out = tmp_path / "out.png"
    command = [sys.executable, "-m", "styler", CAT, STARRY, "-o", str(out), "--size", "128", "--preset", "fine"]
    # A shell's background jobs ignore Ctrl-C, and so would their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    seen = ""
    while "128 px" not in seen:
        letter = process.stderr.read(1)
        assert letter, seen
        seen += letter
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted at step" in rest and "Traceback" not in rest
    with Image.open(out) as image:
        assert image.size == (128, 85)


def test_a_checkpoint_that_can_not_be_written_stops_nothing(tmp_path, capsys):
    out, strip = tmp_path / "out.png", str(tmp_path / "strip.png")
    save(resize(read(CAT), (32, 160)), strip)
    (tmp_path / "out.png.resume").mkdir()
    assert cli.main([strip, STARRY, "-o", str(out), "--size", "160", "--preset", "preview", "--json"]) == 0
    said = capsys.readouterr()
    assert (
        "out.png.resume can't be written" in said.err and "Until then there is no checkpoint for --resume." in said.err
    )
    assert json.loads(said.out)["interrupted"] is False and out.exists()


def test_the_subject_is_found(tmp_path):
    out, mask = tmp_path / "out.png", str(tmp_path / "mask.png")
    options = ["--size", "64", "--preset", "preview", "--quiet", "--mask", "find", "--background-style", "none"]
    assert cli.main([BALL, STARRY, "-o", str(out), *options, "--save-mask", mask]) == 0
    assert torch.equal(read(mask)[0, 0], torch.from_numpy(find_subject(BALL)))
    change = (read(out) - resize(read(BALL), 64)).abs().mean(1)[0]
    assert change[20:44, 18:36].mean() > 0.1 > 0.01 > change[:10].mean()  # the ball, the wall behind it


def test_a_picture_too_large_for_memory_is_reported(monkeypatch, capsys, tmp_path):
    def too_large(*_):
        raise MemoryError

    monkeypatch.setattr("styler.style.resize", too_large)
    assert cli.main([CAT, STARRY, "-o", str(tmp_path / "out.png"), "--size", "99999", "--quiet"]) == 2
    assert "99999 px does not fit in memory" in capsys.readouterr().err


def test_a_killed_picture_goes_on_from_its_checkpoint(tmp_path, capsys):
    """Wherever it is killed, with no time to tidy up, the files on disk are whole, and a later run paints the rest."""
    out, checkpoint = tmp_path / "out.png", tmp_path / "out.png.resume"
    args = [CAT, WAVE, "-o", str(out), "--size", "64", "--preset", "preview"]
    code = "import sys, styler.cli as c, styler.runs as r; r.CHECKPOINT_SECONDS = 0; sys.exit(c.main(sys.argv[1:]))"
    command, pipe = [sys.executable, "-c", code, *args, "--quiet"], subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe)
    while not checkpoint.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    assert process.communicate() == (b"", b"") and not out.exists()
    made = torch.load(checkpoint, weights_only=True)["step"]
    assert cli.main([*args, "--resume", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert 0 < made < report["iterations"]
    assert out.exists() and not checkpoint.exists()
    in_one_go = tmp_path / "again.png"
    assert cli.main(["--from", str(out), "-o", str(in_one_go), "--quiet"]) == 0
    assert torch.equal(read(in_one_go), read(out)) and settings(in_one_go) == settings(out)
    assert cli.main([*args, "--resume"]) == 0
    assert f"there is no {checkpoint} to continue from" in capsys.readouterr().err
    checkpoint.write_bytes(b"of another picture")
    assert cli.main(args) == 0
    assert f"{checkpoint}, from an interrupted picture, will be discarded" in capsys.readouterr().err
