"""The layers around a worker, as a table: what each promises, whether this machine supports it, how it is applied.

A new worker applies ``LAYERS`` in this order, after it has set its descriptors and environment (which works on every
machine). To add a layer, add a row.
"""

from __future__ import annotations

import os
import resource
import shutil
import stat
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import autograder
from autograder.sandbox import cgroup, landlock, linux, namespaces, seccomp
from autograder.sandbox.processes import tasks_of

MB = 1 << 20
PACKAGE = Path(autograder.__file__).resolve().parent
# The users that systemd reserves for dynamic services: nobody owns files as one of them.
FRESH_UIDS = range(61184, 65520)
READS_WHAT_ALL_MAY = (
    "no layer hides files that all users may read; close your course to others: chmod -R go-rwx solutions dist"
)
UID_CAPABILITIES = (linux.CAP_CHOWN, linux.CAP_KILL, linux.CAP_SETGID, linux.CAP_SETUID)
DEVICES = ("/dev/urandom", "/dev/random")  # not /dev/zero: what is mapped of it is memory that nobody counts
SYSTEM_READABLE = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"),
    *("/usr/share/zoneinfo", "/usr/share/fonts", "/usr/local/share/fonts", "/etc/fonts", "/etc/localtime"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node", "/proc/cpuinfo", "/proc/meminfo", "/proc/self"),
)


@dataclass(frozen=True)
class Confinement:
    """The limits of one worker. ``active`` are the names of the layers that it applies.

    ``files`` are copied into ``scratch`` (None: there are none). ``uid`` is None if the user is not changed, ``group`` is
    None if there is no control group for memory.
    """

    active: frozenset[str]
    scratch: Path
    files: Path | None
    uid: int | None
    group: Path | None
    memory_mb: int
    cpu_seconds: int
    processes: int
    open_files: int
    file_mb: int
    scratch_mb: int
    scratch_files: int


@dataclass(frozen=True)
class Layer:
    """``missing`` says why this machine does not support the layer (None: it does); ``apply`` confines this process.

    ``conflict`` says why the layer does not work together with the others that are active (None: it does).
    """

    name: str
    promise: str
    missing: Callable[[], str | None]
    apply: Callable[[Confinement], None]
    conflict: Callable[[frozenset[str]], str | None] = lambda others: None


@dataclass(frozen=True)
class LayerStatus:
    """One line of ``./kit doctor``: a layer and, if it is not active, why. ``remark`` describes a limitation."""

    name: str
    promise: str
    active: bool
    why_not: str | None = None
    remark: str | None = None


def status(without: Iterable[str] = ()) -> tuple[LayerStatus, ...]:
    """The status of every layer on this machine, for ``./kit doctor`` and the instructor's part of a report."""
    inactive = _inactive(without)
    return tuple(_status(layer, inactive.get(layer.name)) for layer in LAYERS)


def active_names(without: Iterable[str] = ()) -> frozenset[str]:
    """The layers that a worker applies on this machine: the strongest combination that works."""
    return frozenset(layer.name for layer in LAYERS) - _inactive(without).keys()


def _inactive(without: Iterable[str]) -> dict[str, str]:
    """Why each inactive layer is inactive."""
    off = set(without)
    reasons = {layer.name: "switched off" if layer.name in off else layer.missing() for layer in LAYERS}
    able = frozenset(name for name, reason in reasons.items() if reason is None)
    reasons |= {layer.name: layer.conflict(able) for layer in LAYERS if layer.name in able}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def open_door(without: Iterable[str] = ()) -> str | None:
    """What is missing to isolate student code from the grader's files and processes; None if nothing is."""
    active, inactive = active_names(without), _inactive(without)
    if not active & KEEP_OUT:
        return "no Landlock, no namespaces, not root"
    if owns_files(active) and "seccomp" in inactive:
        return f"as your own user it could change modes of your files and slow your processes: {inactive['seccomp']}"
    return None


def _status(layer: Layer, why_not: str | None) -> LayerStatus:
    remark = REMARKS.get(layer.name, lambda: None)() if why_not is None else None
    return LayerStatus(layer.name, layer.promise, why_not is None, why_not, remark)


def _always() -> None:
    return None


def _linux() -> str | None:
    return None if sys.platform == "linux" else "it needs Linux"


# --- session -----------------------------------------------------------------------------------------------------


def _new_session(confinement: Confinement) -> None:
    os.setsid()


# --- rlimits -----------------------------------------------------------------------------------------------------


def _limit_resources(confinement: Confinement) -> None:
    _volunteer_for_the_oom_killer()
    for what, value in _resource_limits(confinement):
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def _resource_limits(confinement: Confinement) -> list[tuple[int, int]]:
    # The preloaded libraries take some GB of address space before any student code runs, so the limit is added to that.
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    # The kernel counts all processes of a user; a fresh user has no others.
    others = 0 if confinement.uid is not None else tasks_of(os.getuid())
    return [
        (resource.RLIMIT_AS, pages * resource.getpagesize() + confinement.memory_mb * MB),
        (resource.RLIMIT_CPU, confinement.cpu_seconds),
        (resource.RLIMIT_NPROC, others + confinement.processes),
        (resource.RLIMIT_NOFILE, confinement.open_files),
        (resource.RLIMIT_FSIZE, confinement.file_mb * MB),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_CORE, 0),
    ]


def _volunteer_for_the_oom_killer() -> None:
    """Make the kernel end this process first if memory runs out. The file is writable only while dumpable."""
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass  # a container may forbid it; the limit on the address space still applies
    finally:
        linux.prctl(linux.PR_SET_DUMPABLE, 0)


# --- cgroup ------------------------------------------------------------------------------------------------------


def _join_group(confinement: Confinement) -> None:
    cgroup.join(confinement.group)


# --- namespaces --------------------------------------------------------------------------------------------------


def _own_root(confinement: Confinement) -> None:
    """Leave the machine's root folder. This process is the child of ``namespaces.fork``."""
    own = namespaces.showing([confinement.files] if confinement.files is not None else [])
    size = confinement.scratch_mb * MB
    private = os.umask(0o022)  # a fresh user has to pass through the folders that this makes
    namespaces.make_root(confinement.scratch, size, confinement.scratch_files, (*common_root(), *own))
    os.umask(private)


@cache
def common_root() -> tuple[namespaces.Step, ...]:
    """What shows every worker the paths that all may read."""
    readable = [path for path, rights in common_rules() if rights & landlock.READ_FILE and path.parts[1] != "proc"]
    return namespaces.showing([*readable, *library_links()])


# --- scratch -----------------------------------------------------------------------------------------------------


def _fill_scratch(confinement: Confinement) -> None:
    """Fill the working folder with a copy of the submission's files, which student code may change."""
    work = confinement.scratch / "work"
    (confinement.scratch / "tmp").mkdir()
    if confinement.files is None:
        work.mkdir()
    else:
        shutil.copytree(confinement.files, work, symlinks=True, copy_function=shutil.copyfile)
    os.chdir(work)


def _scratch_remark() -> str | None:
    if "namespaces" in active_names():
        return None
    return "its size is checked four times a second; files that are deleted while open are not counted"


# --- uid ---------------------------------------------------------------------------------------------------------


def _no_uid_change() -> str | None:
    if sys.platform != "linux":
        return "it needs Linux"
    if os.geteuid() != 0:
        return "the grader does not run as root, so student code runs as the grader's own user"
    if not linux.has_capability(*UID_CAPABILITIES):
        return "root has no capability to change users here"
    if not fresh_uids():
        return "this container has no unused user"
    return None


def _uid_conflict(others: frozenset[str]) -> str | None:
    """The namespaces, or Landlock, keep out alone if a fresh user in them could not work."""
    if "namespaces" in others and not linux.has_capability(linux.CAP_SYS_ADMIN):
        reason = namespaces.missing(fresh_uids()[0])
        if reason is not None:
            return f"no other user can be had in the namespaces: {reason}"
    elif "landlock" in others and unreadable_library() and not linux.has_capability(linux.CAP_DAC_READ_SEARCH):
        return f"{unreadable_library()} is closed to other users, who could not import; run chmod o+rx on it"
    return None


@cache
def fresh_uids() -> tuple[int, ...]:
    """The unused users that this user namespace maps."""
    ranges = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return tuple(uid for uid in FRESH_UIDS if any(first <= uid < first + count for first, _, count in ranges))


def _change_user(confinement: Confinement) -> None:
    uid = confinement.uid
    for folder, folders, files in os.walk(confinement.scratch):
        for name in (".", *folders, *files):
            os.chown(os.path.join(folder, name), uid, uid, follow_symlinks=False)
    kept = _kept_capabilities(confinement)
    linux.prctl(linux.PR_SET_KEEPCAPS, 1 if kept else 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if kept:
        linux.keep_only_capabilities(*kept)


def _kept_capabilities(confinement: Confinement) -> tuple[int, ...]:
    """The capability to ignore file modes when reading, if a fresh user needs it for the library and cannot abuse it."""
    if confinement.uid is None or not unreadable_library() or not linux.has_capability(linux.CAP_DAC_READ_SEARCH):
        return ()
    return (linux.CAP_DAC_READ_SEARCH,) if confinement.active & {"landlock", "namespaces"} else ()


def _uid_remark() -> str | None:
    library = unreadable_library()
    if library is None:
        return None if active_names() & {"landlock", "namespaces"} else READS_WHAT_ALL_MAY
    if active_names() & {"landlock", "namespaces"}:
        return f"{library} is closed to other users, so workers may read every file that they can see"
    return f"{library} is closed to other users, so student code cannot import; run chmod o+rx on it"


@cache
def unreadable_library() -> Path | None:
    """The first folder of Python's library that another user may not enter; None if there is none."""
    for path in library_folders():
        for folder in (path, *path.parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                return folder
    return None


# --- no_new_privs ------------------------------------------------------------------------------------------------


def _no_new_privileges(confinement: Confinement) -> None:
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.keep_only_capabilities(*_kept_capabilities(confinement))


# --- landlock ----------------------------------------------------------------------------------------------------


@cache
def _no_landlock() -> str | None:
    if sys.platform != "linux":
        return "it needs Linux"
    return None if landlock.abi() > 0 else "this kernel has no Landlock, or it is switched off"


def _landlock_remark() -> str | None:
    abi = landlock.abi()
    lacking = [
        what
        for least, what in ((landlock.ABI_OF_TCP, "TCP"), (landlock.ABI_OF_SIGNALS, "signals to other processes"))
        if abi < least
    ]
    return f"ABI {abi} does not cover {' and '.join(lacking)}" if lacking else None


def _landlock(confinement: Confinement) -> None:
    rules = [(confinement.scratch, landlock.READ_WRITE), *common_rules()]
    landlock.restrict(rules, landlock.abi())


# --- seccomp -----------------------------------------------------------------------------------------------------


def _filter_calls(confinement: Confinement) -> None:
    seccomp.restrict(call_filter(confinement.active))


def call_filter(active: frozenset[str]) -> bytes:
    """The filter of system calls beside the other layers."""
    only_own_pid = None if _signals_are_guarded(active) else os.getpid()
    return seccomp.program(owns_files(active), only_own_pid, shares_memory="cgroup" in active)


def owns_files(active: frozenset[str]) -> bool:
    """Whether a worker runs as the grader's user and can name files outside its scratch folder."""
    return not active & {"uid", "namespaces"}


def _signals_are_guarded(active: frozenset[str]) -> bool:
    """Whether a layer besides seccomp keeps signals away from other processes."""
    return not owns_files(active) or ("landlock" in active and landlock.abi() >= landlock.ABI_OF_SIGNALS)


# --- what may be read --------------------------------------------------------------------------------------------


@cache
def common_rules() -> tuple[tuple[Path, int], ...]:
    """What every worker may read: (path, Landlock's rights beneath it)."""
    rules = [(Path("/dev/null"), landlock.READ_FILE | landlock.WRITE_FILE)]
    rules += [(Path(path), landlock.READ) for path in (*DEVICES, *SYSTEM_READABLE)]
    for folder in library_folders():
        rules += _readable_but_not(folder, PACKAGE)
    return tuple(rules)


@cache
def library_folders() -> tuple[Path, ...]:
    """The folders of Python and its packages, with links resolved. Excludes the checkout, which may be on ``sys.path``."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    # Older versions of torch (2.6 is one) put a closed temporary folder there, of which nothing is imported any more.
    made = getattr(sys.modules.get("torch.distributed.nn.jit.instantiator"), "INSTANTIATED_TEMPLATE_DIR_PATH", None)
    named = [sysconfig.get_path(kind) for kind in kinds] + [entry for entry in sys.path if entry and entry != made]
    named += [f"{prefix}/{part}" for prefix in (sys.prefix, sys.base_prefix) for part in ("lib", "lib64", "share")]
    folders = dict.fromkeys(Path(name).resolve() for name in named if Path(name).is_dir())
    return tuple(folder for folder in folders if folder != PACKAGE.parent or folder.name.endswith("-packages"))


def library_links() -> list[Path]:
    """The folders of the library that Python finds through links, under the names of the links."""
    named = [Path(entry) for entry in sys.path if entry]
    return [path for path in named if path.resolve() in library_folders() and path.resolve() != path]


def _readable_but_not(folder: Path, hole: Path) -> tuple[tuple[Path, int], ...]:
    """Rules that allow reading everything under ``folder`` except ``hole``, whose name may be listed."""
    if folder == hole or hole in folder.parents:
        return ()
    if folder not in hole.parents:
        return ((folder, landlock.READ),)
    rules: list[tuple[Path, int]] = [(folder, landlock.LIST)]
    for entry in folder.iterdir():
        rules += (
            _readable_but_not(entry, hole) if entry.is_dir() and not entry.is_symlink() else [(entry, landlock.READ)]
        )
    return tuple(rules)


LAYERS: tuple[Layer, ...] = (
    Layer("session", "student code runs in a process group of its own without a terminal", _always, _new_session),
    Layer(
        "rlimits",
        "memory, CPU time, processes, open files and file size of a process are limited; no core is dumped",
        _linux,
        _limit_resources,
    ),
    Layer("cgroup", "the memory of all processes of a submission together is limited", cgroup.missing, _join_group),
    Layer(
        "namespaces",
        "student code sees only its own processes, no network, and a root folder with only Python's library, its files "
        "and a scratch folder",
        namespaces.missing,
        _own_root,
    ),
    Layer(
        "scratch",
        "the submission's files are copies in a folder of limited size, which is removed afterwards",
        _always,
        _fill_scratch,
    ),
    Layer("uid", "each submission runs as a fresh user without rights", _no_uid_change, _change_user, _uid_conflict),
    Layer(
        "no_new_privs",
        "student code has no capability, and no program can give it more rights",
        _linux,
        _no_new_privileges,
    ),
    Layer(
        "landlock",
        "student code can read only Python's library and write only to its scratch folder; it cannot start programs, "
        "open TCP connections, or signal or trace other processes",
        _no_landlock,
        _landlock,
    ),
    Layer(
        "seccomp",
        "only system calls that cannot reach another process, a network or the kernel's settings work",
        seccomp.missing,
        _filter_calls,
    ),
)
REMARKS: dict[str, Callable[[], str | None]] = {
    "scratch": _scratch_remark,
    "uid": _uid_remark,
    "landlock": _landlock_remark,
}
# Without any of these, student code could read the answer key.
KEEP_OUT = frozenset({"namespaces", "uid", "landlock"})
