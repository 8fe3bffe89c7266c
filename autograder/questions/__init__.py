"""What an author of questions imports: the vocabulary (``model``), tools for probes, and families of questions.

A question is a folder ``solutions/<assignment>/<id>_<subject>/`` of a course:

==================  ================================================================================================
``question.py``     ``STUBS``, ``TESTS`` and ``draw``: graded names, tests and comparisons, how inputs are drawn
``probes.py``       the only code that runs beside student code; never an answer
``oracle.py``       ``ORACLE``: the graded names, from the formula
``correct.py``      ``CORRECT``: correct solutions in the styles that people write
``mistakes.py``     ``MISCONCEPTIONS``: known mistakes, each with its hint
``cases.safetensors``  the inputs, drawn once by ``kit draw``
==================  ================================================================================================

A family has files of the same names here, for what several questions share. Beside student code run only files called
``probes.py``, ``probing.py``, ``model.py`` and helper modules that probes import; none of them holds an answer.
"""
