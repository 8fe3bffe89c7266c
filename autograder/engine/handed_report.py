"""The report that a student handed in beside the notebook, as an instructor may open it. A student wrote every byte of it."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.engine.submission import MB, Submission

LARGEST = 20 * MB
# Neither scripts nor the network: the frame cannot run any, and the page forbids both to whatever is in the frame.
PAGE = b"""<!DOCTYPE html>
<html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>A student's report</title>
<style>html, body, iframe { margin: 0; border: 0; width: 100%; height: 100% }</style>
<iframe sandbox srcdoc="{}"></iframe></html>
"""


@dataclass(frozen=True)
class HandedReport:
    """A PDF, or a page of HTML in a frame without scripts and network; ``ending`` is ``.pdf`` or ``.html``."""

    ending: str
    content: bytes


def read_report(submission: Submission, assignment: str) -> HandedReport | None:
    """``<assignment>-report.pdf`` of a submission, else ``.html``; None if there is none, or it is over 20 MB."""
    for ending in (".pdf", ".html"):
        for path in submission.find(f"{assignment}-report{ending}")[:1]:
            if path.stat().st_size > LARGEST:
                continue
            content = path.read_bytes()
            if ending == ".html":
                return HandedReport(ending, framed(content))
            if content.startswith(b"%PDF-"):
                return HandedReport(ending, content)
    return None


def framed(content: bytes) -> bytes:
    """A page with a student's page in a frame. It works on bytes: a text with one odd character takes four times the room."""
    page = content.decode("utf-8", "replace").encode()
    for mark, name in ((b"&", b"&amp;"), (b'"', b"&quot;"), (b"<", b"&lt;")):
        page = page.replace(mark, name)
    return page.join(PAGE.split(b"{}"))
