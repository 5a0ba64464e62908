"""The site: static pages made from the published file, which ask nobody for anything.

Reading the published file through SQL, wording, charts and HTML belong here. Prices, costs and
any other arithmetic belong to the tables; scheduling belongs to ``pipelines.defs.site``.
"""
