"""How commands of the kit find data sets (``autograder.datasets``)."""

import gzip
import io
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from autograder import datasets
from autograder.commands.doctor import findings
from autograder.course import Course
from autograder.errors import KitError
from data_scripts import DATASETS, DataError, catalogue, prepare_generated
from tests.checkout import COURSE, ROOT, kit

COUNTS = {"train": 30, "test": 20}


@pytest.fixture
def places(monkeypatch, tmp_path):
    """An empty machine: the course is ``course``, the user's folder is ``home``, Debian's is ``debian``."""
    monkeypatch.delenv("KIT_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(datasets, "DEBIAN_FOLDER", tmp_path / "debian")
    for name in ("mnist", "fashion_mnist"):
        monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], counts=COUNTS, remote=no_network))
    return tmp_path


def course_in(places):
    return Course(places / "course")


def no_network(dataset, root):
    raise DataError("the download failed")


def write_idx(folder):
    """Small IDX files, unpacked labels and packed images."""
    folder.mkdir(parents=True)
    for prefix, count in (("train", 30), ("t10k", 20)):
        size = count.to_bytes(4, "big")
        side = (28).to_bytes(4, "big")
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\1" + size + bytes(count))
        images = b"\0\0\x08\3" + size + side + side + np.arange(count * 784).astype(np.uint8).tobytes()
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    return folder


def made(folder, name):
    return prepare_generated(folder, 30, 10, progress=False, dataset=DATASETS[name])


def write_zip(path):
    """A zip of images in CIFAR-10's classes: ``COUNTS`` of each split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = io.BytesIO()
    Image.new("RGB", (32, 32)).save(pixels, "PNG")
    with zipfile.ZipFile(path, "w") as archive:
        for split, count in COUNTS.items():
            for number in range(count):
                archive.writestr(f"{split}/{DATASETS['cifar10'].classes[number % 10]}/{number}.png", pixels.getvalue())
    return path


@pytest.mark.parametrize("given", ["mine", "mine/cifar10-png.zip"])
@pytest.mark.parametrize("writable", [True, False])
def test_a_given_folder_may_hold_what_a_usual_one_may(places, monkeypatch, given, writable):
    monkeypatch.setitem(DATASETS, "cifar10", replace(DATASETS["cifar10"], counts=COUNTS))
    archive = write_zip(places / "mine/cifar10-png.zip")
    assert datasets.source_in("cifar10", places / given) == archive
    (places / "mine").chmod(0o755 if writable else 0o555)  # which says something to root, too
    data = datasets.find_data("cifar10", places / given, course_in(places))
    assert data.source == "CIFAR-10, PNG copy" and data.counts == COUNTS
    assert data.folder == places / ("mine" if writable else "course/data") / "cifar10"
    assert datasets.find_data("cifar10", places / given, course_in(places)) == data
    assert datasets.find_or_prepare(places / given, COUNTS, print, "cifar10", course_in(places)).counts == COUNTS


def test_a_broken_source_in_a_given_folder_is_told(places):
    (places / "mine").mkdir()
    (places / "mine/cifar10-png.zip").write_text("no zip")
    with pytest.raises(KitError, match="cifar10-png.zip: not a complete zip file"):
        datasets.find_data("cifar10", places / "mine", course_in(places))
    with pytest.raises(KitError, match="absent: no such file or folder"):
        datasets.find_data("cifar10", places / "absent", course_in(places))


def test_each_data_set_is_found_by_its_name(places):
    cifar10, mnist = made(places / "home/data", "cifar10"), made(places / "home/data", "mnist")
    assert datasets.find_data("cifar10", None, course_in(places)) == cifar10
    assert datasets.find_data("mnist", None, course_in(places)) == mnist
    assert datasets.find_data("fashion_mnist", None, course_in(places)) is None
    for given in (places / "home/data", mnist.folder, cifar10.folder):
        assert datasets.find_data("mnist", given, course_in(places)) == mnist


def test_kit_data_goes_before_the_usual_folders(places, monkeypatch):
    made(places / "home/data", "mnist")
    named = made(places / "elsewhere", "mnist")
    monkeypatch.setenv("KIT_DATA", str(places / "elsewhere"))
    assert datasets.find_data("mnist", None, course_in(places)) == named


def test_a_given_folder_without_the_data_set_is_an_error_that_names_the_command(places):
    made(places / "home/data", "cifar10")
    with pytest.raises(KitError, match="holds no prepared mnist; make it with: ./kit data mnist --source"):
        datasets.find_data("mnist", places / "home/data", course_in(places))


def test_torchvisions_root_is_prepared_where_it_lies(places):
    write_idx(places / "root/MNIST/raw")
    data = datasets.find_data("mnist", places / "root", course_in(places))
    assert data.folder == places / "root/mnist" and data.source == "MNIST, IDX files"


@pytest.mark.parametrize(
    ("dataset", "source"),
    [
        ("cifar10", "home/data/cifar-10-batches-py"),
        ("cifar10", "home/data/cifar-10-python.tar.gz"),
        ("cifar10", "course/data/cifar10-jpeg75.zip"),
        ("mnist", "home/data/MNIST/raw"),
        ("fashion_mnist", "course/data/FashionMNIST/raw"),
        ("fashion_mnist", "debian/fashion-mnist"),
        ("svhn", "home/data/train_32x32.mat"),
        ("svhn", "home/data/svhn/train_32x32.mat"),
        ("stl10", "home/data/stl10_binary"),
        ("stl10", "course/data/stl10_binary.tar.gz"),
    ],
)
def test_sources_are_found_in_the_usual_places(places, dataset, source):
    (places / source).mkdir(parents=True)
    assert {name: datasets.find_source(name, course_in(places)) for name in DATASETS} == {
        name: None for name in DATASETS
    } | {dataset: places / source}
    assert f"./kit data {dataset} --source {places / source} prepares" in datasets.describe(
        None, dataset, course_in(places)
    )


def test_what_is_prepared_is_taken_first(places):
    data = made(places / "home/data", "mnist")
    write_idx(places / "home/data/MNIST/raw")
    for given in (None, places / "home/data", data.folder):
        assert datasets.find_or_prepare(given, COUNTS, print, "mnist", course_in(places)) == data
    assert not (places / "course").exists()


@pytest.mark.parametrize(
    ("dataset", "source", "given"),
    [
        ("mnist", "home/data/MNIST/raw", None),
        ("fashion_mnist", "debian/fashion-mnist", None),
        ("mnist", "mine", "mine"),
        ("mnist", "mine/MNIST/raw", "mine"),
    ],
)
def test_a_source_is_prepared_in_the_course(places, dataset, source, given):
    write_idx(places / source)
    said = []
    data = datasets.find_or_prepare(given and places / given, COUNTS, said.append, dataset, course_in(places))
    assert data.folder == places / "course/data" / dataset and data.manifest["generated"] is False
    assert said == [f"preparing {DATASETS[dataset].title} from {places / (given or source)}"]
    assert datasets.find_data(dataset, None, course_in(places)) == data


def test_without_source_and_network_images_are_generated_in_the_right_format(places):
    said = []
    data = datasets.find_or_prepare(None, {"train": 30, "test": 10}, said.append, "mnist", course_in(places))
    assert data.folder == places / "course/data/generated/mnist" and data.manifest["generated"] is True
    assert data.images("train").shape == (30, 1, 28, 28)
    assert said == [
        "no MNIST found on this machine: downloading it",
        "the download failed; continuing with generated images",
    ]


@pytest.mark.parametrize("source", [None, "mine"])
def test_where_nothing_can_be_written_one_sentence_says_so(places, source):
    (places / "course").write_text("a file where a folder is expected")
    if source:
        write_idx(places / source)
    with pytest.raises(KitError, match="course.*; check the path and its permissions$"):
        datasets.find_or_prepare(source and places / source, COUNTS, print, "mnist", course_in(places))


def test_a_given_path_that_is_no_source_is_an_error(places):
    with pytest.raises(KitError, match="absent: no such file or folder"):
        datasets.find_or_prepare(places / "absent", COUNTS, print, "mnist", course_in(places))


def test_doctor_lists_every_data_set(places):
    settings = course_in(places).solutions / "simclr" / "assignment.toml"
    settings.parent.mkdir(parents=True)
    settings.write_bytes(COURSE.assignment("simclr").settings.read_bytes())
    data = made(places / "home/data", "svhn")
    rows = dict(findings(None, course_in(places)))
    assert rows["svhn"] == f"{data.source}, 30 train and 10 test images in {data.folder}"
    assert rows["cifar10"] == "not found; ./kit data cifar10 prepares it", "an assignment needs it"
    listed = {name for name in DATASETS if name in rows}
    assert listed | set(re.findall(r"\w+", rows["other data sets"])) >= set(DATASETS)
    assert "fashion_mnist" in rows["other data sets"] and "fashion_mnist" not in rows


def test_doctor_goes_on_where_a_manifest_is_damaged(places):
    manifest = made(places / "home/data", "fashion_mnist").folder / "manifest.json"
    manifest.write_text("{")
    rows = dict(findings(places / "home/data", course_in(places)))
    assert rows["fashion_mnist"].startswith(f"{manifest}: not the manifest of a prepared data set")
    assert "cifar10" in rows["other data sets"]


def test_every_data_set_of_the_catalogue_has_its_source_names():
    assert set(datasets.TORCHVISION) == set(catalogue.DATASETS) >= set(datasets.SOURCES)


def test_doctor_from_a_shell():
    result = kit(ROOT, "doctor")
    assert result.returncode == 0 and "cifar10" in result.stdout and "sandbox" in result.stdout
