"""The search over GPUs, models, providers and pairs: what each is called, and where it leads.

The script of the pages (``assets/search.js``) looks names up as ``plain`` folds them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from pipelines.site.numbers import gpu_name
from pipelines.site.pages.pair import gpu_pairs, provider_pairs
from pipelines.site.pages.prices import gpu_path, model_path, provider_path
from pipelines.site.published import Published
from warehouse.reference.gpu_names import plain

START = "window.truecostNames = "


def search_script(published: Published) -> str:
    """Return the script that holds all names: label, kind, page and folded spellings of each.

    A comparison has the spellings of both, with a bar between.
    """
    gpus = [
        entry(gpu_name(row["gpu_id"]), "GPU", gpu_path(row["gpu_id"]),
              (row["gpu_id"], row["name"], *row["spellings"]))
        for row in published.ask("search/gpus").rows
    ]  # fmt: skip
    providers = [
        entry(row["name"], "provider", provider_path(row["provider_id"]),
              (row["provider_id"], *row["spellings"]))
        for row in published.ask("search/providers").rows
    ]  # fmt: skip
    keys = {href: folded for _, _, href, folded in (*gpus, *providers)}
    entries = [
        *gpus,
        *(
            entry(row["name"], "model", model_path(row["model_id"]),
                  (row["model_id"], *row["spellings"]))
            for row in published.ask("search/models").rows
        ),
        *providers,
        *(
            [pair.name, "comparison", pair.path, f"{keys[path(pair.a)]}|{keys[path(pair.b)]}"]
            for path, pairs in ((gpu_path, gpu_pairs(published)),
                                (provider_path, provider_pairs(published)))
            for pair in pairs
        ),
    ]  # fmt: skip
    text = json.dumps(entries, ensure_ascii=True, separators=(",", ":"))
    return f"{START}{text};\n"


def entry(label: str, kind: str, href: str, spellings: Iterable[str | None]) -> list[str]:
    """Return a name with its page and every folded spelling, none of which another contains.

    Examples
    --------
    >>> entry("H100 SXM 80 GB", "GPU", "gpu/h100-sxm-80gb.html", ["h100 sxm5", "hgx h100", "H100"])
    ['H100 SXM 80 GB', 'GPU', 'gpu/h100-sxm-80gb.html', 'h100sxm80gb hgxh100']
    """
    folded = sorted({plain(name) for name in (label, *spellings) if name}, key=len, reverse=True)
    kept: list[str] = []
    for name in folded:
        if name and not any(longer.startswith(name) for longer in kept):
            kept.append(name)
    return [label, kind, href, " ".join(sorted(kept))]
