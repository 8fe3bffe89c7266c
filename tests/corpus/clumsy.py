"""The honest and clumsy: submissions with right functions in odd files, odd notebooks, odd cells and an odd style.

Each row of ``CLUMSY`` says what is odd, how it is made, what it earns, and what the student must be told.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from autograder.release.notebooks import notebook_bytes
from tests.corpus.small import BARLOW_TWINS, EUCLIDEAN, FULL, HONEST, IMPORTS, NT_XENT, hand_in, notebook

MB = 2**20
Build = Callable[[Path], Path]
NOTEBOOK = notebook_bytes(notebook(HONEST))
# The notebook as students get it, with no function written.
UNTOUCHED = notebook_bytes(
    notebook(
        f"def {name}(a, b, c):\n    raise NotImplementedError('write {name}')"
        for name in ("nt_xent", "barlow_twins", "nt_xent_euclidean")
    )
)
NOBODY_READS = os.geteuid() != 0


@dataclass(frozen=True)
class Clumsy:
    """One submission. ``build`` makes it in an empty folder; ``told`` is in the student's remarks or messages."""

    id: str
    what: str
    build: Build
    earns: float = FULL
    told: str = ""


# --- ways to make one ----------------------------------------------------------------------------------------------


def tree(files: Mapping[str, bytes | str]) -> Build:
    """A folder with these files."""

    def build(folder: Path) -> Path:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
        return folder

    return build


def bare(name: str, content: bytes = NOTEBOOK) -> Build:
    """The notebook alone, under this name."""
    return lambda folder: tree({name: content})(folder) / name


def zipped(*entries: tuple[str, bytes], name: str = "hw.zip") -> Build:
    """A zip file of these entries, whose names are taken as they are."""
    return bare(name, archive(*entries))


def archive(*entries: tuple[str, bytes]) -> bytes:
    """The bytes of a zip file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.filename = name  # as it is: ZipInfo would mend it
            file.writestr(info, content)
    return made.getvalue()


def cells(*sources: str, files: Mapping[str, bytes] | None = None) -> Build:
    """A notebook of these cells."""
    return lambda folder: hand_in(folder, map(dedent, sources), files)


def around(source: str, files: Mapping[str, bytes] | None = None) -> Build:
    """The honest notebook with one more cell before its functions, and the same cell again at its end."""
    return cells(source, *HONEST, source, files=files)


def within(source: str) -> Build:
    """The honest notebook in one single cell that begins with ``source``."""
    return cells("\n".join([dedent(source), *HONEST]))


def nt_xent(source: str, files: Mapping[str, bytes] | None = None) -> Build:
    """The honest notebook with another ``nt_xent``."""
    return cells(IMPORTS, source, BARLOW_TWINS, EUCLIDEAN, files=files)


def changed(change: Callable[[dict], object]) -> Build:
    """The honest notebook, its JSON changed in place."""

    def build(folder: Path) -> Path:
        content = json.loads(NOTEBOOK)
        change(content)
        return bare("simclr.ipynb", json.dumps(content).encode())(folder)

    return build


def encoded(encoding: str, mark: bytes = b"") -> Build:
    """The honest notebook with umlauts in its first cell, in another encoding."""
    text = json.dumps(with_first_line("# größer als Straße\n"), ensure_ascii=False)
    return bare("simclr.ipynb", mark + text.encode(encoding))


def with_first_line(line: str) -> dict:
    """The honest notebook's JSON with a first line in its first cell."""
    content = json.loads(NOTEBOOK)
    content["cells"][0]["source"] = line + "".join(content["cells"][0]["source"])
    return content


def every_cell(**fields: object) -> Callable[[dict], None]:
    """A change that sets fields of every cell."""
    return lambda content: [cell.update(fields) for cell in content["cells"]]


def with_cells(*more: object) -> Callable[[dict], None]:
    """A change that adds cells at both ends."""
    return lambda content: content.update(cells=[*more, *content["cells"], *more])


def old_format(content: dict) -> None:
    """A change to format 3: worksheets, ``input`` for ``source``."""
    sheet = [
        {"cell_type": "code", "language": "python", "collapsed": False, "input": cell["source"], "outputs": []}
        for cell in content.pop("cells")
    ]
    content.update(nbformat=3, nbformat_minor=0, metadata={"name": ""}, worksheets=[{"cells": sheet, "metadata": {}}])


def text_output(text: str) -> dict:
    """A cell's output of printed text."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def file_without_rights(folder: Path) -> Path:
    """Beside the notebook lies a file that not even its owner may read."""
    tree({"simclr.ipynb": NOTEBOOK, "private.txt": b"x"})(folder)
    (folder / "private.txt").chmod(0)
    return folder


def dangling_link(folder: Path) -> Path:
    """Beside the notebook lies a link to nothing."""
    tree({"simclr.ipynb": NOTEBOOK})(folder)
    (folder / "data").symlink_to(folder / "nowhere")
    return folder


def read_only_tree(folder: Path) -> Path:
    """Nothing in the folder may be written, and a cell reads what lies there."""
    built = nt_xent("from parts.losses import nt_xent", {"parts/losses.py": (IMPORTS + NT_XENT).encode()})(folder)
    for path in sorted(built.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return built


# --- the files -----------------------------------------------------------------------------------------------------

ENCODINGS = (
    Clumsy("utf-8-mark", "UTF-8 with a byte-order mark", encoded("utf-8-sig")),
    Clumsy("utf-16-le-mark", "UTF-16 as Windows' Notepad saves it", encoded("utf-16-le", b"\xff\xfe")),
    Clumsy("utf-16-be-mark", "UTF-16, big end first", encoded("utf-16-be", b"\xfe\xff")),
    Clumsy("utf-16-le", "UTF-16 without a mark", encoded("utf-16-le")),
    Clumsy("utf-16-be", "UTF-16 without a mark, big end first", encoded("utf-16-be")),
    Clumsy("utf-32", "UTF-32", encoded("utf-32")),
    Clumsy("latin-1", "Latin-1 with umlauts", encoded("latin-1")),
    Clumsy("cp1252", "Windows' code page", encoded("cp1252")),
    Clumsy("crlf", "Windows' line ends in the file", bare("simclr.ipynb", NOTEBOOK.replace(b"\n", b"\r\n"))),
    Clumsy("crlf-cells", "Windows' line ends in the cells", changed(
        lambda content: [c.update(source="".join(c["source"]).replace("\n", "\r\n")) for c in content["cells"]])),
    Clumsy("cr-cells", "old Macintosh line ends in a cell", cells(*(s.replace("\n", "\r") for s in HONEST))),
    Clumsy("surrogate-comment", "a lone surrogate in a comment", bare(
        "simclr.ipynb", json.dumps(with_first_line("# half an emoji: \ud83d\n")).encode())),
    Clumsy("surrogate-string", "a lone surrogate in a string that is printed", bare(
        "simclr.ipynb", json.dumps(with_first_line("print('half an emoji: \ud83d')\n")).encode())),
    Clumsy("broken-utf-8", "one byte that is no UTF-8", bare(
        "simclr.ipynb", json.dumps(with_first_line("# @@\n")).encode().replace(b"@@", b"\xed\xa0\x80\xff"))),
    Clumsy("nul", "NUL bytes in a cell and after the end", bare(
        "simclr.ipynb", json.dumps(with_first_line("# zero\0\n")).encode() + bytes(512))),
    Clumsy("no-break-space", "no-break spaces in a comment, a form feed between functions", nt_xent(
        "#\u00a0pasted\u00a0from a page\n\f" + NT_XENT)),
    Clumsy("emoji", "emoji in names of files, strings and comments", around("name = 'λ 🎉'  # 🎉\nprint(name)")),
)  # fmt: skip

FORMATS = (
    Clumsy("format-3", "notebook format 3", changed(old_format)),
    Clumsy("format-4.0", "format 4.0, cells without ids", changed(
        lambda content: (content.update(nbformat_minor=0), [cell.pop("id") for cell in content["cells"]]))),
    Clumsy("format-99", "a format of the future", changed(lambda content: content.update(nbformat=99))),
    Clumsy("no-format", "no format at all", changed(lambda content: (content.pop("nbformat"), content.pop("metadata")))),
    Clumsy("same-ids", "all cells have one id", changed(every_cell(id="cell"))),
    Clumsy("odd-ids", "ids that no id may be", changed(every_cell(id="not an id " * 20))),
    Clumsy("sources-text", "sources are text", changed(
        lambda content: [cell.update(source="".join(cell["source"])) for cell in content["cells"]])),
    Clumsy("sources-lines", "sources are lists of lines", changed(
        lambda content: [cell.update(source="".join(cell["source"]).splitlines(True)) for cell in content["cells"]])),
    Clumsy("source-null", "cells with no source, no metadata, no outputs", changed(
        with_cells({"cell_type": "code", "source": None}, {"cell_type": "code"}, {}, None, "cell"))),
    Clumsy("raw-cells", "raw, unknown and Markdown cells with Python in them", changed(with_cells(
        *({"cell_type": kind, "metadata": {}, "source": "nt_xent = None"} for kind in ("raw", "chart", "markdown"))))),
    Clumsy("metadata-null", "metadata null everywhere", changed(
        lambda content: (content.update(metadata=None), every_cell(metadata=None)(content)))),
    Clumsy("metadata-list", "metadata is a list, tags are text", changed(
        lambda content: (content.update(metadata=["x"]), every_cell(metadata={"tags": "important"})(content)))),
    Clumsy("outputs-20-mb", "20 MB of printed tensors in the outputs", changed(
        every_cell(outputs=[text_output("[0.1, 0.2], " * (20 * MB // 12 // 4))]))),
    Clumsy("outputs-odd", "outputs that are no outputs", changed(every_cell(outputs={"x": None}, execution_count="7"))),
    Clumsy("kernel-other", "the kernel is called R", changed(lambda content: content.update(metadata={
        "kernelspec": {"name": "ir", "display_name": "R", "language": "R"}, "language_info": {"name": "R"}}))),
    Clumsy("kernel-missing", "the kernel is one of the student's own", changed(lambda content: content.update(
        metadata={"kernelspec": {"name": "my-gpu-env", "display_name": "Python [conda env:gpu]"}}))),
    Clumsy("widgets-state", "saved state of widgets", changed(lambda content: content["metadata"].update(
        widgets={"application/vnd.jupyter.widget-state+json": {"state": {"a": {"model_name": "FloatProgressModel"}}}}))),
    Clumsy("locked-cells", "cells marked as locked, graded, not to be edited", changed(every_cell(
        metadata={"editable": False, "deletable": False, "nbgrader": {"grade": True, "points": 0, "locked": True}}))),
)  # fmt: skip

NAMES = (
    Clumsy("name-browser", "the browser's second download", bare("simclr (1).ipynb")),
    Clumsy("name-colab", "Colab's copy", tree({"Copy of simclr.ipynb": NOTEBOOK})),
    Clumsy("name-upper", "capital letters", tree({"SIMCLR.IPYNB": NOTEBOOK})),
    Clumsy("name-umlaut", "umlauts, spaces and an emoji", bare("Übung 3 – Käthe Größe 🎉.ipynb")),
    Clumsy("name-own", "only the student's own name", tree({"jane_doe_hw3_final_FINAL.ipynb": NOTEBOOK})),
    Clumsy("name-long", "a name of 200 letters", bare("x" * 200 + ".ipynb")),
    Clumsy("name-latin-1", "a file name that is no UTF-8", tree({os.fsdecode(b"sch\xf6n.ipynb"): NOTEBOOK})),
    Clumsy("two-scratch", "a scratch notebook beside it", tree(
        {"simclr.ipynb": NOTEBOOK, "scratch.ipynb": UNTOUCHED}), told="simclr.ipynb was graded"),
    Clumsy("two-copy", "Colab's copy and a scratch notebook", tree(
        {"Copy of simclr.ipynb": NOTEBOOK, "a.ipynb": UNTOUCHED}), told='"Copy of simclr.ipynb" was graded'),
    Clumsy("two-same", "the same notebook twice, neither by its name", tree(
        {"simclr (1).ipynb": NOTEBOOK, "simclr (2).ipynb": NOTEBOOK}), told="2 notebooks"),
    Clumsy("two-same-folders", "the same notebook in two folders", tree(
        {"a/simclr.ipynb": NOTEBOOK, "b/simclr.ipynb": NOTEBOOK}), told="a/simclr.ipynb was graded"),
    Clumsy("two-checkpoint", "the untouched notebook in Jupyter's folder of checkpoints", tree(
        {"simclr.ipynb": NOTEBOOK, ".ipynb_checkpoints/simclr-checkpoint.ipynb": UNTOUCHED})),
    Clumsy("two-solution", "the worked notebook is called _solution, the untouched one by its name", tree(
        {"simclr.ipynb": UNTOUCHED, "simclr_solution.ipynb": NOTEBOOK}),
        earns=0, told="There are 2 notebooks; simclr.ipynb was graded"),  # the name decides, and the student is told
    Clumsy("two-unclear", "two different notebooks with names of their own", tree(
        {"mine.ipynb": NOTEBOOK, "yours.ipynb": UNTOUCHED}), earns=0, told="rename the one to grade to simclr.ipynb"),
)  # fmt: skip

PACKING = (
    Clumsy("folders", "the notebook three folders deep", tree({"a/b c/ü/simclr.ipynb": NOTEBOOK})),
    Clumsy("folder-beside", "the notebook in a folder, a report beside that folder", tree(
        {"code/simclr.ipynb": NOTEBOOK, "report.pdf": b"%PDF"})),
    Clumsy("zip", "a zip file of the notebook", zipped(("simclr.ipynb", NOTEBOOK))),
    Clumsy("zip-folder", "a zip file of a folder", zipped(("hw/", b""), ("hw/simclr.ipynb", NOTEBOOK))),
    Clumsy("zip-mac", "what a Macintosh puts into a zip file", zipped(
        ("hw/simclr.ipynb", NOTEBOOK), ("__MACOSX/hw/._simclr.ipynb", b"\0\5\x16\7"), ("hw/.DS_Store", b"Bud1"))),
    Clumsy("zip-windows", "backslashes in a zip file", zipped(
        ("hw\\simclr.ipynb", NOTEBOOK), ("hw\\figures\\loss.png", b"x"))),
    Clumsy("zip-zip", "a zip file in a zip file", zipped(("hw.zip", archive(("hw/simclr.ipynb", NOTEBOOK))))),
    Clumsy("zip-in-folder", "a zip file in a folder", tree(
        {"Jane.zip": archive(("simclr.ipynb", NOTEBOOK)), "readme.txt": b"see the zip"})),
    Clumsy("zip-suffix", "a zip file called .ipynb.ZIP", zipped(("simclr.ipynb", NOTEBOOK), name="simclr.ipynb.ZIP")),
    Clumsy("zip-no-suffix", "a zip file without a suffix", zipped(("simclr.ipynb", NOTEBOOK), name="submission")),
    Clumsy("zip-latin-1", "a zip file with an umlaut in an old code page", bare(
        "hw.zip", archive(("sch@n.ipynb", NOTEBOOK)).replace(b"sch@n", b"sch\x94n"))),
    Clumsy("stray", "a report, a film, weights and a data set beside it", tree({
        "simclr.ipynb": NOTEBOOK, "report.pdf": b"%PDF-1.7", "demo.mp4": bytes(MB), "best.pt": bytes(MB),
        "data/cifar-10-batches-py/data_batch_1": bytes(MB), "Thumbs.db": b"x", ".DS_Store": b"x", ".git/HEAD": b"x"})),
    Clumsy("stray-large", "weights that are too large", lambda folder: (
        tree({"simclr.ipynb": NOTEBOOK, "best.pt": b""})(folder), os.truncate(folder / "best.pt", 200 * MB))[0],
        told="larger than 100 MB"),
    Clumsy("stray-library", "files called like libraries", tree({
        "simclr.ipynb": NOTEBOOK, **{f"{name}.py": "raise SystemExit('not the library')"
        for name in ("torch", "json", "sitecustomize", "conftest", "random", "types")},
        "numpy/__init__.py": "raise SystemExit", "torch/nn/functional.py": "raise SystemExit"})),
    Clumsy("no-rights", "a file that cannot be read", file_without_rights,
        told="private.txt was left out" if NOBODY_READS else ""),
    Clumsy("dangling", "a link to nothing", dangling_link, told="data was left out: it is a link"),
    Clumsy("read-only", "a tree without a right to write", read_only_tree),
    Clumsy("empty", "an empty folder", tree({}), earns=0, told="hand in simclr.ipynb"),
    Clumsy("python-file", "the notebook as a script", tree({"simclr.py": "x"}), earns=0, told="no notebook"),
)  # fmt: skip

# --- what cells do to everybody ------------------------------------------------------------------------------------

STATES = {
    "dtype": "torch.set_default_dtype(torch.float64)",
    "tensor-type": "torch.set_default_tensor_type(torch.DoubleTensor)",
    "no-grad": "torch.set_grad_enabled(False)",
    "device": "torch.set_default_device('cuda' if torch.cuda.is_available() else 'cpu')",
    "device-cuda": "torch.set_default_device('cuda')",
    "device-meta": "torch.set_default_device('meta')",
    "seed": "import random, numpy as np\ntorch.manual_seed(7); random.seed(7); np.random.seed(7)",
    "chdir": "import os\nos.makedirs('elsewhere', exist_ok=True)\nos.chdir('elsewhere')",
    "chdir-gone": "import os, tempfile\nwith tempfile.TemporaryDirectory() as t: os.chdir(t)",
    "warnings": "import warnings\nwarnings.simplefilter('error')",
    "seterr": "import numpy as np\nnp.seterr(all='raise')",
    "style": "import matplotlib.pyplot as plt\nplt.style.use('ggplot')\nplt.rcParams['figure.dpi'] = 300",
    "locale": "import locale\nlocale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')",
    "stdout": "import sys, io\nsys.stdout = sys.stderr = io.StringIO()",
    "stdout-closed": "import sys\nsys.stdout = open('log.txt', 'w')\nsys.stdout.close()",
    "logging": "import logging, sys\nlogging.basicConfig(level=1, stream=sys.stdout, force=True)\nlogging.debug('x')",
    "recursion": "import sys\nsys.setrecursionlimit(10**6)",
    "gc": "import gc\ngc.disable()\ngc.set_threshold(1)",
    "threads": "torch.set_num_threads(8)\ntorch.set_num_interop_threads(4)",
    "environment": "import os\nos.environ.update(CUDA_VISIBLE_DEVICES='3', OMP_NUM_THREADS='64', HOME='/nowhere')",
    "environment-empty": "import os\nos.environ.clear()",
    "cudnn": "torch.backends.cudnn.benchmark = True\ntorch.backends.cudnn.deterministic = True\n"
    "torch.backends.cuda.matmul.allow_tf32 = True\ntorch.use_deterministic_algorithms(True)",
    "precision": "torch.set_float32_matmul_precision('medium')\ntorch.set_flush_denormal(True)",
    "autocast": "torch.autocast('cpu', dtype=torch.bfloat16).__enter__()",
    "anomaly": "torch.autograd.set_detect_anomaly(True)\ntorch.set_printoptions(precision=9, sci_mode=False)",
    "spawn": "import torch.multiprocessing as mp\nmp.set_start_method('spawn')",
    "builtins": "sum = 0\nlist = [1]\nmax = min = len = None\ninput = int = 3\nid = type = 'x'",
    "print": "print = lambda *words, **_: None",
    "unlimited": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (9**9, 9**9))",
    "thread": "import threading, time\nthreading.Thread(target=lambda: time.sleep(99), daemon=True).start()",
    "exit-hook": "import atexit\natexit.register(lambda: 1 / 0)",
    "alarm": "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
    "trace": "import sys\nsys.settrace(lambda *_: None)",
    "tk": "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()",
    "mac": "import matplotlib\nmatplotlib.use('MacOSX')",
    "nbagg": "import matplotlib\nmatplotlib.use('nbAgg')\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()",
}
GLOBAL_STATE = tuple(
    Clumsy(f"state-{name}", f"a cell changes what holds for everybody ({name})", around("import torch\n" + source))
    for name, source in STATES.items()
)

# --- what Jupyter and Colab offer ----------------------------------------------------------------------------------

JUPYTER = (
    Clumsy("magic-first-line", "magics in the cell of the imports", within(
        "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n%config InlineBackend.figure_format = 'retina'"),
        told='"%matplotlib inline" has no effect'),
    Clumsy("magic-widget", "interactive figures", around(
        "%matplotlib widget\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2]);\nplt.show();")),
    Clumsy("magic-time", "%%time over the functions", within("%%time")),
    Clumsy("magic-capture", "%%capture with a name over the functions, shown later", cells(
        "%%capture out\n" + "\n".join(HONEST), "out.show()")),
    Clumsy("magic-line-time", "%time and %timeit", cells(
        *HONEST, "%time x = nt_xent(torch.randn(4, 8), torch.randn(4, 8), 0.5)", "%timeit -n 1 -r 1 x.exp()")),
    Clumsy("magic-cd", "%cd, %env, %pwd, %who", around("%cd /content\n%env CUDA_VISIBLE_DEVICES=0\n%pwd\n%who")),
    Clumsy("magic-unknown", "a magic that nobody knows", within("%my_magic 1 2 3\n%load_ext lab_black")),
    Clumsy("magic-bash", "a cell of another language", around("%%bash\nnvidia-smi\nls -la"), told="%%bash"),
    Clumsy("magic-html", "a cell of HTML", around("%%html\n<style>div { color: red }</style>")),
    Clumsy("magic-writefile", "%%writefile makes the module that is imported", cells(
        "%%writefile losses.py\n" + "\n".join(HONEST), "from losses import *")),
    Clumsy("magic-writefile-append", "%%writefile -a, in a folder of its own", cells(
        "import os\nos.makedirs('my losses', exist_ok=True)", f"%%writefile 'my losses/a.py'\n{IMPORTS}{NT_XENT}",
        f"%%writefile -a 'my losses/a.py'\n{BARLOW_TWINS}{EUCLIDEAN}",
        "import sys\nsys.path.insert(0, 'my losses')\nfrom a import nt_xent, barlow_twins, nt_xent_euclidean")),
    Clumsy("magic-run", "%run of a script beside the notebook", cells(
        "%run -i losses.py", files={"losses.py": "\n".join(HONEST).encode()})),
    Clumsy("magic-run-notebook", "%run of a notebook beside it, with a cell that fails", cells(
        "%run ./other.ipynb", "z = nt_xent(torch.randn(4, 8), torch.randn(4, 8), 0.5)",
        files={"other.ipynb": notebook_bytes(notebook(("%matplotlib inline\n!pip install x", "1 / 0", *HONEST)))})),
    Clumsy("magic-run-helpers", "%run of a notebook with half of the answers", cells(
        IMPORTS + NT_XENT, "%run -i 'my helpers.ipynb'",
        files={"my helpers.ipynb": notebook_bytes(notebook((IMPORTS, BARLOW_TWINS, EUCLIDEAN)))})),
    Clumsy("magic-run-name", "%run of a script without its suffix", cells(
        "%run losses", files={"losses.py": "\n".join(HONEST).encode()})),
    Clumsy("shell", "!pip, !nvidia-smi, and shell in an if", within(
        "!pip install -q lightly einops\n!nvidia-smi\nif True:\n    !ls -la"), told='"!nvidia-smi" has no effect'),
    Clumsy("shell-assigned", "x = !ls, and x is used", within(
        "files = !ls *.pt\nfor file in files:\n    print(file)\nprint(files, len(files))")),
    Clumsy("shell-bare", "pip install without a sign in a cell of its own", around("pip install torch torchvision")),
    Clumsy("help", "?name, name?, name??", cells(*HONEST, "?nt_xent", "nt_xent?", "barlow_twins??\nx = 1")),
    Clumsy("await", "await outside a function, and functions after it", within(
        "import asyncio\nawait asyncio.sleep(0)\nx = [await asyncio.sleep(0, k) for k in range(3)]\n"
        "async with asyncio.Lock():\n    pass")),
    Clumsy("input", "input() before the functions of the same cell", within(
        "epochs = input('How many epochs? ')"), told="keyboard"),
    Clumsy("display", "display, HTML, images, clear_output", within(
        "from IPython.display import display, HTML, Image, clear_output\ndisplay(HTML('<b>x</b>'))\n"
        "display({'a': 1}); clear_output(wait=True)\nImage(filename='nowhere.png')")),
    Clumsy("ipython-settings", "settings of the shell", within(
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.ast_node_interactivity = 'all'\nget_ipython().ast_node_interactivity = 'all'")),
    Clumsy("widgets", "widgets", within(
        "import ipywidgets as widgets\nfrom ipywidgets import interact, Output\n@interact(x=(0, 10))\n"
        "def show(x=3):\n    print(x)\nslider = widgets.IntSlider(value=3)\nwith Output():\n    print(1)\n"
        "slider.observe(show, names='value')")),
    Clumsy("tqdm", "progress bars of every kind", within(
        "from tqdm.notebook import tqdm, trange\nfrom tqdm.auto import tqdm as auto\nfrom tqdm import tqdm_notebook\n"
        "bar = tqdm(range(3), desc='x')\nfor i in bar:\n    bar.set_postfix(i=i)\nfor i in auto(trange(2)): pass")),
    Clumsy("show", "figures shown and saved", within(
        "import matplotlib.pyplot as plt\nplt.figure(); plt.plot([1, 2]); plt.show(); plt.pause(0.01)\n"
        "plt.savefig('figure.png')\nplt.ion()")),
    Clumsy("colab-drive", "Colab's drive is mounted first", within(
        "from google.colab import drive\ndrive.mount('/content/drive')\nimport os\n"
        "os.chdir('/content/drive/MyDrive/hw3')"), told="google"),
    Clumsy("colab-detected", "Colab is asked for in the usual ways", within(
        "try:\n    import google.colab\n    IN_COLAB = True\nexcept ImportError:\n    IN_COLAB = False\n"
        "import sys\nif 'google.colab' in sys.modules or 'google.colab' in str(get_ipython()):\n"
        "    raise RuntimeError('this is not Colab')\nfrom google.colab import files\nfiles.download('simclr.ipynb')")),
    Clumsy("colab-paths", "Colab's folders", within(
        "import sys, json\nsys.path.append('/content/drive/MyDrive')\n"
        "config = json.load(open('/content/drive/MyDrive/config.json'))")),
    Clumsy("windows-paths", "Windows' folders", within(
        "import os\nos.chdir(r'C:\\Users\\Jane\\hw3')\nDATA = 'C:\\\\Users\\\\Jane\\\\data'\nopen(DATA + '\\\\x.csv')")),
    Clumsy("gpu", "a GPU is asked for by assert, and used", within(
        "import torch\nassert torch.cuda.is_available(), 'switch on the GPU'\n"
        "print(torch.cuda.get_device_name(0))\nmodel = torch.nn.Linear(2, 2).cuda()")),
    Clumsy("gpu-exit", "without a GPU the cell exits", within(
        "import torch, sys\nif not torch.cuda.is_available():\n    sys.exit('no GPU')")),
    Clumsy("public-checks", "Otter's checks, exported at the end", around(
        "import otter\ngrader = otter.Notebook('simclr.ipynb')\ngrader.check('q1a')\ngrader.check_all()\n"
        "grader.export(run_tests=True)")),
    Clumsy("compile", "torch.compile in each of its forms", cells(
        IMPORTS, "@torch.compile" + NT_XENT, "@torch.compile(dynamic=True, mode='reduce-overhead')" + BARLOW_TWINS,
        EUCLIDEAN, "nt_xent_euclidean = torch.compile(nt_xent_euclidean)")),
)  # fmt: skip

# --- cells that go wrong -------------------------------------------------------------------------------------------

LONG = "text = 'x' * 99 + '\\n'\nfor _ in range(200_000): print(text, end='')"
FAILING = (
    Clumsy("error-first", "an error before the functions of the same cell", within("1 / 0"), told="ZeroDivisionError"),
    Clumsy("error-between", "errors between the functions of one cell", cells("\n1 / 0\n".join(HONEST))),
    Clumsy("error-cells", "a cell that fails between all others", cells(
        *(cell for source in HONEST for cell in (source, "undefined_name + 1"))), told="Cells 2, 4, 6 and 8: each raised"),
    Clumsy("error-syntax", "a cell that is no Python", around("def broken(:\n    pass"), told="SyntaxError"),
    Clumsy("error-syntax-same", "one function in a cell with a syntax error", cells(
        IMPORTS, NT_XENT + "\nx = = 3", BARLOW_TWINS, EUCLIDEAN), earns=12, told="SyntaxError"),  # no nt_xent, as in Jupyter
    Clumsy("error-markdown", "text in a code cell", around("# Answer\nThe loss isn't small, because τ is small.")),
    Clumsy("error-python-2", "Python 2", around("print 'loss', 0.5")),
    Clumsy("error-return", "lines of a function pasted below it", nt_xent(NT_XENT + "\nloss = 3\nreturn loss")),
    Clumsy("error-recursion", "a recursion without end", within("def f():\n    return f()\nf()")),
    Clumsy("error-memory", "far too much memory", within("x = bytearray(10**12)\nimport torch\ntorch.zeros(10**12)")),
    Clumsy("error-odd", "an exception that cannot be printed", within(
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise_it = E()\n"
        "def go(): raise raise_it\ngo()")),
    Clumsy("error-traceback", "a printed traceback and a group of exceptions", within(
        "import traceback, sys\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\n"
        "def go(): raise ExceptionGroup('two', [ValueError(1), TypeError(2)])\ngo()")),
    Clumsy("exit", "sys.exit(), exit(), quit() in cells of their own", cells(
        "import sys", "sys.exit(0)", HONEST[0], "exit()", HONEST[1], "quit()", *HONEST[2:], "raise SystemExit"),
        told="SystemExit"),
    Clumsy("exit-first", "exit() before the functions of the same cell, which Jupyter still runs", within("exit()")),
    Clumsy("stop", "a cell that stops Run All, and old attempts below it in the same cell", cells(
        *HONEST, "raise SystemExit('stop here')\ndef nt_xent(a, b, t):\n    return 0", "assert False")),
    Clumsy("interrupted", "KeyboardInterrupt out of a cell", around("raise KeyboardInterrupt")),
    Clumsy("loop", "an endless loop in a cell of its own", cells(*HONEST, "while True: pass"), told="stopped after 2"),
    Clumsy("loop-first", "an endless loop before the functions of the same cell", within(
        "step = 0\nwhile True:\n    step += 1"), told="stopped after 2"),
    Clumsy("loop-stubborn", "an endless loop that catches everything, then functions", cells(
        "\n".join(HONEST), "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except:\n        pass")),
    Clumsy("training", "a training loop over the functions, outside any function", cells(
        *HONEST, "w = torch.randn(8, 8, requires_grad=True)\noptimizer = torch.optim.Adam([w])\n"
        "for epoch in range(10**6):\n    x = torch.randn(16, 8)\n    loss = nt_xent(x @ w, x, 0.5)\n"
        "    optimizer.zero_grad(); loss.backward(); optimizer.step()"), told="stopped after 2"),
    Clumsy("sleep", "a cell that sleeps", cells(*HONEST, "import time\ntime.sleep(100)"), told="stopped after 2"),
    Clumsy("prints", "20 MB of prints", around(LONG)),
    Clumsy("prints-stderr", "20 MB on stderr and by file descriptor", around(
        "import os, sys\nfor _ in range(2000):\n    sys.stderr.write('y' * 5000)\n    os.write(1, b'x' * 5000)")),
    Clumsy("download", "data that would be downloaded", within(
        "import torchvision\ntrain = torchvision.datasets.CIFAR10('data', download=True)\nprint(len(train))")),
    Clumsy("missing-data", "data and weights that are not there", within(
        "import torch, numpy as np\nstate = torch.load('best.pt')\nx = np.load('data/train.npy')\nprint(x.shape)")),
    Clumsy("missing-library", "libraries that are not installed", within(
        "import lightning\nimport wandb as w\nw.init(project='simclr')\nfrom einops import rearrange")),
    Clumsy("programs", "programs are started", within(
        "import subprocess, os\nos.system('nvidia-smi')\nsubprocess.run(['git', 'rev-parse', 'HEAD'], check=True)")),
    Clumsy("workers", "a pool of processes", within(
        "import multiprocessing as mp\nfrom torch.utils.data import DataLoader\n"
        "for _ in DataLoader(range(8), 4, num_workers=2, pin_memory=True): pass\nmp.get_context('spawn').Pool(2)")),
    Clumsy("overwrites", "a cell writes over a file that was handed in", around(
        "with open('metrics.json', 'w') as file:\n    file.write('{}')", {"metrics.json": b'{"pretrain": []}'})),
)  # fmt: skip

# --- how the functions are written ---------------------------------------------------------------------------------

STUB = "def nt_xent(z_i, z_j, temperature):\n    raise NotImplementedError\n"
BODY = "\n".join("    " + line for line in NT_XENT.strip().splitlines())
RENAMED = NT_XENT.replace("def nt_xent", "def _loss")
STYLES = (
    Clumsy("defined-twice", "a wrong attempt in the same cell, before the right one", nt_xent(STUB + NT_XENT)),
    Clumsy("defined-later", "the stub stays, the function stands in the last cell", cells(
        IMPORTS, STUB, BARLOW_TWINS, EUCLIDEAN, NT_XENT)),
    Clumsy("defined-before-imports", "functions first, imports last", cells(*reversed(HONEST))),
    Clumsy("one-cell", "everything in one cell", cells("\n".join(HONEST))),
    Clumsy("many-cells", "hundreds of cells", cells(*HONEST, *(f"x{k} = {k}" for k in range(300)))),
    Clumsy("helper-file", "the functions in a file beside the notebook", cells(
        "from losses import nt_xent, barlow_twins, nt_xent_euclidean", files={"losses.py": "\n".join(HONEST).encode()})),
    Clumsy("helper-star", "from utils import *, reloaded", cells(
        "import utils, importlib\nimportlib.reload(utils)\nfrom utils import *",
        files={"utils.py": "\n".join(HONEST).encode()})),
    Clumsy("helper-package", "the functions in a package with relative imports", cells(
        "import sys\nsys.path.insert(0, '.')\nfrom mylib import *", files={
            "mylib/__init__.py": b"from .parts.losses import *\n", "mylib/parts/__init__.py": b"",
            "mylib/parts/losses.py": "\n".join(HONEST).encode()})),
    Clumsy("helper-folder", "a folder without __init__.py, put on the path", cells(
        "import sys, os\nsys.path.append(os.path.join(os.getcwd(), 'src'))\nfrom losses import *",
        files={"src/losses.py": "\n".join(HONEST).encode()})),
    Clumsy("data-file", "a file beside the notebook is read inside the function", nt_xent(
        "import json\n" + NT_XENT.replace("    n =", "    json.load(open('config.json'))['tau']\n    n ="),
        {"config.json": b'{"tau": 0.5}'})),
    Clumsy("lambda", "a lambda", nt_xent(RENAMED + "\nnt_xent = lambda a, b, t: _loss(a, b, t)")),
    Clumsy("partial", "functools.partial", nt_xent(
        "import functools\n" + RENAMED.replace("(z_i", "(scale, z_i") + "\nnt_xent = functools.partial(_loss, 1)")),
    Clumsy("callable", "an object with __call__", nt_xent(
        "class Loss:\n    def __call__(self, z_i, z_j, temperature):\n"
        + "\n".join("    " + line for line in NT_XENT.strip().splitlines()[1:]) + "\nnt_xent = Loss()")),
    Clumsy("module", "an nn.Module", nt_xent(
        RENAMED + "\nclass Loss(torch.nn.Module):\n    def forward(self, a, b, t):\n        return _loss(a, b, t)\n"
        "nt_xent = Loss()")),
    Clumsy("method", "a static method", nt_xent(
        f"class Losses:\n    @staticmethod\n{BODY}\nnt_xent = Losses.nt_xent")),
    Clumsy("nested", "a function made by a function", nt_xent(
        f"def make():\n{BODY}\n    return nt_xent\nnt_xent = make()")),
    Clumsy("recursive-name", "a name bound to itself", nt_xent(NT_XENT + "\nnt_xent = nt_xent\nloss = nt_xent")),
    Clumsy("decorated", "a decorator that prints and measures", nt_xent(
        "import functools, time\ndef timed(f):\n    @functools.wraps(f)\n    def inner(*args, **kwargs):\n"
        "        start = time.time()\n        result = f(*args, **kwargs)\n        print('took', time.time() - start)\n"
        "        return result\n    return inner\n@timed" + NT_XENT)),
    Clumsy("script", "torch.jit.script", nt_xent("@torch.jit.script" + NT_XENT.replace(
        "temperature)", "temperature: float)", 1))),
    Clumsy("enable-grad", "torch.enable_grad as decorator", nt_xent("@torch.enable_grad()" + NT_XENT)),
    Clumsy("future", "annotations that name what is not there", cells(
        "from __future__ import annotations\n" + IMPORTS, NT_XENT.replace(
            "z_i, z_j, temperature)", 'z_i: Float[Tensor, "n d"], z_j: Float[Tensor, "n d"], temperature: float)'
            ' -> Float[Tensor, ""]'), BARLOW_TWINS, EUCLIDEAN)),
    Clumsy("future-late", "from __future__ in a later cell and after other lines", cells(
        IMPORTS, "x = 1\nfrom __future__ import annotations\ndef f(a: Nowhere): pass", *HONEST[1:])),
    Clumsy("defaults", "more arguments, with defaults", nt_xent(
        NT_XENT.replace("temperature)", "temperature=0.5, *, eps=1e-8, reduction='mean', **kwargs)"))),
    Clumsy("positional", "positional-only arguments by other names", nt_xent(
        NT_XENT.replace("z_i, z_j, temperature)", "u, v, tau, /)").replace(
            "    n =", "    z_i, z_j, temperature = u, v, tau\n    n ="))),
    Clumsy("globals-later", "globals that a later cell defines", cells(
        IMPORTS, NT_XENT.replace('float("-inf")', "MINUS_INFINITY"), BARLOW_TWINS, EUCLIDEAN,
        "MINUS_INFINITY = float('-inf')")),
    Clumsy("device-global", "a global device, after a line that fails", cells(
        "print(torch.__version__)\nimport torch\ndevice = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        IMPORTS, NT_XENT.replace("[z_i, z_j]", "[z_i.to(device), z_j.to(device)]"), BARLOW_TWINS, EUCLIDEAN)),
    Clumsy("main", 'if __name__ == "__main__"', cells(
        "if __name__ == '__main__':\n" + "\n".join("    " + line for line in "\n".join(HONEST).splitlines()))),
    Clumsy("stars", "star imports that hide each other", cells(
        "from torch import *\nfrom math import *\nfrom numpy import *\nfrom torch.nn.functional import *\n" + IMPORTS,
        *(source.replace('float("-inf")', "-inf") for source in HONEST[1:]))),  # torch's star brings a float of its own
    Clumsy("numpy", "NumPy for what carries no gradient", nt_xent(
        "import numpy as np\n" + NT_XENT.replace(
            "torch.arange(2 * n).roll(n)", "torch.from_numpy(np.roll(np.arange(2 * n), n))"))),
    Clumsy("talkative", "prints, figures and files within the function", nt_xent(
        "import matplotlib.pyplot as plt\n" + NT_XENT.replace(
            "    n =", "    print('z', z_i, z_j)\n    plt.figure(); plt.show(); plt.close('all')\n"
            "    open('log.txt', 'a').write('called')\n    n ="))),
    Clumsy("double", "float64 inside, cast back", nt_xent(
        NT_XENT.replace("def nt_xent", "def _loss")
        + "\ndef nt_xent(a, b, t):\n    return _loss(a.double(), b.double(), t).to(a.dtype)")),
    Clumsy("typed", "dataclasses, protocols and type variables around it", nt_xent(
        "from dataclasses import dataclass, field\nfrom typing import NamedTuple, TypeVar, Protocol\nT = TypeVar('T')\n"
        "@dataclass\nclass Config:\n    tau: float = 0.5\n    steps: list = field(default_factory=list)\n"
        "class Pair(NamedTuple):\n    a: int\nclass Loss(Protocol):\n    def __call__(self) -> int: ...\n"
        "config = Config()" + NT_XENT)),
    Clumsy("pickled", "classes of the notebook are pickled and copied", nt_xent(
        "import pickle, copy, io\nclass Net(torch.nn.Linear): pass\nnet = Net(2, 2)\nbuffer = io.BytesIO()\n"
        "torch.save(net, buffer)\ncopy.deepcopy(net)\npickle.loads(pickle.dumps(net))" + NT_XENT)),
    Clumsy("tabs", "tabs, long lines and semicolons", nt_xent(
        NT_XENT.replace("    ", "\t") + ";x = [" + "1, " * 5_000 + "]; y = 2;")),
    Clumsy("matched", "match, walrus and f-strings of the newest style", nt_xent(
        "match 3:\n    case int() as k if (m := k):\n        print(f'{m=}')" + NT_XENT)),
)  # fmt: skip

# --- names that later cells rebind, answers in cells that are not run, notebooks that are large ---------------------

NORMAL = NT_XENT.replace("F.normalize(", "unit_rows(")
UNIT_ROWS = "def unit_rows(z, dim):\n    return z / z.norm(dim=dim, keepdim=True)"


def marked(*marks: int) -> Callable[..., Build]:
    """Notebooks of cells, of which these, counted from 0, have the tag skip-grading."""

    def build_of(*sources: str) -> Build:
        made = notebook(sources)
        for place in marks:
            made.cells[place].metadata["tags"] = ["skip-grading", "q1a"]
        return bare("simclr.ipynb", notebook_bytes(made))

    return build_of


NAMES_AGAIN = (
    Clumsy("rebound-builtin", "float is a number at the end", cells(*HONEST, "float = 2.5"),
        told='Cell 5 rebinds "float", which your nt_xent uses; q1a was tested again without that cell.'),
    Clumsy("rebound-helper", "a helper of the answer gets another meaning", cells(
        IMPORTS, UNIT_ROWS, NORMAL, BARLOW_TWINS, EUCLIDEAN, "unit_rows = torch.randn(3, 4)"), told='rebinds "unit_rows"'),
    Clumsy("rebound-attribute", "a function of a library is replaced at the end", cells(
        *HONEST, "F.cross_entropy = F.mse_loss"), told='Cell 5 rebinds "F"'),
    Clumsy("rebound-loop", "a loop's variable is called like a library", cells(
        *HONEST, "for torch in range(3):\n    pass"), told='Cell 5 rebinds "torch"'),
    Clumsy("rebound-star", "torch's star brings a float of its own, at the end", cells(
        *HONEST, "from torch import *"), told='rebinds names by "import *"'),
    Clumsy("rebound-result", "the result is called like the function", cells(
        *HONEST, "nt_xent = nt_xent(torch.randn(4, 8), torch.randn(4, 8), 0.5)"), told='Cell 5 rebinds "nt_xent"'),
    Clumsy("rebound-twice", "two cells rebind what three answers use", cells(
        *HONEST, "F = None", "float = 1"), told='Cell 6 rebinds "float", which your nt_xent uses'),
    Clumsy("rebound-before", "the answer was written with the name as it is", cells("float = float", *HONEST)),
    Clumsy("checked-answer", "the answer stands in the cell of its check", marked(1)(
        IMPORTS, NT_XENT + 'grader.check("q1a")', BARLOW_TWINS, EUCLIDEAN), told="Cell 2: because of the tag"),
    Clumsy("checked-only-answers", "all answers have the tag", marked(1, 2, 3)(*HONEST)),
    Clumsy("checked-helper", "half of a split cell of training holds what the answer needs", marked(1, 2)(
        IMPORTS, "assert torch.cuda.is_available()\nTINY = float('-inf') + len('x' * 3)", UNIT_ROWS,
        NORMAL.replace('float("-inf")', "TINY"), BARLOW_TWINS, EUCLIDEAN), told="Cell 2: because of the tag"),
    Clumsy("checked-made", "the answer is made, not defined, in the cell of its check", marked(1)(
        IMPORTS, f"def make():\n{BODY}\n    return nt_xent\nnt_xent = make()\ngrader.check('q1a')\n1 / 0",
        BARLOW_TWINS, EUCLIDEAN), told="only what your answers need was run"),
    Clumsy("checked-training", "a training that is not to be run stays so", marked(4)(
        *HONEST, "import time\nwhile True:\n    loss = nt_xent(torch.randn(4, 8), torch.randn(4, 8), 0.5)")),
    Clumsy("outputs-90-mb", "90 MB of images in the outputs", changed(every_cell(outputs=[
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0K" * (90 * MB // 8 // 4)}}]))),
    Clumsy("attachments-40-mb", "40 MB of images pasted into text, and an emoji", changed(with_cells({
        "cell_type": "markdown", "metadata": {}, "source": "![x](attachment:x.png) \U0001f389",
        "attachments": {"x.png": {"image/png": "iVBORw0K" * (20 * MB // 8)}}}))),
    Clumsy("literal-3-mb", "a picture as a text of 3 MB in a cell", cells(*HONEST, f"logo = '{'iVBORw0K' * 400_000}'"),
        told="Cell 5: it was not run: the code of a notebook may have 2,000,000 characters"),
    Clumsy("literal-1-mb", "a picture as a text of 1 MB in a cell that the answer uses", cells(
        IMPORTS, f"LOGO = '{'iVBORw0K' * 130_000}'\nMINUS = float('-inf')", NT_XENT.replace('float("-inf")', "MINUS"),
        BARLOW_TWINS, EUCLIDEAN)),
)  # fmt: skip

CLUMSY: tuple[Clumsy, ...] = (
    *(*ENCODINGS, *FORMATS, *NAMES, *PACKING, *GLOBAL_STATE, *JUPYTER, *FAILING, *STYLES, *NAMES_AGAIN),
)
