"""Code that notebooks give to students: ``# {{given FILE}}`` in a master stands for the text of a file in this folder."""
