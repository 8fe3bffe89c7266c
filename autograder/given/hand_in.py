def write_submission() -> str:
    """Write ``{{name}}-submission.zip``; returns what it contains, what is missing, and a checklist."""
    lines = []
    with zipfile.ZipFile(RUN / "{{name}}-submission.zip", "w") as archive:
        for inside, path in submission_files().items():
            if path.is_file():
                archive.write(path, inside)
                lines.append(f"[x] {inside}  {max(0.1, path.stat().st_size / 1e6):.1f} MB")
            else:
                by_hand = ": add the notebook to the zip by hand" if inside.endswith(".ipynb") else ""
                lines.append(f"[!] {inside}  is missing{by_hand}")
    lines += [
        "{{name}}-submission.zip is in the run folder. Before you upload it:",
        " - did you save the notebook before you ran this cell, and does it run from top to bottom?",
        " - does every grader.check pass?",
        " - did you answer the written questions?",
        f" - is the checkpoint your best one? It comes from the profile {PROFILE}.",
    ]
    return "\n".join(lines)
