import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

# The command with CIFAR-10's entry expecting a small copy's sizes.
SMALL = """
import sys
from dataclasses import replace
from data_scripts import catalogue, command
train, test = int(sys.argv[1]), int(sys.argv[2])
catalogue.DATASETS["cifar10"] = replace(catalogue.CIFAR10, counts={"train": train, "test": test})
sys.exit(command.main(sys.argv[3:]))
"""


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
    assert output == f"{tmp_path}/cifar10: CIFAR-10, PNG copy (50 train, 20 test images)\n"


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
        assert len(list(folder.iterdir())) == 3


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
