"""Training runs whose GPU-hours were reported, to learn what share of a peak a run reaches.

Here belong the typed rows of ``training_runs.csv``. GPU-hours that somebody computed from the
compute at an assumed share are not in it: they would only give back the assumption. What is fitted
to the runs is in ``cost_engine.training.utilisation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from warehouse.reference.documents import Documents, ReferenceError, bundled, once, typed_rows

EVIDENCE = ("primary", "epoch", "quoted")
"""Read in the report of its makers; in Epoch AI's table, which cites it; or only in quotations."""


@dataclass(frozen=True, slots=True)
class TrainingRunRow:
    """One run: its model, its cluster and its reported GPU-hours, pretraining alone."""

    run_id: str
    model: str
    organization: str
    published_on: date
    parameters: float  # [parameter]
    active_parameters: float  # that a token passes [parameter]
    training_tokens: float  # [token]
    gpu_id: str
    gpu_count: int | None  # null where it was not said [GPU]
    gpu_hours: float  # [GPU h]
    precision: str  # of most products: bf16, fp16 or fp8
    evidence: str  # one of EVIDENCE
    source: str
    source_url: str
    retrieved_on: date
    note: str = ""

    @property
    def is_fitted(self) -> bool:
        """Whether the run counts: not where it was only quoted."""
        return self.evidence != "quoted"


@once
def training_run_rows(documents: Documents) -> tuple[TrainingRunRow, ...]:
    """Return the reported runs; those of this package where a published file is older than they.

    Raises
    ------
    ReferenceError
        If an evidence is not one of those that there are, or a run is there twice.
    """
    if "training_runs.csv" not in documents.names():
        documents = bundled()
    rows = typed_rows(documents, "training_runs", TrainingRunRow)
    seen = set()
    for row in rows:
        if row.evidence not in EVIDENCE:
            raise ReferenceError(
                f"training_runs.csv: {row.run_id}: evidence holds {row.evidence!r};"
                f" allowed: {', '.join(EVIDENCE)}"
            )
        if row.run_id in seen:
            raise ReferenceError(f"training_runs.csv: {row.run_id}: there twice")
        seen.add(row.run_id)
    return rows
