"""What student code cannot reach, and that each layer that promises it keeps the promise alone.

``docs/security.md`` names these tests. An attempt that no layer stops must succeed: else it would show nothing.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
from pathlib import Path
from textwrap import dedent

import pytest
import torch  # noqa: F401  (student code uses it)

from autograder.engine.session import SessionLost, StudentError
from autograder.sandbox import landlock, layers
from tests.checkout import PROBES

ROOT = os.geteuid() == 0
CHECKOUT = Path(__file__).resolve().parents[2]
GUARDS = frozenset({"namespaces", "uid", "landlock", "seccomp"})
FILES = {"namespaces", "landlock"}
REFUSALS = {"PermissionError", "FileNotFoundError", "ModuleNotFoundError", "OSError", "ProcessLookupError"}

# Attempt: its code, and the layers each of which alone prevents it.
ATTEMPTS = {
    "read the checkout": (f"open({str(CHECKOUT / 'autograder/questions/model.py')!r}).read()", FILES),
    "list the checkout": (f"os.listdir({str(CHECKOUT / 'solutions')!r})", FILES),
    "import known mistakes": ("__import__('autograder.questions.pair_losses.mistakes')", FILES),
    "read the list of users": ("open('/etc/passwd').read()", FILES),
    "write to /tmp": ("open('/tmp/left-behind', 'w')", FILES),
    "write to shared memory": ("open('/dev/shm/left-behind', 'w')", FILES),
    "start a program": ("__import__('subprocess').run(['/bin/true'], check=True)", {"landlock", "seccomp"}),
    "connect by TCP": ("connect(socket.SOCK_STREAM)", {"namespaces", "landlock", "seccomp"}),
    "send by UDP": ("connect(socket.SOCK_DGRAM)", {"namespaces", "seccomp"}),
    "reach a System V segment": ("system_v(SEGMENT)", {"namespaces", "seccomp"}),
    "limit the engine": ("resource.prlimit(ENGINE, resource.RLIMIT_CORE, (0, 0))", {"namespaces", "uid", "seccomp"}),
    "kill the parent": ("os.kill(PARENT, 0)", {"namespaces", "uid", "landlock", "seccomp"}),
    "stop the engine": ("os.kill(ENGINE, signal.SIGCONT)", {"namespaces", "uid", "landlock", "seccomp"}),
    "make a user namespace": ("check(libc.unshare(0x10000000))", {"seccomp"}),
    "keep memory without a file": ("os.memfd_create('x')", {"seccomp"}),
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
import ctypes, os, resource, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
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
"""


def named(layers_off):
    """The name of a parameter that may be a set, the same in every process."""
    return layers_off if isinstance(layers_off, str) else f"without {' '.join(sorted(layers_off)) or 'nothing'}"


@pytest.fixture(scope="module")
def world():
    """A server of each kind and a System V segment that anybody may use."""
    stream, datagram = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stream.bind(("127.0.0.1", 0))
    stream.listen()
    port = stream.getsockname()[1]
    datagram.bind(("127.0.0.1", port))
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o1666)
    yield {"PORT": port, "SEGMENT": segment, "ENGINE": os.getpid()}
    stream.close()
    datagram.close()
    libc.shmctl(segment, 0, None)


def attempt(sandbox, world, code, without):
    """Run an attempt in a session without some layers. Raises what it raises."""
    names = "".join(f"{name} = {value}\n" for name, value in {**world, "PARENT": sandbox.pid}.items())
    with sandbox.session(without=without) as session:
        session.run_cell(1, names + dedent(PREPARATION) + f"def f():\n    {code}\n    return 1", 5)
        return session.call(f"{PROBES}.true", {"function": "f"}, 5)


def cases():
    for what, (code, guards) in ATTEMPTS.items():
        yield pytest.param(code, None, id=f"{what}-all layers")
        for guard in sorted(guards):
            yield pytest.param(code, guard, id=f"{what}-{guard} alone")


@pytest.mark.parametrize(("code", "alone"), cases())
def test_an_attempt_fails_by_each_layer_alone(sandbox, world, code, alone):
    if alone and alone not in layers.active_names():
        pytest.skip(f"this machine lacks {alone}")
    if alone == "landlock" and landlock.abi() < landlock.ABI_OF_SIGNALS and "os.kill" in code:
        pytest.skip("this Landlock does not cover signals")
    without = GUARDS - {alone} if alone else ()
    with pytest.raises(StudentError) as caught:
        attempt(sandbox, world, code, without)
    assert caught.value.type in REFUSALS, caught.value


@pytest.mark.skipif(not ROOT, reason="what an ordinary user may do without layers differs from machine to machine")
@pytest.mark.parametrize("what", ATTEMPTS)
def test_without_its_layers_an_attempt_succeeds(sandbox, world, what):
    before = resource.getrlimit(resource.RLIMIT_CORE)
    code, _ = ATTEMPTS[what]
    try:
        assert attempt(sandbox, world, code, {*GUARDS, "no_new_privs"})["result"] == 1
    finally:
        for left in ("/tmp/left-behind", "/dev/shm/left-behind"):
            Path(left).unlink(missing_ok=True)
        assert before[1] == resource.getrlimit(resource.RLIMIT_CORE)[1] or what == "limit the engine"


@pytest.mark.parametrize("without", [(), *({guard} for guard in sorted(GUARDS)), GUARDS], ids=named)
@pytest.mark.parametrize("what", NEVER)
def test_memory_and_environment_of_the_grader_are_out_of_reach(sandbox, world, what, without):
    with pytest.raises(StudentError) as caught:
        attempt(sandbox, world, NEVER[what], without)
    assert caught.value.type in REFUSALS, caught.value


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
    source = "import os, time\ndef f():\n" + "\n".join(f"    {line}" for line in dedent(FLOODS[what]).splitlines())
    with sandbox.session(without=without) as session:
        session.run_cell(1, source, 5)
        with pytest.raises((SessionLost, StudentError)) as caught:
            session.call(f"{PROBES}.true", {"function": "f"}, 40)  # a slow machine needs long to reach a limit
    error = caught.value
    if isinstance(error, SessionLost):
        assert error.kind in ("memory", "disk"), error.reason
    else:
        assert error.type in ("MemoryError", "OSError"), error
