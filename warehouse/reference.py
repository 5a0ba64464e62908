"""Reference data: what is known of accelerators, models and scenarios, and who says so.

Here belongs the reading of ``reference/``: YAML files in which every figure is a leaf
``{value, unit, source, note?}``, and plain CSV tables. A figure without a known unit or source is
refused, with the file and the way out. Not here: what the figures are used for (``cost_engine``),
the tables they become (``sql/``), and anything that changes from day to day (``pipelines``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa
import yaml

REFERENCE_FOLDER = Path(__file__).parent / "reference"
PRECISIONS = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp6", "fp4", "int4")
ASSUMPTION = "assumption"

Subject = TypeVar("Subject")
Plain: TypeAlias = str | int | float | bool | date

# The units a leaf may use, by what they measure; the factor leads to the SI base unit, which is
# the first of its group and the unit of everything that leaves this module.
UNITS: Mapping[str, Mapping[str, Decimal]] = {
    "bytes": {
        "bytes": Decimal(1),
        "megabytes": Decimal(10**6),
        "gigabytes": Decimal(10**9),
        "terabytes": Decimal(10**12),
        "mebibytes": Decimal(2**20),
        "gibibytes": Decimal(2**30),
    },
    "bytes_per_second": {
        "bytes_per_second": Decimal(1),
        "gigabytes_per_second": Decimal(10**9),
        "terabytes_per_second": Decimal(10**12),
    },
    "flops_per_second": {
        "flops_per_second": Decimal(1),
        "gigaflops_per_second": Decimal(10**9),
        "teraflops_per_second": Decimal(10**12),
        "petaflops_per_second": Decimal(10**15),
    },
    "flop": {"flop": Decimal(1)},
    "watts": {"watts": Decimal(1), "kilowatts": Decimal(10**3)},
    "hours": {name: Decimal(1) for name in ("hour", "hours", "gpu_hour", "chip_hour")},
    "seconds": {
        "seconds": Decimal(1),
        "milliseconds": Decimal("1e-3"),
        "microseconds": Decimal("1e-6"),
    },
    "years": {"years": Decimal(1), "year": Decimal(1)},
    "months": {"months": Decimal(1), "month": Decimal(1)},
    "days": {"days": Decimal(1), "day": Decimal(1)},
    "fraction": {"fraction": Decimal(1), "percent": Decimal("0.01")},
    "ratio": {"ratio": Decimal(1), "fraction": Decimal(1)},
    "date": {"date": Decimal(1)},
    "usd": {"usd": Decimal(1)},
    "rate": {
        name: Decimal(1)
        for name in (
            *("token_per_second", "token_per_parameter", "request_per_second"),
            *(
                "usd_per_kwh",
                "usd_per_kilowatt_hour",
                "usd_per_gpu_hour",
                "usd_per_watt",
                "usd_per_year",
            ),
            *("usd_per_gigabyte_month", "usd_per_gigabyte", "gram_per_kilowatt_hour"),
        )
    },
    "count": {
        name: Decimal(1)
        for name in (
            *("count", "1", "parameter", "token", "layer", "head", "expert", "dimension", "gpu"),
            *("chip", "bit", "element", "request", "user", "case", "vcpu", "server"),
        )
    },
}

# What the last word of a field's name says about its unit; the first that fits holds.
_UNITS_BY_ENDING: tuple[tuple[str, str], ...] = (
    ("_flops_per_second", "flops_per_second"),
    ("_bytes_per_second", "bytes_per_second"),
    ("_bytes", "bytes"),
    ("_flops", "flop"),
    ("_watts", "watts"),
    ("_hours", "hours"),
    ("_seconds", "seconds"),
    ("_years", "years"),
    ("_months", "months"),
    ("_days", "days"),
    ("_fraction", "fraction"),
    ("_utilisation", "fraction"),
    ("_on", "date"),
    ("_usd", "usd"),
)

_GPU_TEXTS = frozenset(
    {"gpu_id", "name", "vendor", "architecture", "form_factor", "link_kind", "is_coarse", "note"}
)
_GPU_NUMBERS = frozenset(
    {
        "released_on",
        "memory_bytes",
        "driver_visible_memory_bytes",
        "bandwidth_bytes_per_second",
        "link_bandwidth_bytes_per_second",
        "scale_up_gpu_count",
        "board_power_watts",
        "facility_power_watts",
        "purchase_usd",
    }
)
_GPU_REQUIRED = ("gpu_id", "name", "vendor", "architecture")


class ReferenceError(ValueError):
    """Reference data that must not be used; says file, place, what is wrong and the way out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """One figure of the reference data and where it comes from."""

    value: Plain  # in the SI base unit
    unit: str
    source: str  # the title of the source, or "assumption"
    source_url: str | None  # None for an assumption
    retrieved_on: date | None
    note: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """An accelerator as one rents it. A figure that is not known is None.

    A coarse one (``A100``) stands for a name that does not tell the variant; it carries only the
    figures on which all variants agree.
    """

    gpu_id: str
    name: str
    vendor: str
    architecture: str
    form_factor: str | None
    is_coarse: bool
    released_on: date | None
    memory_bytes: int | None  # as marketed
    driver_visible_memory_bytes: int | None  # what a program can allocate, before its own context
    bandwidth_bytes_per_second: float | None
    link_bandwidth_bytes_per_second: float | None  # one direction, one GPU, all its links
    link_kind: str | None
    scale_up_gpu_count: int | None  # the largest domain of the fast link
    board_power_watts: float | None
    facility_power_watts: float | None  # all-in, one GPU's share of server, network and cooling
    purchase_usd: float | None
    dense_flops_per_second: Mapping[str, float]  # by precision
    sparse_flops_per_second: Mapping[str, float]  # by precision, 2:4 structured sparsity
    leaves: Mapping[str, Leaf]


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A reference model: its plain texts and its figures by path, SI base units."""

    model_id: str
    name: str
    texts: Mapping[str, Plain]
    values: Mapping[str, Plain]
    leaves: Mapping[str, Leaf]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A named set of assumptions: workload, utilisation, electricity, ownership."""

    scenario_id: str
    name: str
    kind: str
    texts: Mapping[str, Plain]
    values: Mapping[str, Plain]
    leaves: Mapping[str, Leaf]


@dataclass(slots=True)
class _Entry:
    """One subject of a file while it is read."""

    where: str
    texts: dict[str, Plain] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)


def load_gpus(folder: Path = REFERENCE_FOLDER) -> list[Gpu]:
    """Return every accelerator of ``gpus/*.yaml``, by gpu_id.

    Raises
    ------
    ReferenceError
        If a file, a leaf or an accelerator is not what it must be.

    Examples
    --------
    >>> {gpu.gpu_id: gpu.memory_bytes for gpu in load_gpus()}["H100-SXM-80GB"]
    80000000000
    """
    gpus = [_gpu(entry) for entry in _entries(folder / "gpus", "gpus")]
    return _unique(gpus, ("gpu_id",), folder / "gpus")


def load_models(folder: Path = REFERENCE_FOLDER) -> list[Model]:
    """Return every reference model of ``models/*.yaml``, by model_id.

    Raises
    ------
    ReferenceError
        If a file, a leaf or a model is not what it must be.
    """
    models = [
        Model(
            model_id=_text(entry, "model_id"),
            name=_text(entry, "name"),
            texts=entry.texts,
            values={path: leaf.value for path, leaf in entry.leaves.items()},
            leaves=entry.leaves,
        )
        for entry in _entries(folder / "models", "models")
    ]
    return _unique(models, ("model_id",), folder / "models")


def load_scenarios(folder: Path = REFERENCE_FOLDER) -> list[Scenario]:
    """Return every scenario of ``scenarios/*.yaml``, by kind and scenario_id.

    A file holds lists; the first ``<kind>_id`` of an item names its kind: ``workload_id`` makes a
    workload, ``facility_id`` a facility.

    Raises
    ------
    ReferenceError
        If a file, a leaf or a scenario is not what it must be.
    """
    scenarios = []
    for entry in _entries(folder / "scenarios", None):
        kind = next((name[:-3] for name in entry.texts if name.endswith("_id")), "scenario")
        scenarios.append(
            Scenario(
                scenario_id=_text(entry, f"{kind}_id"),
                name=_text(entry, "name"),
                kind=kind,
                texts=entry.texts,
                values={path: leaf.value for path, leaf in entry.leaves.items()},
                leaves=entry.leaves,
            )
        )
    return _unique(scenarios, ("kind", "scenario_id"), folder / "scenarios")


def load_csv(name: str, folder: Path = REFERENCE_FOLDER) -> list[dict[str, str | None]]:
    """Return the rows of ``reference/<name>.csv``; an empty cell is None.

    Raises
    ------
    ReferenceError
        If there is no such table, or a row is longer or shorter than the header.
    """
    path = folder / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.csv")))
        raise ReferenceError(f"no reference table {name!r}; there are: {known}")
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader)
        rows = []
        for cells in reader:
            if len(cells) != len(header):
                raise ReferenceError(
                    f"{path.name}:{reader.line_num}: {len(cells)} cells under {len(header)} names;"
                    " quote a cell that holds a comma"
                )
            rows.append({key: cell or None for key, cell in zip(header, cells, strict=True)})
    return rows


def reference_rows(folder: Path = REFERENCE_FOLDER) -> dict[str, pa.Table]:
    """Return the reference data as tables, by their names in the warehouse.

    Returns
    -------
    dict of str to pyarrow.Table
        ``core.gpu``, ``core.gpu_peak``, ``core.model``, ``core.gpu_alias``, ``core.model_alias``,
        ``core.price_band``, ``core.provider``, ``core.provider_alias``, ``core.method_break``,
        ``core.region`` and ``meta.reference_value`` (one row per leaf).

    Raises
    ------
    ReferenceError
        If any part of the reference data must not be used.
    """
    gpus, models, scenarios = load_gpus(folder), load_models(folder), load_scenarios(folder)
    leaves = [
        *(("gpu", gpu.gpu_id, gpu.leaves) for gpu in gpus),
        *(("model", model.model_id, model.leaves) for model in models),
        *(("scenario", scenario.scenario_id, scenario.leaves) for scenario in scenarios),
    ]
    return {
        "core.gpu": pa.Table.from_pylist([_gpu_row(gpu) for gpu in gpus], schema=_GPU_SCHEMA),
        "core.gpu_peak": pa.Table.from_pylist(
            [row for gpu in gpus for row in _peak_rows(gpu)], schema=_PEAK_SCHEMA
        ),
        "core.model": _model_table(models),
        "core.gpu_alias": _csv_table(
            "gpu_aliases", ("source_family", "gpu_name_printed", "canonical"), folder
        ),
        "core.model_alias": _csv_table(
            "model_aliases",
            ("source_family", "model_name_printed", "model_id", "relation"),
            folder,
        ),
        "core.training_run_alias": _csv_table(
            "training_run_aliases", ("model_name_printed", "model", "note"), folder
        ),
        "core.price_band": _price_bands(folder),
        "core.provider": _csv_table(
            "providers", ("provider_id", "name", "market_family", "homepage", "country"), folder
        ),
        "core.provider_alias": _csv_table(
            "provider_aliases", ("source_id", "provider_printed", "provider_id"), folder
        ),
        "core.method_break": _method_breaks(folder),
        "core.region": _csv_table("regions", ("provider_id", "region", "country", "area"), folder),
        "meta.reference_value": pa.Table.from_pylist(
            [
                _leaf_row(kind, subject, path, leaf)
                for kind, subject, tree in leaves
                for path, leaf in tree.items()
            ],
            schema=_VALUE_SCHEMA,
        ),
    }


_GPU_SCHEMA = pa.schema(
    [
        ("gpu_id", pa.string()),
        ("name", pa.string()),
        ("vendor", pa.string()),
        ("architecture", pa.string()),
        ("form_factor", pa.string()),
        ("is_coarse", pa.bool_()),
        ("released_on", pa.date32()),
        ("memory_bytes", pa.int64()),
        ("driver_visible_memory_bytes", pa.int64()),
        ("bandwidth_bytes_per_second", pa.float64()),
        ("link_bandwidth_bytes_per_second", pa.float64()),
        ("link_kind", pa.string()),
        ("scale_up_gpu_count", pa.int64()),
        ("board_power_watts", pa.float64()),
        ("facility_power_watts", pa.float64()),
        ("purchase_usd", pa.float64()),
        ("source_url", pa.string()),
    ]
)
_PEAK_SCHEMA = pa.schema(
    [
        ("gpu_id", pa.string()),
        ("precision", pa.string()),
        ("is_sparse", pa.bool_()),
        ("flops_per_second", pa.float64()),
        ("source_url", pa.string()),
        ("note", pa.string()),
    ]
)
_VALUE_SCHEMA = pa.schema(
    [
        ("subject_kind", pa.string()),
        ("subject", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("unit", pa.string()),
        ("source", pa.string()),
        ("source_url", pa.string()),
        ("retrieved_on", pa.date32()),
        ("note", pa.string()),
    ]
)


def _gpu_row(gpu: Gpu) -> dict[str, Any]:
    row = {name: getattr(gpu, name) for name in _GPU_SCHEMA.names if name != "source_url"}
    urls = (leaf.source_url for leaf in gpu.leaves.values() if leaf.source_url is not None)
    first = gpu.leaves.get("memory_bytes")
    row["source_url"] = first.source_url if first and first.source_url else next(urls, None)
    return row


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
        "subject_kind": kind,
        "subject": subject,
        "field": path,
        "value": str(leaf.value),
        "unit": leaf.unit,
        "source": leaf.source,
        "source_url": leaf.source_url,
        "retrieved_on": leaf.retrieved_on,
        "note": leaf.note,
    }


def _model_table(models: list[Model]) -> pa.Table:
    """Return one row per model; a column for every text and figure that any model has."""
    columns: dict[str, None] = {"model_id": None, "name": None}
    rows = []
    for model in models:
        row: dict[str, Any] = dict(model.texts)
        row |= {path.replace(".", "_"): value for path, value in model.values.items()}
        urls = (leaf.source_url for leaf in model.leaves.values() if leaf.source_url)
        row["source_url"] = next(urls, None)
        columns |= dict.fromkeys(row)
        rows.append(row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in columns})


def _column(values: list[Any]) -> pa.Array:
    """Return an array; whole numbers among broken ones become broken, so that a column is one."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, type=pa.string() if not kinds else None)


def _price_bands(folder: Path) -> pa.Table:
    """Return the plausible prices of each accelerator; a band without an order is refused."""
    rows = []
    for row in load_csv("price_bands", folder):
        low, high = (
            float(row["low_usd_per_gpu_hour"] or 0),
            float(row["high_usd_per_gpu_hour"] or 0),
        )
        if not 0 < low < high:
            raise ReferenceError(f"price_bands.csv: {row['gpu_id']}: {low} to {high} is no band")
        rows.append({**row, "low_usd_per_gpu_hour": low, "high_usd_per_gpu_hour": high})
    return pa.Table.from_pylist(rows)


def _csv_table(name: str, columns: tuple[str, ...], folder: Path) -> pa.Table:
    rows = load_csv(name, folder)
    return pa.table({key: pa.array([row[key] for row in rows], pa.string()) for key in columns})


def _method_breaks(folder: Path) -> pa.Table:
    """Return the days on which sources changed how they read or print prices."""
    days = ("break_on", "settled_on", "retrieved_on")
    table = _csv_table(
        "method_breaks",
        (
            *("source_id", *days[:2], "ended_request_key", "change", "evidence", "source_url"),
            days[2],
        ),
        folder,
    )
    for name in days:
        number = table.schema.get_field_index(name)
        table = table.set_column(number, name, table.column(name).cast(pa.date32()))
    return table


def _entries(folder: Path, only_list: str | None) -> Iterator[_Entry]:
    """Yield the items of the lists of all files of a folder."""
    for path in sorted(folder.glob("*.yaml")):
        try:
            document = yaml.load(
                path.read_text(encoding="utf-8"),
                Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),
            )
        except yaml.YAMLError as error:
            raise ReferenceError(f"{path.name}: not YAML: {' '.join(str(error).split())}") from None
        if not isinstance(document, dict):
            raise ReferenceError(f"{path.name}: expected a mapping with 'sources:' at the top")
        sources = _sources(document.pop("sources", None) or {}, path.name)
        for list_name, subjects in document.items():
            if only_list not in (None, list_name) or not isinstance(subjects, list):
                raise ReferenceError(
                    f"{path.name}: {list_name!r} beside 'sources:'; expected the list"
                    f" {only_list or 'of one kind of scenario'!r}"
                )
            for position, subject in enumerate(subjects):
                if not isinstance(subject, dict) or not subject:
                    raise ReferenceError(f"{path.name}: {list_name}[{position}] is not a mapping")
                label = next((subject[key] for key in subject if key.endswith("_id")), position)
                entry = _Entry(where=f"{path.name}: {label}")
                _walk(subject, (), sources, entry)
                yield entry


def _sources(sources: object, file_name: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(sources, dict):
        raise ReferenceError(f"{file_name}: 'sources:' must map an id to title, url, retrieved_on")
    for source_id, source in sources.items():
        missing = {"title", "url", "retrieved_on"} - set(source if isinstance(source, dict) else ())
        if missing:
            raise ReferenceError(f"{file_name}: source {source_id!r} lacks {sorted(missing)}")
        if not isinstance(source["retrieved_on"], date):
            raise ReferenceError(
                f"{file_name}: source {source_id!r}: retrieved_on is no date; write 2026-11-21"
            )
        if not str(source["url"]).startswith(("https://", "http://")):
            raise ReferenceError(f"{file_name}: source {source_id!r}: url {source['url']!r}")
    return sources


def _walk(
    node: Mapping[str, Any],
    path: tuple[str, ...],
    sources: Mapping[str, Mapping[str, Any]],
    entry: _Entry,
) -> None:
    for key, value in node.items():
        here = (*path, str(key))
        dotted = ".".join(here)
        if isinstance(value, dict) and "value" in value:
            entry.leaves[dotted] = _leaf(value, here, sources, entry.where)
        elif isinstance(value, dict):
            _walk(value, here, sources, entry)
        elif isinstance(value, bool | str):
            entry.texts[dotted] = value
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            entry.texts[dotted] = ", ".join(value)
        elif value is not None:
            raise ReferenceError(
                f"{entry.where}: {dotted} is a bare {type(value).__name__} ({value});"
                " write {value: ..., unit: ..., source: ...}"
            )


def _leaf(
    leaf: Mapping[str, Any],
    path: tuple[str, ...],
    sources: Mapping[str, Mapping[str, Any]],
    where: str,
) -> Leaf:
    where = f"{where}: {'.'.join(path)}"
    unknown = set(leaf) - {"value", "unit", "source", "note"}
    if unknown:
        raise ReferenceError(
            f"{where}: a leaf has value, unit, source, note; not {sorted(unknown)}"
        )
    unit, source_id, note = leaf.get("unit"), leaf.get("source"), leaf.get("note")
    if unit is None:
        raise ReferenceError(f"{where}: no unit; allowed: {', '.join(_allowed_units(path[-1]))}")
    if source_id is None:
        raise ReferenceError(f"{where}: no source; name one of {sorted(sources)} or assumption")
    value, base_unit = _in_base_unit(leaf["value"], str(unit), path, where)
    if source_id == ASSUMPTION:
        if not note:
            raise ReferenceError(f"{where}: an assumption needs a note that argues for it")
        return Leaf(
            value=value,
            unit=base_unit,
            source=ASSUMPTION,
            source_url=None,
            retrieved_on=None,
            note=note,
        )
    if source_id not in sources:
        raise ReferenceError(
            f"{where}: source {source_id!r} is not listed; name one of {sorted(sources)},"
            " add it under 'sources:', or argue an assumption"
        )
    source = sources[source_id]
    return Leaf(
        value=value,
        unit=base_unit,
        source=source["title"],
        source_url=source["url"],
        retrieved_on=source["retrieved_on"],
        note=note,
    )


def _allowed_units(name: str) -> Mapping[str, Decimal]:
    """Return the units that a field of this name may use."""
    if name in ("dense", "sparse"):
        return UNITS["flops_per_second"]
    if name in ("low", "central", "high"):  # of a range: its entry says of what
        return {**UNITS["ratio"], **UNITS["count"], **UNITS["rate"]}
    for ending, dimension in _UNITS_BY_ENDING:
        if f"_{name}".endswith(ending):
            return UNITS[dimension]
    if "_per_" in name:
        spelled_out = name[max(0, name.find("usd_")) :]
        return {spelled_out: Decimal(1), **UNITS["rate"], **UNITS["count"]}
    return {**UNITS["count"], **UNITS["ratio"]}


def _in_base_unit(value: object, unit: str, path: tuple[str, ...], where: str) -> tuple[Plain, str]:
    allowed = _allowed_units(path[-1])
    if unit not in allowed:
        raise ReferenceError(f"{where}: unit {unit!r}; allowed: {', '.join(allowed)}")
    base_unit = next(iter(allowed))
    if base_unit == "date":
        if not isinstance(value, date):
            raise ReferenceError(f"{where}: {value!r} is no date; write it as 2026-11-21")
        return value, base_unit
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ReferenceError(
            f"{where}: {value!r} is no number; YAML wants a point and a sign: 9.894e+14"
        )
    number = Decimal(str(value)) * allowed[unit]
    if not number.is_finite():
        raise ReferenceError(f"{where}: {value!r} is not finite")
    if len(set(allowed.values())) == 1:  # names of things, not multiples of a base unit
        base_unit = unit
    if base_unit == "bytes" or (isinstance(value, int) and unit in UNITS["count"]):
        return int(number), base_unit
    return float(number), base_unit


def _text(entry: _Entry, name: str) -> str:
    value = entry.texts.get(name)
    if not isinstance(value, str) or not value:
        raise ReferenceError(f"{entry.where}: {name} is missing; it is a plain text")
    return value


def _gpu(entry: _Entry) -> Gpu:
    for name in _GPU_REQUIRED:
        _text(entry, name)
    unknown = set(entry.texts) - _GPU_TEXTS
    dense: dict[str, float] = {}
    sparse: dict[str, float] = {}
    for path, leaf in entry.leaves.items():
        match path.split("."):
            case ["peaks", precision, "dense" | "sparse" as kind] if precision in PRECISIONS:
                (dense if kind == "dense" else sparse)[precision] = _number(leaf)
            case [name] if name in _GPU_NUMBERS:
                pass
            case _:
                unknown.add(path)
    if unknown:
        raise ReferenceError(
            f"{entry.where}: unknown {sorted(unknown)}; a gpu has"
            f" {', '.join(sorted(_GPU_TEXTS | _GPU_NUMBERS))} and"
            f" peaks.<{'|'.join(PRECISIONS)}>.<dense|sparse>"
        )
    values: dict[str, Any] = {name: None for name in _GPU_NUMBERS}
    values |= {path: leaf.value for path, leaf in entry.leaves.items() if path in _GPU_NUMBERS}
    return Gpu(
        gpu_id=_text(entry, "gpu_id"),
        name=_text(entry, "name"),
        vendor=_text(entry, "vendor"),
        architecture=_text(entry, "architecture"),
        form_factor=_optional_text(entry, "form_factor"),
        is_coarse=entry.texts.get("is_coarse", False) is True,
        link_kind=_optional_text(entry, "link_kind"),
        dense_flops_per_second=dense,
        sparse_flops_per_second=sparse,
        leaves=entry.leaves,
        **values,
    )


def _optional_text(entry: _Entry, name: str) -> str | None:
    return _text(entry, name) if name in entry.texts else None


def _number(leaf: Leaf) -> float:
    if isinstance(leaf.value, int | float):
        return float(leaf.value)
    raise TypeError(f"{leaf.value!r} is not a number")  # _in_base_unit has refused it already


def _unique(subjects: list[Subject], id_names: tuple[str, ...], folder: Path) -> list[Subject]:
    """Return the subjects by their id; an id that is there twice is refused."""
    by_id: dict[tuple[str, ...], Subject] = {}
    for subject in subjects:
        key = tuple(str(getattr(subject, name)) for name in id_names)
        if key in by_id:
            raise ReferenceError(f"{folder.name}/: {id_names[-1]} {key[-1]!r} is there twice")
        by_id[key] = subject
    return [by_id[key] for key in sorted(by_id)]
