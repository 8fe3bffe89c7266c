"""Grading engine, questions, front ends and command line of the notebook kit."""
