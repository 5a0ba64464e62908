"""Facts about how a printed GPU name becomes an accelerator."""

import re
from functools import cache
from pathlib import Path

import duckdb
import pytest

from pipelines.sources import all_sources
from warehouse.models import SQL_FOLDER, read_model
from warehouse.reference import load_csv, load_gpus
from warehouse.reference.tables import reference_rows

MODEL = read_model(SQL_FOLDER / "staged" / "gpu_identity.sql")
GB, GIB = 10**9, 2**30
Printing = tuple[str, str, int | None, str | None]  # source, name, memory, form factor
Identity = tuple[str | None, str | None, str | None]  # gpu_id, method, reason


@cache
def reference_connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    for schema in ("staged", "core", "meta"):
        connection.execute(f"create schema {schema}")
    for name, table in reference_rows().items():
        connection.register("reference_table", table)
        connection.execute(f"create table {name} as from reference_table")
    return connection


def identities(printings: list[Printing]) -> dict[Printing, Identity]:
    connection = reference_connection().cursor()
    connection.execute(
        "create or replace table staged.offer_observation (source_id varchar,"
        " gpu_name_printed varchar, gpu_memory_bytes bigint, form_factor varchar)"
    )
    columns = [list(column) for column in zip(*printings, strict=True)]
    connection.execute(
        "insert into staged.offer_observation"
        " select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::bigint[]),"
        " unnest(?::varchar[])",
        columns,
    )
    connection.execute(f"create or replace table staged.gpu_identity as {MODEL.select}")
    for check in MODEL.checks:
        wrong = check.sql.replace("{this}", "staged.gpu_identity")
        assert connection.execute(wrong).fetchall() == []
    rows = connection.execute("from staged.gpu_identity").fetchall()
    return {row[:4]: row[4:] for row in rows}


def identity(
    source_id: str, name: str, memory: int | None = None, form: str | None = None
) -> Identity:
    return identities([(source_id, name, memory, form)])[source_id, name, memory, form]


def test_every_known_spelling_is_resolved_or_excluded_on_purpose() -> None:
    aliases = [
        (str(row["source_family"]), str(row["gpu_name_printed"]), str(row["canonical"]))
        for row in load_csv("gpu_aliases")
    ]
    assert len(aliases) >= 865
    assert len({alias[:2] for alias in aliases}) == len(aliases)
    found = identities([(family, name, None, None) for family, name, _ in aliases])
    reasons = {"EXCLUDE_MIG": "mig_slice"}
    for family, name, canonical in aliases:
        gpu_id, method, reason = found[family, name, None, None]
        if canonical.startswith(("EXCLUDE_", "AMBIGUOUS_")):
            ambiguous = "ambiguous_name" if canonical.startswith("AMBIGUOUS_") else "excluded"
            assert (gpu_id, reason) == (None, reasons.get(canonical, ambiguous)), (family, name)
        else:
            assert (gpu_id, method) == (canonical, "own_alias"), (family, name)


@pytest.mark.parametrize(
    ("name", "memory", "form", "gpu_id"),
    [
        ("H100", 80 * GIB, "SXM5", "H100-SXM-80GB"),
        ("NVIDIA H100", 80 * GB, "PCIe", "H100-PCIE-80GB"),
        ("h100", 94 * GB, None, "H100-NVL-94GB"),
        ("H100", None, "NVL", "H100-NVL-94GB"),
        ("H100", 80 * GB, None, "H100-80GB"),
        ("H100", None, None, "H100"),
        ("A100", 40 * GIB, None, "A100-40GB"),
        ("A100", None, "SXM4", "A100-SXM"),
        ("A100", 80 * GIB, "SXM4", "A100-SXM-80GB"),
        ("A100", 80 * GIB, "PCIe", "A100-PCIE-80GB"),
        ("V100", 16 * GIB, None, "V100-16GB"),
        ("V100", 32510 * 2**20, "SXM2", "V100-SXM-32GB"),
        ("GH200", 96 * GB, None, "GH200-96GB"),
        ("B300", 262 * GB, "SXM", "B300-288GB"),
        ("B300", 268 * GIB, None, "B300-288GB"),
        ("RTX 3080", 12 * GIB, None, "RTX3080-12GB"),
        ("RTX 6000", 24 * GIB, None, "QUADRORTX6000-24GB"),
        ("RTX 6000", 48 * GB, None, "RTX6000ADA-48GB"),
        ("rtx6000", 96 * GB, None, "RTXPRO6000-96GB"),
        ("rtx4000", 20 * GB, None, "RTX4000ADA-20GB"),
        ("RTX 4000", 8 * GIB, None, "QUADRORTX4000-8GB"),
        ("rtx5000", 32 * GB, None, "RTX5000ADA-32GB"),
        ("RTX PRO 6000", 96 * GB, None, "RTXPRO6000-96GB"),
    ],
)
def test_memory_and_form_factor_tell_the_variant(
    name: str, memory: int | None, form: str | None, gpu_id: str
) -> None:
    assert identity("a_new_source", name, memory, form)[0] == gpu_id


@pytest.mark.parametrize("name", ["H100", "A100", "V100"])
def test_a_name_that_tells_no_variant_stays_coarse_and_says_so(name: str) -> None:
    assert identity("a_new_source", name) == (name, "alias", "coarse")


@pytest.mark.parametrize(
    ("source_id", "name", "memory", "form", "reason"),
    [
        ("runpod", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", 10 * GB, None, "mig_slice"),
        ("a", "H100", 10 * GB, None, "memory_mismatch"),  # a slice under a whole name
        ("a", "RTX PRO 6000", 24 * GB, None, "memory_mismatch"),
        ("a", "A40", 16 * GB, None, "memory_mismatch"),
        ("a", "a100-80gb-sxm", 40 * GB, None, "memory_mismatch"),  # the name says 80
        ("a", "H100 PCIe", 80 * GB, "SXM", "form_factor_mismatch"),
        ("a", "RTX 6000", None, None, "ambiguous_name"),
        ("a", "RTX 4000", None, None, "ambiguous_name"),
        ("a", "RTX 5000", 24 * GB, None, "ambiguous_name"),
        ("cloud_gpus", "RTX4000", None, None, "ambiguous_name"),
        ("runpod", "unknown", None, None, "excluded"),
        ("a", "NETINT Quadra T1U", None, None, "excluded"),
        ("a", "H1000", None, None, "unknown_name"),
        ("a", "<script>alert(1)</script>", None, None, "unknown_name"),
        ("a", "", None, None, "unknown_name"),
    ],
)
def test_what_is_not_clearly_one_whole_gpu_has_none_and_says_why(
    source_id: str, name: str, memory: int | None, form: str | None, reason: str
) -> None:
    assert identity(source_id, name, memory, form) == (None, None, reason)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_a_total_of_several_gpus_does_not_change_the_card_and_is_said(count: int) -> None:
    gpu_id, _, reason = identity("a", "MI300X", count * 192 * GB)
    assert (gpu_id, reason) == ("MI300X-192GB", "memory_mismatch")


def test_the_source_decides_what_its_own_short_name_means() -> None:
    found = identities(
        [
            ("aws", "H100", None, None),
            ("shadeform", "H100", None, None),
            ("vast", "Tesla V100", None, None),
            ("runpod", "Tesla V100", None, None),
            ("gpu_rental_prices", "rtx-pro-4500", 32 * GB, None),
            ("another", "RTX PRO 4500", 32 * GB, None),
        ]
    )
    assert [gpu_id for gpu_id, _, _ in found.values()].count(None) == 1
    assert found["aws", "H100", None, None][0] == "H100-SXM-80GB"
    assert found["shadeform", "H100", None, None][0] == "H100-PCIE-80GB"
    assert found["vast", "Tesla V100", None, None][0] == "V100"
    assert found["runpod", "Tesla V100", None, None][0] == "V100-PCIE-16GB"
    assert found["another", "RTX PRO 4500", 32 * GB, None][2] == "ambiguous_name"


def test_an_azure_size_is_matched_whole_by_its_pattern() -> None:
    assert identity("azure", "Standard_NC40ads_H100_v5")[0] == "H100-NVL-94GB"
    assert identity("azure", "Standard_ND96isr_H200_v5")[0] == "H200-SXM-141GB"
    assert identity("azure", "Standard_NC40ads_H100_v5_Promo")[0] is None
    assert identity("vast", "Standard_NC40ads_H100_v5")[2] != "mig_slice"


def test_case_spaces_and_the_makers_name_do_not_matter() -> None:
    spellings = ["RTX 4090", "rtx4090", "NVIDIA RTX 4090", "nvidia_rtx_4090", " RTX-4090 "]
    found = identities([("a", name, None, None) for name in spellings])
    assert {gpu_id for gpu_id, _, _ in found.values()} == {"RTX4090-24GB"}
    assert len(found) == len(spellings)


def test_our_own_ids_and_names_are_understood() -> None:
    gpus = load_gpus()
    found = identities([("a", text, None, None) for gpu in gpus for text in (gpu.gpu_id, gpu.name)])
    for gpu in gpus:
        assert found["a", gpu.gpu_id, None, None][0] == gpu.gpu_id
        assert found["a", gpu.name, None, None][0] is not None


def test_no_letter_or_digit_is_lost_on_the_way() -> None:
    """A name with something more, or something less, is never the card of the known name."""
    names = sorted({str(row["gpu_name_printed"]) for row in load_csv("gpu_aliases")})
    own = {text for gpu in load_gpus() for text in (gpu.gpu_id, gpu.name)}
    folded = {
        re.sub(r"[ _-]", "", re.sub(r"^(nvidia|amd)[ _-]+", "", name.lower()))
        for name in own.union(names)
    }
    changed = {f"{name}x" for name in names} | {f"{name} 2" for name in names}
    changed |= {name[:-1] for name in names if len(name) > 1}
    strangers = [
        name
        for name in sorted(changed)
        if re.sub(r"[ _-]", "", re.sub(r"^(nvidia|amd)[ _-]+", "", name.strip().lower()))
        not in folded
    ]
    found = identities([("a", name, None, None) for name in strangers])
    assert len(found) > 1500
    assert {gpu_id for gpu_id, _, _ in found.values()} == {None}


@pytest.mark.recorded
def test_the_names_of_the_recorded_catalogues_are_known(recorded: Path) -> None:
    lines = (recorded / "data" / "gpu_aliases.csv").read_text(encoding="utf-8").splitlines()
    ours = {
        (row["source_family"], row["gpu_name_printed"]): row["canonical"]
        for row in load_csv("gpu_aliases")
    }
    theirs = [line.rsplit(",", 1) for line in lines[1:]]
    for head, canonical in theirs:
        family, name = head.split(",", 1)
        assert ours[family, name.strip('"')] == canonical


@pytest.mark.parametrize(
    ("name", "memory"),
    [
        ("NVIDIA GeForce RTX 4090", 48),
        ("RTX 4090", 49140 * 2**20 // GB),
        ("NVIDIA GeForce RTX 2080 Ti", 22),
        ("NVIDIA GeForce RTX 3080", 20),
    ],
)
def test_a_card_with_more_memory_than_was_sold_is_another_good(name: str, memory: int) -> None:
    found = identities([(source, name, memory * GB, None) for source in ("lium", "vast", "feed")])
    judged = {source: row[0::2] for (source, *_), row in found.items()}
    assert judged["lium"] == judged["vast"] == (None, "modified_card")
    assert judged["feed"][1] == "memory_mismatch"  # there it may be a total
    assert identity("lium", "NVIDIA H20", 141 * GB)[0] == "H20-141GB"  # both were sold


def test_the_memory_in_a_name_is_no_evidence_against_it() -> None:
    assert identity("lium", "NVIDIA GH200 480GB", 480 * GB)[0] == "GH200-96GB"
    assert identity("lium", "NVIDIA GH200 480GB", 97_871 * 2**20)[0] == "GH200-96GB"
    assert identity("lium", "NVIDIA GH200 144G HBM3e", 144 * GB)[0] == "GH200-144GB"


def test_a_memory_that_contradicts_a_sources_own_meaning_is_read_as_elsewhere() -> None:
    assert identity("skypilot_catalog", "A100", 80 * GIB)[0] == "A100-80GB"
    assert identity("skypilot_catalog", "A100", 40 * GIB)[0] == "A100-40GB"
    assert identity("skypilot_catalog", "A100", 10 * GIB)[0] is None


def test_a_page_of_new_cards_is_not_read_by_the_names_of_old_ones() -> None:
    names = ["NVIDIA RTX 4000", "NVIDIA RTX 6000"]
    found = identities([("digitalocean", name, None, None) for name in names])
    assert [row[0] for row in found.values()] == ["RTX4000ADA-20GB", "RTX6000ADA-48GB"]


def test_bare_metal_is_no_part_of_a_cards_name() -> None:
    assert identity("a", "L40S_PCIE_BAREMETAL")[0] == "L40S-48GB"
    assert identity("a", "H100 SXM5 bare metal", None, "SXM")[0] == "H100-SXM-80GB"


def test_every_source_of_spellings_exists_and_so_do_its_spellings() -> None:
    families = {row["source_family"] for row in load_csv("gpu_aliases")}
    sources = set(all_sources())
    for row in load_csv("gpu_name_sources"):
        assert row["source_id"] in sources, row
        assert row["source_family"] in families | sources, row


def bare_names() -> list[tuple[str, str]]:
    """Return every coarse card, and its bare name as a stranger may spell it."""
    coarse = [gpu for gpu in load_gpus() if gpu.is_coarse]
    return [(gpu.gpu_id, gpu.gpu_id.lower()) for gpu in coarse]


@pytest.mark.parametrize(("gpu_id", "name"), bare_names())
def test_the_bare_name_of_several_cards_is_none_of_them(gpu_id: str, name: str) -> None:
    for spelled in (name, f"NVIDIA {name.upper()}", name.replace("-", " ")):
        assert identity("a_new_feed", spelled)[0::2] == (gpu_id, "coarse")


def test_every_family_of_cards_of_one_bare_name_has_a_coarse_card() -> None:
    """H20-3e, GRAYSKULL-E75 and the TPUs have names of their own; H20 and P40 are one card each."""
    families: dict[str, set[str]] = {}
    for gpu in load_gpus():
        families.setdefault(gpu.gpu_id.split("-")[0], set()).add(gpu.gpu_id)
    shared = {name for name, ids in families.items() if len(ids) > 1 and name not in ids}
    assert shared <= {"A800", "GRAYSKULL", "H20", "TPU"}


@pytest.mark.parametrize("name", ["rtx4000", "RTX 5000", "rtx-6000"])
def test_a_bare_name_of_three_generations_is_no_card(name: str) -> None:
    assert identity("a_new_feed", name)[0::2] == (None, "ambiguous_name")


def test_a_source_that_names_the_other_form_means_this_one_by_the_bare_name() -> None:
    assert identity("gpu_rental_prices", "h200")[0] == "H200-SXM-141GB"
    assert identity("gpu_rental_prices", "h200-nvl")[0] == "H200-NVL-141GB"
    assert identity("a_new_feed", "H200", 141 * GB)[0] == "H200"  # both forms have so much
    assert identity("a_new_feed", "H200", None, "SXM5")[0] == "H200-SXM-141GB"
