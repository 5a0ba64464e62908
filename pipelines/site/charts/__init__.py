"""The charts of the site, as Vega-Lite specifications: one module for each subject.

Belongs here: marks, axes, tooltips. Does not belong here: the rows (``rows``), the sentences
(``pages``), colours and type (``theme``).
"""
