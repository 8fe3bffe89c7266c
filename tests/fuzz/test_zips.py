"""The zip extractor: regular files within the limits and within their folder, or a SubmissionError of one line."""

from __future__ import annotations

import io
import shutil
import stat
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

from hypothesis import strategies as st

from autograder.engine.submission import CollectLimits, SubmissionError, collect
from tests.fuzz.fuzzing import damaged, fuzz

LIMITS = CollectLimits(file_bytes=20_000, total_bytes=40_000, files=12, ratio=20)
MAX_SECONDS = 3.0
MAX_MEMORY = 20 * 2**20
PARTS = (
    *(
        "simclr.ipynb",
        "SimCLR.IPYNB",
        "other.ipynb",
        "a",
        "b",
        "a.zip",
        "hw",
        "..",
        ".",
        "",
        " ",
        "C:",
        "c:x",
        "~",
        "-rf",
    ),
    *(
        "__MACOSX",
        ".DS_Store",
        ".git",
        "con",
        "nul.txt",
        "x" * 255,
        "x" * 256,
        "\U0001f600",
        "é",
        "\n",
        "\x1b[2J",
        "\u202e",
    ),
)
MODES = (0, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFREG | 0o6777)


@st.composite
def archives(draw: st.DrawFn, depth: int = 0) -> bytes:
    """A zip file of entries with odd names, kinds, flags and sizes, and perhaps with a zip file in it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are there twice
        for _ in range(draw(st.integers(0, 6))):
            info = zipfile.ZipInfo("x")
            info.filename = draw(st.sampled_from(["/", "\\"])).join(draw(st.lists(st.sampled_from(PARTS), max_size=4)))
            if draw(st.integers(0, 5)) == 0:
                info.filename = draw(st.text(max_size=20, alphabet=st.characters(exclude_categories=["Cs"])))
            info.external_attr = draw(st.sampled_from(MODES)) << 16
            info.compress_type = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
            content = draw(st.binary(max_size=50)) * draw(st.sampled_from([1, 1, 1, 500, 5000]))
            if depth == 0 and draw(st.integers(0, 3)) == 0:
                info.filename, content = draw(st.sampled_from(["a.zip", "b/c.ZIP"])), draw(archives(depth=1))
            archive.writestr(info, content[:200_000])
    return made.getvalue()


def sound_archive() -> bytes:
    """What a student hands in."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("hw/simclr.ipynb", b'{"cells": []}'), ("hw/a/b.png", b"x" * 300), ("hw/c.zip", b"PK")):
            archive.writestr(name, content)
    return made.getvalue()


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder: the content of regular files, None for all else."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in folder.rglob("*")
    }


def keeps_the_limits(submission, folder: Path) -> None:
    """What was taken is what lies there: regular files, read-only, not more and not larger than allowed."""
    present = {path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
    assert present == {folder / file for file in submission.files}
    # The one zip file of a submission may be opened: then both may fill the limits.
    assert len(present) <= 2 * LIMITS.files
    assert sum(path.lstat().st_size for path in present) <= 2 * LIMITS.total_bytes
    for path in present:
        status = path.lstat()
        assert stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o444
        assert status.st_size <= LIMITS.file_bytes and status.st_nlink == 1
        assert str(path.relative_to(folder)).isprintable() and not path.relative_to(folder).is_absolute()
    assert submission.notebook in present and submission.notebook.suffix.lower() == ".ipynb"
    assert all(remark.isprintable() and len(remark) < 500 for remark in (*submission.remarks, submission.name))


def test_zips(tmp_path):
    base, handed_in = tmp_path / "base", tmp_path / "base" / "hw.zip"
    folder = base / "deep" / "in"
    base.mkdir()

    def law(content: bytes) -> None:
        shutil.rmtree(base / "deep", ignore_errors=True)
        handed_in.write_bytes(content)
        tracemalloc.start()
        started = time.process_time()
        try:
            keeps_the_limits(collect(handed_in, folder, "simclr", LIMITS), folder)
        except SubmissionError as error:
            assert str(error).isprintable() and len(str(error)) < 1500
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < MAX_MEMORY and time.process_time() - started < MAX_SECONDS
        outside = {name for name in tree(tmp_path) if not name.startswith("base/deep/in/")}
        assert outside <= {"base", "base/hw.zip", "base/deep", "base/deep/in"}
        assert handed_in.read_bytes() == content

    strategy = (
        archives()
        | archives().flatmap(lambda made: damaged([made]))
        | damaged([sound_archive()])
        | st.binary(max_size=60)
    )
    fuzz(strategy, law, 50)


def test_sound_zips_are_no_part_of_what_is_refused(tmp_path):
    (tmp_path / "hw.zip").write_bytes(sound_archive())
    submission = collect(tmp_path / "hw.zip", tmp_path / "in", "simclr", LIMITS)
    assert [str(file) for file in submission.files] == ["a/b.png", "c.zip", "simclr.ipynb"]
