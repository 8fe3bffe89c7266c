"""What student code cannot reach, and that each layer that promises it keeps the promise alone.

``docs/security.md`` names these tests. An attempt that no layer stops must succeed: else it would show nothing.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest
import torch  # noqa: F401  (student code uses it)

from autograder.engine.session import SessionLost, StudentError
from autograder.sandbox import landlock, layers
from tests.checkout import PROBES

ROOT = os.geteuid() == 0
CHECKOUT = Path(__file__).resolve().parents[2]
GUARDS = frozenset({"namespaces", "uid", "landlock", "seccomp"})
FILES = {"namespaces", "landlock"}
OWNER_CHANGES = {"namespaces", "uid", "seccomp"}
SIGNALS = {"namespaces", "uid", "landlock", "seccomp"}
PROC_GUARDS = {"namespaces", "uid", "landlock"}
REFUSALS = {"PermissionError", "FileNotFoundError", "ModuleNotFoundError", "OSError", "ProcessLookupError"}


class Attempt(NamedTuple):
    """Code that tries to break a promise, and the layers each of which alone prevents it.

    The code raises if it is prevented; where it may also do nothing, ``damage(world)`` tells whether it did something.
    """

    promise: str
    code: str
    guards: set[str]
    damage: Callable[[dict], bool] | None = None


def killed(world: dict) -> bool:
    """Whether the victim was ended, within a moment."""
    with suppress(subprocess.TimeoutExpired):
        return world["process"].wait(world["moment"]) != 0
    return False


def changed(world: dict) -> bool:
    """Whether mode, times, attributes or content of the grader's file are other than they were."""
    return described(Path(world["FILE"])) != world["before"]


def described(path: Path) -> tuple:
    status = path.stat()
    return status.st_mode, status.st_mtime, status.st_uid, status.st_size, os.listxattr(path)


READ, WRITE, CHANGE = "read other files", "write or empty other files", "change modes or times of other files"
WATCH, SIGNAL, SLOW = "watch other files", "signal or stop other processes", "slow or limit other processes by a call"
PROC = "write to other processes' files in /proc"
NETWORK, NAMED = "reach a network", "send to a local socket"
PROGRAM, OUTLIVE, KERNEL = (
    "start a program",
    "use memory outside files",
    "change its own namespaces or kernel's settings",
)
# The first Landlock that covers a promise, where it is not the first of all.
ABI = {SIGNAL: landlock.ABI_OF_SIGNALS, WRITE: landlock.ABI_OF_EMPTYING, NETWORK: landlock.ABI_OF_TCP}
ATTEMPTS = {
    "read the checkout": Attempt(READ, f"open({str(CHECKOUT / 'autograder/questions/model.py')!r}).read()", FILES),
    "list the checkout": Attempt(READ, f"os.listdir({str(CHECKOUT / 'solutions')!r})", FILES),
    "import known mistakes": Attempt(READ, "__import__('autograder.questions.pair_losses.mistakes')", FILES),
    "read the list of users": Attempt(READ, "open('/etc/passwd').read()", FILES),
    "write to /tmp": Attempt(WRITE, "open('/tmp/left-behind', 'w')", FILES),
    "write to shared memory": Attempt(WRITE, "open('/dev/shm/left-behind', 'w')", FILES),
    "empty a file by name": Attempt(WRITE, "os.truncate(FILE, 0)", FILES | {"uid", "seccomp"}, changed),
    "empty a file by reading": Attempt(
        WRITE, "os.open(FILE, os.O_RDONLY | os.O_TRUNC)", FILES | {"uid", "seccomp"}, changed
    ),
    "change a mode": Attempt(CHANGE, "os.chmod(FILE, 0o666)", OWNER_CHANGES, changed),
    "change an open file's mode": Attempt(
        CHANGE, "os.fchmod(os.open(FILE, os.O_RDONLY), 0o666)", OWNER_CHANGES | {"landlock"}, changed
    ),
    "change times": Attempt(CHANGE, "os.utime(FILE, (1, 1))", OWNER_CHANGES, changed),
    "add an attribute": Attempt(CHANGE, "os.setxattr(FILE, 'user.x', b'x')", OWNER_CHANGES, changed),
    "watch a folder": Attempt(
        WATCH,
        "check(libc.inotify_add_watch(check(libc.inotify_init()), os.path.dirname(FILE).encode(), 0xfff))",
        {"namespaces", "seccomp"},
    ),
    "start a program": Attempt(
        PROGRAM, "__import__('subprocess').run(['/bin/true'], check=True)", {"landlock", "seccomp"}
    ),
    "connect by TCP": Attempt(NETWORK, "connect(socket.SOCK_STREAM)", {"namespaces", "landlock", "seccomp"}),
    "send by UDP": Attempt(NETWORK, "connect(socket.SOCK_DGRAM)", {"namespaces", "seccomp"}),
    "send by name": Attempt(
        NAMED, "socket.socketpair(type=socket.SOCK_DGRAM)[0].sendto(b'x', NAME)", {"namespaces", "seccomp"}
    ),
    "reach a System V segment": Attempt(OUTLIVE, "system_v(SEGMENT)", {"namespaces", "seccomp"}),
    "keep memory without a file": Attempt(OUTLIVE, "os.memfd_create('x')", {"seccomp"}),
    "kill the parent": Attempt(SIGNAL, "os.kill(PARENT, 0)", SIGNALS),
    "stop the engine": Attempt(SIGNAL, "os.kill(ENGINE, signal.SIGCONT)", SIGNALS),
    "kill": Attempt(SIGNAL, "os.kill(VICTIM, 9)", SIGNALS, killed),
    "kill a thread": Attempt(SIGNAL, "check(libc.tgkill(VICTIM, VICTIM, 9))", SIGNALS, killed),
    "queue a signal": Attempt(SIGNAL, "check(libc.sigqueue(VICTIM, 9, None))", SIGNALS, killed),
    "signal by descriptor": Attempt(SIGNAL, "signal.pidfd_send_signal(os.pidfd_open(VICTIM), 9)", SIGNALS, killed),
    "own a descriptor's signals": Attempt(SIGNAL, "own(fcntl.F_SETOWN, VICTIM)", SIGNALS, killed),
    "own them as a thread": Attempt(SIGNAL, "own(F_SETOWN_EX, struct.pack('ii', 0, VICTIM))", SIGNALS, killed),
    "own them by ioctl": Attempt(SIGNAL, "own_by_ioctl(FIOSETOWN)", SIGNALS, killed),
    "own them by the other ioctl": Attempt(SIGNAL, "own_by_ioctl(SIOCSPGRP)", SIGNALS, killed),
    "limit the engine": Attempt(SLOW, "resource.prlimit(ENGINE, resource.RLIMIT_CORE, (0, 0))", OWNER_CHANGES),
    "take its priority": Attempt(SLOW, "os.setpriority(os.PRIO_PROCESS, VICTIM, 19)", OWNER_CHANGES),
    "take its processors": Attempt(SLOW, "os.sched_setaffinity(VICTIM, os.sched_getaffinity(0))", OWNER_CHANGES),
    "make it idle": Attempt(SLOW, "os.sched_setscheduler(VICTIM, os.SCHED_IDLE, os.sched_param(0))", OWNER_CHANGES),
    "make its disk idle": Attempt(SLOW, "check(libc.syscall(IOPRIO_SET, 1, VICTIM, 3 << 13))", OWNER_CHANGES),
    "offer it to the OOM killer": Attempt(PROC, "write(f'/proc/{VICTIM}/oom_score_adj', b'1000')", PROC_GUARDS),
    "let it sleep longer": Attempt(PROC, "write(f'/proc/{VICTIM}/timerslack_ns', b'999999999')", PROC_GUARDS),
    "make a user namespace": Attempt(KERNEL, "check(libc.unshare(0x10000000))", {"seccomp"}),
    "be a sibling, not a child": Attempt(KERNEL, "sibling()", {"seccomp"}),
    "hold a lease on a file": Attempt(
        KERNEL, "fcntl.fcntl(os.open('x', os.O_CREAT), fcntl.F_SETLEASE, fcntl.F_RDLCK)", {"seccomp"}
    ),
}
# These need no layer but the loss of all capabilities: both trusted processes are not dumpable.
NEVER = {
    "the parent's environment": "open(f'/proc/{PARENT}/environ', 'rb').read()",
    "the parent's memory": "open(f'/proc/{PARENT}/mem', 'rb').read(1)",
    "the parent's descriptors": "os.readlink(f'/proc/{PARENT}/fd/0')",
    "the engine's environment": "open(f'/proc/{ENGINE}/environ', 'rb').read()",
    "the engine's memory": "open(f'/proc/{ENGINE}/mem', 'rb').read(1)",
    "trace the engine": "check(libc.ptrace(16, ENGINE, 0, 0))",
}
PREPARATION = """
import ctypes, fcntl, os, platform, resource, signal, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
F_SETSIG, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP, FIOASYNC = 10, 15, 0x8901, 0x8902, 0x5452
IOPRIO_SET, CLONE = (251, 56) if platform.machine() == "x86_64" else (30, 220)
def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result
def system_v(segment):
    libc.shmat.restype = ctypes.c_ssize_t
    return check(libc.shmat(segment, None, 0))
def connect(kind):
    made = socket.socket(socket.AF_INET, kind)
    made.settimeout(2)
    made.connect(("127.0.0.1", PORT))
    return made.send(b"x")
def write(path, text):
    return os.write(os.open(path, os.O_WRONLY), text)
def own(command, owner):
    ours, theirs = socket.socketpair()
    fcntl.fcntl(ours, command, owner)
    fcntl.fcntl(ours, F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    theirs.send(b"x")
def own_by_ioctl(request):
    ours, theirs = socket.socketpair()
    fcntl.ioctl(ours, request, struct.pack("i", VICTIM))
    fcntl.ioctl(ours, FIOASYNC, struct.pack("i", 1))
    theirs.send(b"x")
def sibling():
    check(libc.syscall(CLONE, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)) or os._exit(0)
"""


def named(layers_off):
    """The name of a parameter that may be a set, the same in every process."""
    return layers_off if isinstance(layers_off, str) else f"without {' '.join(sorted(layers_off)) or 'nothing'}"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A server of each kind and a System V segment that anybody may use."""
    stream, datagram = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stream.bind(("127.0.0.1", 0))
    stream.listen()
    port = stream.getsockname()[1]
    datagram.bind(("127.0.0.1", port))
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o1666)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as named:
        os.chmod(folder, 0o755)
        named.bind(f"{folder}/named")
        os.chmod(f"{folder}/named", 0o777)
        yield {"PORT": port, "SEGMENT": segment, "NAME": f"{folder}/named", "FILE": f"{folder}/file"}
    stream.close()
    datagram.close()
    libc.shmctl(segment, 0, None)


@pytest.fixture()
def world(servers):
    """What an attempt aims at: servers, the engine, a process and a file of the grader's user."""
    file = Path(servers["FILE"])
    file.unlink(missing_ok=True)
    file.write_text("the grader's")
    file.chmod(0o600)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as victim:
        aims = {**servers, "ENGINE": os.getpid(), "VICTIM": victim.pid}
        yield {**aims, "process": victim, "moment": 0.1, "before": described(file)}
        victim.kill()


def attempt(sandbox, world, code, without):
    """Run an attempt in a session without some layers. Raises what it raises."""
    told = {**{name: value for name, value in world.items() if name.isupper()}, "PARENT": sandbox.pid}
    names = "".join(f"{name} = {value!r}\n" for name, value in told.items())
    with sandbox.session(without=without) as session:
        session.run_cell(1, names + dedent(PREPARATION) + f"def f():\n    {code}\n    return 1", 5)
        return session.call(f"{PROBES}.true", {"function": "f"}, 5)


def cases():
    for what, one in ATTEMPTS.items():
        yield pytest.param(what, None, id=f"{what}-all layers")
        for guard in sorted(one.guards):
            yield pytest.param(what, guard, id=f"{what}-{guard} alone")


@pytest.mark.parametrize(("what", "alone"), cases())
def test_an_attempt_fails_by_each_layer_alone(sandbox, world, what, alone):
    one = ATTEMPTS[what]
    if alone and alone not in layers.active_names():
        pytest.skip(f"this machine lacks {alone}")
    if alone == "landlock" and landlock.abi() < ABI.get(one.promise, 1):
        pytest.skip("this Landlock does not cover it")
    if not one.guards & layers.active_names():
        pytest.skip("no layer of this machine keeps the promise")
    without = GUARDS - {alone} if alone else ()
    refused = None
    try:
        attempt(sandbox, world, one.code, without)
    except StudentError as error:
        refused = error
        assert error.type in REFUSALS, error
    assert refused or one.damage
    assert not (one.damage and one.damage(world))


@pytest.mark.skipif(not ROOT, reason="what an ordinary user may do without layers differs from machine to machine")
@pytest.mark.parametrize("what", ATTEMPTS)
def test_without_its_layers_an_attempt_succeeds(sandbox, world, what):
    before = resource.getrlimit(resource.RLIMIT_CORE)
    one = ATTEMPTS[what]
    try:
        assert attempt(sandbox, world, one.code, {*GUARDS, "no_new_privs"})["result"] == 1
        assert one.damage is None or one.damage({**world, "moment": 5})
    finally:
        for left in ("/tmp/left-behind", "/dev/shm/left-behind"):
            Path(left).unlink(missing_ok=True)
        assert before[1] == resource.getrlimit(resource.RLIMIT_CORE)[1] or what == "limit the engine"


def test_the_document_says_what_each_layer_alone_keeps():
    """The table in docs/security.md: "yes" where a layer alone prevents every attempt at breaking a promise."""
    text = (CHECKOUT / "docs" / "security.md").read_text()
    kept = {}
    for promise in dict.fromkeys(one.promise for one in ATTEMPTS.values()):
        guards = set.intersection(*(one.guards for one in ATTEMPTS.values() if one.promise == promise))
        cells = ("yes" if layer in guards else "–" for layer in ("namespaces", "uid", "landlock", "seccomp"))
        kept[promise] = f"| {promise} | {' | '.join(cells)} |"
    assert not [row for row in kept.values() if row not in text]


@pytest.mark.parametrize("without", [(), *({guard} for guard in sorted(GUARDS)), GUARDS], ids=named)
@pytest.mark.parametrize("what", NEVER)
def test_memory_and_environment_of_the_grader_are_out_of_reach(sandbox, world, what, without):
    with pytest.raises(StudentError) as caught:
        attempt(sandbox, world, NEVER[what], without)
    assert caught.value.type in REFUSALS, caught.value


@pytest.mark.skipif(not ROOT, reason="an ordinary user without layers is refused")
def test_a_worker_that_lets_its_parent_trace_it_does_not_escape_the_watch(sandbox):
    """Stopped at a signal, it would seem to have ended; its memory would be counted no more."""
    code = "check(libc.ptrace(0, 0, 0, 0)); os.kill(os.getpid(), signal.SIGUSR1)"
    with sandbox.session(without=GUARDS) as session:
        session.run_cell(1, dedent(PREPARATION) + f"def f():\n    {code}\n    return 1", 5)
        started = time.monotonic()
        with pytest.raises(SessionLost) as caught:
            session.call(f"{PROBES}.true", {"function": "f"}, 5)
    assert caught.value.kind == "memory" and time.monotonic() - started < 3  # killed


@pytest.mark.parametrize("without", [(), *({guard} for guard in sorted(GUARDS))], ids=named)
def test_no_capability_is_left(sandbox, without):
    body = "import re\ndef f(): return re.search('CapEff:\\\\s*(\\\\w+)', open('/proc/self/status').read())[1]"
    with sandbox.session(without=without) as session:
        session.run_cell(1, body, 5)
        shown = bytes(session.call(f"{PROBES}.text", {"function": "f"})["result"].tolist()).decode()
    reads_past_modes = 1 << 2  # kept where a fresh user could not enter the library, and within other layers
    assert int(shown, 16) in (0, reads_past_modes)


def test_sessions_cannot_reach_each_other(sandbox):
    for without in ((), ("namespaces",), ("landlock",)):
        if layers.open_door(without):
            continue
        with sandbox.session(without=without) as first, sandbox.session(without=without) as second:
            first.run_cell(1, "open('secret', 'w').write('x')\ndef f(): return 1", 5)
            for body in (f"open({str(first.scratch / 'work/secret')!r})", f"os.kill({first.pid}, 9)"):
                second.run_cell(1, f"import os\ndef f(): return {body}", 5)
                with pytest.raises(StudentError) as caught:
                    second.call(f"{PROBES}.true", {"function": "f"})
                assert caught.value.type in REFUSALS
            if ROOT:
                assert first.uid != second.uid
            assert first.call(f"{PROBES}.true", {"function": "f"})["result"] == 1


# --- how much ----------------------------------------------------------------------------------------------------

FLOODS = {
    "memory of many children": """
        for _ in range(10):
            if os.fork() == 0:
                kept = b"x" * (300 * 2**20); time.sleep(3); os._exit(0)
        if any(os.wait()[1] for _ in range(10)): raise MemoryError
        """,
    "memory shared by many children": """
        import mmap
        for n in range(10):
            if os.fork() == 0:
                try: kept = mmap.mmap(-1, 300 * 2**20)
                except OSError: os._exit(1)
                for _ in range(300): kept.write(b"x" * 2**20)
                kept.madvise(mmap.MADV_DONTNEED); time.sleep(3); os._exit(0)
        if any(os.wait()[1] for _ in range(10)): raise MemoryError
        """,
    "memory shared by a device": """
        import mmap
        for n in range(10):
            if os.fork() == 0:
                try: kept = mmap.mmap(os.open("/dev/zero", os.O_RDONLY), 300 * 2**20, prot=mmap.PROT_READ)
                except OSError: os._exit(1)
                for at in range(0, 300 * 2**20, 4096): kept[at]
                kept.madvise(mmap.MADV_DONTNEED); time.sleep(3); os._exit(0)
        if any(os.wait()[1] for _ in range(10)): raise MemoryError
        """,
    "many files": """
        for n in range(10**6):
            try: open(f"{n}", "w").close()
            except OSError: raise MemoryError
        """,
    "large files": """
        for n in range(100):
            with open(f"{n}", "wb") as file:
                try:
                    for _ in range(19): file.write(bytes(10 * 2**20))
                except OSError: raise MemoryError
            time.sleep(0.05)
        """,
    "deep folders": """
        for n in range(10**5):
            try: os.mkdir("d"); os.chdir("d")
            except OSError: raise MemoryError
            if n == 100: time.sleep(1)
        """,
}


@pytest.mark.parametrize("without", [(), ("cgroup", "namespaces")], ids=["by the kernel", "watched"])
@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_is_stopped(sandbox, what, without):
    flood(sandbox, FLOODS[what], without)


@pytest.mark.skipif(not ROOT, reason="an ordinary user's submissions cannot write outside their scratch folder")
def test_a_flood_of_the_folders_that_are_open_to_all_is_stopped_and_removed(sandbox):
    before = set(os.listdir("/tmp"))
    code = FLOODS["large files"].replace('open(f"{n}"', 'open(f"/tmp/left-behind-{n}"')
    flood(sandbox, code, ("cgroup", "namespaces", "landlock"))
    assert not [name for name in set(os.listdir("/tmp")) - before if "left-behind" in name]


def flood(sandbox, code, without):
    """Run what uses too much. Fails unless it is stopped."""
    source = "import os, time\ndef f():\n" + "\n".join(f"    {line}" for line in dedent(code).splitlines())
    with sandbox.session(without=without) as session:
        session.run_cell(1, source, 5)
        with pytest.raises((SessionLost, StudentError)) as caught:
            session.call(f"{PROBES}.true", {"function": "f"}, 40)  # a slow machine needs long to reach a limit
    error = caught.value
    if isinstance(error, SessionLost):
        assert error.kind in ("memory", "disk"), error.reason
    else:
        assert error.type in ("MemoryError", "OSError"), error
