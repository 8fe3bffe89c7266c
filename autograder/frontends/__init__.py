"""Renderings of a report: Gradescope's results.json, HTML, a table in the terminal."""
