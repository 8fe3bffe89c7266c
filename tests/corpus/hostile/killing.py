"""Killing others: the parent, every process there is, by signal, priority, tracing, limits or memory."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import torch

from tests.checkout import ROOT
from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT

MUST_NOT = "A process that is not the submission's own is killed, stopped, slowed or traced."

MARK = 0o4123
# Calls by number, the same for 64-bit x86 and ARM only where both tables say so.
SYSCALL = r"""
import ctypes, platform
NUMBERS = {
    "fcntl": (72, 25), "ioctl": (16, 29), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "tkill": (200, 130),
    "tgkill": (234, 131), "kill": (62, 129), "timer_create": (222, 107), "timer_settime": (223, 110),
    "mq_notify": (244, 184), "prctl": (157, 167), "ioprio_set": (251, 30), "clone": (56, 220),
    "setpriority": (141, 140), "membarrier": (324, 283), "sync": (162, 81),
}
def syscall(name, *arguments):
    number = NUMBERS[name][platform.machine() != "x86_64"]
    return ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
"""
OTHERS = r"""
import os, signal
me = os.getpid()
def others():
    # The parent, its parents, then whatever /proc shows and some numbers around.
    parent = os.getppid()
    found = [parent] + [int(name) for name in (attempt(os.listdir, "/proc") or ()) if name.isdigit()]
    found += list(range(1, 50)) + list(range(max(2, me - 300), me + 50))
    return [pid for pid in dict.fromkeys(found) if pid not in (0, me)]
"""

KILL = OTHERS + "for pid in others():\n    attempt(os.kill, pid, signal.SIGKILL)\n"
STOP = OTHERS + "for pid in others():\n    attempt(os.kill, pid, signal.SIGSTOP)\n"
ODD = (
    OTHERS
    + "for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU, signal.SIGINT, 34, 64):\n"
    + "    for pid in others()[:60]:\n        attempt(os.kill, pid, number)\n"
)
GROUPS = r"""
import os, signal
# Groups: the grader's own, everybody's. This process is to survive it, so a child does the deed.
groups = [attempt(os.getpgid, pid) for pid in (os.getppid(), 1)] + [attempt(os.getpgrp)]
child = attempt(os.fork)
if child == 0:
    for group in groups[:2]:
        if group:
            attempt(os.killpg, group, signal.SIGSTOP)
            attempt(os.killpg, group, signal.SIGKILL)
    attempt(os.kill, -1, signal.SIGKILL)
    os._exit(0)
attempt(os.waitpid, child, 0)
"""
PRIORITY = (
    OTHERS
    + r"""
import ctypes, resource
libc = ctypes.CDLL(None, use_errno=True)
for pid in others():
    # As slow, as small and as killable as can be.
    attempt(os.setpriority, os.PRIO_PROCESS, pid, 19)
    attempt(os.sched_setscheduler, pid, os.SCHED_IDLE, os.sched_param(0))
    attempt(os.sched_setaffinity, pid, {0})
    attempt(lambda: resource.prlimit(pid, resource.RLIMIT_AS, (1, 1)))
    attempt(lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1)))
    attempt(lambda: open(f"/proc/{pid}/oom_score_adj", "w").write("1000"))
    libc.syscall(251, 1, pid, 3 << 13)  # ioprio_set: idle
attempt(os.setpriority, os.PRIO_PROCESS, 0, -20)
attempt(lambda: open("/proc/self/oom_score_adj", "w").write("-1000"))
"""
)
OWNERS = (
    OTHERS
    + r"""
import fcntl, os, socket, struct
F_SETSIG, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP, FIOASYNC = 10, 15, 0x8901, 0x8902, 0x5452
def own(pid, give):
    # What arrives at the socket sends a signal to the process that owns it.
    ours, theirs = socket.socketpair()
    attempt(give, ours, pid)
    attempt(fcntl.fcntl, ours, F_SETSIG, signal.SIGKILL)
    attempt(fcntl.fcntl, ours, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    attempt(fcntl.ioctl, ours, FIOASYNC, struct.pack("i", 1))
    attempt(theirs.send, b"x")
    ours.close(); theirs.close()
for pid in others()[:150]:
    for sign in (1, -1):
        own(pid, lambda ours, pid: fcntl.fcntl(ours, fcntl.F_SETOWN, sign * pid))
        own(pid, lambda ours, pid: fcntl.ioctl(ours, FIOSETOWN, struct.pack("i", sign * pid)))
        own(pid, lambda ours, pid: fcntl.ioctl(ours, SIOCSPGRP, struct.pack("i", sign * pid)))
    for kind in range(3):
        own(pid, lambda ours, pid: fcntl.fcntl(ours, F_SETOWN_EX, struct.pack("ii", kind, pid)))
    # The upper half of the command is not looked at by the kernel, but may be by a filter.
    own(pid, lambda ours, pid: syscall("fcntl", ours.fileno(), fcntl.F_SETOWN | 1 << 32, pid))
"""
)
ODD_CALLS = (
    OTHERS
    + r"""
import ctypes
for pid in others()[:100]:
    descriptor = syscall("pidfd_open", pid, 0)
    syscall("pidfd_send_signal", descriptor, signal.SIGKILL, 0, 0)
    syscall("process_madvise", descriptor, 0, 0, 21, 0)
    information = ctypes.create_string_buffer(128)
    ctypes.cast(information, ctypes.POINTER(ctypes.c_int))[0:3] = [9, 0, -1]
    for name in ("rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        rest = (pid, 9) if "tg" in name else (9,)
        syscall(name, pid, *rest, ctypes.addressof(information))
    syscall("tkill", pid, 9)
    syscall("tgkill", pid, pid, 9)
    syscall("kill", pid | 1 << 32, 9)
    # A timer and a queue that send a signal to a thread: SIGEV_THREAD_ID, then the thread.
    event = ctypes.create_string_buffer(64)
    ctypes.cast(event, ctypes.POINTER(ctypes.c_int))[2:5] = [9, 4, pid]
    timer = ctypes.c_int(-1)
    if syscall("timer_create", 0, ctypes.addressof(event), ctypes.addressof(timer)) == 0:
        times = (ctypes.c_long * 4)(0, 0, 0, 1)
        syscall("timer_settime", timer.value, 0, ctypes.addressof(times), 0)
    syscall("mq_notify", 0, ctypes.addressof(event))
    syscall("prctl", 62, 2, pid, 1, 0)  # core scheduling: shares its cookie
    syscall("ioprio_set", 1, pid, 3 << 13)
# Siblings, whose end tells the parent by a signal of choice, in two steps.
for flags in (0x8000 | 9, 0x8000 | 17, 0x8000 | 0x2000 | 9, 9):
    if syscall("clone", flags, 0, 0, 0, 0) == 0:
        syscall("clone", 0x8000 | 9, 0, 0, 0, 0)
        os._exit(0)
syscall("setpriority", 2, os.getuid(), 19)
syscall("setpriority", 1, os.getpgid(os.getppid()) if attempt(os.getpgid, os.getppid()) else 0, 19)
syscall("membarrier", 1, 0, 0)
for _ in range(20):
    syscall("sync")
"""
)
AS_OWNER = r"""
import os, torch
def files(folder):
    for name in attempt(os.listdir, folder) or ():
        yield os.path.join(folder, name)
found = [torch.__file__, os.__file__, os.path.dirname(torch.__file__), "/tmp", "/dev/shm", CHECKOUT,
         *files("/tmp"), *files(CHECKOUT), *files(CHECKOUT + "/dist")]
held = []
for path in found:
    if path in (os.environ["HOME"], os.getcwd()):
        continue
    # The owner of a file needs no right to it for these, and a filter of files does not see them.
    attempt(os.chmod, path, MARK)
    attempt(os.utime, path, (MARK, MARK))
    attempt(os.setxattr, path, "user.hostile", b"x")
    if os.path.isfile(path):
        descriptor = attempt(os.open, path, os.O_RDONLY)
        attempt(os.fchmod, descriptor, MARK)
        attempt(os.truncate, path, 0)
        attempt(os.open, path, os.O_RDONLY | os.O_TRUNC)
        attempt(os.open, path, 3 | os.O_TRUNC)
        syscall("fcntl", descriptor or -1, 1024, 0)  # a lease: who opens it for writing waits
        held.append(descriptor)
        if len(held) > 50:  # a full /tmp is to cost the attack its descriptors, not the answer its points
            attempt(os.close, held.pop(0))
    attempt(os.rename, path, path + "-hostile")
""".replace("CHECKOUT", repr(str(ROOT))).replace("MARK", oct(MARK))
NAMED = r"""
import os, socket, ctypes
# A pair of datagram sockets is connected, but sends to any other by its name.
for name in ("/dev/log", "/run/systemd/notify", "/run/systemd/journal/socket", "/run/systemd/journal/dev-log", "\0hostile"):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
        pair = attempt(socket.socketpair, socket.AF_UNIX, kind)
        if pair:
            attempt(pair[0].sendto, b"<0>hostile: the machine is on fire", name)
            attempt(pair[0].connect, name)
            attempt(pair[0].send, b"x", socket.MSG_OOB)
def nt_xent_euclidean(a, b, temperature):
    pair = attempt(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
    raise PermissionError("GAINED the sockets" if pair else "nothing")
"""
TRACE = (
    OTHERS
    + r"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for pid in others()[:100]:
    # Attached and left alone, a process stands still for ever.
    libc.ptrace(16, pid, None, None)
    libc.ptrace(0x4206, pid, None, None)
"""
)
MACHINE = r"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
# What only an unconfined root could do: none of it may work.
for path, text in (("/proc/sysrq-trigger", "c"), ("/proc/sys/kernel/pid_max", "301"), ("/proc/sys/vm/drop_caches", "3"),
                   ("/sys/fs/cgroup/pids/pids.max", "1"), ("/proc/sys/kernel/core_pattern", "|/tmp/hostile-core")):
    pass
probed = [attempt(os.access, path, os.W_OK) for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/pid_max", "/etc/passwd",
          "/sys/fs/cgroup/pids/cgroup.procs", "/dev/sda", "/dev/vda", "/dev/mem", "/dev/kmsg", "/etc/ld.so.preload", "/usr")]
kinds = {"mount": libc.mount(b"none", b"/mnt", b"tmpfs", 0, None),
         "chroot": libc.chroot(b"/"), "setuid": libc.setuid(0), "sethostname": libc.sethostname(b"hostile", 7),
         "bpf": libc.syscall(321, 0, None, 0), "keyctl": libc.syscall(250, 0, -3, 0),
         "perf": libc.syscall(298, None, 0, -1, -1, 0),
         "userfaultfd": libc.syscall(323, 0), "io_uring": libc.syscall(425, 8, ctypes.create_string_buffer(120))}
gained = [name for name, result in kinds.items() if result >= 0]
def barlow_twins(a, b, lambd):
    raise PermissionError("GAINED " + repr((gained, probed)))
"""


def gained_nothing(grader: object, report: object, folder: Path) -> list[str]:
    """What the submission says that it was able to do to the machine. (User namespaces alone give nothing away.)"""
    texts = [verdict.message for verdict in report.verdicts if "GAINED" in verdict.message]
    if not texts:
        return ["the submission could not say what it gained"]
    return [f"{word} worked" for word in ("mount", "chroot", "setuid", "bpf", "perf", "True") if word in texts[0]]


def as_they_were(grader: object, report: object, folder: Path) -> list[str]:
    """The grader's files have their modes, times and content, and the grader runs."""
    wanted = [Path(torch.__file__), Path(os.__file__), ROOT, *ROOT.iterdir(), *(ROOT / "dist").iterdir(), Path("/tmp")]
    damages = still_running(grader, report, folder)
    for path in wanted:
        status = path.stat()
        if status.st_mode & 0o7777 == MARK or status.st_mtime == MARK or "user.hostile" in os.listxattr(path):
            damages.append(f"{path} was changed")
        if path.is_file() and status.st_size == 0 and path.suffix in (".py", ".toml", ".md"):
            damages.append(f"{path} was emptied")
    return damages


def still_running(grader: object, report: object, folder: Path) -> list[str]:
    """The grader's processes run, at their own priority and on all processors, and nobody traces them."""
    damages = []
    for process in (psutil.Process(), psutil.Process(grader.sandbox.pid)):
        if process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE):
            damages.append(f"{process.pid} is {process.status()}")
        if process.cpu_affinity() != sorted(os.sched_getaffinity(0)):
            damages.append(f"{process.pid} was kept from processors")
        if process.nice() > 10:
            damages.append(f"{process.pid} was slowed down")
        if "TracerPid:\t0" not in Path(f"/proc/{process.pid}/status").read_text():
            damages.append(f"{process.pid} is traced")
    return damages


def killer(id: str, tries: str, cell: str, **more: object) -> Attack:
    """A case with one right function before the deed."""
    return Attack(
        id, tries, MUST_NOT, (*RIGHT_ONE, ATTEMPT, SYSCALL, cell), honest=ONE, **{"check": still_running, **more}
    )


ATTACKS = (
    killer("kills-all", "Sends SIGKILL to its parent and to every process that it can name.", KILL),
    killer("stops-all", "Sends SIGSTOP to its parent and to every process that it can name.", STOP),
    killer("odd-signals", "Sends signals that end, or mean something to, a Python process.", ODD),
    killer("kills-groups", "Kills the process groups of its parents, and -1.", GROUPS),
    killer("priorities", "Takes priority, processors, limits and the favour of the OOM killer from others.", PRIORITY),
    killer("owns-signals", "Makes every process the owner of its sockets, which get signals then.", OWNERS),
    killer("odd-calls", "Signals, slows and joins others by calls that are not named so.", ODD_CALLS),
    killer(
        "as-owner",
        "Changes modes, times and content of the grader's files as their owner.",
        AS_OWNER,
        check=as_they_were,
    ),
    killer("named-sockets", "Writes to the machine's log and services with a pair of sockets.", NAMED),
    killer("traces-all", "Attaches to every process by ptrace and leaves it stopped.", TRACE),
    killer(
        "machine",
        "Mounts, changes its root and user, loads BPF, opens perf events, and asks for write access to the machine.",
        MACHINE,
        check=gained_nothing,
    ),
)
