import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_scripts import DATASETS, DataError, prepare
from data_scripts.sources.idx_files import read_idx

COUNTS = {"train": 50, "test": 20}
PREFIXES = {"train": "train", "test": "t10k"}
MNIST = replace(DATASETS["mnist"], counts=COUNTS)
FASHION_MNIST = replace(DATASETS["fashion_mnist"], counts=COUNTS)
SHARED = Path(__file__).parents[3] / "shared" / "data"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def idx(array, kind=8):
    """The bytes of an IDX file: magic, dimensions (big-endian), values."""
    head = bytes([0, 0, kind, array.ndim])
    return head + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def images(split):
    """(n, 28, 28) noise."""
    return np.random.RandomState(COUNTS[split]).randint(0, 256, (COUNTS[split], 28, 28)).astype(np.uint8)


def labels(split):
    """(n,), sorted by class as some copies are."""
    return np.sort(np.arange(COUNTS[split]) % 10).astype(np.uint8)


def unpacked_files():
    """File name -> content of the four files."""
    return {
        f"{PREFIXES[split]}-{kind}": idx(array(split))
        for split in COUNTS
        for kind, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels))
    }


def packed(files):
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in files.items()}


@pytest.fixture
def files():
    return packed(unpacked_files())


def rows_in_order(split):
    """The rows as they must be written: those of the files, sorted by the SHA-256 of "<split>/<index>"."""
    order = sorted(range(COUNTS[split]), key=lambda k: hashlib.sha256(f"{split}/{k}".encode()).hexdigest())
    return [bytes([labels(split)[k]]) + images(split)[k].tobytes() for k in order]


OTHER_NAMES = {
    "dots": lambda name: name.replace("-idx", ".idx"),
    "a folder for each": lambda name: f"{name.removesuffix('.gz')}/{name.removesuffix('.gz')}",
    "test for t10k": lambda name: name.replace("t10k", "test"),
    "a second download": lambda name: name.replace(".gz", " (1).gz"),
    "capitals and underscores": lambda name: name.replace("-", "_").upper().replace(".GZ", ".gz"),
}


@pytest.mark.parametrize("kind", OTHER_NAMES)
@pytest.mark.parametrize("packs", [True, False])
def test_the_usual_other_names_are_found(tmp_path, kind, packs):
    for name, content in (packed(unpacked_files()) if packs else unpacked_files()).items():
        path = tmp_path / "mine" / OTHER_NAMES[kind](name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if path.suffix == ".gz" or not packs else gzip.decompress(content))
    data = prepare(tmp_path / "mine", tmp_path / "out", progress=False, dataset=MNIST)
    for split in COUNTS:
        assert [row.tobytes() for row in np.load(data.folder / f"{split}.npy")] == rows_in_order(split)


@pytest.mark.parametrize("name", ["mnist.npz", "mnist_train.csv", "mnist.pkl.gz"])
def test_another_format_is_told(tmp_path, name):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_bytes(b"x")
    with pytest.raises(DataError, match=f"{name}: this format is not read; get the four IDX files"):
        prepare(tmp_path / "mine", tmp_path / "out", progress=False, dataset=MNIST)


@pytest.mark.parametrize("inside", ["MNIST/raw", "raw", "."])
@pytest.mark.parametrize("pack", [packed, dict], ids=["packed", "unpacked"])
def test_every_layout_gives_the_rows_in_the_order_of_their_hashes(write_folder, tmp_path, inside, pack):
    write_folder(tmp_path / "given" / inside, pack(unpacked_files()))
    data = prepare(tmp_path / "given", tmp_path / "out", progress=False, dataset=MNIST)
    for split in COUNTS:
        assert [row.tobytes() for row in np.load(data.folder / f"{split}.npy")] == rows_in_order(split)
    assert data.manifest["source"] == "MNIST, IDX files" and data.manifest["generated"] is False
    assert data.manifest["image_shape"] == [1, 28, 28] and data.manifest["classes"] == list("0123456789")


def test_fashion_mnist_has_its_own_folder_and_names(files, write_folder, tmp_path):
    write_folder(tmp_path / "FashionMNIST/raw", files)
    data = prepare(tmp_path, tmp_path / "out", progress=False, dataset=FASHION_MNIST)
    assert data.folder == tmp_path / "out/fashion_mnist" and data.source == "Fashion-MNIST, IDX files"
    assert data.manifest["classes"][9] == "ankle boot"


def test_torchvision_reads_the_same_from_the_same_files(write_folder, tmp_path):
    write_folder(tmp_path / "MNIST/raw", unpacked_files())
    data = prepare(tmp_path, tmp_path / "out", progress=False, dataset=MNIST)
    reference = MNIST.official()(tmp_path, train=True)
    pairs = sorted((image.numpy().tobytes(), int(label)) for image, label in zip(reference.data, reference.targets))
    assert sorted((i.tobytes(), int(k)) for i, k in zip(data.images("train"), data.labels("train"))) == pairs
    assert len(set(data.labels("train")[:25].tolist())) >= 8, "sorted files, but the first rows are a fair sample"


def test_a_source_can_be_read_from_any_row(files, write_folder, tmp_path):
    source = MNIST.open(write_folder(tmp_path / "raw", files))
    rows = np.concatenate(list(source.chunks("train", 0)))
    for start in (0, 1, 49):
        assert np.array_equal(np.concatenate(list(source.chunks("train", start))), rows[start:])
    assert list(source.chunks("train", 50)) == []


def test_the_fingerprint_changes_with_any_file(files, write_folder, tmp_path):
    before = MNIST.open(write_folder(tmp_path / "raw", files)).fingerprint()
    for name in files:
        other = gzip.compress(gzip.decompress(files[name])[:-1] + b"\3")
        assert MNIST.open(write_folder(tmp_path / name, files | {name: other})).fingerprint() != before


def test_the_packed_file_is_taken_where_unpacking_was_cut_short(files, write_folder, tmp_path):
    cut = {name: content[:100] for name, content in unpacked_files().items()}
    write_folder(tmp_path / "raw", files | cut)
    assert prepare(tmp_path, tmp_path / "out", progress=False, dataset=MNIST).counts == COUNTS


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_missing_file_is_named(files, write_folder, tmp_path, name):
    del files[f"{name}.gz"]
    write_folder(tmp_path / "raw", files)
    with pytest.raises(DataError, match=f"raw/{name}.gz: missing; get all four files"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=MNIST)


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (IMAGES, idx(images("train"), kind=13), "begins with the bytes '00 00 0d 03'"),
        (IMAGES, idx(labels("train")), "begins with the bytes '00 00 08 01'"),
        (IMAGES, b"", "begins with the bytes ''"),
        (IMAGES, b"<html>not found</html>", "begins with the bytes '3c 68 74 6d'"),
        (IMAGES, idx(images("train"))[:10], "ends inside its header"),
        (
            IMAGES,
            idx(images("train")[:, :27]),
            r"holds an array of shape \(50, 27, 28\) where \(50, 28, 28\) is expected",
        ),
        (IMAGES, idx(images("train")[:49]), r"holds an array of shape \(49, 28, 28\)"),
        (IMAGES, idx(images("train"))[:-1], "shorter than its header says"),
        (IMAGES, idx(images("train")) + b"\0", "longer than its header says"),
        (LABELS, idx(images("train")), "begins with the bytes '00 00 08 03'"),
        (LABELS, idx(labels("train")[:49]), r"holds an array of shape \(49,\)"),
        (LABELS, idx(changed(labels("train"), 7, 11)), "holds the label 11 where MNIST has 0 to 9"),
        (LABELS, idx(changed(labels("train"), 7, 10)), "holds the label 10 where MNIST has 0 to 9"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
@pytest.mark.parametrize("pack", [packed, dict], ids=["packed", "unpacked"])
def test_a_wrong_file_is_named_and_nothing_is_left(write_folder, tmp_path, name, content, problem, pack):
    given = pack(unpacked_files() | {name: content})
    write_folder(tmp_path / "raw", given)
    with pytest.raises(DataError, match=rf"raw/{name}(.gz)?: {problem}.*; get \w+") as error:
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=MNIST)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "out/mnist").glob("*.npy")) and not (tmp_path / "out/mnist/manifest.json").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-4],
        lambda packed: packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:],
        lambda packed: packed[:1000] + bytes(100) + packed[1100:],
        lambda packed: b"no gzip",
    ],
    ids=["half", "without its end", "other CRC", "hole", "other kind"],
)
def test_a_damaged_gz_is_named(files, write_folder, tmp_path, damage):
    name = "t10k-images-idx3-ubyte.gz"
    write_folder(tmp_path / "raw", files | {name: damage(files[name])})
    with pytest.raises(DataError, match=f"raw/{name}: .*; get this file again"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=MNIST)


def test_no_more_of_a_file_is_unpacked_than_is_expected(tmp_path):
    """A gz of 100 kB may unpack to 100 MB."""
    import tracemalloc

    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx(labels("train")) + bytes(100_000_000), compresslevel=1))
    tracemalloc.start()
    with pytest.raises(DataError, match="longer than its header says"):
        read_idx(path, (50,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("folder", "dataset", "other"),
    [("fashion-mnist", MNIST, "fashion_mnist"), ("FashionMNIST/raw", MNIST, "fashion_mnist")]
    + [("MNIST/raw", FASHION_MNIST, "mnist")],
)
def test_a_folder_named_for_the_other_data_set_is_refused(files, write_folder, tmp_path, folder, dataset, other):
    """Both have files of the same names and shapes."""
    write_folder(tmp_path / folder, files)
    with pytest.raises(DataError, match=f"the name says .*python -m data_scripts {other}"):
        prepare(tmp_path / folder, tmp_path / "out", progress=False, dataset=dataset)
    with pytest.raises(DataError, match="not a .* source; give a folder with the four IDX files"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=dataset)


def official_at(address, files, mirrors=None):
    """MNIST's entry whose torchvision class looks at ``address`` (or ``mirrors``) and knows just these files' MD5s."""
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in files.items()]
    attributes = {"mirrors": mirrors or [f"{address}/"], "resources": resources}
    return replace(MNIST, official=lambda: type("MNIST", (DATASETS["mnist"].official(),), attributes))


def test_without_a_source_the_files_are_downloaded_verified_and_kept(files, server, write_folder, tmp_path):
    folder, address = server
    write_folder(folder, files)
    entry = official_at(address, files)
    data = prepare(None, tmp_path / "out", progress=False, dataset=entry)
    data.verify()
    assert data.source == "MNIST, IDX files" and data.counts == COUNTS
    for name in files:
        (folder / name).unlink()
    assert len(entry.official()(tmp_path / "out", train=False, download=True)) == 20, "torchvision finds them too"
    assert prepare(None, tmp_path / "out", progress=False, dataset=entry) == data, "the second run needs no network"
    assert prepare(tmp_path / "out", tmp_path / "again", progress=False, dataset=MNIST).manifest == data.manifest


def test_a_cut_download_is_refused_and_the_next_run_repairs_it(files, server, write_folder, tmp_path):
    folder, address = server
    name = "t10k-images-idx3-ubyte.gz"
    write_folder(folder, files | {name: files[name][:1000]})
    entry = official_at(address, files)
    with pytest.raises(DataError, match=f"{name}: the download failed .*--source") as error:
        prepare(None, tmp_path / "out", progress=False, dataset=entry)
    assert "\n" not in str(error.value)
    write_folder(folder, files)
    prepare(None, tmp_path / "out", progress=False, dataset=entry).verify()


def test_no_network_is_told_with_what_to_do(files, server, tmp_path):
    with pytest.raises(DataError, match="the download failed .*404.*--source") as error:
        prepare(None, tmp_path / "out", progress=False, dataset=official_at(server[1], files))
    assert "\n" not in str(error.value)


def test_another_mirror_is_asked_where_the_first_fails(files, server, write_folder, tmp_path):
    folder, address = server
    write_folder(folder / "second", files)
    entry = official_at(address, files, mirrors=[f"{address}/first/", f"{address}/second/"])
    assert prepare(None, tmp_path / "out", progress=False, dataset=entry).counts == COUNTS


def test_files_cut_short_by_an_earlier_run_are_fetched_again(files, server, write_folder, tmp_path):
    folder, address = server
    write_folder(folder, files)
    write_folder(tmp_path / "MNIST/raw", {name: content[:100] for name, content in files.items()})
    write_folder(tmp_path / "MNIST/raw", {name: content[:100] for name, content in unpacked_files().items()})
    prepare(None, tmp_path, progress=False, dataset=official_at(address, files)).verify()


def check_official(source, out, dataset, mean):
    """Counts, balance of the classes, the training images' published mean, and a fair sample at the beginning."""
    data = prepare(source, out, progress=False, dataset=dataset)
    assert data.counts == {"train": 60_000, "test": 10_000}
    counts = np.bincount(data.labels("train"), minlength=10)
    assert counts.min() > 5400 and counts.max() < 6750
    assert abs(data.images("train").mean() / 255 - mean) < 1e-4
    first = np.bincount(data.labels("train")[:1000], minlength=10)
    assert first.min() > 70 and first.max() < 130
    return data


@pytest.mark.skipif(not (SHARED / "MNIST/raw").is_dir(), reason="no copy of MNIST here")
def test_the_real_mnist(tmp_path):
    data = check_official(SHARED, tmp_path, DATASETS["mnist"], mean=0.1307)
    assert np.bincount(data.labels("test")).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_the_real_fashion_mnist(tmp_path):
    data = check_official(DEBIAN, tmp_path, DATASETS["fashion_mnist"], mean=0.2860)
    assert np.bincount(data.labels("train")).tolist() == [6000] * 10
