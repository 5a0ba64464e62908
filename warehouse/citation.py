"""How to cite the data: the facts of ``CITATION.cff``, and the sentence made from them.

Writing them into a published file or a package belongs to ``pipelines``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import yaml

from warehouse.data_version import DATA_VERSION
from warehouse.paths import project_file

CITATION = "CITATION.cff"
LICENCE_ADDRESSES = {"CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/"}


@dataclass(frozen=True)
class Citation:
    """Who made the data, what they are called and under which licence they are."""

    title: str
    authors: tuple[str, ...]
    licence: str  # of SPDX
    doi: str | None

    @property
    def licence_url(self) -> str:
        """Return the address of the licence."""
        return LICENCE_ADDRESSES[self.licence]

    def sentence(self, run_id: str, published_at: datetime) -> str:
        """Return how to cite one published run.

        Examples
        --------
        >>> cited = Citation("Prices", ("A", "B"), "CC-BY-4.0", None)
        >>> cited.sentence("r1", datetime(2026, 8, 1)).replace(DATA_VERSION, "1.0.0")
        'A, B (2026). Prices. Data version 1.0.0, run r1, published 2026-08-01. CC-BY-4.0.'
        """
        address = f" https://doi.org/{self.doi}" if self.doi else ""
        return (
            f"{', '.join(self.authors)} ({published_at:%Y}). {self.title}. Data version"
            f" {DATA_VERSION}, run {run_id}, published {published_at:%Y-%m-%d}."
            f" {self.licence}.{address}"
        )


def citation() -> Citation:
    """Return what ``CITATION.cff`` says."""
    facts = yaml.safe_load(project_file(CITATION).read_text(encoding="utf-8"))
    return Citation(
        title=facts["title"],
        authors=tuple(author["name"] for author in facts["authors"]),
        licence=facts["license"],
        doi=facts.get("doi"),
    )
