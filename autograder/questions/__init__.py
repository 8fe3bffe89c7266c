"""What is asked: one folder per assignment, and in it one module per question.

``probes`` of an assignment are the only modules of this package that ever run beside student code;
oracles, misconceptions and right variants stay on the instructor's side.
"""
