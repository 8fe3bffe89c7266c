"""Floods: processes, memory, disk, inodes, output, threads, descriptors, shared memory; all bounded."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.corpus import small
from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT

MARK = "hostile-flood"

FORKS = r"""
import os, time
# Every process forks again, until there is no room: at most 5 s, and no more than 2,000 of one parent.
end = time.monotonic() + 5
for _ in range(2000):
    if time.monotonic() > end:
        break
    try:
        os.fork()
    except OSError:
        time.sleep(0.001)
"""

FAMILY = r"""
import os, time
# Each child is within its own limit; all together are not.
for _ in range(30):
    if os.fork() == 0:
        kept = []
        for _ in range(7):
            try:
                kept.append(bytearray(os.urandom(1 << 20)) * 100)
            except MemoryError:
                break
        time.sleep(30)
        os._exit(0)
time.sleep(1.5)
"""

MEMORY = r"""
import mmap
kept, size = [], 1 << 36
while size > 1 << 12 and len(kept) < 5000:
    # As large as may be, then halves of it, all of it written to.
    try:
        kept.append(bytearray(size))
        kept[-1][::4096] = b"x" * len(kept[-1][::4096])
    except (MemoryError, OverflowError):
        size //= 2
"""

LARGE_FILES = r"""
import os, tempfile
chunk = os.urandom(1 << 20) * 16
for folder in (".", tempfile.gettempdir(), os.path.expanduser("~"), "/tmp", "/var/tmp", "/dev/shm"):
    for number in range(12):
        try:
            with open(os.path.join(folder, f"@MARK@-{number}"), "wb") as file:
                for _ in range(6):
                    file.write(chunk)
        except OSError:
            break
""".replace("@MARK@", MARK)

SMALL_FILES = r"""
import os, tempfile, time
end = time.monotonic() + 1.6
for folder in (".", tempfile.gettempdir(), "/tmp", "/dev/shm"):
    attempt(os.makedirs, os.path.join(folder, "@MARK@"))
    for number in range(100_000):
        try:
            os.close(os.open(os.path.join(folder, "@MARK@", str(number)), os.O_CREAT | os.O_WRONLY))
        except OSError:
            break
        if time.monotonic() > end:
            break
""".replace("@MARK@", MARK)

DEEP = r"""
import os, stat, tempfile
os.chdir(tempfile.gettempdir())
for number in range(1500):
    try:
        os.mkdir("@MARK@" + "d" * 180)
        os.chdir("@MARK@" + "d" * 180)
    except OSError:
        break
attempt(lambda: open("closed", "w").close())
attempt(os.chmod, "closed", 0)
attempt(os.chmod, ".", 0)
attempt(lambda: os.chmod("..", 0))
""".replace("@MARK@", MARK)

OUTPUT = r"""
import os, sys
line = "flood " * 10_000
while True:
    print(line)
    print(line, file=sys.stderr)
    os.write(1, line.encode())
    os.write(2, line.encode())
"""

THREADS = r"""
import threading, time
def sleep():
    time.sleep(60)
for _ in range(3000):
    try:
        threading.Thread(target=sleep, daemon=True).start()
    except (RuntimeError, MemoryError):
        break
"""

DESCRIPTORS = r"""
import os, socket
kept = []
ways = (lambda: os.dup(1), os.pipe, lambda: os.open("/dev/null", 0), socket.socketpair, lambda: os.memfd_create("x"))
for open_one in ways:
    for _ in range(50_000):
        try:
            kept.append(open_one())
        except OSError:
            break
"""

MEMFD = r"""
import mmap, os
kept = []
for _ in range(100):
    # Memory that belongs to a descriptor and not to the address space.
    try:
        descriptor = os.memfd_create("@MARK@")
        os.posix_fallocate(descriptor, 0, 100 << 20)
        kept.append(descriptor)
    except OSError:
        break
""".replace("@MARK@", MARK)

SYSTEM_V = r"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
for number in range(200):
    # Segments, semaphores and queues outlive every process.
    segment = libc.shmget(0x6B697400 + number, 20 << 20, 0o1666)
    address = libc.shmat(segment, None, 0) if segment >= 0 else None
    if address not in (None, ctypes.c_void_p(-1).value):
        ctypes.memset(address, 1, 20 << 20)
    libc.semget(0x6B697400 + number, 100, 0o1666)
    libc.msgget(0x6B697400 + number, 0o1666)
    if number > 20 and segment < 0:
        break
"""

POSIX = r"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for number in range(50):
    name = f"/@MARK@-{number}".encode()
    flags = os.O_CREAT | os.O_RDWR
    for descriptor in (libc.shm_open(name, flags, 0o666), libc.mq_open(name, flags, 0o666, None)):
        if descriptor >= 0:
            attempt(os.posix_fallocate, descriptor, 0, 5 << 20)
    libc.sem_open(name, os.O_CREAT, 0o666, 1)
""".replace("@MARK@", MARK)


def nothing_left(grader: object, report: object, folder: Path) -> list[str]:
    """No file of the flood lies where everybody may write, and no System V object with its keys."""
    places = [Path(place) for place in ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue") if Path(place).is_dir()]
    damages = [f"{path} was left" for place in places for path in place.glob(f"*{MARK}*")]
    damages += [f"a System V object of the submission was left in {kind}" for kind in left_in_system_v()]
    for path in (path for place in places for path in place.glob(f"*{MARK}*")):  # one case is not to fail the next
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return damages


def left_in_system_v() -> list[str]:
    """Kinds of System V objects with the keys of the flood; they are removed."""
    from ctypes import CDLL

    found = []
    remove = {"shm": lambda number: CDLL(None).shmctl(number, 0, None), "msg": lambda n: CDLL(None).msgctl(n, 0, None)}
    remove["sem"] = lambda number: CDLL(None).semctl(number, 0, 0)
    for kind, end in remove.items():
        table = Path("/proc/sysvipc") / kind
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            key, number = line.split()[:2]
            if int(key) & 0xFFFFFF00 == 0x6B697400:
                found.append(kind)
                end(int(number))
    return list(dict.fromkeys(found))


def flood(id: str, tries: str, cell: str, **more: object) -> Attack:
    """A case with one right function before the flood."""
    must_not = "The machine, the grader or the points of the right function suffer, or something of it stays."
    return Attack(id, tries, must_not, (*RIGHT_ONE, ATTEMPT, cell), honest=ONE, check=nothing_left, **more)


def bomb(id: str, tries: str, source: str, **more: object) -> Attack:
    """One right answer, and source that takes a hundred times its size, or no end of time, to parse."""
    must_not = (
        "The engine, which reads the notebook, runs out of memory or time, or the right function loses its points."
    )
    return Attack(
        id,
        tries,
        must_not,
        honest=ONE,
        build=lambda folder: small.hand_in(folder / "hw", (*RIGHT_ONE, source)),
        kit_only=True,
        **more,
    )


ATTACKS = (
    bomb(
        "source-16-mb",
        "A cell of eight million short lines.",
        "a\n" * 2**23,
        least=0.0,
        why_less="no notebook has so many lines",
    ),
    bomb("source-2-mb", "A cell of short lines, as long as all code may be.", "a\n" * 990_000),
    bomb("source-cells", "A thousand cells of short lines.", "a;" * 900_000),
    bomb("source-literal", "A text of 40 MB in a cell.", f"x = '{'y' * 40_000_000}'"),
    bomb("source-deep", "Brackets, signs and indents as deep as can be.", "(" * 90_000 + ")" * 90_000),
    bomb("source-deep-unary", "A sign of a sign of a sign.", "x = " + "-" * 200_000 + "1"),
    bomb("source-deep-attributes", "Attributes of attributes.", "x" + ".y" * 120_000),
    bomb("source-deep-calls", "Calls of calls.", "x" + "()" * 100_000),
    bomb("source-blank-lines", "An open bracket before 120,000 blank lines.", "(" + "\n" * 120_000),
    bomb("source-magics", "A cell of 80,000 magics.", "!x\n" * 80_000),
    bomb("source-long-number", "A number of a million digits.", "x = " + "9" * 1_000_000),
    bomb("source-f-strings", "Formatted texts in formatted texts.", "f'{" * 200 + "1" + "}'" * 200),
    flood("fork-bomb", "Processes that fork until nothing is left.", FORKS),
    flood("family-memory", "30 children that take 700 MB each: every one is within its limit.", FAMILY),
    flood(
        "memory",
        "Takes all memory that it can get and writes to it.",
        MEMORY,
        least=0.0,
        why_less="its own process has none left to answer with, unless it gives some back",
    ),
    flood("large-files", "Writes files of 100 MB, 70 of them, wherever it may.", LARGE_FILES),
    flood("small-files", "Writes 100,000 empty files: inodes, not bytes.", SMALL_FILES),
    flood("deep-folders", "Makes 1,500 folders, one in the other, and closes the last ones.", DEEP),
    flood("output", "Prints for ever on both streams and both descriptors.", OUTPUT),
    flood("threads", "Starts 3,000 threads that sleep.", THREADS),
    flood(
        "descriptors",
        "Opens descriptors of every kind until none is left.",
        DESCRIPTORS,
        least=0.0,
        why_less="its own process can open no file any more, and torch opens some at its first operator",
    ),
    flood("memory-files", "Takes 10 GB in memory files, which no limit on the address space sees.", MEMFD),
    flood("system-v", "Makes 200 System V segments, semaphore sets and queues, which outlive every process.", SYSTEM_V),
    flood("posix-shared", "Makes POSIX shared memory, semaphores and message queues.", POSIX),
)
