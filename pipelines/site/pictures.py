"""Writes pictures of charts for documents: ``python -m pipelines.site.pictures docs``.

vl-convert draws the specifications of the pages, without a browser.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import vl_convert

from pipelines.site.page import Block
from pipelines.site.pages.gpu import gpu_page
from pipelines.site.pages.training import training_page
from pipelines.site.published import Published, opened
from pipelines.site.theme import FONT, vega_config
from warehouse.paths import Home
from warehouse.rows import plain

WIDTH = 840  # pixels
GPU = "H100-SXM-80GB"


def picture(block: Block) -> bytes:
    """Return the chart of a block as PNG, with its finding as the title.

    Raises
    ------
    ValueError
        If the block has no chart.
    """
    if block.chart is None:
        raise ValueError(f"{block.id} has no chart: {block.title}")
    spec = copy.deepcopy(block.chart.spec)
    each = spec.pop("usermeta", {}).get("heightOfEach")
    rows = [plain(row) for row in block.chart.rows]
    if each:
        spec["height"] *= len({row[each] for row in rows if row.get(each)})
    spec |= {"width": WIDTH, "datasets": {"rows": rows}, "padding": 16}
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["title"] = {
        "text": str(block.title), "anchor": "start", "font": FONT, "fontSize": 17, "offset": 14,
    }  # fmt: skip
    config = vega_config(False)
    config["legend"]["layout"]["top"] |= {"direction": "vertical", "margin": 8}  # as on pages
    return vl_convert.vegalite_to_png(spec, config=config, scale=1)


def pictures(published: Published) -> dict[str, Block]:
    """Return the blocks whose charts are in documents, by file name."""
    gpu = {"gpu_id": GPU, "is_coarse": True}
    price = {block.id: block for block in gpu_page(published, gpu).blocks}
    training = {block.id: block for block in training_page(published).blocks}
    return {
        "h100_price.png": price["strip"],
        "training_cost.png": training["over-time"],
    }


def main(folder: Path) -> None:
    """Write the pictures into a folder."""
    with opened(Home.from_environment()) as published:
        for name, block in pictures(published).items():
            (folder / name).write_bytes(picture(block))
            print(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
