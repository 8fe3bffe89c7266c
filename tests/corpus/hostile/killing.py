"""Killing others: the parent, every process there is, by signal, priority, tracing, limits or memory."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT

MUST_NOT = "A process that is not the submission's own is killed, stopped, slowed or traced."

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


def still_running(grader: object, report: object, folder: Path) -> list[str]:
    """The grader's processes run, at their own priority and on all processors, and nobody traces them."""
    damages = []
    for process in (psutil.Process(), psutil.Process(grader.sandbox.pid)):
        if process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE):
            damages.append(f"{process.pid} is {process.status()}")
        if process.nice() > 10:
            damages.append(f"{process.pid} was slowed down")
        if "TracerPid:\t0" not in Path(f"/proc/{process.pid}/status").read_text():
            damages.append(f"{process.pid} is traced")
    return damages


def killer(id: str, tries: str, cell: str, **more: object) -> Attack:
    """A case with one right function before the deed."""
    return Attack(id, tries, MUST_NOT, (*RIGHT_ONE, ATTEMPT, cell), honest=ONE, **{"check": still_running, **more})


ATTACKS = (
    killer("kills-all", "Sends SIGKILL to its parent and to every process that it can name.", KILL),
    killer("stops-all", "Sends SIGSTOP to its parent and to every process that it can name.", STOP),
    killer("odd-signals", "Sends signals that end, or mean something to, a Python process.", ODD),
    killer("kills-groups", "Kills the process groups of its parents, and -1.", GROUPS),
    killer("priorities", "Takes priority, processors, limits and the favour of the OOM killer from others.", PRIORITY),
    killer("traces-all", "Attaches to every process by ptrace and leaves it stopped.", TRACE),
    killer(
        "machine",
        "Mounts, changes its root and user, loads BPF, opens perf events, and asks for write access to the machine.",
        MACHINE,
        check=gained_nothing,
    ),
)
