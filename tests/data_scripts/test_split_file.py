import fcntl
import hashlib
import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from data_scripts import DataError
from data_scripts.part_file import file_sha256
from data_scripts.split_file import bytes_to_write, forget_progress, write_split

ROWS = np.arange(60, dtype=np.uint8).reshape(12, 5)


def in_chunks_of(size, rows=ROWS, fail_at=None, starts=None):
    def chunks(start):
        if starts is not None:
            starts.append(start)
        for first in range(start, len(rows), size):
            if fail_at is not None and first >= fail_at:
                raise DataError("interrupted here")
            yield rows[first : first + size]

    return chunks


def interrupted(path, source="source", fail_at=8):
    with pytest.raises(DataError, match="interrupted here"):
        write_split(path, ROWS.shape, source, in_chunks_of(4, fail_at=fail_at))


def test_numpy_reads_what_was_written_and_the_hash_is_the_files(tmp_path):
    path = tmp_path / "train.npy"
    sha256 = write_split(path, ROWS.shape, "source", in_chunks_of(4))
    read = np.load(path, mmap_mode="r", allow_pickle=False)
    assert read.dtype == np.uint8 and np.array_equal(read, ROWS)
    assert sha256 == file_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_file_is_the_one_numpy_would_save(tmp_path):
    write_split(tmp_path / "a.npy", ROWS.shape, "source", in_chunks_of(5))
    np.save(tmp_path / "b.npy", ROWS)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_an_interrupted_file_is_not_under_its_name_and_continues_where_it_was(tmp_path):
    path, starts = tmp_path / "train.npy", []
    interrupted(path)
    assert not path.exists()
    sha256 = write_split(path, ROWS.shape, "source", in_chunks_of(4, starts=starts))
    assert starts == [8]
    assert np.array_equal(np.load(path), ROWS) and sha256 == file_sha256(path)
    assert not (tmp_path / "train.npy.part").exists()


def test_rows_after_the_last_recorded_chunk_are_written_again(tmp_path):
    """A process killed between writing rows and recording them leaves half rows at the end."""
    path = tmp_path / "train.npy"
    interrupted(path)
    with open(tmp_path / "train.npy.part", "ab") as part:
        part.write(b"half a row")
    write_split(path, ROWS.shape, "source", in_chunks_of(4))
    assert np.array_equal(np.load(path), ROWS)


def alter_part(folder):
    content = bytearray((folder / "train.npy.part").read_bytes())
    content[-1] ^= 1
    (folder / "train.npy.part").write_bytes(content)


@pytest.mark.parametrize(
    "harm",
    [
        alter_part,
        lambda folder: (folder / "train.npy.part").write_bytes(b""),
        lambda folder: (folder / "train.npy.progress.json").write_text("{"),
        lambda folder: (folder / "train.npy.progress.json").write_text("[]"),
        lambda folder: (folder / "train.npy.progress.json").unlink(),
    ],
)
def test_a_part_that_cannot_be_trusted_is_begun_again(tmp_path, harm):
    path, starts = tmp_path / "train.npy", []
    interrupted(path)
    harm(tmp_path)
    write_split(path, ROWS.shape, "source", in_chunks_of(4, starts=starts))
    assert starts == [0]
    assert np.array_equal(np.load(path), ROWS)


def test_a_part_of_another_source_is_begun_again(tmp_path):
    path, starts = tmp_path / "train.npy", []
    interrupted(path)
    write_split(path, ROWS.shape, "another source", in_chunks_of(4, ROWS + 1, starts=starts))
    assert starts == [0]
    assert np.array_equal(np.load(path), ROWS + 1)


def test_a_finished_split_is_kept_until_it_is_altered(tmp_path):
    path, starts = tmp_path / "train.npy", []
    first = write_split(path, ROWS.shape, "source", in_chunks_of(4, starts=starts))
    assert write_split(path, ROWS.shape, "source", in_chunks_of(4, starts=starts)) == first
    assert starts == [0]
    path.write_bytes(b"altered")
    assert write_split(path, ROWS.shape, "source", in_chunks_of(4, starts=starts)) == first
    assert starts == [0, 0] and file_sha256(path) == first


def test_nothing_else_is_left_when_progress_is_forgotten(tmp_path):
    write_split(tmp_path / "train.npy", ROWS.shape, "source", in_chunks_of(4))
    forget_progress(tmp_path / "train.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["train.npy"]


def test_what_is_still_to_write_leaves_out_what_is_there(tmp_path):
    path, size = tmp_path / "train.npy", 128 + ROWS.size
    assert bytes_to_write(path, ROWS.shape) == size
    interrupted(path)
    assert bytes_to_write(path, ROWS.shape) == size - (128 + 8 * 5)
    write_split(path, ROWS.shape, "source", in_chunks_of(4))
    assert bytes_to_write(path, ROWS.shape) == 0
    forget_progress(path)
    assert bytes_to_write(path, ROWS.shape) == size, "a file that nothing vouches for is made again"


def test_a_part_is_hashed_without_being_held_in_memory(tmp_path):
    rows = np.zeros((1000, 20_000), np.uint8)
    with pytest.raises(DataError, match="interrupted here"):
        write_split(tmp_path / "train.npy", rows.shape, "source", in_chunks_of(20, rows, fail_at=900))
    tracemalloc.start()
    write_split(tmp_path / "train.npy", rows.shape, "source", in_chunks_of(20, rows))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000 < (tmp_path / "train.npy").stat().st_size


def test_a_source_with_too_few_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match="12 images where 13 are expected"):
        write_split(tmp_path / "train.npy", (13, 5), "source", in_chunks_of(4))
    assert not (tmp_path / "train.npy").exists()


def test_two_processes_do_not_write_the_same_file(tmp_path):
    with open(tmp_path / "train.npy.part", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process"):
            write_split(tmp_path / "train.npy", ROWS.shape, "source", in_chunks_of(4))
    write_split(tmp_path / "train.npy", ROWS.shape, "source", in_chunks_of(4))


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from data_scripts import DataError
from data_scripts.part_file import file_sha256
from data_scripts.split_file import write_split
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    chunks = lambda start: (np.full((10, 100), k, np.uint8) for k in range(start // 10, 50))
    write_split(Path(sys.argv[1]), (500, 100), "source", chunks)
except DataError as error:
    print(error)
"""


def test_a_full_disk_is_told_and_the_run_continues_later(tmp_path, kit_root):
    """A file-size limit is the full disk a test can have without being root; the write fails in the same way."""
    path = tmp_path / "train.npy"
    result = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], cwd=kit_root, capture_output=True, text=True)
    assert "no space left to write" in result.stdout and result.stderr == ""
    assert not path.exists()
    done = json.loads((tmp_path / "train.npy.progress.json").read_text())["rows"]
    assert 0 < done < 500
