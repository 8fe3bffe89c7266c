"""Odd submissions as files: zip slip, links, pipes, devices, doubles, floods of files, bombs, tricks of names."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from autograder.release.notebooks import notebook_bytes
from tests.checkout import COURSE
from tests.corpus import small
from tests.corpus.hostile.attack import NOTHING, ONE, RIGHT_ONE, Attack

MARK = "hostile-archive-slipped"
KEY = COURSE.assignment("simclr").bundle / "key.safetensors"
RIGHT = notebook_bytes(small.notebook(RIGHT_ONE))
NAME = "simclr.ipynb"
MB = 1 << 20
LINK, PIPE, DEVICE = 0o120777, 0o010666, 0o020666

Entries = Callable[[zipfile.ZipFile], None]


def zipped(folder: Path, *, fill: Entries, notebook: bytes = RIGHT, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of the right notebook and of what ``fill`` adds."""
    path = folder / "submission.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(NAME, notebook)
        fill(archive)
    return path


def odd_entry(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    """An entry of another kind than a regular file."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    archive.writestr(info, content)


def slips(archive: zipfile.ZipFile) -> None:
    for up in range(1, 8):
        archive.writestr("../" * up + MARK, "x")
        archive.writestr("a/" + "../" * (up + 1) + MARK, "x")
        archive.writestr("..\\" * up + MARK, "x")
    archive.writestr("../" * 12 + "tmp/" + MARK, "x")
    archive.writestr("..%2f..%2f" + MARK, "x")
    archive.writestr("．．/" + MARK, "x")


def absolutes(archive: zipfile.ZipFile) -> None:
    for name in (f"/tmp/{MARK}", f"//tmp/{MARK}", f"\\tmp\\{MARK}", f"C:\\{MARK}", f"file:///tmp/{MARK}", f"~/{MARK}"):
        archive.writestr(name, "x")


def links(archive: zipfile.ZipFile) -> None:
    odd_entry(archive, "out", b"/tmp", LINK)
    archive.writestr(f"out/{MARK}", "x")
    odd_entry(archive, "key.safetensors", str(KEY).encode(), LINK)
    odd_entry(archive, "self", b"self", LINK)
    odd_entry(archive, "pipe", b"", PIPE)
    odd_entry(archive, "zero", b"", DEVICE)


def doubles(archive: zipfile.ZipFile) -> None:
    for number in range(2):
        archive.writestr(NAME, notebook_bytes(small.notebook((*small.HONEST, f"number = {number}"))))


def cases(archive: zipfile.ZipFile) -> None:
    for name in ("SIMCLR.ipynb", "SimCLR.IPYNB", "ſimclr.ipynb"):
        archive.writestr(name, notebook_bytes(small.notebook(small.HONEST)))


def many(archive: zipfile.ZipFile) -> None:
    for number in range(20_000):
        archive.writestr(f"f{number}", "")


def bombs(archive: zipfile.ZipFile) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as nested:
        nested.writestr("zeros", bytes(16 * MB))
    for number in range(40):
        archive.writestr(f"nested{number}.zip", inner.getvalue())
    with archive.open("zeros.bin", "w", force_zip64=True) as record:
        for _ in range(120):
            record.write(bytes(MB))


def names(archive: zipfile.ZipFile) -> None:
    for name in (
        *("a\nb", "a\rb", "\x1b[31mred", "a\u202egpj.exe", "<script>alert(1)</script>", "x" * 5000, "a/" * 400 + "b"),
        *("nul\0byte", "CON", "aux.txt", " ", ".", "-rf", "$(reboot)", "`id`", "'; drop table", "\ud83d", "a" * 300),
    ):
        info = zipfile.ZipInfo("placeholder")
        info.filename = name.encode("utf-8", "replace").decode()
        archive.writestr(info, b"x")


def deep_entries(archive: zipfile.ZipFile) -> None:
    """Paths of 2,000 levels, of more than 4,096 bytes, and through thousands of folders."""
    archive.writestr("a/" * 2_000 + "deep.txt", "x")
    archive.writestr("b" * 200 + ("/" + "b" * 200) * 25, "x")
    for number in range(1_500):
        archive.writestr(f"{number}/" + "c/" * 45 + "scattered.txt", "x")


def encrypted(folder: Path) -> Path:
    """The notebook is marked as encrypted, in the list and in its own header."""
    data = bytearray(zipped(folder, fill=lambda archive: None).read_bytes())
    local, central = data.find(b"PK\x03\x04"), data.find(b"PK\x01\x02")
    data[local + 6] |= 1
    data[central + 8] |= 1
    (folder / "submission.zip").write_bytes(data)
    return folder / "submission.zip"


def overlapping(folder: Path) -> Path:
    """1,500 entries of 50 MB that all share one compressed record: 75 GB out of 130 kB."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = bytes(50 * MB)
    record = squeeze.compress(content) + squeeze.flush()
    check = zlib.crc32(content)
    name = b"f0000"
    head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, check, len(record), len(content), len(name), 0)
    body = head + name + record
    directory = b"".join(
        struct.pack(
            *("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, check, len(record), len(content), len(name)),
            *(0, 0, 0, 0, 0, 0),
        )
        + b"f%04d" % number
        for number in range(1500)
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1500, 1500, len(directory), len(body), 0)
    (folder / "submission.zip").write_bytes(body + directory + end)
    return folder / "submission.zip"


def lying_size(folder: Path) -> Path:
    """The notebook declares 10 bytes and unpacks to 60 MB."""
    path = zipped(folder, fill=lambda archive: archive.writestr("data.bin", bytes(60 * MB)))
    data = bytearray(path.read_bytes())
    central = data.find(b"PK\x01\x02", data.find(b"data.bin"))
    second = data.find(b"PK\x01\x02", central + 1)
    local = data.find(b"PK\x03\x04", 10)
    struct.pack_into("<L", data, second + 24, 10)
    struct.pack_into("<L", data, local + 22, 10)
    path.write_bytes(data)
    return path


def linked_folder(folder: Path) -> Path:
    """A folder with a link to the answer key, to the root and to itself, a pipe, a socket's name and closed files."""
    made = small.hand_in(folder / "submission", RIGHT_ONE)
    for name, target in (
        ("key.safetensors", str(KEY)),
        ("passwords", "/etc/shadow"),
        ("root", "/"),
        ("loop", "."),
        ("dangling", "nowhere"),
        ("memory", "/proc/self/mem"),
    ):
        (made / name).symlink_to(target)
    os.mkfifo(made / "metrics.json")
    return made


def linked_notebook(folder: Path) -> Path:
    """The notebook is a link to a right one outside the submission."""
    outside = small.hand_in(folder / "outside", small.HONEST)
    made = folder / "submission"
    made.mkdir()
    (made / NAME).symlink_to(outside / NAME)
    return made


def piped_notebook(folder: Path) -> Path:
    """The notebook is a pipe that nobody ever writes to."""
    made = folder / "submission"
    made.mkdir()
    os.mkfifo(made / NAME)
    return made


def devices(folder: Path) -> Path:
    """Beside the notebook lie devices: endless zeros, and the terminal."""
    made = small.hand_in(folder / "submission", RIGHT_ONE)
    for name, number in (("best.pt", (1, 5)), ("metrics.json", (5, 0))):
        os.mknod(made / name, 0o020666, os.makedev(*number))
    return made


def cannot_make_devices() -> str | None:
    return None if os.geteuid() == 0 else "only root can make a device file"


def nested(folder: Path, name: str, levels: int) -> None:
    """Folders in folders with a file in the innermost, made step by step: no path may have more than 4,096 bytes."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("best.pt", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def deep_folders(folder: Path) -> Path:
    """Beside the notebook lie 1,500 nested folders, and a path of 6,000 bytes."""
    made = small.hand_in(folder / "submission", RIGHT_ONE)
    nested(made, "a", 1_500)
    nested(made, "b" * 200, 30)
    return made


def closed_files(folder: Path) -> Path:
    """Beside the notebook lie a file and a folder that nobody may read, a socket, and files of impossible times."""
    made = small.hand_in(
        folder / "submission", RIGHT_ONE, {"closed/inner.txt": b"x", "best.pt": b"x", "late.txt": b"x"}
    )
    (made / "best.pt").chmod(0)
    (made / "closed").chmod(0)
    os.mknod(made / "socket", stat.S_IFSOCK | 0o600)  # bound by name it may have 107 bytes of path
    for name in (NAME, "late.txt"):
        os.utime(made / name, (0, 10**12))
    return made


def deep_notebook(folder: Path) -> Path:
    """A notebook of 200,000 nested lists, and a cell nested as deeply."""
    made = folder / "submission"
    made.mkdir()
    (made / NAME).write_text('{"cells": ' + "[" * 200_000 + "]" * 200_000 + "}")
    return made


def monstrous_cells(folder: Path) -> Path:
    """Cells that take a parser long: deep nesting, a huge number, magics without end. A right one stands before them."""
    cells = (
        *RIGHT_ONE,
        "x = " + "(" * 50_000 + ")" * 50_000,
        "-" * 200_000 + "1",
        "x = 1" + "0" * 100_000,
        "%time\n" * 5_000 + "!ls ?\n" * 5_000,
        "\x00\ufeff# -*- coding: utf-7 -*-\n+AGE-",
    )
    return small.hand_in(folder / "submission", cells)


def nothing_slipped(grader: object, report: object, folder: Path) -> list[str]:
    """The marks lie nowhere, and no link of the submission was followed."""
    above = [*folder.rglob(MARK)] + [
        parent / MARK for parent in (*folder.parents, Path("/tmp"), Path.home(), Path("."))
    ]
    return [f"{path} was written" for path in above if path.exists()]


def archive(id: str, tries: str, must_not: str, fill: Entries, honest: float = ONE, **more: object) -> Attack:
    """A case that is a zip file."""
    return Attack(id, tries, must_not, honest=honest, build=partial(zipped, fill=fill), check=nothing_slipped, **more)


def odd(id: str, tries: str, must_not: str, build: Callable[[Path], Path], honest: float, **more: object) -> Attack:
    """A case with files of its own making."""
    return Attack(id, tries, must_not, honest=honest, build=build, check=nothing_slipped, **more)


OUTSIDE = "A file is written, or read, outside the place of the submission."
STALLS = "The grader waits, fills the disk, or grades nothing of it."
ATTACKS = (
    archive("zip-slip", "A zip whose entries climb out by .., by backslashes and by look-alikes.", OUTSIDE, slips),
    archive("absolute-paths", "A zip with absolute paths, drive letters and addresses.", OUTSIDE, absolutes),
    archive(
        "zip-links", "A zip with links, one of which is a folder of a later entry, a pipe, a device.", OUTSIDE, links
    ),
    archive(
        "doubled-names",
        "A zip with three files called simclr.ipynb; the first and smallest deserves 8 points.",
        "It is left to chance which one is graded.",
        doubles,
    ),
    archive(
        "cases-of-names",
        "A zip with simclr.ipynb in four spellings of capital and foreign letters.",
        "One of several is picked at random.",
        cases,
        honest=NOTHING,
    ),
    archive("20000-files", "A zip of 20,000 files.", STALLS, many),
    archive("bombs", "A zip with 40 nested zips and 120 MB of zeros.", STALLS, bombs),
    archive(
        "zip-names", "A zip with control characters, markup, commands and 5,000 letters in its names.", STALLS, names
    ),
    archive("deep-zip", "A zip of paths that are too deep, too long or through 70,000 folders.", STALLS, deep_entries),
    Attack(
        "deep-submission",
        "A folder of 1,500 levels, and one whose path has 6,000 bytes.",
        STALLS,
        honest=ONE,
        build=deep_folders,
    ),
    odd("closed-files", "Files that cannot be read, a socket, times after the year 9999.", STALLS, closed_files, ONE),
    odd("encrypted", "A zip whose notebook is encrypted.", STALLS, encrypted, NOTHING),
    odd("overlapping-entries", "A zip of 60 kB whose 1,500 entries share one record.", STALLS, overlapping, NOTHING),
    odd("lying-size", "A zip whose entry of 60 MB declares 10 bytes.", STALLS, lying_size, ONE),
    odd(
        "linked-folder", "A folder with links to the key, to / and to itself, and a pipe.", OUTSIDE, linked_folder, ONE
    ),
    odd("linked-notebook", "A notebook that is a link to somebody's right one.", OUTSIDE, linked_notebook, NOTHING),
    odd("piped-notebook", "A notebook that is a pipe without a writer.", STALLS, piped_notebook, NOTHING),
    odd(
        "devices",
        "Device files beside the notebook.",
        STALLS,
        devices,
        ONE,
        hindrance=cannot_make_devices,
    ),
    odd("deep-notebook", "A notebook of 200,000 nested lists.", STALLS, deep_notebook, NOTHING),
    odd("monstrous-cells", "Cells that parsers choke on.", STALLS, monstrous_cells, ONE),
)
