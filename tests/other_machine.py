"""Runs a command as on a poorer machine: ``python -c START [--docker] [--open] [--without NAME …] -- COMMAND``.

``--docker``: root has the capabilities that Docker gives to a container, as root on Gradescope probably has.
``--without landlock``, ``namespaces`` or ``chown``: the kernel's calls for it fail, by a filter that answers as such a
machine would. ``--open``: Python's folders are open to every user (needs root), as in a container made for grading.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from autograder.sandbox import linux, seccomp
from tests.as_ordinary_user import open_the_way
from tests.checkout import ROOT

PR_CAPBSET_DROP = 24
CAP_LAST = 40
# chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod,
# audit_write, setfcap: the default set in Docker's documentation ("Runtime privilege and Linux capabilities").
DOCKER = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
LACKS = {
    "landlock": (("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"), errno.ENOSYS),
    "namespaces": (("unshare", "setns"), errno.EPERM),
    "chown": (("chown", "lchown", "fchown", "fchownat"), errno.EPERM),
}

START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.other_machine import main; main()"


def command(
    *arguments: str, docker: bool = False, open_library: bool = False, without: tuple[str, ...] = ()
) -> list[str]:
    """The command line that runs ``arguments`` on such a machine."""
    options = (
        ["--docker"] * docker + ["--open"] * open_library + [word for name in without for word in ("--without", name)]
    )
    return [sys.executable, "-c", START, *options, "--", *arguments]


def become(docker: bool, open_library: bool, without: list[str]) -> None:
    """Turn this process into one of such a machine, for good."""
    if open_library:
        open_the_way([ROOT, Path(sys.prefix), Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))])
    if docker:
        for capability in set(range(CAP_LAST + 1)) - set(DOCKER):
            linux.prctl(PR_CAPBSET_DROP, capability)
        linux.keep_only_capabilities(*DOCKER)
    if without:
        seccomp.restrict(seccomp.compiled(seccomp.ALLOW, missing_calls(without)))


def missing_calls(without: list[str]) -> Iterator[seccomp.Rule]:
    """The rules that make a machine without these layers."""
    for name in without:
        calls, error = LACKS[name]
        yield from (seccomp.Rule(call, seccomp.FAIL | error) for call in calls)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--docker", action="store_true")
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--without", action="append", default=[], choices=LACKS)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    become(arguments.docker, arguments.open, arguments.without)
    os.execvp(arguments.command[0], arguments.command)
