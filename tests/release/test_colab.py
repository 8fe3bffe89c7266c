"""The student notebook as Colab runs it: a stand-in for ``google.colab``, no Otter, no network, no file beside it."""

from __future__ import annotations

import json
import os
import re
import zipfile

from nbclient import NotebookClient

import data_scripts
from autograder.release.course import assignment_master
from autograder.release.notebooks import has_tag, notebook_bytes, student_notebook
from autograder.release.travel import public_cells, with_checks
from tests.checkout import COURSE

STAND_INS = {
    "google/colab/__init__.py": "",
    "google/colab/drive.py": "def mount(folder):\n    print('Mounted at', folder)\n",
    "google/colab/_message.py": """import json
import os


def blocking_request(request, timeout_sec):
    assert request == "get_ipynb"
    with open(os.environ["THE_BROWSER_HAS"], encoding="utf-8") as file:
        return {"ipynb": json.load(file)}
""",
    "otter.py": "raise ImportError('No module named otter')\n",
}
NEEDED = (
    "import os\n",
    "# @title",
    "train_images, train_labels = ",
    "grader = make_grader()",
    "grader.check(",
    "try:\n    print(write_submission())",
)


def test_all_checks_pass_on_colab_and_the_browsers_notebook_is_packed(tmp_path):
    for name, text in STAND_INS.items():
        (tmp_path / "packages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / name).write_text(text)
    data_scripts.prepare_generated(tmp_path / "data", 200, 100, progress=False, dataset=data_scripts.DATASETS["mnist"])
    folder = COURSE.assignment("ddpm")
    master = assignment_master(folder)
    notebook = with_checks(student_notebook(master), public_cells(folder, master))
    solutions = {cell.id: cell.source for cell in master.cells}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.source = solutions.get(cell.id, cell.source).replace("/content/drive", str(tmp_path / "drive"))
    browser = tmp_path / "browser.ipynb"
    browser.write_bytes(notebook_bytes(notebook))
    notebook.cells = [cell for cell in code if not has_tag(cell, "skip-grading") or cell.source.startswith(NEEDED)]
    away = {
        "THE_BROWSER_HAS": str(browser),
        "PYTHONPATH": str(tmp_path / "packages"),
        "KIT_DATA": str(tmp_path / "data"),
    }
    away |= {"KIT_PROFILE": "smoke", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    (tmp_path / "content").mkdir()
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=600, resources={"metadata": {"path": str(tmp_path / "content")}}
    )
    client.execute(env={key: value for key, value in os.environ.items() if key != "KIT_RUN"} | away)

    mounted, *_ = (output.text for output in notebook.cells[0].outputs)
    assert mounted == f"Mounted at {tmp_path}/drive\n"
    checks = [cell for cell in notebook.cells if cell.source.startswith("grader.check(")]
    told = [cell.outputs[0].data["text/plain"] for cell in checks]
    assert len(told) == 7 and [text for text in told if not re.match(r"q\w+: all \d+ checks passed\n", text)] == []
    (said,) = (output.text for output in notebook.cells[-1].outputs)
    assert "[x] ddpm.ipynb\n" in said and "not filled in" not in said
    packed = zipfile.ZipFile(tmp_path / "drive" / "MyDrive" / "ddpm-run" / "ddpm-submission.zip")
    assert json.loads(packed.read("ddpm.ipynb"))["cells"] == json.loads(browser.read_text(encoding="utf-8"))["cells"]
    assert list((tmp_path / "content").iterdir()) == []
