import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from data_scripts import DataError, prepare


def prepared(small, source, out):
    return prepare(source, out, progress=False, dataset=small)


def test_every_image_has_its_pixels_and_label(small, image_files, pixels, write_folder, tmp_path):
    data = prepared(small, write_folder(tmp_path / "images", image_files), tmp_path / "out")
    for split, first in (("train", 0), ("test", 1000)):
        made = {pixels(first + k).transpose(2, 0, 1).tobytes(): k % 10 for k in range(small.counts[split])}
        images, labels = data.images(split), data.labels(split)
        assert {image.tobytes(): label for image, label in zip(images, labels, strict=True)} == made


def test_folder_and_zip_give_the_same_rows_at_any_depth(small, image_files, write_folder, write_zip, tmp_path):
    deeper = {f"cifar10/{name}": content for name, content in reversed(image_files.items())}
    double = {"__MACOSX/cifar10/train/cat/._0000.png": b"not an image", "cifar10/README.txt": b"hello"}
    sources = [
        write_folder(tmp_path / "plain", image_files),
        write_folder(tmp_path / "deeper", deeper),
        write_zip(tmp_path / "plain.zip", image_files),
        write_zip(tmp_path / "deeper.zip", deeper | double),
    ]
    manifests = [prepared(small, source, tmp_path / f"out{k}").manifest for k, source in enumerate(sources)]
    assert all(manifest == manifests[0] for manifest in manifests)
    assert manifests[0]["source"] == "CIFAR-10, PNG copy"
    assert manifests[0]["generated"] is False


def test_the_first_rows_are_mixed_over_the_classes(small, image_files, write_folder, tmp_path):
    data = prepared(small, write_folder(tmp_path / "images", image_files), tmp_path / "out")
    assert len(set(data.labels("train")[:25])) >= 8


def test_a_missing_class_is_named(small, image_files, write_folder, tmp_path):
    files = {name: content for name, content in image_files.items() if "test/ship" not in name}
    with pytest.raises(DataError, match="images: no images in test/ship"):
        prepared(small, write_folder(tmp_path / "images", files), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_image_is_counted_and_its_class_named(small, image_files, write_folder, tmp_path):
    del image_files["train/dog/0003.png"]
    with pytest.raises(DataError, match=r"49 train images where CIFAR-10 has 50 \(fewest in train/dog: 4\)"):
        prepared(small, write_folder(tmp_path / "images", image_files), tmp_path / "out")


def test_a_picture_that_says_it_is_enormous_is_named(small, image_files, write_folder, tmp_path):
    """Pillow refuses it by an exception of its own."""
    whole = bytearray(image_files["train/dog/0003.png"])
    whole[16:24] = struct.pack(">II", 30_000, 30_000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    image_files["train/dog/0003.png"] = bytes(whole)
    with pytest.raises(DataError, match="cannot read the image train/dog/0003.png"):
        prepared(small, write_folder(tmp_path / "images", image_files), tmp_path / "out")


def test_an_unknown_class_is_named(small, image_files, write_folder, tmp_path):
    image_files["train/zebra/0000.png"] = image_files.pop("train/dog/0003.png")
    with pytest.raises(DataError, match="train/zebra is not a class of CIFAR-10"):
        prepared(small, write_folder(tmp_path / "images", image_files), tmp_path / "out")


@pytest.mark.parametrize("damage", [lambda png: b"", lambda png: b"no image", lambda png: png[:-1500]])
def test_an_unreadable_image_is_named_and_nothing_is_left_under_the_final_name(
    small, image_files, write_folder, tmp_path, damage
):
    image_files["test/frog/0001.png"] = damage(image_files["test/frog/0001.png"])
    with pytest.raises(DataError, match="cannot read the image test/frog/0001.png"):
        prepared(small, write_folder(tmp_path / "images", image_files), tmp_path / "out")
    assert not (tmp_path / "out/cifar10/test.npy").exists()
    assert not (tmp_path / "out/cifar10/manifest.json").exists()


def test_an_image_of_another_size_is_named(small, image_files, write_folder, tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (96, 64)).save(buffer, "PNG")
    image_files["test/frog/0001.png"] = buffer.getvalue()
    with pytest.raises(DataError, match="test/frog/0001.png has 96x64 pixels where 32x32 are expected"):
        prepared(small, write_folder(tmp_path / "images", image_files), tmp_path / "out")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_zip_is_named(small, image_files, write_zip, tmp_path, share):
    whole = write_zip(tmp_path / "whole.zip", image_files).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match="cut.zip: not a complete zip file"):
        prepared(small, tmp_path / "cut.zip", tmp_path / "out")


def test_a_flipped_bit_inside_a_zip_is_found(small, image_files, write_zip, tmp_path):
    path = write_zip(tmp_path / "images.zip", image_files)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read the image t\w+/\w+/\d+.png"):
        prepared(small, path, tmp_path / "out")


def test_a_source_can_be_read_from_any_row(small, image_files, write_folder, tmp_path):
    """chunks(start) is the tail of chunks(0), wherever it starts."""
    source = small.open(write_folder(tmp_path / "images", image_files))
    rows = np.concatenate(list(source.chunks("train", 0)))
    for start in (0, 1, 49, 50):
        tail = list(source.chunks("train", start))
        assert np.array_equal(np.concatenate(tail) if tail else rows[50:], rows[start:])
