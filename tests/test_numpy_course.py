"""An assignment in NumPy, from the draw of its inputs to points: nothing that it needs imports torch."""

import io
import json
import pickle
import shutil
import zipfile

import nbformat
import numpy as np
import pytest

from autograder.course import Course
from autograder.course_code import open_package
from autograder.questions.loading import load_questions
from autograder.release.trial import surprises
from autograder.sandbox import npz
from tests.checkout import ROOT, SOLUTIONS, kit, python
from tests.gradescope_layout import lay_out, run

WRONG = "def softmax_loss(W, x, y):\n    return np.float64(1), x.T @ x @ W"
NO_TORCH = "import sys\nassert not {'torch', 'torchvision'} & set(sys.modules)\n"
# The engine, the parent's worker and a probe; then the notebook at the desk, whose checks the student runs.
GRADES = """
import sys
from pathlib import Path
from autograder.engine.grade import Grader
with Grader(Path("dist/tiny-bundle")) as grader:
    report = grader.grade(Path(sys.argv[1]))
    with grader.sandbox.session() as session:
        session.run_cell(1, sys.argv[2], 5)
assert "torch" not in sys.modules
print([verdict.points for verdict in report.verdicts], *(v.message for v in report.verdicts), *report.remarks)
"""
DESK = """
import sys, nbformat
names = {}
for cell in nbformat.read("assignments/tiny/tiny.ipynb", as_version=4).cells:
    if cell.cell_type == "code" and "grader.check(" not in cell.source:
        exec(cell.source, names)
for code in sys.argv[1:]:
    exec(code, names)
    print(names["grader"].check("q1"))
"""
# A hint is edited while the key is being compiled.
EDITS = """
from pathlib import Path
from autograder.course import Course
from autograder.release import bundle
folder = Course(Path.cwd()).assignment("tiny")
key, compile_key = folder.bundle / "key.safetensors", bundle.compile_key
key.unlink()

def edited(which):
    made = compile_key(which)
    with (folder.settings.parent / "q1_softmax_loss" / "mistakes.py").open("a") as file:
        file.write("# later")
    return made

bundle.compile_key = edited
bundle.build_bundle(folder)
assert bundle.made_from(key) != bundle.fingerprint(folder)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The folder of the course, built."""
    folder = tmp_path_factory.mktemp("numpy") / "course"
    shutil.copytree(ROOT / "tests" / "numpy_course", folder)
    for command in ("draw", "build", "check"):
        done = kit(folder, command, "tiny")
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "solution: 6 of 6 points; blank notebook: 0" in done.stdout
    assert "0 of 8 known mistakes pass" in done.stdout
    yield folder
    open_package(SOLUTIONS)


@pytest.fixture(scope="module")
def solution(course):
    """The code of the stub in the solution."""
    cells = nbformat.read(course / "solutions" / "tiny" / "tiny.ipynb", as_version=4).cells
    return next(cell.source for cell in cells if cell.source.startswith("def softmax_loss"))


def handed_in(folder, *cells):
    """A notebook with these cells."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    folder.mkdir()
    nbformat.write(book, folder / "tiny.ipynb")
    return folder / "tiny.ipynb"


def test_neither_engine_nor_worker_imports_torch(course, solution, tmp_path):
    source = handed_in(tmp_path / "one", "import numpy as np", solution)
    done = python(course, "-c", GRADES, str(source), NO_TORCH)
    assert done.returncode == 0 and done.stdout.startswith("[2, 3, 1]"), done.stdout + done.stderr


def test_torch_is_not_there_and_that_is_told(course, solution, tmp_path):
    source = handed_in(tmp_path / "one", "import torch", "import numpy as np", solution.replace("-log_p", "+log_p"))
    done = python(course, "-c", GRADES, str(source), NO_TORCH)
    assert done.stdout.startswith("[0, 3, 1]"), done.stdout + done.stderr
    assert (
        '"torch" is not there when your notebook is graded; there are numpy, matplotlib, PIL, tqdm and' in done.stdout
    )


def test_the_desk_tells_the_same_and_imports_no_torch(course, solution):
    summed = solution.replace(" / len(x)", "")
    odd = [f"softmax_loss = lambda W, x, y: (1.0, {answer})" for answer in ("[]", "np.array([None])")]
    done = python(course, "-c", DESK, solution, summed, WRONG, *odd, NO_TORCH)
    assert done.returncode == 0, done.stderr[-2000:]
    right, sums, wrong, listed, objects, _ = done.stdout.split("q1: ")[1:]
    assert right.startswith("all 4 checks passed")
    assert "You return the gradient of the sum over the rows; divide it by their number." in sums
    assert "The gradient with respect to W does not match the definition" in wrong
    assert "he gradient is a list, expected a NumPy array (it is empty)" in listed
    assert "has the dtype object, which is not supported" in objects


def test_gradescope_gets_all_that_grading_needs(course, solution, tmp_path):
    base = lay_out(course / "dist" / "tiny-gradescope.zip", tmp_path / "autograder")
    shutil.copy(handed_in(tmp_path / "one", "import numpy as np", solution), base / "submission")
    done = run(base)
    assert done.returncode == 0, done.stderr
    assert json.loads((base / "results" / "results.json").read_text())["score"] == 6


def test_each_mistake_gets_its_hint(course):
    (question,) = load_questions(Course(course).assignment("tiny"))
    assert surprises(question.folder, question.misconceptions, {("effects",): "seeds, draws, modes, filters"}) == {}


def npy(shape, dtype="<f8"):
    """The file of an array that declares more numbers than it has."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(80)


def zipped(path, content):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("W.npy", content)


def test_arrays_of_a_file_are_read_as_they_are(tmp_path):
    arrays = {"W": np.arange(6.0).reshape(2, 3).T, "b": np.float32(2), "big": np.arange(3, dtype=">i4")}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "w.npz", **arrays)
        found = npz.load(tmp_path / "w.npz")
        assert found.keys() == arrays.keys() and all(np.array_equal(found[name], arrays[name]) for name in found)
        assert found["W"].dtype == np.float64 and found["big"].dtype == np.int32


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: np.savez(path, W=np.array([None])), "holds Python objects"),
        (lambda path: np.savez(path, W=np.array(["a"])), "no array of plain numbers"),
        (lambda path: np.savez(path, W=np.ones(2, complex)), "no array of plain numbers"),
        (lambda path: zipped(path, npy((10**5, 12_500))), "declares more numbers than the file holds"),
        (lambda path: zipped(path, npy((-1, 2))), "damaged|declares"),
        (lambda path: zipped(path, bytes(210 << 20)), "more than 200 arrays or 200 MB"),
        (lambda path: zipped(path, pickle.dumps([1])), "damaged"),
        (lambda path: path.write_bytes(pickle.dumps({"W": 1})), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: np.savez(path), "has no arrays"),
        (lambda path: np.savez(path, **{str(n): 0 for n in range(201)}), "more than 200 arrays"),
        (lambda path: np.savez(path, **{"a\n": 0}), "no array of plain numbers"),
    ],
)
def test_other_files_are_refused_with_a_sentence(write, words, tmp_path):
    path = tmp_path / "w.npz"
    write(path)
    with pytest.raises(npz.UnreadableCheckpoint, match=f"^w.npz.*({words}).*[.]$"):
        npz.load(path)


def test_a_file_comes_out_of_the_sandbox(course, tmp_path):
    handed_in(tmp_path / "one", "")
    np.savez(tmp_path / "one" / "w.npz", W=np.ones((2, 3), np.float32))
    reads = """
import sys
from pathlib import Path
from autograder.engine.session import Probes, Sandbox
with Sandbox(Probes(framework="numpy")) as sandbox, sandbox.session(Path(sys.argv[1])) as session:
    print({name: (array.dtype, array.sum()) for name, array in session.load_checkpoint("w.npz").items()})
"""
    done = python(course, "-c", reads, str(tmp_path / "one"))
    assert "'W': (dtype('float32'), np.float32(6.0))" in done.stdout, done.stderr


def test_what_is_edited_while_the_key_is_compiled_is_compiled_the_next_time(course, tmp_path):
    copy = shutil.copytree(course, tmp_path / "course")
    done = python(copy, "-c", EDITS)
    assert done.returncode == 0, done.stderr
