"""Facts about the reference data and the way they are read."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from warehouse.reference import (
    REFERENCE_FOLDER,
    Documents,
    Gpu,
    ReferenceError,
    load_csv,
    load_gpus,
)
from warehouse.reference.identities import price_bands, price_corrections
from warehouse.reference.tables import reference_rows
from warehouse.reference.training import corrections, electricity_prices
from warehouse.reference.training_method import training_figures

SOURCES = """
sources:
  sheet: {title: A datasheet, url: "https://vendor.example/sheet.pdf", retrieved_on: 2026-11-21}
"""
GPU = """
gpus:
  - gpu_id: X1-16GB
    name: X1
    vendor: nvidia
    architecture: none
    released_on: {value: 2024-02-03, unit: date, source: sheet}
    memory_bytes: {value: 16, unit: gigabytes, source: sheet}
    peaks:
      bf16:
        dense: {value: 989.4, unit: teraflops_per_second, source: sheet, note: half of the sparse}
    gpu_class: data_center
"""
ELECTRICITY = "country,year,usd_per_kwh,unit,customer,source_url,retrieved_on,note\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gpus").mkdir()
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "gpus" / "x.yaml").write_text(text)
    return folder


def test_figures_leave_in_base_units_with_their_source(folder: Path) -> None:
    (gpu,) = load_gpus(write(folder, SOURCES + GPU))
    assert gpu.memory_bytes == 16_000_000_000
    assert gpu.dense_flops_per_second == {"bf16": 989.4e12}
    assert gpu.released_on == date(2024, 2, 3)
    assert gpu.bandwidth_bytes_per_second is None
    leaf = gpu.leaves["peaks.bf16.dense"]
    assert (leaf.unit, leaf.source_url) == ("flops_per_second", "https://vendor.example/sheet.pdf")
    assert (leaf.retrieved_on, leaf.note) == (date(2026, 11, 21), "half of the sparse")


UNITS_OF_MEMORY = "bytes, megabytes, gigabytes, terabytes, mebibytes, gibibytes"
FIGURE = "a mapping; a figure is {value: ..., unit: ..., source: ...}"
NUMBER = "a number that is not quoted; YAML wants a point and a sign: 9.894e+14"


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            "unit: gigabytes, ",
            "",
            f"11: X1.memory_bytes.unit holds null; allowed: {UNITS_OF_MEMORY}",
        ),
        (
            "unit: gigabytes",
            "unit: watts",
            f'11: X1.memory_bytes.unit holds "watts"; allowed: {UNITS_OF_MEMORY}',
        ),
        (
            "16, unit: gigabytes, source: sheet",
            "16, unit: gigabytes",
            "11: X1.memory_bytes.source is missing;"
            " allowed: an id listed under 'sources:', or assumption",
        ),
        (
            "16, unit: gigabytes, source: sheet",
            "16, unit: gigabytes, source: rumour",
            "11: X1.memory_bytes.source holds 'rumour', which is not listed under 'sources:';"
            " allowed: assumption, sheet",
        ),
        (
            "gigabytes, source: sheet",
            "gigabytes, source: assumption",
            "11: X1.memory_bytes.note holds null;"
            " allowed: a note that argues for it, as the source is an assumption",
        ),
        (
            "{value: 16, unit: gigabytes, source: sheet}",
            "16",
            f"11: X1.memory_bytes holds 16; allowed: {FIGURE}",
        ),
        (
            "value: 16,",
            "value: 16e9,",
            f'11: X1.memory_bytes.value holds "16e9"; allowed: {NUMBER}',
        ),
        ("value: 16,", "value: true,", f"11: X1.memory_bytes.value holds true; allowed: {NUMBER}"),
        (
            "value: 16,",
            "value: .nan,",
            "11: X1.memory_bytes.value holds NaN; allowed: a finite number",
        ),
        (
            "memory_bytes:",
            "memry_bytes:",
            "11: X1.memry_bytes is unknown; allowed: gpu_id, name, vend",
        ),
        (
            "bf16:",
            "bf61:",
            "13: X1.peaks.bf61 holds \"bf61\"; allowed: 'fp64', 'fp32', 'tf32', 'bf16'",
        ),
        ("vendor: nvidia", "", "6: X1.vendor is missing; allowed: a value"),
        ("2024-02-03", "2024", "10: X1.released_on.value holds 2024; allowed: a text"),
        (
            "2024-02-03",
            "today",
            '10: X1.released_on.value holds "today"; allowed: a date as 2026-11-21',
        ),
        ("title: A datasheet, ", "", "3: sources.sheet.title is missing; allowed: a value"),
        ('"https://', '"file://', "3: sources.sheet.url holds"),
        (
            "source: sheet, note:",
            "source: sheet, notes:",
            "14: X1.peaks.bf16.dense.notes is unknown",
        ),
        ("gpus:", "chips:", "5: chips is unknown; allowed: sources, gpus"),
        ("peaks:", "peaks: [", "14: not YAML: did not find expected"),
    ],
)
def test_a_wrong_file_names_line_key_what_it_holds_and_what_is_allowed(
    folder: Path, right: str, wrong: str, says: str
) -> None:
    text = SOURCES + GPU
    assert right in text
    with pytest.raises(ReferenceError) as caught:
        load_gpus(write(folder, text.replace(right, wrong)))
    says = says.replace("X1.", "gpus.X1-16GB.")
    assert str(caught.value).startswith(f"gpus/x.yaml:{says}")
    assert "\n" not in str(caught.value)


def test_further_mistakes_are_counted(folder: Path) -> None:
    text = (SOURCES + GPU).replace("unit: gigabytes", "unit: stone").replace("vendor: nvidia", "")
    with pytest.raises(ReferenceError, match=r"vendor is missing; allowed: a value \(1 more\)$"):
        load_gpus(write(folder, text))


def test_an_id_cannot_be_there_twice(folder: Path) -> None:
    twice = SOURCES + GPU + GPU.split("gpus:")[1]
    with pytest.raises(
        ReferenceError, match=r"^gpus/: gpu_id holds 'X1-16GB' twice; allowed: each"
    ):
        load_gpus(write(folder, twice))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "electricity.csv: empty; a table begins with a line of column names"),
        ("country,year\nUS\n", "electricity.csv:2: 1 cells under 2 names; quote a cell"),
        ("country,year\nUS,2010\n", "electricity.csv:1: the columns are country, year; allowed: c"),
        (
            f"{ELECTRICITY}US,MMX,0.1,u,c,s,2026-11-21,\n",
            "electricity.csv:2: year holds 'MMX'; allo",
        ),
        (
            f"{ELECTRICITY}US,2010,inf,u,c,s,2026-11-21,\n",
            "electricity.csv:2: usd_per_kwh holds 'i",
        ),
        (
            f"{ELECTRICITY},2010,0.1,u,c,s,2026-11-21,\n",
            "electricity.csv:2: country holds ''; allow",
        ),
        (
            f"{ELECTRICITY}US,2010,0.1,u,c,s,today,\n",
            "electricity.csv:2: retrieved_on holds 'today'",
        ),
    ],
)
def test_a_wrong_table_names_line_column_what_it_holds_and_what_is_allowed(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "electricity.csv").write_text(text)
    with pytest.raises(ReferenceError, match=f"^{re.escape(says)}"):
        electricity_prices(Documents.of_folder(tmp_path))


@pytest.mark.parametrize("low_high", ["0,1", "2,2", "3,2"])
def test_a_price_band_without_order_is_refused(tmp_path: Path, low_high: str) -> None:
    header = "gpu_id,low_usd_per_gpu_hour,high_usd_per_gpu_hour,source,note"
    (tmp_path / "price_bands.csv").write_text(f"{header}\nA10-24GB,{low_high},lists,\n")
    with pytest.raises(
        ReferenceError, match=r"price_bands.csv:2: A10-24GB holds .* 0 < low < high"
    ):
        price_bands(Documents.of_folder(tmp_path))


PRICE_CORRECTION = {
    "correction_id": "one",
    "source_id": "runpod",
    "provider_id": "runpod",
    "sku": "h100",
    "gpu_name_printed": "",
    "region": "",
    "purchase_model": "on_demand",
    "field": "price_amount",
    "as_published": "2.69",
    "corrected": "2.99",
    "unit": "USD per GPU and hour",
    "first_on": "2026-07-01",
    "last_on": "",
    "reason": "the page shows it",
    "source_url": "https://example.test",
    "retrieved_on": "2026-07-03",
}


def price_correction_file(folder: Path, *rows: dict[str, str]) -> Documents:
    lines = [",".join((PRICE_CORRECTION | row).values()) for row in rows]
    text = "\n".join([",".join(PRICE_CORRECTION), *lines, ""])
    (folder / "price_corrections.csv").write_text(text, encoding="utf-8")
    return Documents.of_folder(folder)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"field": "currency"}, "one: field holds 'currency'; allowed: price_amount, gpu_count"),
        ({"purchase_model": "rented"}, "one: purchase_model holds 'rented'"),
        ({"sku": ""}, "sku and gpu_name_printed are empty"),
        ({"corrected": "2.69"}, "both hold 2.69"),
        ({"corrected": "0"}, "corrected holds 0; allowed: above zero"),
        ({"field": "gpu_count", "corrected": "1.5"}, "as_published holds 2.69; .*GPUs are whole"),
        ({"field": "gpu_count", "as_published": "1", "corrected": "1e7"}, "below 1e.06"),
        ({"corrected": "1e30"}, "corrected holds 1e.30; allowed: above zero, below 1e.12"),
        ({"as_published": "-1"}, "as_published holds -1; allowed: above zero"),
        ({"last_on": "2026-06-30"}, "last_on holds 2026-06-30; allowed: 2026-07-01 or later"),
        ({"source_url": "the page"}, "source_url holds 'the page'"),
        ({"reason": ""}, "reason holds ''; allowed: a text that is not empty"),
        ({"as_published": "2,69"}, "16 names"),
    ],
)
def test_a_wrong_correction_of_a_price_is_refused(
    tmp_path: Path, wrong: dict[str, str], told: str
) -> None:
    documents = price_correction_file(tmp_path, wrong)
    with pytest.raises(ReferenceError, match=rf"^price_corrections.csv:2: .*{told}"):
        price_corrections(documents)


def test_two_corrections_of_one_offer_and_day_are_refused(tmp_path: Path) -> None:
    other = {"correction_id": "two", "region": "EU"}
    with pytest.raises(ReferenceError, match=r"csv:3: two: may be about the same offer as one"):
        price_corrections(price_correction_file(tmp_path, {}, other))
    with pytest.raises(ReferenceError, match=r"csv:3: one: is there twice"):
        price_corrections(price_correction_file(tmp_path, {}, {"sku": "a100"}))
    for apart in (
        {"sku": "a100"},
        {"as_published": "2.79"},
        {"first_on": "2026-06-01", "last_on": "2026-06-30"},
    ):
        documents = price_correction_file(tmp_path, {}, other | apart)
        assert [row.correction_id for row in price_corrections(documents)] == ["one", "two"]


def test_a_correction_without_a_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corrections.yaml").write_text(
        "sources: {}\ncorrections:\n  - {table: t, key: k, column: c, as_published: 1,"
        " corrected: {value: 2, unit: watts, source: nobody}, reason: wrong}\n",
        encoding="utf-8",
    )
    with pytest.raises(ReferenceError, match="nobody"):
        corrections(Documents.of_folder(tmp_path))


def test_a_figure_of_the_training_method_is_there_once_and_argued_for(tmp_path: Path) -> None:
    header = "kind,name,low,central,high,unit,source,source_url,retrieved_on,note\n"
    row = "pue,other,,1.25,,1,assumption,,2026-11-21,{}\n"
    path = tmp_path / "training_figures.csv"
    path.write_text(header + 2 * row.format("usual"), encoding="utf-8")
    with pytest.raises(ReferenceError, match="pue other: there twice"):
        training_figures(Documents.of_folder(tmp_path))
    path.write_text(header + row.format(""), encoding="utf-8")
    with pytest.raises(ReferenceError, match="needs a note"):
        training_figures(Documents.of_folder(tmp_path))


def test_a_mistake_in_corrections_names_the_key(tmp_path: Path) -> None:
    text = (REFERENCE_FOLDER / "corrections.yaml").read_text(encoding="utf-8")
    (tmp_path / "corrections.yaml").write_text(
        text.replace("    reason: the record m", "    why: m")
    )
    with pytest.raises(ReferenceError, match=r"corrections.yaml:\d+: corrections.0.why is unknown"):
        corrections(Documents.of_folder(tmp_path))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "electricity.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(ReferenceError, match=r"^electricity.csv: not UTF-8 text"):
        electricity_prices(Documents.of_folder(tmp_path))


def test_every_leaf_is_in_the_value_table() -> None:
    tables = reference_rows()
    leaves = sum(len(gpu.leaves) for gpu in load_gpus())
    values = tables["meta.reference_value"].to_pylist()
    assert sum(row["subject_kind"] == "gpu" for row in values) == leaves
    assert all(row["unit"] and (row["source_url"] or row["note"]) for row in values)


GPUS = {gpu.gpu_id: gpu for gpu in load_gpus()}
FIGURES = (
    "memory_bytes",
    "driver_visible_memory_bytes",
    "bandwidth_bytes_per_second",
    "link_bandwidth_bytes_per_second",
    "scale_up_gpu_count",
    "board_power_watts",
)


def variants(coarse_id: str) -> list[Gpu]:
    """The fine accelerators that a coarse id may mean."""
    wanted = coarse_id.split("-")
    spelled = {gpu_id: re.sub(r"^(RTXPRO6000)", r"\1-", gpu_id).split("-") for gpu_id in GPUS}
    return [
        GPUS[gpu_id]
        for gpu_id, words in spelled.items()
        if words[0] == wanted[0] and set(wanted) <= set(words) and not GPUS[gpu_id].is_coarse
    ]


def test_every_alias_leads_to_a_known_accelerator() -> None:
    canonicals = {row["canonical"] for row in load_csv("gpu_aliases")}
    unknown = {name for name in canonicals - set(GPUS) if name is not None}
    assert unknown == {
        "AMBIGUOUS_RTX4000",
        "AMBIGUOUS_RTX5000",
        "AMBIGUOUS_RTX6000",
        "EXCLUDE_ENGINEERING_BOARD",
        "EXCLUDE_LAPTOP",
        "EXCLUDE_MIG",
        "EXCLUDE_NON_GPU",
        "EXCLUDE_NON_GPU_PRICE",
        "EXCLUDE_NO_FIGURES",
        "EXCLUDE_UNKNOWN",
        "EXCLUDE_VGPU",
    }


def test_there_are_more_than_a_hundred_accelerators_of_six_vendors() -> None:
    assert len(GPUS) >= 100
    assert {"nvidia", "amd", "google", "aws", "intel"} <= {gpu.vendor for gpu in GPUS.values()}


@pytest.mark.parametrize("gpu_id", sorted(name for name, gpu in GPUS.items() if gpu.is_coarse))
def test_a_coarse_accelerator_says_only_what_all_its_variants_say(gpu_id: str) -> None:
    coarse = GPUS[gpu_id]
    for fine in variants(gpu_id):
        for name in FIGURES:
            value = getattr(coarse, name)
            assert value is None or getattr(fine, name) == pytest.approx(value, rel=0.01), name
        for precision, rate in coarse.dense_flops_per_second.items():
            assert fine.dense_flops_per_second[precision] == rate, precision


@pytest.mark.parametrize("gpu_id", sorted(name for name, gpu in GPUS.items() if not gpu.is_coarse))
def test_a_fine_accelerator_is_consistent(gpu_id: str) -> None:
    gpu = GPUS[gpu_id]
    assert gpu.memory_bytes is not None
    marketed = re.search(r"-(\d+)GB$", gpu_id)
    if marketed is not None:
        assert gpu.memory_bytes == int(marketed[1]) * 10**9
    if gpu.driver_visible_memory_bytes is not None:
        # Sold in binary gigabytes at best; ECC and reserved pages take some of it.
        assert 0.9 < gpu.driver_visible_memory_bytes / gpu.memory_bytes <= 2**30 / 10**9
    dense, sparse = gpu.dense_flops_per_second, gpu.sparse_flops_per_second
    for precision, rate in sparse.items():
        assert 1 < rate / dense[precision] <= 4, precision
    for wide, narrow in (("fp64", "fp32"), ("fp32", "bf16"), ("tf32", "bf16"), ("bf16", "fp8")):
        if wide in dense and narrow in dense:
            assert dense[wide] <= dense[narrow], (wide, narrow)
    if gpu.board_power_watts and "bf16" in dense:
        # The best of 2026 make about 2.5 TFLOPS a watt dense; ten would be a unit error.
        assert dense["bf16"] / gpu.board_power_watts < 4e12


def test_superchips_and_boards_are_counted_per_accelerator() -> None:
    assert GPUS["GB200-186GB"].dense_flops_per_second["bf16"] == 2.5e15
    assert GPUS["H100-SXM-80GB"].dense_flops_per_second["bf16"] == 989.4e12
    assert GPUS["H100-SXM-80GB"].sparse_flops_per_second["bf16"] == 1978.8e12
    assert GPUS["A16-16GB"].memory_bytes == 16 * 10**9
    assert GPUS["K80-12GB"].board_power_watts == 150
    assert GPUS["H100-SXM-80GB"].driver_visible_memory_bytes == pytest.approx(85.5e9, rel=0.002)
    assert GPUS["H200-SXM-141GB"].driver_visible_memory_bytes == pytest.approx(150.7e9, rel=0.002)
    assert GPUS["B200-180GB"].driver_visible_memory_bytes == pytest.approx(192e9, rel=0.002)
    assert GPUS["MI300X-192GB"].driver_visible_memory_bytes == pytest.approx(206e9, rel=0.002)


# What Epoch AI's table of 2026-04-22 calls our accelerators.
EPOCH_NAMES = {
    "A100-PCIE-40GB": "NVIDIA A100 PCIe",
    "A100-SXM-40GB": "NVIDIA A100 SXM4 40 GB",
    "A100-SXM-80GB": "NVIDIA A100 SXM4 80 GB",
    "A10-24GB": "NVIDIA A10 PCIe",
    "A10G-24GB": "NVIDIA A10G",
    "A40-48GB": "NVIDIA A40 PCIe",
    "A800-PCIE-80GB": "NVIDIA A800 PCIe 80 GB",
    "A800-SXM-80GB": "NVIDIA A800 SXM",
    "B200-180GB": "NVIDIA B200",
    "B300-288GB": "NVIDIA B300 (Blackwell Ultra)",
    "GAUDI2-96GB": "Intel Habana Gaudi2",
    "GAUDI3-128GB": "Intel Habana Gaudi3",
    "GB200-186GB": "NVIDIA GB200",
    "GB300-288GB": "NVIDIA GB300 (Blackwell Ultra)",
    "H100-NVL-94GB": "NVIDIA H100 NVL",
    "H100-PCIE-80GB": "NVIDIA H100 PCIe",
    "H100-SXM-80GB": "NVIDIA H100 SXM5 80GB",
    "H20-96GB": "NVIDIA HGX H20",
    "H200-SXM-141GB": "NVIDIA H200 SXM",
    "H800-SXM-80GB": "NVIDIA H800 SXM5",
    "INFERENTIA2-32GB": "AWS Inferentia2",
    "L20-48GB": "NVIDIA L20 PCle",
    "L4-24GB": "NVIDIA L4",
    "L40-48GB": "NVIDIA L40",
    "MI250X-128GB": "AMD Radeon Instinct MI250X",
    "MI300A-128GB": "AMD Instinct MI300A",
    "MI300X-192GB": "AMD Instinct MI300X",
    "MI325X-256GB": "AMD Instinct MI325X",
    "MI350X-288GB": "AMD Instinct MI350X",
    "MI355X-288GB": "AMD Instinct MI355X",
    "P4-8GB": "NVIDIA Tesla P4",
    "P40-24GB": "NVIDIA P40",
    "RTX3080-10GB": "NVIDIA GeForce RTX 3080",
    "RTX3090-24GB": "NVIDIA GeForce RTX 3090",
    "RTX4070-12GB": "NVIDIA GeForce RTX 4070",
    "RTX4080-16GB": "NVIDIA GeForce RTX 4080",
    "RTX4090-24GB": "NVIDIA GeForce RTX 4090",
    "RTX6000ADA-48GB": "NVIDIA RTX 6000 Ada Generation",
    "RTXA4000-16GB": "NVIDIA RTX A4000",
    "RTXA5000-24GB": "NVIDIA RTX A5000",
    "RTXA6000-48GB": "NVIDIA RTX A6000",
    "RX7900XTX-24GB": "AMD Radeon RX 7900 XTX",
    "T4-16GB": "NVIDIA Tesla T4",
    "TPU-V2": "Google TPU v2",
    "TPU-V3": "Google TPU v3",
    "TPU-V4": "Google TPU v4",
    "TPU-V5E": "Google TPU v5e",
    "TPU-V5P": "Google TPU v5p",
    "TPU-V6E": "Google TPU v6e Trillium",
    "TPU-V7": "Google TPU v7 Ironwood",
    "TRAINIUM1-32GB": "Amazon Trainium1",
    "TRAINIUM2-96GB": "Amazon Trainium2",
    "V100-PCIE-16GB": "NVIDIA Tesla V100 PCIe 16 GB",
    "V100-PCIE-32GB": "NVIDIA Tesla V100 PCIe 32 GB",
    "V100-SXM-16GB": "NVIDIA Tesla V100 SXM2 16 GB",
    "V100-SXM-32GB": "NVIDIA Tesla V100 SXM2 32 GB",
}
EPOCH_COLUMNS = {
    "memory_bytes": "Memory (bytes)",
    "bandwidth_bytes_per_second": "Memory bandwidth (byte/s)",
    "board_power_watts": "TDP (W)",
    "peaks.fp32.dense": "FP32 (single precision) performance (FLOP/s)",
    "peaks.tf32.dense": "TF32 (TensorFloat-32) performance (FLOP/s)",
    "peaks.bf16.dense": "Tensor-FP16/BF16 performance (FLOP/s)",
    "peaks.fp8.dense": "FP8 performance (FLOP/s)",
    "peaks.fp4.dense": "FP4 performance (FLOP/s)",
    "peaks.int8.dense": "INT8 performance (OP/s)",
    "peaks.int4.dense": "INT4 performance (OP/s)",
}
# Where we hold another figure; the note of the leaf says why. fp64 is left out: ours is the rate of
# the matrix units, Epoch AI's that of the vector units.
DEVIATIONS = {
    ("A100-PCIE-40GB", "bandwidth_bytes_per_second"),
    ("A100-PCIE-40GB", "board_power_watts"),
    ("A800-PCIE-80GB", "board_power_watts"),
    ("B200-180GB", "bandwidth_bytes_per_second"),
    ("B200-180GB", "peaks.fp32.dense"),
    ("B300-288GB", "bandwidth_bytes_per_second"),
    ("B300-288GB", "memory_bytes"),
    ("B300-288GB", "peaks.fp4.dense"),
    ("B300-288GB", "peaks.tf32.dense"),
    ("GAUDI2-96GB", "peaks.bf16.dense"),
    ("GB200-186GB", "peaks.fp32.dense"),
    ("H800-SXM-80GB", "peaks.fp32.dense"),
    ("H800-SXM-80GB", "peaks.tf32.dense"),
    ("MI250X-128GB", "board_power_watts"),
    ("MI250X-128GB", "peaks.fp32.dense"),
    ("MI355X-288GB", "peaks.fp4.dense"),
    ("MI355X-288GB", "peaks.fp8.dense"),
    ("P40-24GB", "bandwidth_bytes_per_second"),
    ("RTX4070-12GB", "board_power_watts"),
    ("RTX4090-24GB", "peaks.bf16.dense"),
    ("RX7900XTX-24GB", "board_power_watts"),
    ("TPU-V2", "bandwidth_bytes_per_second"),
    ("TRAINIUM1-32GB", "peaks.int8.dense"),
}


@pytest.mark.recorded
def test_figures_agree_with_epoch_within_two_percent_or_say_why_not(recorded: Path) -> None:
    path = recorded / "payloads" / "epoch" / "ml_hardware_2026-04-22.csv"
    with path.open(encoding="utf-8-sig", newline="") as lines:
        epoch = {row["Hardware name"]: row for row in csv.DictReader(lines)}
    found = set()
    for gpu_id, name in EPOCH_NAMES.items():
        for field, column in EPOCH_COLUMNS.items():
            leaf = GPUS[gpu_id].leaves.get(field)
            if leaf is not None and epoch[name][column]:
                theirs = float(epoch[name][column])
                assert isinstance(leaf.value, int | float)
                if abs(leaf.value / theirs - 1) > 0.02:
                    found.add((gpu_id, field))
                    assert leaf.note, f"{gpu_id} {field}: {leaf.value} against {theirs}: why?"
    assert found == DEVIATIONS


AREAS = {"north_america", "south_america", "europe", "asia", "middle_east", "africa", "oceania"}


def test_providers_and_regions_are_consistent() -> None:
    providers = load_csv("providers")
    ids = {row["provider_id"] for row in providers}
    assert len(providers) == len(ids) >= 60
    assert {row["market_family"] for row in providers} == {"hyperscaler", "neocloud", "marketplace"}
    assert {row["provider_id"] for row in load_csv("provider_aliases")} <= ids
    regions = load_csv("regions")
    assert len({(row["provider_id"], row["region"]) for row in regions}) == len(regions)
    assert {row["provider_id"] for row in regions} <= ids
    assert {row["area"] for row in regions} == AREAS
    assert all(re.fullmatch("[A-Z]{2}", str(row["country"])) for row in regions)


def test_an_unknown_table_says_which_there_are() -> None:
    with pytest.raises(ReferenceError, match=r"there are: .*gpu_aliases.*providers"):
        load_csv("provider")
