import json
from dataclasses import replace

import pytest

from data_scripts import DataError, Prepared, prepare, prepare_generated
from data_scripts.part_file import locked
from data_scripts.sources import image_folder


@pytest.fixture
def images(image_files, write_folder, tmp_path):
    return write_folder(tmp_path / "images", image_files)


def test_the_manifest_says_everything_and_nothing_else_lies_beside_it(small, images, tmp_path):
    data = prepare(images, tmp_path, progress=False, dataset=small)
    manifest = json.loads((tmp_path / "cifar10/manifest.json").read_text())
    assert manifest == data.manifest
    assert list(manifest) == ["dataset", "source", "generated", "classes", "image_shape", "splits"]
    assert manifest["dataset"] == "cifar10" and manifest["image_shape"] == [3, 32, 32]
    assert manifest["classes"][0] == "airplane" and manifest["classes"][9] == "truck"
    assert {split: entry["images"] for split, entry in manifest["splits"].items()} == {"train": 50, "test": 20}
    subsets = manifest["splits"]["train"]["subsets"]
    assert {percent: entry["file"] for percent, entry in subsets.items()} == {
        "1": "train-1percent.npy",
        "10": "train-10percent.npy",
    }
    files = {"train.npy", "test.npy", "train-1percent.npy", "train-10percent.npy", "manifest.json"}
    assert {path.name for path in data.folder.iterdir()} == files


def test_a_second_run_writes_nothing(small, images, tmp_path, capfd):
    data = prepare(images, tmp_path, dataset=small)
    before = {path: path.stat() for path in data.folder.iterdir()}
    assert prepare(images, tmp_path, dataset=small) == data
    assert {path: path.stat().st_mtime_ns for path in before} == {path: s.st_mtime_ns for path, s in before.items()}
    assert "already prepared" in capfd.readouterr().err
    assert prepare(None, tmp_path, progress=False, dataset=small) == data, "any real copy will do without --source"


def test_only_the_altered_file_is_made_again(small, images, tmp_path):
    data = prepare(images, tmp_path, progress=False, dataset=small)
    train = (data.folder / "train.npy").stat()
    (data.folder / "test.npy").write_bytes(b"altered")
    prepare(images, tmp_path, progress=False, dataset=small).verify()
    assert (data.folder / "train.npy").stat().st_ino == train.st_ino


def test_a_damaged_manifest_is_made_again(small, images, tmp_path):
    data = prepare(images, tmp_path, progress=False, dataset=small)
    (data.folder / "manifest.json").write_text("{")
    assert prepare(images, tmp_path, progress=False, dataset=small) == data


def test_an_incomplete_source_leaves_a_prepared_set_alone(small, images, tmp_path):
    data = prepare(images, tmp_path, progress=False, dataset=small)
    (data.folder / "test.npy").write_bytes(b"altered")
    (images / "train/cat/0000.png").unlink()
    with pytest.raises(DataError, match="49 train images"):
        prepare(images, tmp_path, progress=False, dataset=small)
    assert (data.folder / "manifest.json").exists()


def test_a_repair_that_fails_loses_nothing_that_is_intact(small, images, image_files, tmp_path):
    data = prepare(images, tmp_path, progress=False, dataset=small)
    train = (data.folder / "train.npy").stat()
    (data.folder / "test.npy").write_bytes(b"altered")
    bad = images / "test/frog/0001.png"
    bad.write_bytes(b"no image")
    with pytest.raises(DataError, match="frog/0001.png"):
        prepare(images, tmp_path, progress=False, dataset=small)
    assert Prepared.open(data.folder).is_intact("train")
    bad.write_bytes(image_files["test/frog/0001.png"])
    assert prepare(images, tmp_path, progress=False, dataset=small) == data
    data.verify()
    assert (data.folder / "train.npy").stat().st_ino == train.st_ino


def test_what_is_intact_of_one_copy_is_not_replaced_by_another(small, images, official_of, batch_files, tmp_path):
    """Without --source any copy will do to use, but not to repair with: the rows of two copies are in another order."""
    data = prepare(images, tmp_path, progress=False, dataset=small)
    before = (data.folder / "train.npy").read_bytes()
    (data.folder / "test.npy").write_bytes(b"altered")
    for name, content in batch_files.items():
        (tmp_path / "cifar-10-batches-py").mkdir(exist_ok=True)
        (tmp_path / "cifar-10-batches-py" / name).write_bytes(content)
    with pytest.raises(DataError, match="holds CIFAR-10, PNG copy, of which train is intact; repair it from that copy"):
        prepare(None, tmp_path, progress=False, dataset=official_of(batch_files))
    assert (data.folder / "train.npy").read_bytes() == before and Prepared.open(data.folder) == data


def test_what_another_process_prepared_meanwhile_is_not_touched(small, images, tmp_path):
    def slow(dataset, path):
        """Ready to be read only when another process has prepared the same data set."""
        source = image_folder.recognise(dataset, path)
        fingerprint = source.fingerprint
        source.fingerprint = lambda: prepare(images, tmp_path, progress=False, dataset=small) and fingerprint()
        return source

    with pytest.raises(DataError, match="another process has prepared it meanwhile; run the same command again"):
        prepare(images, tmp_path, progress=False, dataset=replace(small, readers=(slow,)))
    Prepared.open(tmp_path / "cifar10").verify()
    assert not list(tmp_path.rglob("*.part"))


def test_two_processes_do_not_write_one_manifest(small, images, tmp_path):
    (tmp_path / "cifar10").mkdir()
    with (
        locked(tmp_path / "cifar10/manifest.json.part"),
        pytest.raises(DataError, match="manifest.json.part: another process is preparing this data set"),
    ):
        prepare(images, tmp_path, progress=False, dataset=small)
    prepare(images, tmp_path, progress=False, dataset=small).verify()


def test_a_manifest_that_cannot_be_read_is_not_taken_for_a_damaged_one(small, images, tmp_path):
    data = prepare(images, tmp_path, progress=False, dataset=small)
    manifest = data.folder / "manifest.json"
    manifest.rename(tmp_path / "elsewhere")
    manifest.symlink_to("/proc/self/mem")  # an input/output error when it is read, or it is not even opened
    before = (data.folder / "train.npy").stat()
    with pytest.raises(DataError, match="manifest.json: (Input/output error|Permission denied)"):
        prepare(images, tmp_path, progress=False, dataset=small)
    assert (data.folder / "train.npy").stat() == before


def test_a_finished_split_survives_the_failure_of_the_next(small, images, image_files, tmp_path):
    bad = images / "test/frog/0001.png"
    bad.write_bytes(b"no image")
    with pytest.raises(DataError, match="frog/0001.png"):
        prepare(images, tmp_path, progress=False, dataset=small)
    train = (tmp_path / "cifar10/train.npy").stat()
    assert not (tmp_path / "cifar10/manifest.json").exists()
    bad.write_bytes(image_files["test/frog/0001.png"])
    prepare(images, tmp_path, progress=False, dataset=small).verify()
    assert (tmp_path / "cifar10/train.npy").stat().st_size == train.st_size


def test_generated_images_never_pass_for_the_real_ones(small, images, tmp_path):
    prepare_generated(tmp_path, 50, 20, progress=False)
    for source in (None, images):
        with pytest.raises(DataError, match="already holds generated images"):
            prepare(source, tmp_path, progress=False, dataset=small)


def test_another_source_or_size_than_the_one_there_is_refused(small, images, tmp_path):
    prepare(images, tmp_path / "real", progress=False, dataset=small)
    with pytest.raises(DataError, match="already holds CIFAR-10, PNG copy"):
        prepare_generated(tmp_path / "real", 50, 20, progress=False)
    prepare_generated(tmp_path / "made", 50, 20, progress=False)
    with pytest.raises(DataError, match=r"already holds generated images .*50 train, 20 test"):
        prepare_generated(tmp_path / "made", 60, 20, progress=False)


@pytest.mark.parametrize(("name", "reason"), [("absent", "no such file or folder"), ("empty", "not a CIFAR-10 source")])
def test_a_source_that_is_none_is_named(small, tmp_path, name, reason):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=f"{name}: {reason}"):
        prepare(tmp_path / name, tmp_path / "out", progress=False, dataset=small)


def test_an_output_folder_that_cannot_be_made_is_named(small, images, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file.*check the path"):
        prepare(images, tmp_path / "file" / "out", progress=False, dataset=small)


class Endless:
    """A source of more images than any disk holds, which must not be asked for one."""

    description, generated = "endless images", False

    def fingerprint(self):
        return "endless"

    def chunks(self, split, start):
        raise AssertionError("begun")


def test_a_conversion_that_finds_no_room_is_not_begun(small, tmp_path):
    """3 PB of images, asked of the real disk."""
    endless = replace(small, counts={"train": 10**12, "test": 10}, readers=(lambda dataset, path: Endless(),))
    with pytest.raises(DataError, match=r"out/cifar10: 3.07 PB more are needed here and [\d.]+ .B are free") as error:
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=endless)
    assert "free some space or choose another --out" in str(error.value) and not (tmp_path / "out").exists()
