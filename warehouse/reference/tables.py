"""The reference data as Arrow tables, by their names in the warehouse.

Here belongs which reader fills which table, and the types of its columns. No SQL, no reading of
files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa

from warehouse.reference import environment, identities, surroundings
from warehouse.reference.documents import Documents, bundled
from warehouse.reference.gpus import Gpu, read_gpus
from warehouse.reference.leaves import Leaf
from warehouse.reference.models import Model, read_models
from warehouse.reference.scenarios import read_scenarios
from warehouse.reference.serving import (
    ApiPriceMedian,
    MarginScenario,
    api_price_medians,
    margin_scenarios,
)

_TYPES = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    date: pa.date32(),
}


def _plain_type(hint: Any) -> Any:
    return next((kind for kind in get_args(hint) if kind is not type(None)), hint)


_IDENTITIES: Mapping[str, tuple[type[Any], Callable[[Documents], Iterable[Any]]]] = {
    "core.gpu_alias": (identities.GpuAlias, identities.gpu_aliases),
    "core.gpu_name_source": (identities.GpuNameSource, identities.gpu_name_sources),
    "core.model_alias": (identities.ModelAlias, identities.model_aliases),
    "core.training_run_alias": (identities.TrainingRunAlias, identities.training_run_aliases),
    "core.price_band": (identities.PriceBand, identities.price_bands),
    "core.price_correction": (identities.PriceCorrection, identities.price_corrections),
    "core.provider": (identities.Provider, identities.providers),
    "core.provider_alias": (identities.ProviderAlias, identities.provider_aliases),
    "core.method_break": (identities.MethodBreak, identities.method_breaks),
    "core.region": (identities.Region, identities.regions),
    "core.node_network": (surroundings.NodeNetwork, surroundings.node_networks),
    "core.data_price": (surroundings.DataPrice, surroundings.data_prices),
    "core.former_facility_power": (
        environment.FormerFacilityPower,
        environment.former_facility_power,
    ),
    "core.grid_intensity": (environment.GridIntensity, environment.yearly_grid_intensities),
    "core.reference_region": (identities.ReferenceRegion, identities.reference_regions),
    "core.api_price_median": (ApiPriceMedian, api_price_medians),
    "core.margin_scenario": (MarginScenario, margin_scenarios),
}


def reference_tables(documents: Documents) -> dict[str, pa.Table]:
    """Return the reference data as tables, by their names in the warehouse.

    Returns
    -------
    dict of str to pyarrow.Table
        ``core.gpu``, ``core.gpu_peak``, ``core.model``, the tables of ``identities``, and
        ``meta.reference_value`` (one row per leaf).

    Raises
    ------
    ReferenceError
        If any part of the reference data must not be used.
    """
    subjects = [
        *(("gpu", gpu.gpu_id, gpu.leaves) for gpu in read_gpus(documents)),
        *(("model", model.model_id, model.leaves) for model in read_models(documents)),
        *(("scenario", each.scenario_id, each.leaves) for each in read_scenarios(documents)),
    ]
    leaf_rows = (
        _leaf_row(kind, subject, path, leaf)
        for kind, subject, leaves in subjects
        for path, leaf in leaves.items()
    )
    return {
        "core.gpu": _table((_gpu_row(gpu) for gpu in read_gpus(documents)), _GPU_COLUMNS),
        "core.gpu_peak": _table(
            (row for gpu in read_gpus(documents) for row in _peak_rows(gpu)), _PEAK_COLUMNS
        ),
        "core.model": _model_table(read_models(documents)),
        **{
            name: _table((asdict(row) for row in read(documents)), get_type_hints(kind))
            for name, (kind, read) in _IDENTITIES.items()
        },
        "meta.reference_value": _table(leaf_rows, _VALUE_COLUMNS),
    }


def reference_rows(folder: Path | None = None) -> dict[str, pa.Table]:
    """Return the tables of a folder, by default of this package."""
    return reference_tables(Documents.of_folder(folder) if folder else bundled())


_GPU_COLUMNS = {
    **{name: hint for name, hint in get_type_hints(Gpu).items() if get_origin(hint) is not Mapping},
    "source_url": str,
}
_PEAK_COLUMNS = {
    "gpu_id": str,
    "precision": str,
    "is_sparse": bool,
    "flops_per_second": float,
    "source_url": str,
    "note": str,
}
_VALUE_COLUMNS = {
    "subject_kind": str,
    "subject": str,
    "field": str,
    "value": str,
    "unit": str,
    "source": str,
    "source_url": str,
    "retrieved_on": date,
    "note": str,
}


def _table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Any]) -> pa.Table:
    schema = pa.schema([(name, _TYPES[_plain_type(hint)]) for name, hint in columns.items()])
    return pa.Table.from_pylist(list(rows), schema=schema)


def _gpu_row(gpu: Gpu) -> dict[str, Any]:
    urls = (leaf.source_url for leaf in gpu.leaves.values() if leaf.source_url)
    memory = gpu.leaves.get("memory_bytes")
    return {
        **{name: getattr(gpu, name) for name in _GPU_COLUMNS if name != "source_url"},
        "source_url": (memory and memory.source_url) or next(urls, None),
    }


def _peak_rows(gpu: Gpu) -> Iterator[dict[str, Any]]:
    for path, leaf in gpu.leaves.items():
        if path.startswith("peaks."):
            _, precision, kind = path.split(".")
            yield {
                "gpu_id": gpu.gpu_id,
                "precision": precision,
                "is_sparse": kind == "sparse",
                "flops_per_second": leaf.value,
                "source_url": leaf.source_url,
                "note": leaf.note,
            }


def _leaf_row(kind: str, subject: str, path: str, leaf: Leaf) -> dict[str, Any]:
    return {
        **{name: getattr(leaf, name) for name in ("unit", "source", "source_url", "note")},
        "subject_kind": kind,
        "subject": subject,
        "field": path,
        "value": str(leaf.value),
        "retrieved_on": leaf.retrieved_on,
    }


def _model_table(known: Iterable[Model]) -> pa.Table:
    """Return one row per model; a column for every text and figure that any model has."""
    columns: dict[str, None] = {"model_id": None, "name": None}
    rows = []
    for model in known:
        urls = (leaf.source_url for leaf in model.leaves.values() if leaf.source_url)
        row = {**model.texts, **model.values, "source_url": next(urls, None)}
        columns |= dict.fromkeys(row)
        rows.append(row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in columns})


def _column(values: list[Any]) -> pa.Array:
    """Return an array; a column of whole and fractional numbers is one of fractional numbers."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, type=pa.string() if not kinds else None)
