"""The measure of the corpus: what an honest submission earns."""

from tests.corpus.small import FULL, HONEST, hand_in

# What notebooks do with their own files: locks, databases, memory maps, advice, names in wide letters.
OWN_FILES = """
import fcntl, mmap, os, shelve, shutil, sqlite3, tempfile
import numpy as np
import torch

with open("a.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    fcntl.lockf(lock, fcntl.LOCK_EX)
for mode in ("delete", "wal"):
    with sqlite3.connect(mode) as one, sqlite3.connect(mode) as other:
        one.execute(f"pragma journal_mode={mode}")
        one.execute("create table t(a)")
        one.execute("insert into t values (1)")
        one.commit()
        other.execute("insert into t values (2)")
        other.commit()
        assert one.execute("select a from t").fetchall() == [(1,), (2,)]
written = np.memmap("m.bin", dtype="f4", mode="w+", shape=(10,))
written[:] = 3
written.flush()
torch.save(torch.ones(3), "t.pt")
assert torch.load("t.pt", mmap=True).sum() == 3
with open("m.bin", "rb") as file:
    assert mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)[:4] == np.float32(3).tobytes()
    assert os.preadv(file.fileno(), [bytearray(4)], 0) == 4
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
with shelve.open("shelf") as shelf:
    shelf["a"] = 1
shutil.copytree(".", os.path.join(tempfile.mkdtemp(), "copy"))
right = nt_xent
del nt_xent

def \uff4e\uff54_\uff58\uff45\uff4e\uff54(z_i, z_j, temperature):
    return right(z_i, z_j, temperature)
"""


def test_the_honest_notebook_earns_everything(grader, tmp_path):
    report = grader.grade(hand_in(tmp_path / "honest", HONEST))
    assert report.score == FULL, [verdict.message for verdict in report.verdicts if not verdict.passed]


def test_a_notebook_that_works_with_its_own_files_earns_everything(grader, tmp_path):
    report = grader.grade(hand_in(tmp_path / "honest", (*HONEST, OWN_FILES)))
    assert (report.score, report.remarks) == (FULL, [])
