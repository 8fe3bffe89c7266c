"""STL-10's binary layout, on a small archive that is generated here in that layout."""

import hashlib
import io
import tarfile
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from data_scripts import DATASETS, DataError, prepare
from data_scripts.sources import stl_binary

COUNTS = {"train": 30, "test": 20, "unlabeled": 25}
FOLDER = "stl10_binary"
KNOWN = {
    "train": ("train_X.bin", "train_y.bin"),
    "test": ("test_X.bin", "test_y.bin"),
    "unlabeled": ("unlabeled_X.bin",),
}


def images(split, count):
    """(n, 3, 96, 96) noise: channel, row, column."""
    return np.random.RandomState(count).randint(0, 256, (count, 3, 96, 96)).astype(np.uint8)


def labels(count):
    """1..10, as they are stored."""
    return np.arange(count, dtype=np.uint8) % 10 + 1


def archive_files(counts=COUNTS):
    """File name -> content: each colour plane of an image is written column by column."""
    files = {}
    for split, count in counts.items():
        files[f"{split}_X.bin"] = b"".join(
            bytes(plane[:, column]) for image in images(split, count) for plane in image for column in range(96)
        )
        if split != "unlabeled":
            files[f"{split}_y.bin"] = bytes(labels(count))
    return files


def pack(files, prefix=f"{FOLDER}/"):
    """The .tar.gz of the files, in an order in which the labels of a split lie before and after its images."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name in ("test_X.bin", "test_y.bin", "train_y.bin", "unlabeled_X.bin", "train_X.bin"):
            if name in files:
                info = tarfile.TarInfo(prefix + name)
                info.size = len(files[name])
                archive.addfile(info, io.BytesIO(files[name]))
    return buffer.getvalue()


def official_of(files, archive=b"", counts=COUNTS, **attributes):
    """STL-10's entry whose torchvision class knows the MD5s of just these."""
    torchvision = DATASETS["stl10"].official()
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    lists = {
        "train_list": [[name, md5.get(name)] for name, _ in torchvision.train_list],
        "test_list": [[name, md5.get(name)] for name, _ in torchvision.test_list],
        "tgz_md5": hashlib.md5(archive).hexdigest(),
    }
    official = type("SmallSTL10", (torchvision,), lists | attributes)
    return replace(DATASETS["stl10"], counts=counts, official=lambda: official)


@pytest.fixture(scope="module")
def files():
    return archive_files()


@pytest.fixture(scope="module")
def archive(files):
    return pack(files)


@pytest.fixture
def entry(files, archive):
    return official_of(files, archive)


@pytest.fixture
def packed(archive, tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given/stl10_binary.tar.gz").write_bytes(archive)
    return tmp_path / "given/stl10_binary.tar.gz"


@pytest.fixture
def unpacked(files, write_folder, tmp_path):
    return write_folder(tmp_path / FOLDER, files)


@pytest.fixture
def few_at_a_time(monkeypatch):
    monkeypatch.setattr(stl_binary, "CHUNK", 7)


def check_rows(data):
    """Every image is upright and has its label: train and test sorted by the SHA-256 of "<split>/<index>"."""
    for split in ("train", "test"):
        count = COUNTS[split]
        order = sorted(range(count), key=lambda k: hashlib.sha256(f"{split}/{k}".encode()).hexdigest())
        assert np.array_equal(data.images(split), images(split, count)[order])
        assert data.labels(split).tolist() == [k % 10 for k in order]
    assert np.array_equal(data.images("unlabeled"), images("unlabeled", 25)), "in their own order"
    assert data.labels("unlabeled").tolist() == [255] * 25


def test_without_a_source_the_archive_is_downloaded_verified_and_kept(files, archive, web, few_at_a_time, tmp_path):
    (web.folder / "stl10_binary.tar.gz").write_bytes(archive)
    entry = official_of(files, archive, url=f"{web.address}/stl10_binary.tar.gz")
    data = prepare(None, tmp_path / "out", progress=False, dataset=entry)
    data.verify()
    check_rows(data)
    assert data.manifest["source"] == "STL-10, official archive" and data.manifest["image_shape"] == [3, 96, 96]
    assert data.counts == COUNTS and data.manifest["classes"][2] == "car"
    assert prepare(None, tmp_path / "out", progress=False, dataset=entry) == data
    again = prepare(None, tmp_path / "out", progress=False, dataset=replace(entry, name="again"), offline=True)
    assert web.requests == [("stl10_binary.tar.gz", 0)] and again.manifest["splits"] == data.manifest["splits"]


@pytest.mark.parametrize("given", [FOLDER, ".", "given/stl10_binary.tar.gz", "given"])
def test_the_archive_and_its_folder_give_the_same(entry, packed, unpacked, few_at_a_time, tmp_path, given):
    data = prepare(tmp_path / given, tmp_path / "out", progress=False, dataset=entry)
    check_rows(data)
    assert data.manifest["splits"]["train"]["subsets"]["1"]["images"] == 10


def test_torchvision_reads_the_same_from_the_same_files(entry, unpacked, tmp_path):
    data = prepare(tmp_path, tmp_path / "out", progress=False, dataset=entry)
    for split in ("train", "test"):
        reference = entry.official()(tmp_path, split=split)
        pairs = sorted((image.tobytes(), int(label)) for image, label in zip(reference.data, reference.labels))
        assert sorted((i.tobytes(), int(k)) for i, k in zip(data.images(split), data.labels(split))) == pairs
    assert np.array_equal(data.images("unlabeled"), entry.official()(tmp_path, split="unlabeled").data)


@pytest.mark.parametrize("split", COUNTS)
@pytest.mark.parametrize("kind", ["packed", "unpacked"])
def test_a_source_can_be_read_from_any_row(entry, few_at_a_time, request, split, kind):
    source = entry.open(request.getfixturevalue(kind))
    rows = np.concatenate(list(source.chunks(split, 0)))
    for start in (1, 7, 13, COUNTS[split] - 1):
        assert np.array_equal(np.concatenate(list(source.chunks(split, start))), rows[start:])
    assert list(source.chunks(split, COUNTS[split])) == []


class Cut:
    """A source that breaks off in the middle of the unlabelled images."""

    generated = False

    def __init__(self, source):
        self.source, self.description = source, source.description

    def fingerprint(self):
        return self.source.fingerprint()

    def chunks(self, split, start):
        for number, rows in enumerate(self.source.chunks(split, start)):
            if split == "unlabeled" and number == 2:
                raise DataError("cut here")
            yield rows


def test_an_interrupted_conversion_goes_on_in_the_packed_archive(
    entry, packed, unpacked, few_at_a_time, tmp_path, capfd
):
    cut = replace(entry, readers=(lambda dataset, path: Cut(stl_binary.recognise(dataset, path)),))
    with pytest.raises(DataError, match="cut here"):
        prepare(unpacked, tmp_path / "out", progress=False, dataset=cut)
    check_rows(prepare(packed, tmp_path / "out", dataset=entry))
    assert "continuing an interrupted run after 14 of 25 images" in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["packed", "unpacked"])
def test_the_unlabelled_images_are_never_held_in_memory_together(write_folder, monkeypatch, tmp_path, kind):
    counts = COUNTS | {"unlabeled": 400}
    files = archive_files(counts)
    archive = pack(files)
    entry = official_of(files, archive, counts)
    place = write_folder(tmp_path / FOLDER, files) if kind == "unpacked" else tmp_path / "a.tar.gz"
    if kind == "packed":
        place.write_bytes(archive)
    monkeypatch.setattr(stl_binary, "CHUNK", 10)
    source = entry.open(place)
    source.fingerprint()
    tracemalloc.start()
    assert sum(len(rows) for rows in source.chunks("unlabeled", 3)) == 397
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000 < len(files["unlabeled_X.bin"])


@pytest.mark.parametrize("name", [name for names in KNOWN.values() for name in names])
def test_a_missing_file_is_named(entry, unpacked, tmp_path, name):
    (unpacked / name).unlink()
    with pytest.raises(DataError, match=f"{FOLDER}/{name}: missing, the archive is incomplete"):
        prepare(unpacked, tmp_path / "out", progress=False, dataset=entry)


@pytest.mark.parametrize("name", ["train_X.bin", "test_y.bin", "unlabeled_X.bin"])
@pytest.mark.parametrize("harm", [lambda content: content[:-1], lambda content: content + b"\1"], ids=["cut", "longer"])
def test_a_file_of_a_wrong_size_is_named_with_both_sizes(files, write_folder, tmp_path, name, harm):
    wrong = files | {name: harm(files[name])}
    place = write_folder(tmp_path / FOLDER, wrong)
    with pytest.raises(
        DataError, match=f"{FOLDER}/{name}: {len(wrong[name]):,} bytes where {len(files[name]):,} are expected"
    ):
        prepare(place, tmp_path / "out", progress=False, dataset=official_of(wrong))


@pytest.mark.parametrize("name", ["train_y.bin", "unlabeled_X.bin"])
def test_an_altered_file_is_named_with_both_md5s(entry, files, unpacked, tmp_path, name):
    altered = files[name][:-1] + bytes([files[name][-1] ^ 1])
    (unpacked / name).write_bytes(altered)
    found, expected = hashlib.md5(altered).hexdigest(), hashlib.md5(files[name]).hexdigest()
    with pytest.raises(DataError, match=f"{FOLDER}/{name}: damaged .* MD5 {found} where {expected} is expected"):
        prepare(unpacked, tmp_path / "out", progress=False, dataset=entry)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "harm",
    [lambda tar: tar[:-1000], lambda tar: tar[:5000] + bytes([tar[5000] ^ 1]) + tar[5001:]],
    ids=["cut", "altered"],
)
def test_an_archive_that_is_cut_or_altered_is_named_and_not_used(entry, archive, packed, tmp_path, harm):
    packed.write_bytes(harm(archive))
    found, expected = hashlib.md5(harm(archive)).hexdigest(), hashlib.md5(archive).hexdigest()
    with pytest.raises(DataError) as error:
        prepare(packed, tmp_path / "out", progress=False, dataset=entry)
    assert str(error.value) == (
        f"{packed}: damaged or not the official file ({len(harm(archive)):,} bytes with MD5 {found} where {expected} is "
        "expected); unpack or download the archive again"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [lambda tar: tar[:-1000], lambda tar: b"no archive"], ids=["cut", "other"])
def test_an_archive_that_cannot_be_read_is_named_even_with_the_right_md5(files, archive, packed, tmp_path, content):
    packed.write_bytes(content(archive))
    with pytest.raises(DataError, match="stl10_binary.tar.gz: damaged or incomplete .*; download it again"):
        prepare(packed, tmp_path / "out", progress=False, dataset=official_of(files, content(archive)))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda files: {n: c for n, c in files.items() if n != "test_y.bin"}, "holds no stl10_binary/test_y.bin"),
        (
            lambda files: files | {"unlabeled_X.bin": files["unlabeled_X.bin"][:-1]},
            "shorter than in the official archive",
        ),
    ],
    ids=["a file is missing", "half an image"],
)
def test_an_archive_that_does_not_hold_everything_is_named(files, packed, tmp_path, change, problem):
    archive = pack(change(files))
    packed.write_bytes(archive)
    with pytest.raises(DataError, match=f"stl10_binary.tar.gz.*: {problem}; download"):
        prepare(packed, tmp_path / "out", progress=False, dataset=official_of(files, archive))


def test_an_archive_that_was_packed_from_inside_a_folder_is_read(files, packed, tmp_path):
    packed.write_bytes(pack(files, prefix=f"./{FOLDER}/"))
    check_rows(prepare(packed, tmp_path / "out", progress=False, dataset=official_of(files, packed.read_bytes())))


@pytest.mark.parametrize("wrong", [0, 11, 255])
def test_a_wrong_label_is_named(files, write_folder, tmp_path, wrong):
    files = files | {"test_y.bin": files["test_y.bin"][:-1] + bytes([wrong])}
    place = write_folder(tmp_path / FOLDER, files)
    with pytest.raises(DataError, match=rf"test_y.bin: holds labels .* {wrong}\b.*where STL-10 has 1 to 10"):
        prepare(place, tmp_path / "out", progress=False, dataset=official_of(files))


def test_an_unpacked_archive_that_lies_there_is_not_downloaded_unless_it_is_damaged(
    files, archive, web, write_folder, tmp_path
):
    (web.folder / "stl10_binary.tar.gz").write_bytes(archive)
    entry = official_of(files, archive, url=f"{web.address}/stl10_binary.tar.gz")
    write_folder(tmp_path / "root" / FOLDER, files)
    check_rows(prepare(None, tmp_path / "root", progress=False, dataset=entry))
    assert web.requests == []
    write_folder(tmp_path / "other" / FOLDER, files | {"train_y.bin": b"damaged"})
    check_rows(prepare(None, tmp_path / "other", progress=False, dataset=entry))
    assert web.requests == [("stl10_binary.tar.gz", 0)]
