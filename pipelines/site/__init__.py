"""The site: static pages made from the published file, which need no server and no network.

Belongs here: pages and their wording (``pages``), the rows of charts (``rows``), charts, queries,
templates, and the pages on method (``methodology``). Does not belong here: prices, costs and any
other arithmetic, which the tables hold; scheduling (``pipelines.defs.site``).
"""
