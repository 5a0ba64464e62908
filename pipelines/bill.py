"""A cost file in FOCUS columns beside the market: how far above it, by service and region.

Which GPU an item of a bill was, and what the market asked for the same thing on the day, is found
here; the market's values are the warehouse's. Files are only read; printing belongs to the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.sources.instance_types import instance_type

# What must be there: each line says which of several names of FOCUS versions will do. Where a file
# has several, the first that an item fills in counts.
NEEDED: dict[str, tuple[str, ...]] = {
    "provider": ("ProviderName", "ServiceProviderName"),
    "service": ("ServiceName", "ServiceCategory"),
    "region": ("RegionId", "RegionName"),
    "charged_at": ("ChargePeriodStart",),
    "pricing_category": ("PricingCategory",),
    "cost": ("EffectiveCost", "BilledCost"),
    "quantity": ("ConsumedQuantity", "PricingQuantity"),
    "unit": ("ConsumedUnit", "PricingUnit"),
    "sku": ("SkuId", "SkuPriceId", "ResourceType"),
}
USEFUL: dict[str, tuple[str, ...]] = {
    "details": ("SkuPriceDetails",),
    "instance_type": ("x_InstanceType",),
    "gpu": ("x_GpuModel",),
    "gpu_count": ("x_GpuCount",),
    "months": ("x_TermMonths",),
    "category": ("ChargeCategory",),
    "currency": ("BillingCurrency",),
}
HYPERSCALERS = ("aws", "azure", "gcp")  # whose instance types pipelines.sources.instance_types has
COLUMNS = (
    "service", "region", "gpu_id", "purchase_model", "gpu_hours", "paid_usd",
    "paid_usd_per_gpu_hour", "market_usd_per_gpu_hour", "above_fraction", "above_usd",
    "market", "market_day", "provider_count", "items", "reason",
)  # fmt: skip


class BillError(ValueError):
    """A file that is no bill in FOCUS columns; one line that says what is missing."""


@dataclass(frozen=True)
class Comparison:
    """The lines of a bill beside the market: one line a service, region, GPU and way of buying."""

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]
    is_compared: int  # items that have a market price
    items: int


def compare(connection: duckdb.DuckDBPyConnection, path: Path) -> Comparison:
    """Put a bill beside the market.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file; only temporary tables are made in it.
    path : Path
        CSV or Parquet with FOCUS columns (1.0 to 1.3), costs in US dollars.

    Raises
    ------
    BillError
        If the file cannot be read, or a column is missing.
    """
    names = load(connection, path)
    found = columns_found(names)
    connection.execute("create or replace temp table bill_item as " + item_query(found))
    resolve_instances(connection)
    rows = connection.execute(COMPARED).fetchall()
    items = connection.execute("select count(*) from bill_item").fetchall()[0][0]
    reason, count = COLUMNS.index("reason"), COLUMNS.index("items")
    compared = sum(row[count] for row in rows if row[reason] is None)
    return Comparison(COLUMNS, rows, compared, items)


def load(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Load the file as text into ``bill_file`` and return its columns."""
    if not path.is_file():
        raise BillError(f"no file {path}")
    if re.search(r"[*?\[\]]", str(path)):
        raise BillError(f"{path.name}: a name with * ? [ ] stands for many files; rename it")
    is_parquet = path.suffix.lower() == ".parquet"
    if path.stat().st_size == 0:
        raise BillError(f"{path.name} is empty")
    reader = "read_parquet(?)" if is_parquet else CSV
    try:
        connection.execute(f"create or replace temp table bill_file as from {reader}", [str(path)])
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        if "unicode" in str(error).lower() or "utf-8" in str(error).lower():
            raise BillError(f"{path.name} is not UTF-8: save it so") from None
        raise BillError(
            f"{path.name} is neither CSV nor Parquet that can be read: {first}"
        ) from None
    return [row[0] for row in connection.execute("describe bill_file").fetchall()]


def columns_found(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the columns of the file for each thing that is needed; none where it may be absent.

    Examples
    --------
    >>> columns_found(["ProviderName"])
    Traceback (most recent call last):
    pipelines.bill.BillError: missing columns: ServiceName or ServiceCategory, RegionId or ...
    """
    there = {name.lower(): name for name in names}
    found: dict[str, list[str]] = {}
    missing = []
    for what, choices in {**NEEDED, **USEFUL}.items():
        found[what] = [there[c.lower()] for c in choices if c.lower() in there]
        if not found[what] and what in NEEDED:
            missing.append(" or ".join(choices))
    if missing:
        raise BillError(f"missing columns: {', '.join(missing)}")
    return found


def item_query(found: dict[str, list[str]]) -> str:
    """Return the query that reads the items of a bill, whatever its columns are called."""

    def texts(what: str) -> list[str]:
        return [f"nullif(trim({quoted(name)}::varchar), '')" for name in found[what]]

    def text(what: str) -> str:
        return f"coalesce({', '.join(texts(what))})" if found[what] else "null"

    # A unit belongs to its own quantity: consumed with consumed, priced with priced.
    pairs = zip(texts("quantity"), texts("unit"), strict=False)
    unit = " ".join(f"when {quantity} is not null then {unit}" for quantity, unit in pairs)
    details = f"try_cast({text('details')} as json)"
    return f"""
        select
            {text("service")} as service,
            {text("provider")} as provider_printed,
            coalesce({text("region")}, 'any') as region,
            try_cast({text("charged_at")} as timestamp)::date as day,
            case lower({text("pricing_category")})
                when 'standard' then 'on_demand'
                when 'dynamic' then 'spot'
                when 'committed' then 'reserved'
            end as purchase_model,
            {text("pricing_category")} as pricing_category,
            coalesce(
                try_cast({text("months")} as integer),
                try_cast({details}->>'x_TermMonths' as integer)
            ) as commitment_months,
            {text("cost")} as cost_printed,
            {NUMBER.format(text=text("cost"))} as cost,
            {text("quantity")} as quantity_printed,
            {NUMBER.format(text=text("quantity"))} as quantity,
            lower(case {unit} end) as unit,
            coalesce(
                {text("instance_type")}, {details}->>'InstanceType', {details}->>'instanceType',
                {text("sku")}
            ) as instance_type,
            coalesce({text("gpu")}, {details}->>'x_GpuModel') as gpu_printed,
            coalesce(
                try_cast({text("gpu_count")} as double), try_cast({details}->>'GpuCount' as double)
            ) as gpu_count,
            coalesce({text("category")}, 'Usage') as category,
            upper(coalesce({text("currency")}, 'USD')) as currency
        from bill_file
    """


def quoted(column: str) -> str:
    """Return a column name as SQL."""
    return '"' + column.replace('"', '""') + '"'


def resolve_instances(connection: duckdb.DuckDBPyConnection) -> None:
    """Find the GPU of each instance type: by the offers we know, else by the clouds' own tables."""
    connection.execute(PROVIDERS)
    pairs = connection.execute(
        "select distinct p.provider_id, i.instance_type from bill_item as i"
        " inner join bill_provider as p using (provider_printed) where i.instance_type is not null"
    ).fetchall()
    known: list[tuple[str, str, str, float]] = []
    for provider_id, name in pairs:
        spec = instance_type(provider_id, name) if provider_id in HYPERSCALERS else None
        if spec is not None:
            known.append((provider_id, name, spec.gpu, float(spec.gpu_count)))
    connection.execute(
        "create or replace temp table bill_spec (provider_id varchar, instance_type varchar,"
        " gpu_name_printed varchar, gpu_count double)"
    )
    if known:
        connection.executemany("insert into bill_spec values (?, ?, ?, ?)", known)


def export_path(folder: Path, name: str) -> Path:
    """Return where an export goes, inside its folder whatever the name says.

    Raises
    ------
    BillError
        If the name leads out of the folder.

    Examples
    --------
    >>> export_path(Path("/data/out"), "../secrets.csv")
    Traceback (most recent call last):
    pipelines.bill.BillError: '../secrets.csv' leads out of /data/out
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or path == folder.resolve():
        raise BillError(f"{name!r} leads out of {folder}")
    return path


def total(comparison: Comparison) -> Sequence[float]:
    """Return what was paid for the items compared, and what the market asks for them, in USD."""
    paid, above = COLUMNS.index("paid_usd"), COLUMNS.index("above_usd")
    rows = [row for row in comparison.rows if row[above] is not None]
    spent = sum(float(str(row[paid])) for row in rows)
    return spent, spent - sum(float(str(row[above])) for row in rows)


CSV = "read_csv(?, all_varchar = true, header = true, null_padding = true)"
# 1234.5, 1,234.5, 1234,5 and 1.234,5; what may be read in two ways (1,234) is not.
NUMBER = r"""case
    when isfinite(try_cast({text} as double)) then try_cast({text} as double)
    when regexp_full_match({text}, '[+-]?[0-9]{{1,3}}(,[0-9]{{3}})+\.[0-9]+')
        then try_cast(replace({text}, ',', '') as double)
    when regexp_full_match({text}, '[+-]?[0-9]{{1,3}}(\.[0-9]{{3}})+,[0-9]+')
        or (
            regexp_full_match({text}, '[+-]?[0-9]+,[0-9]+')
            and not regexp_full_match({text}, '[+-]?[0-9]{{1,3}},[0-9]{{3}}')
        )
        then try_cast(replace(replace({text}, '.', ''), ',', '.') as double)
end"""
PROVIDERS = r"""
create or replace temp table bill_provider as
with spelled as (
    select provider_id as spelling, provider_id from core.provider
    union select name, provider_id from core.provider
    union select provider_printed, provider_id from core.provider_alias
    union select distinct provider_id, provider_id from core.offer_price
)
select i.provider_printed, min(s.provider_id) as provider_id
from (select distinct provider_printed from bill_item) as i
inner join spelled as s
    on regexp_replace(lower(i.provider_printed), '[^a-z0-9]', '', 'g')
        = regexp_replace(lower(s.spelling), '[^a-z0-9]', '', 'g')
group by i.provider_printed
having count(distinct s.provider_id) = 1
"""

COMPARED = r"""
with folded_alias as (
    select regexp_replace(lower(spelling), '[^a-z0-9]', '', 'g') as folded, min(gpu_id) as gpu_id
    from (
        select gpu_name_printed as spelling, canonical as gpu_id from core.gpu_alias
        where canonical in (select gpu_id from core.gpu)
        union select gpu_id, gpu_id from core.gpu
        union select name, gpu_id from core.gpu
    )
    group by folded
    having count(distinct gpu_id) = 1
),
known_sku as (
    select provider_id, lower(sku) as instance_type, min(gpu_id) as gpu_id,
        min(gpu_count) as gpu_count
    from core.offer_price
    where gpu_id is not null
    group by provider_id, lower(sku)
    having count(distinct gpu_id) = 1 and count(distinct gpu_count) = 1
),
item as (
    select
        i.*, p.provider_id,
        coalesce(a.gpu_id, k.gpu_id, t.gpu_id) as gpu_id,
        coalesce(i.gpu_count, k.gpu_count, s.gpu_count) as gpus,
        f.market_family
    from bill_item as i
    left join bill_provider as p on i.provider_printed = p.provider_printed
    left join core.provider as f on p.provider_id = f.provider_id
    left join folded_alias as a
        on regexp_replace(lower(i.gpu_printed), '[^a-z0-9]', '', 'g') = a.folded
    left join known_sku as k
        on p.provider_id = k.provider_id and lower(i.instance_type) = k.instance_type
    left join bill_spec as s
        on p.provider_id = s.provider_id and i.instance_type = s.instance_type
    left join folded_alias as t
        on regexp_replace(lower(s.gpu_name_printed), '[^a-z0-9]', '', 'g') = t.folded
),
metered as (
    select
        *,
        quantity * case
            when unit in ('gpu hours', 'gpu-hours', 'gpu hour', 'gpu-hour') then 1
            when unit in ('hours', 'hour', 'hrs', 'hr', 'h') then gpus
            when unit in ('seconds', 'second', 's') then gpus / 3600.0
            when unit in ('minutes', 'minute') then gpus / 60.0
        end as gpu_hours,
        case
            when lower(category) <> 'usage' then 'charge of category ' || category
            when currency <> 'USD' then 'not in US dollars: ' || currency
            when provider_id is null then 'provider not known: ' || coalesce(provider_printed, '')
            when gpu_id is null then 'no GPU is known for ' || coalesce(instance_type, '(no sku)')
            when day is null then 'no day'
            when purchase_model is null
                then 'no market for pricing category ' || coalesce(pricing_category, '(none)')
            when cost is null and cost_printed is not null
                then 'number not read: ' || cost_printed
            when quantity is null and quantity_printed is not null
                then 'number not read: ' || quantity_printed
            when cost is null or quantity is null or quantity <= 0 then 'no cost or quantity'
            when unit not in (
                'gpu hours', 'gpu-hours', 'gpu hour', 'gpu-hour', 'hours', 'hour', 'hrs', 'hr', 'h',
                'seconds', 'second', 's', 'minutes', 'minute'
            ) then 'unit is no time: ' || coalesce(unit, '(none)')
            when gpus is null and unit not like 'gpu%' then 'number of GPUs not known'
        end as reason
    from item
),
-- The provider's own family by the index; where it is withheld, all families by the daily median.
market as (
    select gpu_id, purchase_model, commitment_months, market_family, day, usd_per_gpu_hour,
        provider_count, 'index, ' || market_family as market, 1 as choice
    from marts.gpu_price_index
    where usd_per_gpu_hour is not null
    union all
    select gpu_id, purchase_model, commitment_months, 'all', day, median_usd_per_gpu_hour,
        provider_count, 'median of all families', 2
    from marts.gpu_price_daily
    where market_family = 'all' and provider_count >= 3
),
asked as (
    select distinct gpu_id, purchase_model, commitment_months, market_family, day
    from metered where reason is null
),
-- The value of the day, else the last one before it, else the first one after; within a month.
answered as (
    select a.*, m.usd_per_gpu_hour, m.market, m.day as market_day, m.provider_count
    from asked as a
    inner join market as m
        on a.gpu_id = m.gpu_id and a.purchase_model = m.purchase_model
        and a.commitment_months is not distinct from m.commitment_months
        and (
            m.choice = 2 or m.market_family = a.market_family
            or (a.market_family = 'marketplace' and m.market_family = 'marketplace_secure')
        )
        and m.day between a.day - 31 and a.day + 31
    qualify row_number() over (
        partition by a.gpu_id, a.purchase_model, a.commitment_months, a.market_family, a.day
        order by abs(date_diff('day', m.day, a.day)) > 3, m.choice, m.day > a.day,
            abs(date_diff('day', m.day, a.day))
    ) = 1
),
priced as (
    select t.*, w.usd_per_gpu_hour, w.market, w.market_day, w.provider_count,
        coalesce(
            t.reason,
            case when w.usd_per_gpu_hour is null
                then 'no day within a month has a market price of 3 providers'
            end
        ) as why_not
    from metered as t
    left join answered as w
        on t.reason is null and t.gpu_id = w.gpu_id and t.purchase_model = w.purchase_model
        and t.commitment_months is not distinct from w.commitment_months
        and t.market_family is not distinct from w.market_family and t.day = w.day
)
select
    service, region, gpu_id, purchase_model,
    sum(gpu_hours) filter (why_not is null) as gpu_hours,
    sum(cost) as paid_usd,
    sum(cost) filter (why_not is null) / sum(gpu_hours) filter (why_not is null)
        as paid_usd_per_gpu_hour,
    sum(usd_per_gpu_hour * gpu_hours) / sum(gpu_hours) filter (why_not is null)
        as market_usd_per_gpu_hour,
    sum(cost) filter (why_not is null) / sum(usd_per_gpu_hour * gpu_hours) - 1 as above_fraction,
    sum(cost) filter (why_not is null) - sum(usd_per_gpu_hour * gpu_hours) as above_usd,
    string_agg(distinct market, ' and ' order by market) as market,
    max(market_day) as market_day,
    min(provider_count) as provider_count,
    count(*) as items,
    why_not as reason
from priced
group by service, region, gpu_id, purchase_model, why_not
order by why_not nulls first, above_usd desc nulls last, paid_usd desc, service, region
"""
