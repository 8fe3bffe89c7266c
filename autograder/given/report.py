import base64
import contextlib
import io
import shutil
import subprocess
import tempfile
from html import escape, unescape

from matplotlib import mathtext

BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
BROWSER_SECONDS = 60
ROOM = 12_000_000  # characters of outputs in a report
TAGS = "p h1 h2 h3 h4 h5 h6 ul ol li em strong b i code pre a img table thead tbody tr th td blockquote hr br details"
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{name}}: report</title>
<style>
@page { margin: 16mm 14mm }
body { max-width: 46rem; margin: 0 auto; padding: 0 1rem 2rem; font: 16px/1.5 system-ui, sans-serif; color: #222;
  background: #fff; overflow-wrap: break-word }
h1, h2, h3 { line-height: 1.25; break-after: avoid }
h2 { margin-top: 2em; border-bottom: 1px solid #ccc }
img { max-width: 100%; break-inside: avoid }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.4 ui-monospace, monospace; margin: .6em 0 }
.code { background: #f5f5f5; border-left: 3px solid #5b8def; padding: .5em .7em }
.answer { border-left: 3px solid #2a9d5c; padding-left: .8em }
summary { color: #555; font-size: 14px }
table { border-collapse: collapse; font-size: 14px; margin: .6em 0 }
.numbers { columns: 15rem; list-style: none; padding: 0; font-size: 14px }
td, th { border-bottom: 1px solid #ddd; padding: .15em .8em .15em 0; text-align: left; vertical-align: top }
@media print { body { font-size: 10.5pt; max-width: none; padding: 0 } pre { font-size: 8.5pt } }
</style>
"""


def formula_html(found) -> str:
    """A formula as a picture, or as it is written where Matplotlib cannot draw it."""
    tex = " ".join(unescape(found[1] or found[2] or "").split())
    if not tex:  # code
        return found[0]
    known = re.sub(r"\\[bB]igg?[lr]?(?![A-Za-z])|\\!|(?<=\\)[lr](?=Vert)", "", tex)
    known = known.replace(r"\frac", r"\dfrac") if found[1] else known
    picture = io.BytesIO()
    try:
        with plt.rc_context({"mathtext.fontset": "cm", "font.size": 12}):
            depth = mathtext.math_to_image(f"${known}$", picture, format="svg")
    except ValueError:
        return f"<code>{escape(tex)}</code>"
    data = base64.b64encode(picture.getvalue()).decode()
    shown = f'<img alt="{escape(tex)}" style="vertical-align: -{depth}pt" src="data:image/svg+xml;base64,{data}">'
    return f"<div>{shown}</div>" if found[1] else shown


def markdown_html(cell: dict) -> str:
    """A Markdown cell, without scripts, network and tags left open; as it is written where nbconvert is missing."""
    source = "".join(cell["source"])
    try:
        from bleach import clean
        from nbconvert.filters import markdown2html
    except ImportError:
        return f"<pre>{escape(source)}</pre>"
    for name, kinds in cell.get("attachments", {}).items():
        for kind, data in kinds.items():
            source = source.replace(f"attachment:{name}", f"data:{kind};base64,{''.join(data)}")
    attributes, protocols = {"a": ["href"], "img": ["src", "alt"]}, {"http", "https", "mailto", "data"}
    tags = {*TAGS.split(), "summary", "sub", "sup", "del"}
    html = clean(markdown2html(source), tags=tags, attributes=attributes, protocols=protocols, strip=True)
    html = re.sub(r'<img(?![^>]*src="data:)[^>]*>|<a href="#[^"]*">(?:¶|&#182;)</a>', "", html)
    formula = r"\$\$(.+?)\$\$|\$([^$\n]+(?:\n[^$\n]+)?)\$|<code>.*?</code>"
    return re.sub(formula, formula_html, html, flags=re.DOTALL)


def code_html(cell: dict) -> str:
    """A code cell that is not hidden; code that you were given is folded if it is long."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    source, tags = "".join(cell["source"]), " ".join(cell["metadata"].get("tags", ()))
    source = re.sub(r"(.{400}).+", r"\1 …", source)
    html = f'<pre class="code">{highlight(source, PythonLexer(), HtmlFormatter(noclasses=True, nowrap=True))}</pre>'
    given = "given" in tags or (re.match(r"cell-\d", cell.get("id", "")) and not re.search(r"\bq\d", tags))
    lines = len(source.splitlines())
    return f"<details><summary>Given code, {lines} lines</summary>{html}</details>" if given and lines > 12 else html


def output_html(output: dict) -> str:
    """The picture of an output, or its text; never HTML that a cell made."""
    data = output.get("data", {})
    for kind in ("image/png", "image/jpeg", "image/gif"):
        if kind in data:
            return f'<img alt="" src="data:{kind};base64,{escape("".join(data[kind]).strip())}">'
    said = "\n".join(output.get("traceback", ())) or "".join(output.get("text") or data.get("text/plain") or "")
    lines = re.sub(r"\x1b\[[\d;]*m|[^\n]*\r(?!\n)", "", said).strip("\n").splitlines()
    if len(lines) > 120:
        lines[80:-20] = [f"… {len(lines) - 100:,} lines …"]
    return f"<pre>{escape(chr(10).join(lines)[:20_000])}</pre>" if any(lines) else ""


def is_hidden(cell: dict) -> bool:
    """Whether a cell is folded: given code, and the checks."""
    data, source = cell["metadata"], "".join(cell["source"])
    folded = data.get("cellView") or data.get("jupyter", {}).get("source_hidden") or "folded" in data.get("tags", ())
    answers = any(re.match(r"q\d", tag) for tag in data.get("tags", ()))
    return bool(folded and not answers or re.search(r"\A# ?@title|^_kit\b", source, re.MULTILINE))


def numbers_html(numbers: dict) -> str:
    """A list of names and what they are; of a history its last epoch."""
    shown = ""
    for name, value in numbers.items():
        last = value[-1] if value and isinstance(value, list) and isinstance(value[-1], dict) else {"": value}
        parts = [f"{key} {part:.4g}" if isinstance(part, float) else f"{key} {part}" for key, part in last.items()]
        shown += f"<li><b>{escape(name)}</b> {escape(', '.join(parts))}</li>"
    return shown


def run_html() -> str:
    """The numbers of ``metrics.json``: results, and hyper-parameters."""
    path = RUN / "metrics.json"
    found = read_json(path)
    if not isinstance(found.get("hyperparameters"), dict):
        state = "is damaged" if path.is_file() else "is missing: nothing was trained"
        return f"<p>metrics.json {state}.</p>"
    settings = numbers_html(found.pop("hyperparameters"))
    results = f"<h2>Results, after the last epoch</h2><ul>{numbers_html(found)}</ul>"
    return f'{results}<h2>Hyper-parameters</h2><ul class="numbers">{settings}</ul>'


def report_html(cells: list[dict]) -> str:
    """The run notebook as one page: no scripts, nothing from the network."""
    parts, room = [PAGE, f"<h1>{{name}}: report</h1>{run_html()}"], ROOM
    for cell in cells:
        if cell["cell_type"] == "markdown":
            tags = cell["metadata"].get("tags", ())
            is_answer = "written" not in tags and any(re.fullmatch(r"w\d+", tag) for tag in tags)
            parts.append(f'<div class="answer">{markdown_html(cell)}</div>' if is_answer else markdown_html(cell))
        elif cell["cell_type"] == "code" and not is_hidden(cell):
            parts.append(code_html(cell))
            for output in map(output_html, cell.get("outputs", ())):
                fits = len(output) <= room
                room -= len(output) if fits else 0
                parts.append(output if fits else "<p>An output is left out: it is in the notebook.</p>")
    return "\n".join(parts)


def print_pdf(page: Path) -> Path | None:
    """The page as a PDF, by the first browser that makes one."""
    path, is_root = page.with_suffix(".pdf"), hasattr(os, "geteuid") and os.geteuid() == 0
    for browser in filter(None, map(shutil.which, BROWSERS)):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            options = ["--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={profile}"]
            options += ["--no-sandbox"] * is_root + [f"--print-to-pdf={path.resolve()}", page.resolve().as_uri()]
            quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([browser, *options], timeout=BROWSER_SECONDS, **quiet)
        if path.is_file() and path.read_bytes()[:5] == b"%PDF-":
            return path
    return None


def make_report(cells: list[dict]) -> tuple[Path | None, str]:
    """Write the report into the run folder; returns its file, and what is missing."""
    page = RUN / "{{name}}-report.html"
    try:
        page.with_suffix(".pdf").unlink(missing_ok=True)
        page.write_text(report_html(cells), encoding="utf-8", errors="replace")
        pdf = print_pdf(page)
    except Exception as error:
        return None, f"[!] no report ({error!r}): print the notebook as a PDF and hand it in as well\n"
    if pdf:
        page.unlink()
        return pdf, ""
    return page, "[!] no browser here makes a PDF: if your course asks for one, open the report and print it\n"
