"""The pages of the site: their blocks, sentences and columns, one module for each page or part.

Belongs here: wording and layout. Does not belong here: selecting and reshaping rows (``rows``),
SQL (``queries``), charts (``charts``), HTML (``templates``).
"""
