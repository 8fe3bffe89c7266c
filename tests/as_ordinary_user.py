"""Runs tests as an ordinary user: ``python tests/as_ordinary_user.py [pytest's arguments]``, as root.

The user gets a copy of the checkout, and the same Python: folders on the way to it that are closed to others (root's
home, say) are opened in a mount namespace of this process alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from autograder.sandbox import linux
from autograder.sandbox.leftovers import remove_tree

CHECKOUT = Path(__file__).resolve().parents[1]
USER = 12345


def main(arguments: list[str]) -> int:
    """The exit status of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="ordinary-user-"))
    folder.chmod(0o755)
    try:
        copy_checkout(folder / "checkout")
        child = os.fork()
        if child == 0:
            try:
                open_the_way([Path(sys.prefix), Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))])
                run_pytest(folder, arguments)
            finally:
                os._exit(2)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        remove_tree(folder)


def copy_checkout(target: Path) -> None:
    """Copy what git knows, and the bundles that are compiled already, and give it all to the user."""
    listed = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CHECKOUT / name, target / name)
    for bundle in (CHECKOUT / "dist").glob("*-bundle"):
        shutil.copytree(bundle, target / "dist" / bundle.name)
    for path in (target.parent, target, *target.rglob("*")):
        os.chown(path, USER, USER)


def open_the_way(wanted: list[Path]) -> None:
    """Let everybody reach ``wanted``: each closed folder above them is covered by an open one that shows them alone."""
    os.umask(0o022)  # a grader that is open in the calling process closes new folders to others
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    behind: dict[Path, list[Path]] = {}
    for path in sorted({path.resolve() for path in wanted}):
        closed = next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)
        if closed and not any(path.is_relative_to(other) for other in behind.get(closed, ())):
            behind.setdefault(closed, []).append(path)
    for closed, paths in behind.items():
        kept = [(path, tempfile.mkdtemp(prefix="ordinary-user-")) for path in paths]
        for path, place in kept:
            linux.mount(path, place, None, linux.MS_BIND | linux.MS_REC)
        linux.mount("open", closed, "tmpfs", 0, "mode=755,size=1m")
        for path, place in kept:
            path.mkdir(parents=True)
            linux.mount(place, path, None, linux.MS_BIND | linux.MS_REC)


def run_pytest(folder: Path, arguments: list[str]) -> None:
    """Become the user and pytest. Never returns."""
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    os.chdir(folder / "checkout")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-p", "no:cacheprovider", f"--basetemp={folder / 'temporary'}"]
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *options, *arguments], environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
