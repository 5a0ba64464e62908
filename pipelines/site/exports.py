"""The data that leave the pages: files to download, and the rows inside charts.

Files are safe to open in a spreadsheet. What is asked belongs to ``queries``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from markupsafe import Markup

from pipelines.site.folder import Folder
from pipelines.site.page import Block, Chart, Page
from pipelines.site.published import Row
from pipelines.text import spreadsheet
from warehouse.rows import plain


@dataclass
class Exports:
    """The files beside the pages, and the data inside the pages.

    Parameters
    ----------
    folder : Folder
        The folder of the site.
    mark : str
        Prefix of all file names, for invented data.
    publication : dict, optional
        What the published file is, as ``truecost serve`` says it; None in a file that does not.
    written : dict
        The files so far, by page and query.
    """

    folder: Folder
    mark: str = ""
    publication: Row | None = None
    written: dict[tuple[str, str], str] = field(default_factory=dict)

    def files(self, page: Page, block: Block) -> dict[str, str]:
        """Write the rows of a block as CSV, JSON and Parquet; return their paths in the site."""
        answer = block.answer
        if not answer:
            return {}
        key = (page.path, answer.sql)
        stem = self.written.get(key)
        if stem is None:
            name = page.path.removesuffix(".html").replace("/", "-")
            stem = f"data/{self.mark}{name}-{block.id}"
            self.written[key] = stem
            values = answer.values()
            self.folder.write(f"{stem}.csv", csv_text(values))
            self.folder.write(f"{stem}.json", self.answer_json(answer.sql, values))
            self.folder.write(f"{stem}.parquet", parquet(values))
        return {kind: f"{stem}.{kind}" for kind in ("csv", "json", "parquet")}

    def answer_json(self, sql: str, values: Mapping[str, list[Any]]) -> str:
        """Return columns as ``truecost serve`` answers the question of their query."""
        rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        told = {
            "command": "sql",
            "parameters": {"query": [sql]},
            "rows": rows,
            "publication": plain(self.publication),
        }
        return json.dumps(told, separators=(",", ":"), allow_nan=False)

    def chart_json(self, chart: Chart) -> Markup:
        """Return specification and rows as JSON that cannot end its script element."""
        columns = list(dict.fromkeys(name for row in chart.rows for name in row))
        rows = [[short(plain(row.get(name))) for name in columns] for row in chart.rows]
        return script_json({"spec": chart.spec, "columns": columns, "rows": rows})


def script_json(value: Any) -> Markup:
    r"""Return a value as JSON that cannot end the script element around it.

    Examples
    --------
    >>> print(script_json({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def short(value: Any) -> Any:
    """Return a value with five digits, the most that a chart can show.

    Examples
    --------
    >>> short(1.23456789), short("2026-01-01")
    (1.2346, '2026-01-01')
    """
    return float(f"{value:.5g}") if isinstance(value, float) else value


def csv_text(values: Mapping[str, list[Any]]) -> str:
    r"""Return columns as CSV with a heading, every text harmless.

    Examples
    --------
    >>> csv_text({"gpu": ["@a"], "usd": [1.5]})
    "gpu,usd\r\n'@a,1.5\r\n"
    """
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow([spreadsheet(column) for column in values])
    writer.writerows(zip(*(map(spreadsheet, column) for column in values.values()), strict=True))
    return target.getvalue()


def parquet(values: Mapping[str, list[Any]]) -> bytes:
    """Return columns as a Parquet file."""
    target = io.BytesIO()
    table = pa.table(dict(values))
    # Small files: dictionaries, statistics and a second schema would be half of them.
    pyarrow.parquet.write_table(
        table,
        target,
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    )
    return target.getvalue()
