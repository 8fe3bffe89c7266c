"""A class: find its submissions, grade each one once, and report the results to the instructor."""
