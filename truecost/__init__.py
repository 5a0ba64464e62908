"""What AI compute costs, from Python: prices, what they make of FLOPs, tokens and training runs.

``connect`` opens a published file; its methods are the questions of the command line, with the same
options, defaults and figures, and give rows, Arrow, pandas or polars.

Belongs here: thin functions that ask the commands and return their answers. Does not belong
here: arithmetic (``cost_engine``), SQL (``warehouse``) and any other work (``pipelines``). Nothing
else in the project imports this package.
"""

from importlib.metadata import version

from truecost.answer import Answer
from truecost.connection import RefusedError, Truecost, connect

__all__ = ["Answer", "RefusedError", "Truecost", "connect"]
__version__ = version("truecost")
