"""A submission is copied once, whole where it is sound, and nothing of it reaches outside its folder."""

import errno
import io
import os
import stat
import struct
import time
import zipfile
from functools import partial
from pathlib import Path

import pytest
import torch

from autograder.engine.submission import CollectLimits, SubmissionError, collect, gather
from autograder.engine.tree import open_regular
from autograder.errors import KitError, MachineError
from autograder.sandbox.checkpoint import load

NOTEBOOK = b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'
SMALL = CollectLimits(file_bytes=2000, total_bytes=5000, files=10)


def folder_of(tmp_path: Path, **files: bytes) -> Path:
    """A folder with the given files; ``__`` in a keyword stands for a slash and ``_dot_`` for a dot."""
    source = tmp_path / "handed-in"
    source.mkdir()
    for name, content in files.items():
        path = source / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return source


def zip_of(tmp_path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], deflate: bool = False) -> Path:
    path = tmp_path / "handed-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def names(submission) -> list[str]:
    return [str(file) for file in submission.files]


def test_folder_is_copied_read_only(tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK, figures__views_dot_png=b"png", metrics_dot_json=b"{}")
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["figures/views.png", "metrics.json", "simclr.ipynb"]
    assert submission.notebook == tmp_path / "in" / "simclr.ipynb"
    assert submission.notebook.read_bytes() == NOTEBOOK
    assert stat.S_IMODE(submission.notebook.stat().st_mode) == 0o444
    assert (submission.name, submission.remarks) == ("handed-in", ())
    (source / "simclr.ipynb").write_bytes(b"changed later")
    assert submission.notebook.read_bytes() == NOTEBOOK


def test_zip_of_a_folder_loses_that_folder_and_what_systems_add(tmp_path):
    source = zip_of(
        tmp_path,
        ("hw/", b""),
        ("hw/simclr.ipynb", NOTEBOOK),
        ("hw/figures/loss.png", b"png"),
        ("__MACOSX/hw/._simclr.ipynb", b"x"),
        ("hw/.DS_Store", b"x"),
        ("hw/.ipynb_checkpoints/simclr-checkpoint.ipynb", NOTEBOOK),
        deflate=True,
    )
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["figures/loss.png", "simclr.ipynb"]
    assert submission.remarks == ()


def test_bare_notebook_of_any_name(tmp_path):
    source = tmp_path / "Copy of simclr (1).ipynb"
    source.write_bytes(NOTEBOOK)
    submission = collect(source, tmp_path / "in", "simclr")
    assert submission.notebook.read_bytes() == NOTEBOOK
    assert submission.name == "Copy of simclr (1)"


def test_find_takes_the_nearest_first(tmp_path):
    files = {"old__best_dot_pt": b"1", "best_dot_pt": b"2", "figures__a_dot_png": b"3", "a_dot_png": b"4"}
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK, **files)
    submission = collect(source, tmp_path / "in", "simclr")
    assert [path.read_bytes() for path in submission.find("*.pt")] == [b"2", b"1"]
    assert [path.read_bytes() for path in submission.find("figures/*.png")] == [b"3"]
    assert submission.find("metrics.json") == ()


# --- which notebook -----------------------------------------------------------------------------------------------


def test_named_notebook_wins_and_the_shallowest_of_them(tmp_path):
    source = folder_of(tmp_path, a__SimCLR_dot_ipynb=b"deep", SimCLR_dot_ipynb=NOTEBOOK, other_dot_ipynb=b"other")
    assert collect(source, tmp_path / "in", "simclr").notebook.read_bytes() == NOTEBOOK


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({"Copy of simclr_dot_ipynb": b"1", "scratch_dot_ipynb": b"2"}, "Copy of simclr.ipynb"),
        ({"simclr (2)_dot_ipynb": b"1", "simclr (1)_dot_ipynb": b"1", "b_dot_ipynb": b"2"}, "simclr (1).ipynb"),
        ({"a_dot_ipynb": b"1", "b__a_dot_ipynb": b"1"}, "a.ipynb"),
    ],
)
def test_a_name_that_holds_the_assignment_s_wins_and_copies_are_one(tmp_path, files, chosen):
    submission = collect(folder_of(tmp_path, **files), tmp_path / "in", "simclr")
    assert submission.notebook.name == chosen
    shown = f'"{chosen}"' if " " in chosen else chosen  # a name that could be a sentence is a quotation
    assert submission.remarks == (f"There are {len(files)} notebooks; {shown} was graded.",)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "The submission is empty; hand in simclr.ipynb."),
        ({"notes_dot_txt": b"x"}, "There is no notebook in the submission; hand in simclr.ipynb."),
        (
            {"a_dot_ipynb": b"1", "b_dot_ipynb": b"2"},
            "There are 2 notebooks (a.ipynb, b.ipynb); rename the one to grade to simclr.ipynb.",
        ),
        (
            {"a__simclr_dot_ipynb": b"1", "b__simclr_dot_ipynb": b"2"},
            "There are 2 notebooks (a/simclr.ipynb, b/simclr.ipynb); hand in one of them.",
        ),
    ],
)
def test_unclear_submission_gets_one_sentence(tmp_path, files, sentence):
    with pytest.raises(SubmissionError) as error:
        collect(folder_of(tmp_path, **files), tmp_path / "in", "simclr")
    assert str(error.value) == sentence


def test_missing_file_other_kind_and_link_get_a_sentence(tmp_path):
    with pytest.raises(SubmissionError, match="No such file"):
        collect(tmp_path / "nothing", tmp_path / "in", "simclr")
    (tmp_path / "hw.rar").write_bytes(b"Rar!")
    with pytest.raises(SubmissionError, match="not a folder, a zip file or a notebook"):
        collect(tmp_path / "hw.rar", tmp_path / "in", "simclr")
    (tmp_path / "simclr.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(SubmissionError, match="is a link"):
        collect(tmp_path / "simclr.ipynb", tmp_path / "in", "simclr")


def test_folder_to_copy_into_must_be_empty(tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK)
    with pytest.raises(KitError, match="not empty"):
        collect(source, source, "simclr")


# --- hostile folders ----------------------------------------------------------------------------------------------


def test_links_and_pipes_are_left_out(tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK)
    (source / "passwd.txt").symlink_to("/etc/passwd")
    (source / "everything").symlink_to("/etc")
    os.mkfifo(source / "pipe.pt")  # opening it would wait for ever
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["simclr.ipynb"]
    assert sorted(submission.remarks) == [
        "everything was left out: it is a link.",
        "passwd.txt was left out: it is a link.",
        "pipe.pt was left out: it is a named pipe.",
    ]


def test_sparse_two_gigabytes_are_refused_by_size(tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK)
    with (source / "simclr_lin_best.pt").open("wb") as file:
        file.truncate(2 * 2**30)
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["simclr.ipynb"]
    assert submission.remarks == ("simclr_lin_best.pt was left out: it is larger than 100 MB.",)


def test_total_size_and_number_of_files_are_limited_and_the_notebook_comes_first(tmp_path):
    source = folder_of(tmp_path, z_dot_ipynb=NOTEBOOK, **{f"a{k}": b"x" * 1000 for k in range(6)})
    submission = collect(source, tmp_path / "in", "simclr", SMALL)
    assert names(submission) == ["a0", "a1", "a2", "a3", "z.ipynb"]
    assert len(submission.remarks) == 2

    many = tmp_path / "many"
    many.mkdir()
    for k in range(30):
        (many / f"{k:02}").touch()
    (many / "simclr.ipynb").write_bytes(NOTEBOOK)
    submission = collect(many, tmp_path / "in2", "simclr", SMALL)
    assert len(submission.files) == 10
    assert submission.remarks == ("21 files were left out: a submission may have at most 10 files.",)
    (many / "data").mkdir()
    for k in range(100):
        (many / "data" / f"more{k}").touch()
    submission = collect(many, tmp_path / "in3", "simclr", SMALL)
    assert len(submission.files) == 10
    assert submission.remarks[0] == "There are more than 100 files; the rest were ignored."


def test_names_that_are_not_utf8_or_not_printable_become_valid_text(tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK)
    (Path(os.fsdecode(os.fsencode(source) + b"/caf\xe9\n.txt"))).write_bytes(b"x")
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["caf\ufffd\ufffd.txt", "simclr.ipynb"]


# --- hostile zip files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["/tmp/kit-evil.txt", "../evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt", "C:/evil.txt"]
)
def test_paths_out_of_the_zip_are_left_out(tmp_path, name):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), (name, b"evil"))
    submission = collect(source, tmp_path / "deep" / "in", "simclr")
    assert names(submission) == ["simclr.ipynb"]
    assert submission.remarks[0].endswith("was left out: its path points outside the zip file.")
    assert not list(tmp_path.rglob("*evil*"))
    assert not Path("/tmp/kit-evil.txt").exists()


def test_backslashes_of_windows_tools_separate_folders(tmp_path):
    source = zip_of(tmp_path, ("hw\\simclr.ipynb", NOTEBOOK), ("hw\\figures\\a.png", b"x"))
    assert names(collect(source, tmp_path / "in", "simclr")) == ["figures/a.png", "simclr.ipynb"]


def test_links_in_a_zip_are_left_out(tmp_path):
    link = zipfile.ZipInfo("data")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), (link, b"/etc"), ("data/passwd", b"x"))
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["data/passwd", "simclr.ipynb"]
    assert not (submission.folder / "data").is_symlink()
    assert submission.remarks == ("data was left out: it is a link.",)


def test_second_entry_of_a_name_is_left_out(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("a.txt", b"1"), ("a.txt", b"2"))
    submission = collect(source, tmp_path / "in", "simclr")
    assert (submission.folder / "a.txt").read_bytes() == b"1"
    assert submission.remarks == ("a.txt was left out: another file has the same name.",)


def test_file_and_folder_of_one_name(tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("a", b"1"), ("a/b", b"2"))
    submission = collect(source, tmp_path / "in", "simclr")
    assert len(submission.files) == 2
    assert len(submission.remarks) == 1


def test_bomb_by_ratio_is_left_out_unread(tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("zeros.pt", bytes(30 * 2**20)), deflate=True)
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["simclr.ipynb"]
    assert submission.remarks == ("zeros.pt was left out: it would grow to more than 100 times its size.",)


def test_entry_that_lies_about_its_size_yields_no_more_than_it_declares(tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("b.txt", bytes(1_000_000)), deflate=True)
    content = bytearray(source.read_bytes())
    place = content.rfind(b"PK\x01\x02")
    struct.pack_into("<L", content, place + 24, 1000)  # uncompressed size in the table of contents
    source.write_bytes(content)
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["simclr.ipynb"]
    assert submission.remarks == ("b.txt was left out: it cannot be read.",)
    assert not (submission.folder / "b.txt").exists()


def test_damaged_and_encrypted_entries_are_left_out(tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("a.txt", b"unmistakable"), ("s.txt", b"secret"))
    content = bytearray(source.read_bytes().replace(b"unmistakable", b"changed text"))
    flags = content.rfind(b"PK\x01\x02") + 8
    struct.pack_into("<H", content, flags, 1)
    source.write_bytes(content)
    submission = collect(source, tmp_path / "in", "simclr")
    assert set(submission.remarks) == {"a.txt was left out: it cannot be read.", "s.txt was left out: it is encrypted."}


def test_unusual_compression_is_left_out(tmp_path):
    lzma = zipfile.ZipInfo("a.txt")
    lzma.compress_type = zipfile.ZIP_LZMA
    submission = collect(zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), (lzma, b"x")), tmp_path / "in", "simclr")
    assert submission.remarks == ("a.txt was left out: its compression is not supported; use deflate.",)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_gets_a_sentence(tmp_path, content):
    source = tmp_path / "hw.zip"
    source.write_bytes(content)
    with pytest.raises(SubmissionError, match=r"hw\.zip (is not a readable zip file|lists more files)"):
        collect(source, tmp_path / "in", "simclr")


def test_truncated_zip_gets_a_sentence(tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK))
    source.write_bytes(source.read_bytes()[:-30])
    with pytest.raises(SubmissionError, match="not a readable zip file"):
        collect(source, tmp_path / "in", "simclr")


def test_huge_table_of_contents_is_refused_before_it_is_read(tmp_path):
    source = tmp_path / "hw.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for k in range(500):
            archive.writestr(f"{k:0100}", b"")
    with pytest.raises(SubmissionError, match="lists more files than the 10"):
        collect(source, tmp_path / "in", "simclr", CollectLimits(files=10))


def test_zip_over_the_total_is_refused(tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("a", bytes(6000)))
    with pytest.raises(SubmissionError, match="larger than"):
        collect(source, tmp_path / "in", "simclr", SMALL)


def packed(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return made.getvalue()


def test_one_zip_inside_is_opened_once(tmp_path):
    source = folder_of(tmp_path, hw_dot_zip=packed(simclr_dot_ipynb=NOTEBOOK, a_dot_zip=b"x"))
    assert names(collect(source, tmp_path / "in", "simclr")) == ["a.zip", "hw.zip", "simclr.ipynb"]
    (source / "hw.zip").write_bytes(packed(inner_dot_zip=packed(simclr_dot_ipynb=NOTEBOOK)))
    with pytest.raises(SubmissionError, match="There is no notebook"):
        collect(source, tmp_path / "in2", "simclr")
    (source / "hw.zip").write_bytes(b"no zip")
    with pytest.raises(SubmissionError, match="hw.zip is not a readable zip file"):
        collect(source, tmp_path / "in3", "simclr")


def test_what_lies_beside_a_zip_counts_with_what_is_in_it(tmp_path):
    inner = packed(simclr_dot_ipynb=NOTEBOOK, **{f"in{n}": bytes(1500) for n in range(3)})
    source = folder_of(tmp_path, hw_dot_zip=inner, **{f"out{n}": bytes(1500) for n in range(2)})
    collected = collect(source, tmp_path / "in", "simclr", SMALL)
    assert names(collected) == ["hw.zip", "in0", "out0", "out1", "simclr.ipynb"] and len(collected.remarks) == 2
    (tmp_path / "many").mkdir()
    source = folder_of(tmp_path / "many", hw_dot_zip=inner, **{f"out{n}": b"" for n in range(9)})
    collected = collect(source, tmp_path / "in2", "simclr", SMALL)
    assert len(names(collected)) == 11 and "at most 10 files" in collected.remarks[0]


def test_files_beside_the_notebook_are_chosen_by_name_or_path(tmp_path):
    files = {"w__simclr_dot_ipynb": b"", "w__helper_dot_py": b"", "w__data__a_dot_csv": b"1", "w__data__b_dot_bin": b""}
    submission = collect(folder_of(tmp_path, report_dot_pdf=b"", **files), tmp_path / "in", "simclr")

    def beside(*patterns):
        folder = submission.beside_notebook(patterns)
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

    assert beside("*") == ["data/a.csv", "data/b.bin", "helper.py", "simclr.ipynb"]
    assert beside("*.py", "data/*.csv") == ["data/a.csv", "helper.py"]
    assert beside("a.csv") == ["data/a.csv"]
    assert beside() == beside("report.pdf", "../*") == []


def test_paths_that_are_too_deep_or_too_long_are_left_out(tmp_path):
    deep, long = "a/" * 50 + "x", "b" * 200 + ("/" + "b" * 200) * 5
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("a/" * 49 + "x", b"x"), (deep, b"x"), (long, b"x"))
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["a/" * 49 + "x", "simclr.ipynb"]
    assert [remark.rpartition("was left out: ")[2] for remark in submission.remarks] == [
        "it lies more than 50 levels deep.",
        "its path is longer than 1,024 bytes.",
    ]


def test_the_number_of_folders_is_limited_also_for_files_that_cannot_be_read(tmp_path):
    limits = CollectLimits(folders=20)
    entries = [(f"{number}/x", b"x") for number in range(50)]
    submission = collect(zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), *entries), tmp_path / "in", "simclr", limits)
    assert len(submission.files) == 21
    assert submission.remarks == ("30 files were left out: a submission may have at most 20 folders.",)
    damaged = bytearray((tmp_path / "handed-in.zip").read_bytes())
    damaged[damaged.find(b"0/xx") + 3] ^= 1  # of the first, so its checksum is wrong
    (tmp_path / "handed-in.zip").write_bytes(damaged)
    collect(tmp_path / "handed-in.zip", tmp_path / "in2", "simclr", limits)
    assert len([path for path in (tmp_path / "in2").rglob("*") if path.is_dir()]) <= 20


def test_many_remarks_are_counted(tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK, a_dot_ipynb=NOTEBOOK)
    for number in range(80):
        (source / f"{number:02}").symlink_to("nowhere")
    submission = collect(source, tmp_path / "in", "simclr")
    assert len(submission.remarks) == 52 and submission.remarks[50] == "There are 30 more such remarks."
    assert submission.remarks[51] == "There are 2 notebooks; simclr.ipynb was graded."


def test_a_zip_that_cannot_be_opened_gets_a_sentence(tmp_path, monkeypatch):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK))

    def closed(path, *rest, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", closed)
    with pytest.raises(SubmissionError, match="handed-in.zip cannot be read: Permission denied"):
        collect(source, tmp_path / "in", "simclr")


def test_files_of_a_platform_keep_their_names_and_stay_inside(tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    status = (tmp_path / "x").lstat()
    given = ("simclr.ipynb", "a/b.pt", "simclr.ipynb", "../up", "..", "/etc/x", "a//./c")
    remarks = gather([(partial(open_regular, tmp_path / "x"), name, status) for name in given], tmp_path / "in")
    found = {str(path.relative_to(tmp_path / "in")) for path in (tmp_path / "in").rglob("*") if path.is_file()}
    again = "file 2 of this name/simclr.ipynb"
    assert found == {"simclr.ipynb", "a/b.pt", again, "up", "unnamed", "etc/x", "a/c"} and remarks == []


def test_a_file_in_upper_case_is_found_and_the_wanted_case_comes_first(tmp_path):
    for name in ("simclr.ipynb", "MODEL.PT", "a/model.pt", "B/Metrics.JSON"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    submission = collect(tmp_path / "in", tmp_path / "out", "simclr")
    names = [str(path.relative_to(submission.folder)) for path in submission.find("model.pt")]
    assert names == ["a/model.pt", "MODEL.PT"]
    assert [path.name for path in submission.find("metrics.json")] == ["Metrics.JSON"]


def refuses(code: int, step: str):
    """``Path.open`` on a machine on which this step of writing a file fails with the error number ``code``."""
    stock = Path.open

    def fail(*_):
        raise OSError(code, os.strerror(code))

    def opened(path, mode="r", *rest, **more):
        if mode != "xb":
            return stock(path, mode, *rest, **more)
        if step == "open":
            fail()
        file = stock(path, mode, *rest, **more)

        class Failing:
            def __getattr__(self, name):
                return getattr(file, name)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()

        setattr(Failing, step, fail)
        return Failing()

    return opened


@pytest.mark.parametrize("step", ["open", "write", "flush"])
@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM", "EACCES"])
def test_a_machine_that_cannot_write_is_no_fault_of_the_submission(name, step, tmp_path, monkeypatch):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK)
    archive = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK))
    monkeypatch.setattr(Path, "open", refuses(getattr(errno, name), step))
    for number, handed_in in enumerate((source, archive)):
        with pytest.raises(MachineError, match="could not be copied"):
            collect(handed_in, tmp_path / f"in{number}", "simclr")
    notebook = source / "simclr.ipynb"
    with pytest.raises(MachineError, match="could not be copied"):
        gather([(partial(open_regular, notebook), "simclr.ipynb", notebook.lstat())], tmp_path / "in2")
    assert not [path for number in range(3) for path in (tmp_path / f"in{number}").rglob("*.ipynb")]


@pytest.mark.parametrize("name", ["EIO", "EMFILE", "ENFILE", "ENOMEM"])
def test_a_machine_that_cannot_read_is_no_fault_of_the_submission(name, tmp_path, monkeypatch):
    source, archive = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK), zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK))

    scandir = os.scandir

    def fails(*what, **how):
        if broken_place == "os.scandir" and not isinstance(what[0], int):  # not of what was handed in
            return scandir(*what, **how)
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))

    for broken_place in ("os.open", "os.scandir"):
        for number, handed_in in enumerate((source, source / "simclr.ipynb", archive)):
            if broken_place == "os.scandir" and handed_in is not source:
                continue
            into = tmp_path / f"in{number}"
            into.mkdir(exist_ok=True)
            with monkeypatch.context() as broken, pytest.raises(MachineError, match="could not be copied"):
                broken.setattr(broken_place, fails)
                collect(handed_in, into, "simclr")


def test_a_name_that_cannot_be_used_stays_a_remark(tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("a", b"x"), ("a/b", b"x"), ("c" * 256, b"x"), ("A", b"x"))
    submission = collect(source, tmp_path / "in", "simclr")
    assert names(submission) == ["A", "a", "simclr.ipynb"] and len(submission.remarks) == 2


def damaged_zip(tmp_path: Path, count: int, size: int) -> Path:
    """A sound notebook, and files of zeros whose checksum is wrong."""
    plain = [(f"{number:05}.bin", bytes(size)) for number in range(count)]
    path = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), *plain, deflate=True)
    with zipfile.ZipFile(path) as archive:
        checksum = struct.pack("<L", archive.getinfo("00000.bin").CRC)
    path.write_bytes(path.read_bytes().replace(checksum, b"wrong"[:4]))
    return path


def test_files_that_turn_out_to_be_unreadable_count_like_any_other(tmp_path):
    source = damaged_zip(tmp_path, 50, 3900)
    submission = collect(source, tmp_path / "in", "simclr", CollectLimits(total_bytes=20_000, files=100))
    unread = [remark for remark in submission.remarks if "it cannot be read" in remark]
    assert names(submission) == ["simclr.ipynb"] and len(unread) == 5  # of 3,900 bytes, within 20,000
    submission = collect(source, tmp_path / "in2", "simclr", CollectLimits(files=10))
    assert submission.remarks[-1] == "41 files were left out: a submission may have at most 10 files."
    assert len(submission.remarks) == 10


def test_after_the_deadline_only_notebooks_are_copied_and_the_rest_is_counted(tmp_path):
    files = {f"a{number}_dot_txt": b"x" for number in range(30)}
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK, model_dot_pt=b"x", **files)
    submission = collect(source, tmp_path / "in", "simclr", deadline=time.monotonic() - 1)
    assert names(submission) == ["simclr.ipynb"]
    assert submission.remarks == (
        "31 files were left out: the time for this submission was over before they were copied.",
    )
    assert len(collect(source, tmp_path / "in2", "simclr", deadline=time.monotonic() + 60).files) == 32


@pytest.mark.parametrize("when", ["after the listing", "during the listing"])
def test_a_folder_that_becomes_a_link_meanwhile_gives_no_file_of_another(when, tmp_path, monkeypatch):
    """The folder of a submission may still belong to the student: each part of a path is opened by itself."""
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK, a__b__answer_dot_py=b"mine")
    other = tmp_path / "other"
    (other / "b").mkdir(parents=True)
    (other / "b" / "answer.py").write_bytes(b"them")
    stock_scan, stock_open = os.scandir, os.open

    def swap():
        if not (source / "a").is_symlink():
            (source / "a").rename(tmp_path / "away")
            (source / "a").symlink_to(other)

    def scanned(place):
        listing = stock_scan(place)
        if when == "during the listing":  # the first, of the folder itself, holds "a" as a folder
            found = list(listing)
            [entry.stat(follow_symlinks=False) for entry in found]
            swap()
            return Listed(found)
        return listing

    class Listed(list):
        def __enter__(self):
            return iter(self)

        def __exit__(self, *_):
            pass

    def opened(path, *rest, **more):
        if str(path).endswith("simclr.ipynb"):  # the first that is copied
            swap()
        return stock_open(path, *rest, **more)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(os, "scandir", scanned)
        meanwhile.setattr(os, "open", opened)
        submission = collect(source, tmp_path / "in", "simclr")
    assert (source / "a").is_symlink()
    assert names(submission) == ["simclr.ipynb"] and "was left out" in submission.remarks[0]


def test_opening_part_by_part_leaves_no_descriptor_open(tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK, **{"__".join("abcdefgh"): b"x"})
    (source / "a" / "link").symlink_to("b")
    (source / "pipe").mkdir()
    os.mkfifo(source / "pipe" / "x")
    before = len(os.listdir("/proc/self/fd"))
    collect(source, tmp_path / "in", "simclr")
    for name in ("a/link/c", "a/nothing", "simclr.ipynb/x", "pipe/x", "a/b"):
        with pytest.raises(OSError):  # noqa: PT011  (any)
            open_regular(source, name)
    assert len(os.listdir("/proc/self/fd")) == before
    with open_regular(source, "a/b/c/d/e/f/g/h") as file:
        assert file.read() == b"x"


# --- other names --------------------------------------------------------------------------------------------------

WANTED = "simclr_lin_best.pt"


@pytest.mark.parametrize(
    "name",
    [
        "simclr_lin_best-1.pt", "simclr_lin_best (1).pt", "simclr_lin_best(2).pt", "simclr_lin_best.pth",
        "SimCLR_lin_best-2.PT", "simclr_lin_best copy.pt", "simclr_lin_best - Copy (2).pt", "Kopie von simclr_lin_best.pt",
        "simclr_lin_best.pt.zip", "simclr_lin_best.pt.txt", "simclr_lin_best.safetensors", "runs/simclr_lin_best-1.pt",
    ],
)  # fmt: skip
def test_the_only_file_of_a_near_name_is_taken(name, tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), (name, b"weights"), ("epoch_3.pt", b"other"))
    submission = collect(source, tmp_path / "in", "simclr")
    (found,) = submission.find(WANTED)
    assert found.read_bytes() == b"weights"
    assert "was taken for simclr_lin_best.pt" in submission.renamed(WANTED)


@pytest.mark.parametrize(
    ("names", "taken", "near"),
    [
        (["simclr_lin_best.pt", "simclr_lin_best-1.pt"], "simclr_lin_best.pt", None),
        (["simclr_lin_best-1.pt", "simclr_lin_best-2.pt"], None, "simclr_lin_best-1.pt, simclr_lin_best-2.pt"),
        (["simclr_best.pt", "z.pth"], None, "simclr_best.pt, z.pth"),
        (["simclr_lin_best_final.pt"], None, "simclr_lin_best_final.pt"),
        (["samples.pt"], None, ""),
        (["metrics.json"], None, ""),
    ],
)
def test_what_is_not_sure_is_told(names, taken, near, tmp_path):
    files = [(name, name.encode()) for name in names]
    submission = collect(zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), *files), tmp_path / "in", "simclr")
    assert [path.name for path in submission.find(WANTED)] == [taken] * bool(taken)
    assert submission.renamed(WANTED) == ""
    if near is not None:
        sentence = f"The submission has {near}; give the right file the name {WANTED} and hand it in."
        assert submission.near(WANTED, ["samples.pt"]) == sentence * bool(near)


def test_equal_files_of_near_names_are_one(tmp_path):
    files = [(name, b"weights") for name in ("simclr_lin_best-1.pt", "copies/simclr_lin_best (1).pt")]
    submission = collect(zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), *files), tmp_path / "in", "simclr")
    assert [path.name for path in submission.find(WANTED)] == ["simclr_lin_best-1.pt"]


@pytest.mark.parametrize(
    ("inside", "named"),
    [("simclr_lin_best", WANTED), ("simclr_lin_best/archive", WANTED), ("simclr_lin_best.pt", WANTED), ("x", "x.pt")],
)
def test_a_checkpoint_that_a_system_has_unpacked_is_read(inside, named, tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK)
    torch.save({"fc.bias": torch.arange(3.0)}, tmp_path / "saved.pt")
    with zipfile.ZipFile(tmp_path / "saved.pt") as archive:
        for name in archive.namelist():
            path = source / inside / name.partition("/")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
    submission = collect(source, tmp_path / "in", "simclr")
    (found,) = submission.find(named)
    assert load(found)["fc.bias"].tolist() == [0, 1, 2]
    assert any("was read as" in remark for remark in submission.remarks)


def test_a_checkpoint_that_a_browser_calls_a_zip_file(tmp_path):
    source = folder_of(tmp_path, simclr_dot_ipynb=NOTEBOOK)
    torch.save({"fc.bias": torch.arange(3.0)}, source / "simclr_lin_best.zip")
    with zipfile.ZipFile(source / "simclr_lin_best-1.zip", "w") as archive:
        archive.writestr("notes.txt", "something else")
    submission = collect(source, tmp_path / "in", "simclr")
    assert load(submission.find(WANTED)[0])["fc.bias"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["simclr.ipynb.txt", "hw.ipynb.json", "Simclr.IPYNB.txt"])
def test_a_notebook_that_a_mail_program_has_renamed(name, tmp_path):
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / name).write_bytes(NOTEBOOK)
    for number, source in enumerate(
        [tmp_path / "alone" / name, tmp_path / "alone", zip_of(tmp_path, (name, NOTEBOOK))]
    ):
        submission = collect(source, tmp_path / f"in{number}", "simclr")
        assert submission.notebook.suffix == ".ipynb" and submission.notebook.read_bytes() == NOTEBOOK
        assert submission.remarks == (f"{name} was read as {name.partition('.')[0]}.ipynb.",)


def test_a_real_notebook_comes_before_one_that_was_mailed(tmp_path):
    source = zip_of(tmp_path, ("simclr.ipynb", NOTEBOOK), ("simclr.ipynb.txt", b"old"), ("b.ipynb.json", b"old"))
    submission = collect(source, tmp_path / "in", "simclr")
    assert submission.notebook.read_bytes() == NOTEBOOK and submission.remarks == ()


def test_what_macos_writes_beside_each_file_is_no_part_of_a_submission(tmp_path):
    files = ("hw/Copy of simclr.ipynb", "hw/._Copy of simclr.ipynb", "hw/._simclr_lin_best.pt", "hw/__MACOSX/._x.ipynb")
    packed = zip_of(tmp_path, *((name, b"\0\5\x16\7" if "._" in name else NOTEBOOK) for name in files))
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "unpacked")
    for number, source in enumerate([packed, tmp_path / "unpacked"]):
        submission = collect(source, tmp_path / f"in{number}", "simclr")
        assert names(submission) == ["Copy of simclr.ipynb"] and submission.remarks == ()
