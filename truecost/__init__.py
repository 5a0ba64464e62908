"""The public Python face of Truecost.

Belongs here: thin functions that open the published warehouse and return its answers. Does not
belong here: arithmetic (``cost_engine``), SQL (``warehouse``) and any other work (``pipelines``).
Nothing else in the project imports this package.
"""

from importlib.metadata import version

__version__ = version("truecost")
