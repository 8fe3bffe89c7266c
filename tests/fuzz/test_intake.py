"""Finding and reading the submissions of a class: nobody is lost, nobody is another, and nothing ends it."""

from __future__ import annotations

import os
import string
import time
import tracemalloc
import unicodedata
from pathlib import Path

from hypothesis import strategies as st

from autograder.classroom import similarity
from autograder.classroom.intake import canvas_owners, find_submissions, moodle_owners
from autograder.classroom.model import Graded, Student
from autograder.classroom.pool import staged
from autograder.classroom.store import digest_of, folder_name, stamps
from autograder.engine.report import Report
from autograder.engine.submission import CollectLimits, SubmissionError, collect
from autograder.sandbox.leftovers import remove_tree
from tests.fuzz.fuzzing import SECONDS, damaged, fuzz

FEW = SECONDS / 4
LIMITS = CollectLimits(file_bytes=2_000, total_bytes=5_000, files=30, folders=60)
NOTEBOOK = b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'
# Words of which the layouts of platforms are made.
WORDS = (
    *("_", "_", "1", "22222", "101", "assignsubmission", "_assignsubmission_file_", "_file_", "LATE_", "onlinetext"),
    *("submission_", "submission_metadata.yml", "submitted", "timestamp.txt", "simclr", "SimCLR", "hw", "ada", "anon"),
    *(".ipynb", ".zip", ".", "..", "~", "-2", " ", "é", "e\u0301", "\n", "\u202e", "\udcff", "٣", "x" * 60, "nul"),
)
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map("".join)
files = names.filter(lambda name: name not in (".", "..") and len(os.fsencode(name)) < 250)
plain = st.text(string.ascii_letters + string.digits + " -.éß李", min_size=1, max_size=12)


def write(path: Path, content: bytes = NOTEBOOK) -> None:
    """Write a file, and the folders above it; what is in the way stays as it is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        pass


# --- layouts ------------------------------------------------------------------------------------------------------

HONEST = ("ada", "bob", "cleo", "dan")
CLASSES = {
    "plain": {f"{name}/simclr.ipynb": name for name in HONEST},
    "notebooks": {f"{name}.ipynb": name for name in HONEST},
    "moodle": {f"{name.title()} X_{k}_assignsubmission_file_/hw.ipynb": str(k) for k, name in enumerate(HONEST, 900)},
    "flat moodle": {f"{name} X_{k}_assignsubmission_file_hw.ipynb": str(k) for k, name in enumerate(HONEST, 900)},
    "canvas": {f"{name}_{k}_{k + 7000}_hw.ipynb": str(k) for k, name in enumerate(HONEST, 900)},
    "nbgrader": {f"{name}/simclr/{file}": name for name in HONEST for file in ("simclr.ipynb", "timestamp.txt")},
    "gradescope": {f"submission_{k}/a.ipynb": f"sid{k}" for k, name in enumerate(HONEST, 900)},
}
entries = st.lists(files, min_size=1, max_size=3).map("/".join)


def test_layouts(tmp_path):
    """Three entries of students' own invention never change whose the submissions of four others are."""
    base = tmp_path / "class"

    def law(example: tuple[str, list[str]]) -> None:
        kind, more = example
        remove_tree(base)
        for name in CLASSES[kind]:
            write(base / name, b"2026-10-01 12:00:00 UTC" if name.endswith(".txt") else NOTEBOOK)
        if kind == "gradescope":
            text = "".join(f"submission_{k}:\n  :submitters:\n  - :sid: sid{k}\n" for k in range(900, 904))
            (base / "submission_metadata.yml").write_text(text)
        there = {path.name for path in base.iterdir()}
        for name in more:
            top = name.split("/")[0]
            again = kind in ("plain", "notebooks") and top.split(".")[0] in HONEST  # where names alone say whose it is
            if top not in there and not again:
                write(base / name)
        notes: list[str] = []
        found = find_submissions([base], "simclr", notes)
        ids = [tuple(student.id for student in handed.students) for handed in found]
        assert len(set(ids)) == len(ids) and len({folder_name(handed.students) for handed in found}) == len(found)
        whose = {path: handed for handed in found for path, _ in handed.files}
        for name, student in CLASSES[kind].items():
            path = next(path for path in whose if (base / name).is_relative_to(path))
            alone = [other for other, _ in whose[path].files if other.name.split("_")[0] != path.name.split("_")[0]]
            assert whose[path].students[0].id == student and not alone
        said = "\n".join([*notes, *(remark for handed in found for remark in handed.remarks)])
        for child in base.iterdir():
            taken = any(path == child or path.is_relative_to(child) for path in whose)
            hidden = child.name.startswith(".") or child.name == "submission_metadata.yml"
            assert taken or hidden or "was passed over" in said or "is an older one" in said

    fuzz(st.tuples(st.sampled_from(sorted(CLASSES)), st.lists(entries, max_size=3)), law, 20, FEW)


def test_names_of_platforms(tmp_path):
    """Whatever a student calls a file, it is the file of this student."""
    numbers = st.integers(0, 10**9).map(str)

    def law(example: tuple[str, str, str, str]) -> None:
        name, number, serial, file = example
        moodle, canvas = f"{name}_{number}_assignsubmission_file_{file}", f"{name}_{number}_{serial}_{file}"
        other = f"other_{number}0_{serial}0_{file}"
        owner = moodle_owners([moodle])[moodle]
        assert (owner.name, owner.number, owner.file) == (name, number, file)
        owner = canvas_owners([canvas, other])[canvas]
        assert (owner.name, owner.number, owner.serial, owner.file) == (name, number, serial, file)

    fuzz(st.tuples(plain, numbers, numbers, files), law, 50, FEW)


def test_folders_of_results():
    """Two students never share a folder, also where case and spelling of letters do not count."""
    ids = st.lists(names | plain | st.text(max_size=8), min_size=1, max_size=2)

    def law(example: tuple[list[str], list[str]]) -> None:
        one, two = (folder_name(tuple(map(Student, some))) for some in example)
        for folder in (one, two):
            assert (
                len(folder.encode()) < 150 and not folder.startswith(".") and "/" not in folder and folder.isprintable()
            )
        keys = [unicodedata.normalize("NFKC", folder).casefold() for folder in (one, two)]
        assert (keys[0] == keys[1]) == (example[0] == example[1])

    near = ids.flatmap(lambda one: st.tuples(st.just(one), st.sampled_from([
        one, ["+".join(one)], [one[0].swapcase(), *one[1:]], [unicodedata.normalize("NFKD", one[0]), *one[1:]],
        [folder_name((Student(one[0]),))], one[::-1],
    ])))  # fmt: skip
    fuzz(near | st.tuples(ids, ids), law, 50, FEW)


# --- trees --------------------------------------------------------------------------------------------------------

KINDS = ("file", "file", "folder", "folder", "folder", "link", "pipe", "up", "down")


def plant(base: Path, steps: list[tuple[str, str, int]]) -> None:
    """Walk a new folder by directory descriptors, and make something at each step."""
    base.mkdir()
    here = os.open(base, os.O_RDONLY)
    for kind, name, size in steps:
        try:
            if kind == "file":
                descriptor = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_EXCL, dir_fd=here)
                os.write(descriptor, b"x" * size)
                os.close(descriptor)
            elif kind == "link":
                os.symlink(("/", ".", "..", "nowhere")[size % 4], name, dir_fd=here)
            elif kind == "pipe":
                os.mkfifo(name, dir_fd=here)
            elif kind == "folder":
                for _ in range(1 + size % 90):
                    os.mkdir(name, dir_fd=here)
                    inner = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=here)
                    os.close(here)
                    here = inner
        except OSError:
            continue
    os.close(here)


def test_trees(tmp_path):
    """What is collected lies within all bounds; what is not is said."""
    base, into = tmp_path / "hw", tmp_path / "in"
    os.mkfifo(tmp_path / "pipe")
    own = files.filter(lambda name: "_assignsubmission_" not in name)  # a name of Moodle's makes a class of the folder
    steps = st.tuples(st.sampled_from(KINDS), st.sampled_from("abc") | own, st.integers(0, 2_500))

    def law(example: list[tuple[str, str, int]]) -> None:
        for folder in (base, into):
            remove_tree(folder)
        plant(base, [("file", "simclr.ipynb", 0), *example])
        remarks: list[str] = []
        (handed,) = find_submissions([base], "simclr")
        listed = stamps(handed, remarks)
        assert digest_of(handed) == digest_of(handed)
        assert all(name.count("/") < 50 and len(os.fsencode(name)) <= 1024 for name, _, _ in listed)
        with staged((*handed.files, (tmp_path / "pipe", "pipe"))) as source:
            assert len(os.fsencode(str(source))) < 200
        try:
            submission = collect(base, into, "simclr", LIMITS)
        except SubmissionError as error:
            assert str(error).isprintable() and len(str(error)) < 1500
            return
        assert len(submission.files) <= LIMITS.files and len(submission.remarks) <= 60
        assert len(submission.files) == len(listed) or submission.remarks
        assert all(remark.isprintable() for remark in (*submission.remarks, *remarks))

    try:
        fuzz(st.lists(steps, max_size=25), law, 10, FEW)
    finally:
        remove_tree(base)  # pytest cannot remove a deep one


# --- similarity ---------------------------------------------------------------------------------------------------

PIECES = (
    *('"""', "'''", '"', "'", "\\", "\n", "\r", "#", "f", "rb", "x", "1e+", ".5", "+=", "(", ")", " ", "\t", "é", "\0"),
    *("\ud800", "\u2028", "٣", "self.", "def ", "return", "None", "\\\n", "0x", "_", ":=", "**", "@"),
)
CODE = Path(similarity.__file__).read_bytes()


def graded(codes: list[str]) -> list[Graded]:
    return [Graded(Student(str(k)), Path(str(k)), Report("", "", ""), code) for k, code in enumerate(codes)]


def test_similarity():
    """Any text is compared in little time and memory, and a text is like itself."""
    texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
    long = st.tuples(texts, texts, st.integers(1, 1_000_000)).map(lambda made: made[0] + made[1] * made[2])
    code = damaged([CODE]).map(lambda data: data.decode(errors="replace"))

    def law(example: list[str]) -> None:
        tracemalloc.start()
        started = time.process_time()
        try:
            rows = [similarity.tokens(text) for text in example]
            pairs = similarity.similar_pairs(graded([*example, example[0]]))
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert time.process_time() - started < 10 and peak < 64 << 20
        assert all(len(row) <= similarity.LONGEST for row in rows)
        assert all(similarity.THRESHOLD <= pair.score <= 1 for pair in pairs)
        if len(set(rows[0])) > 40 and len(example) == 1:
            assert pairs and pairs[0].score == 1

    fuzz(st.lists(texts | long | code, min_size=1, max_size=3), law, 5, FEW)
