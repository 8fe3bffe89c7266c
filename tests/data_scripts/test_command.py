import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from data_scripts import DATASETS, prepare_generated

# The command with CIFAR-10's entry expecting a small copy's sizes.
SMALL = """
import sys
from dataclasses import replace
from data_scripts import catalogue, command
train, test = int(sys.argv[1]), int(sys.argv[2])
catalogue.DATASETS["cifar10"] = replace(catalogue.CIFAR10, counts={"train": train, "test": test})
sys.exit(command.main(sys.argv[3:]))
"""


SUBSETS = "10 in train-1percent.npy, 10 in train-10percent.npy"


@pytest.fixture
def start(kit_root):
    def start(train, test, *arguments):
        command = [sys.executable, "-c", SMALL, str(train), str(test), "cifar10", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=kit_root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A suite that a shell started in the background ignores SIGINT, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return start


def finish(process):
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def test_success_is_one_line_and_status_0(start, image_files, write_folder, tmp_path):
    images = write_folder(tmp_path / "images", image_files)
    status, output, errors = finish(start(50, 20, "--source", images, "--out", tmp_path))
    assert (status, errors) == (0, "")
    assert output == f"{tmp_path}/cifar10: CIFAR-10, PNG copy (50 train, 20 test images; {SUBSETS})\n"


def test_an_error_is_one_sentence_and_status_2(start, image_files, write_folder, tmp_path):
    images = write_folder(tmp_path / "images", image_files)
    status, output, errors = finish(start(50, 30, "--source", images, "--out", tmp_path))
    assert (status, output) == (2, "")
    assert errors.startswith(f"error: {images}: 20 test images where CIFAR-10 has 30") and errors.count("\n") == 1
    status, _, errors = finish(start(50, 30, "--source", images, "--out", tmp_path, "--debug"))
    assert status == 1 and "Traceback" in errors and "20 test images" in errors


def wait_for(condition, process, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < end, "the process ended before it could be interrupted"
        time.sleep(0.002)


@pytest.fixture
def many_images(image_files, write_zip, tmp_path):
    """A zip of 3,000 + 20 images: enough to be caught in the middle."""
    names = [name for name in image_files if name.startswith("train/")]
    files = {name.replace(".png", f"-{copy}.png"): image_files[name] for copy in range(60) for name in names}
    return write_zip(tmp_path / "many.zip", files | {n: c for n, c in image_files.items() if n.startswith("test/")})


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_no_result_and_continues(start, many_images, tmp_path, signal_number):
    folder = tmp_path / "killed/cifar10"
    arguments = ("--source", many_images, "--out", tmp_path / "killed")
    process = start(3000, 20, *arguments)
    wait_for((folder / "train.npy.progress.json").exists, process)
    os.kill(process.pid, signal_number)
    status, _, errors = finish(process)
    assert status == (130 if signal_number == signal.SIGINT else -signal.SIGKILL)
    assert ("run the same command again" in errors) == (signal_number == signal.SIGINT)
    done = json.loads((folder / "train.npy.progress.json").read_text())["rows"]
    assert 0 < done < 3000
    assert not (folder / "train.npy").exists() and not (folder / "manifest.json").exists()

    status, _, errors = finish(start(3000, 20, *arguments))
    assert status == 0 and f"continuing an interrupted run after {done:,} of 3,000 images" in errors
    if signal_number == signal.SIGKILL:
        assert finish(start(3000, 20, "--source", many_images, "--out", tmp_path / "whole"))[0] == 0
        for name in ("train.npy", "test.npy", "manifest.json"):
            assert (folder / name).read_bytes() == (tmp_path / "whole/cifar10" / name).read_bytes()
        assert len(list(folder.iterdir())) == 5


def test_generated_and_the_second_run_from_a_shell(kit_root, tmp_path):
    command = [sys.executable, "-m", "data_scripts", "generated", "--out", tmp_path, "--train", "20", "--test", "10"]
    first = subprocess.run(command, cwd=kit_root, capture_output=True, text=True, check=True)
    second = subprocess.run(command, cwd=kit_root, capture_output=True, text=True, check=True)
    assert "generated images" in first.stdout and first.stdout == second.stdout
    assert first.stderr == "" and "already prepared" in second.stderr


def test_generated_in_another_data_sets_format(kit_root, tmp_path):
    command = [sys.executable, "-m", "data_scripts", "generated", "--out", tmp_path, "--train", "20", "--test", "10"]
    subprocess.run([*command, "--like", "mnist"], cwd=kit_root, check=True)
    rows = np.load(tmp_path / "mnist/train.npy")
    assert rows.shape == (20, 785) and rows.dtype == np.uint8 and not (tmp_path / "cifar10").exists()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "svhn"])
def test_a_folder_that_is_no_source_is_told_what_would_be_one(kit_root, tmp_path, name):
    command = [sys.executable, "-m", "data_scripts", name, "--source", tmp_path, "--out", tmp_path / "out"]
    result = subprocess.run(command, cwd=kit_root, capture_output=True, text=True)
    assert result.returncode == 2 and result.stdout == "" and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"error: {tmp_path}: not a ") and "source; give a folder with" in result.stderr


def said(*arguments, kit_root):
    """Exit status, output and errors of the command as a shell runs it."""
    command = [sys.executable, "-m", "data_scripts", *map(str, arguments)]
    result = subprocess.run(command, cwd=kit_root, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


def test_several_names_are_prepared_and_an_error_of_one_is_told_after_the_others(kit_root, tmp_path):
    """Those that are there need no network, the other finds none at this mirror."""
    for name in ("cifar10", "svhn"):
        manifest = prepare_generated(tmp_path, 200, 10, progress=False, dataset=DATASETS[name]).folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"generated": true', '"generated": false'))
    code = (
        "import sys; from dataclasses import replace; from data_scripts import command; d = command.DATASETS\n"
        "for name in ('cifar10', 'svhn'): d[name] = replace(d[name], counts={'train': 200, 'test': 10})\n"
        "sys.exit(command.main(sys.argv[1:]))"
    )
    names = ["cifar10", "--out", str(tmp_path), "mnist", "svhn", "cifar10", "--mirror", "http://127.0.0.1:1"]
    result = subprocess.run([sys.executable, "-c", code, *names], cwd=kit_root, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    assert result.returncode == 2 and len(lines) == 2
    assert lines[0].startswith(f"{tmp_path}/cifar10: generated images") and lines[1].startswith(f"{tmp_path}/svhn: ")
    error = result.stderr.splitlines()[-1]
    assert error.startswith("error: http://127.0.0.1:1/mnist/train-images-idx3-ubyte.gz: the download failed (")
    assert result.stderr.count("error: ") == 1


@pytest.mark.parametrize("arguments", [[], ["list"]])
def test_the_registry_says_what_there_is_and_what_is_here(kit_root, tmp_path, arguments):
    prepare_generated(tmp_path, 200, 10, progress=False, dataset=DATASETS["mnist"])
    (tmp_path / "svhn").mkdir()
    (tmp_path / "svhn/manifest.json").write_text("{")
    status, output, errors = said(*arguments, "--out", tmp_path, kit_root=kit_root)
    rows = {line.split()[0]: line for line in output.splitlines()}
    assert (status, errors) == (0, "") and list(rows) == list(DATASETS)
    assert (
        "5,000 train, 8,000 test, 100,000 unlabeled images" in rows["stl10"] and "2.64 GB to download" in rows["stl10"]
    )
    assert rows["stl10"].endswith(f"not in {tmp_path}") and "170 MB to download" in rows["cifar10"]
    assert rows["mnist"].endswith(f"{tmp_path}/mnist: generated images (grey shapes, not photographs)")
    assert f"{tmp_path}/svhn/manifest.json: not the manifest of a prepared data set" in rows["svhn"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ["imagenet"],
            "'imagenet' is not known; choose from cifar10, mnist, fashion_mnist, svhn, stl10, generated and list",
        ),
        (["cifar10", "mnist", "--source", "x"], "--source holds one data set; name one"),
        (["--source", "x"], "name one"),
        (["list", "--source", "x"], "name one"),
        (["list", "cifar10"], "list takes no other names"),
        (["cifar10", "--source", "x", "--mirror", "http://x"], "--mirror changes where downloads come from"),
        (["cifar10", "--mirror", "/a/folder"], "'/a/folder' is not an address"),
    ],
)
def test_what_makes_no_sense_is_refused(kit_root, arguments, problem):
    status, output, errors = said(*arguments, kit_root=kit_root)
    assert (status, output) == (2, "") and problem in errors.splitlines()[-1]


def test_offline_the_command_says_what_to_put_where(kit_root, tmp_path):
    status, output, errors = said("stl10", "--out", tmp_path, "--offline", kit_root=kit_root)
    assert (status, output) == (2, "") and errors.count("\n") == 1
    assert errors.startswith(
        f"error: {tmp_path}/stl10_binary.tar.gz: missing, and nothing is downloaded offline; get http"
    )
    assert errors.endswith(f"/stl10_binary.tar.gz elsewhere and put it into {tmp_path}, or give a copy with --source\n")


@pytest.mark.parametrize("arguments", [["cifar10", "--source", "x" * 300], ["list", "--out", "x" * 300]])
def test_a_path_that_the_system_refuses_is_told_in_a_sentence(kit_root, arguments):
    status, output, errors = said(*arguments, kit_root=kit_root)
    assert status == 2 and errors.startswith("error: ") and errors.count("\n") == 1
    assert "File name too long; check the path" in errors


def test_a_missing_torchvision_is_told_in_a_sentence(kit_root, tmp_path):
    code = "import sys; sys.modules['torchvision'] = None; from data_scripts import command; sys.exit(command.main())"
    command = [sys.executable, "-c", code, "cifar10", "--out", tmp_path]
    result = subprocess.run(command, cwd=kit_root, capture_output=True, text=True)
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: torchvision, which knows the official files, cannot be imported")


def test_help_says_what_a_source_may_be(kit_root):
    status, output, _ = said("--help", kit_root=kit_root)
    assert status == 0 and all(dataset.layout in output for dataset in DATASETS.values())


@pytest.mark.parametrize("number", ["0", "-3", "many"])
def test_a_number_of_images_is_positive(kit_root, tmp_path, number):
    command = [sys.executable, "-m", "data_scripts", "generated", "--out", tmp_path, "--train", number, "--test", "10"]
    result = subprocess.run(command, cwd=kit_root, capture_output=True, text=True)
    assert result.returncode == 2 and "--train" in result.stderr and "Traceback" not in result.stderr


def test_the_package_needs_neither_torch_nor_the_grader(kit_root):
    """Course machines read prepared data with numpy alone; torchvision is imported only for the official archive."""
    code = "import sys, data_scripts.command; print({'torch', 'torchvision', 'scipy', 'autograder'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=kit_root, capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
