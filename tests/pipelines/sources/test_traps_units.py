"""One test for each way in which a unit, a currency or a column moves without a new layout."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from pipelines.sources.base import Held, Offer, ParseError, Payload, Row
from pipelines.sources.providers import provider_id
from tests.pipelines.sources.saved import payloads, read


def with_text(source_id: str, *changes: tuple[str, str], key: str = "") -> list[Row]:
    """Return the rows of the first saved answer with parts of its text replaced."""
    return read(changed(payloads(source_id, key)[0], *changes))


def changed(payload: Payload, *changes: tuple[str, str]) -> Payload:
    text = payload.content.decode()
    for pattern, by in changes:
        assert re.search(pattern, text), f"{payload.source_id} has no {pattern}"
        text = re.sub(pattern, by, text)
    return replace(payload, content=text.encode())


def offers(rows: list[Row]) -> list[Offer]:
    return [row for row in rows if isinstance(row, Offer)]


def rules(rows: list[Row]) -> set[str]:
    return {row.rule for row in rows if isinstance(row, Held)}


def test_a_decimal_comma_is_no_separator_of_thousands() -> None:
    found = with_text("nebius", (r"(\$\d{1,2})\.(\d{2})\b", r"\1,\2"))
    assert (offers(found), "price_not_a_number" in rules(found)) == ([], True)


def test_a_price_list_that_changes_its_unit_of_time_is_no_list_of_hours() -> None:
    with pytest.raises(ParseError, match="permo"):
        with_text("aws_spot", ("perhr", "permo"))


UNITS_OF_TIME = ["month", "second", "minute"]


@pytest.mark.parametrize("other", UNITS_OF_TIME)
@pytest.mark.parametrize(
    ("source_id", "printed"),
    [
        ("hyperstack", "Price per Hour"),
        ("denvr", "Price per hour"),
        ("jarvislabs", "per hour"),
        ("leadergpu", "Price per month"),
    ],
)
def test_a_page_that_names_another_unit_of_time_has_no_price(
    source_id: str, printed: str, other: str
) -> None:
    by = printed.rpartition(" ")[0] + (" hour" if source_id == "leadergpu" else f" {other}")
    with pytest.raises(ParseError, match="no priced row"):
        with_text(source_id, (printed, by))


@pytest.mark.parametrize("source_id", ["denvr", "jarvislabs", "leadergpu"])
def test_a_page_that_names_no_unit_of_time_has_no_price(source_id: str) -> None:
    with pytest.raises(ParseError, match="no priced row"):
        with_text(source_id, ("(?i)per (hour|month)", ""))


def test_a_card_of_another_unit_is_held_and_the_others_are_read() -> None:
    spot = "<h3>Spot VM Pricing</h3>"
    found = with_text("hyperstack", (spot, "<h3>Spot VM: price per month</h3>"))
    assert {offer.purchase_model for offer in offers(found)} == {"on_demand"}  # heads its hour
    assert "unit_unknown" in rules(found)


def test_how_usage_is_billed_is_no_unit_of_a_price() -> None:
    before = read(payloads("hyperstack")[0])
    assert with_text("hyperstack", ("Billed by the minute", "Billed per second")) == before


@pytest.mark.parametrize("factor", [30, 1 / 3600, 1])
def test_the_month_beside_it_tells_the_unit_of_a_price(factor: float) -> None:
    def of_month(price: re.Match[str]) -> str:
        return f"${float(price[1]) * factor:.4f}"

    payload = payloads("salad")[0]
    text = re.sub(r"\$(182\.50|116\.80)", of_month, payload.content.decode())
    assert offers(read(payload))
    if factor == 1:
        assert len(offers(read(replace(payload, content=text.encode())))) == 2
        return
    with pytest.raises(ParseError, match="no priced row"):
        read(replace(payload, content=text.encode()))


def test_a_spot_price_of_another_unit_is_held() -> None:
    found = with_text("jarvislabs_api", (r'"spot_price": 0\.29', '"spot_price": 211.7'))
    assert [o for o in offers(found) if o.purchase_model == "spot"] == []
    assert "unit_unknown" in rules(found)
    assert "shape_changed" in rules(
        with_text("jarvislabs_api", (r'"price_per_hour": 0\.44', '"price_per_month": 321'))
    )


@pytest.mark.parametrize(("unit", "is_read"), [("hour", True), ("month", False)])
def test_a_unit_that_a_price_book_names_is_believed(unit: str, is_read: bool) -> None:
    found = with_text("hyperstack_api", ('"id": 1,', f'"id": 1, "unit": "{unit}",'))
    sold = [offer for offer in offers(found) if offer.sku == "H100-80G-PCIe"]
    assert (len(sold), "unit_unknown" in rules(found)) == (int(is_read), not is_read)


@pytest.mark.parametrize(
    "source_id", ["civo", "denvr", "digitalocean", "gcp_page", "koyeb", "lambda_page", "salad"]
)
@pytest.mark.parametrize("seed", range(6))
def test_columns_in_another_order_bring_no_price_of_another_row_or_column(
    source_id: str, seed: int
) -> None:
    payload = payloads(source_id)[0]
    soup = BeautifulSoup(payload.content, "lxml")
    for table in soup.find_all("table"):
        order = list(range(20))
        random.Random(seed).shuffle(order)
        for line in table.find_all("tr"):
            cells = [cell.extract() for cell in line.find_all(["td", "th"], recursive=False)]
            line.extend(cells[at] for at in order if at < len(cells))
    before = {(o.gpu_name_printed, o.price_amount) for o in offers(read(payload))}
    try:
        found = offers(read(replace(payload, content=str(soup).encode())))
    except ParseError:
        return
    assert {(o.gpu_name_printed, o.price_amount) for o in found} <= before


@pytest.mark.parametrize("source_id", ["denvr", "spheron", "jarvislabs", "salad", "thunder"])
@pytest.mark.parametrize("other", ["C$", "A$", "HK$"])
def test_the_dollar_of_another_country_is_no_us_dollar(source_id: str, other: str) -> None:
    payload = payloads(source_id)[0]
    text = re.sub(r"(?<!\w)\$(?=\d)", other, payload.content.decode())
    with pytest.raises(ParseError, match=source_id):
        read(replace(payload, content=text.encode()))


@pytest.mark.parametrize(
    ("source_id", "price"),
    [("gpu_price_index", "3.29"), ("gpu_market_intel", "6.99"), ("gpu_pricing_tracker", "3.29")],
)
def test_a_comma_in_a_number_moves_no_field_under_another_column(
    source_id: str, price: str
) -> None:
    found = with_text(source_id, (rf"(?<=,){re.escape(price)}(?=,)", price.replace(".", ",")))
    assert "wrong_field_count" in rules(found)
    printed = {offer.price_amount for offer in offers(read(payloads(source_id)[0]))}
    assert {offer.price_amount for offer in offers(found)} <= printed


@pytest.mark.parametrize(
    ("source_id", "change"),
    [
        ("gpu_price_index", (r"Microsoft Azure(?=,[a-z]*,spot)", " microsoft  AZURE ")),
        ("gpu_price_index", (r"(?m)^(.*,spot,.*),106\.0,", r"\1,106.00,")),
        ("gputable", (r'"provider": "Runpod"(?=[^}]*"spot")', '"provider": " RUNPOD "')),
        ("gputable", (r'3\.19(?=,\s*"pricing_type": "spot")', "3.190")),
    ],
)  # fmt: skip
def test_spaces_case_and_zeros_hide_no_copy(source_id: str, change: tuple[str, str]) -> None:
    found = with_text(source_id, change)
    held = [row for row in found if isinstance(row, Held) and row.rule == "spot_equals_on_demand"]
    assert len(held) == 2


@pytest.mark.parametrize(
    ("printed", "known"),
    [
        (" Amazon Web Services ", "aws"),
        ("AMAZON-WEB-SERVICES", "aws"),
        ("google_cloud", "gcp"),
        ("Voltage\u00a0Park", "voltagepark"),
        ("vast.AI", "vast"),
        ("Hot-Aisle", "hotaisle"),
        ("Latitude.sh", "latitude"),
    ],
)
def test_a_provider_has_one_id_however_it_is_spelled(printed: str, known: str) -> None:
    assert provider_id(printed) == known


@pytest.mark.parametrize("printed", ["", " ", "-", "..."])
def test_no_letters_are_no_provider(printed: str) -> None:
    with pytest.raises(ParseError, match="provider"):
        provider_id(printed)


@pytest.mark.parametrize(
    ("source_id", "printed"),
    [
        ("gputable", '"provider": "Runpod"'),
        ("gpu_price_feed", '"provider": "lambdalabs"'),
        ("gpu_price_index", ",runpod,"),
    ],
)
def test_a_provider_without_a_name_costs_its_own_rows_only(source_id: str, printed: str) -> None:
    before = offers(read(payloads(source_id)[0]))
    found = with_text(source_id, (printed, re.sub("(?i)runpod|lambdalabs", "-", printed)))
    assert 0 < len(offers(found)) < len(before)
    assert "shape_changed" in rules(found)
    assert offers(with_text("gputable", ('"runpod": {', '"-": {')))  # when it was asked
