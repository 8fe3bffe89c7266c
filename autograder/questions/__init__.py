"""What an author of questions imports: the vocabulary (``model``), tools for probes, and families of questions.

A question is a folder ``solutions/<assignment>/<id>_<subject>/`` of a course:

==================  ================================================================================================
``question.py``     ``STUBS``, ``TESTS`` and ``draw``: what is asked, how it is compared, how its inputs are drawn
``probes.py``       all that runs beside student code; never an answer
``oracle.py``       ``ORACLE``: the graded names, from the formula
``correct.py``      ``CORRECT``: correct solutions in the styles that people write
``mistakes.py``     ``MISCONCEPTIONS``: known mistakes, each with its hint
``cases.safetensors``  the inputs, drawn once by ``kit draw``
==================  ================================================================================================

A family has files of the same names here, for what several questions share. Only files called ``probes.py``, ``probing.py``
and ``model.py`` ever run beside student code.
"""
