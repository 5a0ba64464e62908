-- Formulas of cost_engine in SQL, which read no table: they run before the models, which use them.
-- A test holds each equal to its Python function.

-- Seconds of an hour, as in cost_engine.units. [s]
create or replace macro seconds_per_hour() as cast(3600 as double);

-- Hours of a month, a twelfth of a year of 365.25 days. [h]
create or replace macro hours_per_month() as cast(730.5 as double);

-- Hours of the month of price lists, a twelfth of a year of 365 days. [h]
create or replace macro hours_per_month_of_365_days() as cast(730 as double);

-- Hours that the unit of a printed price stands for; null where it stands for none. [h]
create or replace macro hours_per_price(price_unit, commitment_months) as case price_unit
    when 'hour' then 1.0
    when 'minute' then 60 / seconds_per_hour()
    when 'second' then 1 / seconds_per_hour()
    when 'month' then hours_per_month_of_365_days()
    when 'term' then hours_per_month_of_365_days() * commitment_months
end;

-- USD per 1,000 tokens of a GPU at a price and a pace: cost_engine.serving.cost.
create or replace macro serving_usd_per_1k_tokens(
    usd_per_gpu_hour, tokens_per_second_per_gpu, fleet_utilisation_fraction := 1.0
) as usd_per_gpu_hour * 1e6 / (seconds_per_hour() * tokens_per_second_per_gpu) / 1e3
    / fleet_utilisation_fraction;

-- USD per 10^18 operations at a price, a peak [FLOP/s] and a utilisation.
create or replace macro usd_per_exaflop(
    usd_per_gpu_hour, flops_per_second, utilisation_fraction := 1.0
) as usd_per_gpu_hour / seconds_per_hour() * 1e18 / flops_per_second / utilisation_fraction;

-- Power of a GPU with its share of server and site: cost_engine.energy. [W]
create or replace macro facility_watts(
    board_power_watts, server_power_ratio := 1.3, pue := 1.25
) as cast(board_power_watts as double) * server_power_ratio * pue;

-- Energy that GPU-hours of training take from the grid: cost_engine.energy. [kWh]
create or replace macro training_kwh(
    gpu_hours, board_power_watts, server_power_ratio, average_power_fraction, pue
) as cast(gpu_hours as double) * board_power_watts / 1000 * server_power_ratio
    * average_power_fraction * pue;

-- Price of energy. [USD]
create or replace macro electricity_usd(kwh, usd_per_kwh) as kwh * usd_per_kwh;

-- Emissions of energy from a grid, as core.grid_intensity has them. [kgCO2e]
create or replace macro carbon_kg(kwh, grams_co2e_per_kwh) as kwh * grams_co2e_per_kwh / 1e3;

-- Energy of 1,000 tokens, with the idle hours of a fleet. [Wh]
create or replace macro watt_hours_per_1k_tokens(
    facility_watts, tokens_per_second_per_gpu, fleet_utilisation_fraction := 1.0,
    idle_power_fraction := 0.3
) as facility_watts
    * (fleet_utilisation_fraction + (1 - fleet_utilisation_fraction) * idle_power_fraction)
    / seconds_per_hour() * 1e3
    / (tokens_per_second_per_gpu * fleet_utilisation_fraction);

-- USD per 1,000 images of a GPU at a price and a pace.
create or replace macro usd_per_1k_images(
    usd_per_gpu_hour, images_per_second_per_gpu, utilisation_fraction := 1.0
) as usd_per_gpu_hour / (images_per_second_per_gpu * seconds_per_hour()) * 1e3
    / utilisation_fraction;

-- What a seller keeps of the price, 0 to 1.
create or replace macro margin_fraction(cost, price) as 1 - cost / price;

-- What a seller adds to the cost, as a share of it.
create or replace macro markup_fraction(cost, price) as price / cost - 1;

-- Half an interval of 80 %, in standard deviations: cost_engine.serving.calibration.
create or replace macro interval_80_deviations() as cast(1.2816 as double);

-- Half an interval of 90 %, in standard deviations.
create or replace macro interval_90_deviations() as cast(1.6449 as double);

-- One price of input and output tokens, for a share of input tokens.
create or replace macro blended_usd(usd_input, usd_output, input_share := 0.75) as
    usd_input * input_share + usd_output * (1 - input_share);

-- Price of input tokens of which a share is read from a cache.
create or replace macro cached_input_usd(usd_input, usd_cached, hit_fraction) as
    usd_input * (1 - hit_fraction) + usd_cached * hit_fraction;

-- Operations of a training run: six a parameter and token.
create or replace macro training_flops(parameters, tokens) as
    cast(6 as double) * parameters * tokens;

-- Cost of a run with the staff that is a share of the whole: cost_engine.training.development. [USD]
create or replace macro with_staff(compute_usd, staff_fraction) as
    compute_usd / (1 - staff_fraction);

-- What an hour of work costs the owner of a cluster: cost_engine.ownership. [USD/(GPU h)]
create or replace macro owned_usd_per_gpu_hour(
    gpu_count, purchase_usd, board_power_watts, usd_per_kwh, fleet_utilisation_fraction,
    network_fraction, interest_fraction, lifetime_years, residual_fraction, server_power_ratio,
    pue, average_power_fraction, idle_power_fraction, space_usd_per_kilowatt_month,
    maintenance_fraction, team_usd_per_year, team_usd_per_gpu_year
) as (
    -- capital: the annuity of the price less the present value of the residual
    cast(purchase_usd as double) / (1 - network_fraction)
    * (
        (1 - residual_fraction / power(1 + interest_fraction, lifetime_years))
        * case
            when interest_fraction > 0 then
                interest_fraction / (1 - power(1 + interest_fraction, -lifetime_years))
            else cast(1 as double) / lifetime_years
        end
        + maintenance_fraction
    )
    + team_usd_per_gpu_year + cast(team_usd_per_year as double) / gpu_count
    + cast(board_power_watts as double) / 1000 * server_power_ratio
    * (
        space_usd_per_kilowatt_month * 12
        + pue * usd_per_kwh * hours_per_month() * 12
        * (
            fleet_utilisation_fraction * average_power_fraction
            + (1 - fleet_utilisation_fraction) * idle_power_fraction
        )
    )
) / (hours_per_month() * 12 * fleet_utilisation_fraction);

-- Months paid over months used, for a job on whole terms.
create or replace macro reservation_multiplier(
    commitment_months, job_months, resale_fraction := 0.0
) as (
    job_months
    + (ceil(job_months / cast(commitment_months as double) * (1 - 1e-9)) * commitment_months - job_months)
    * (1 - resale_fraction)
) / job_months;

-- Price of the months between a shorter and a longer term.
create or replace macro forward_price(
    near_months, near_usd_per_gpu_hour, far_months, far_usd_per_gpu_hour
) as (far_months * far_usd_per_gpu_hour - near_months * near_usd_per_gpu_hour)
    / (far_months - near_months);

-- Whether so many GPUs can be rented together as an offer of some GPUs: one machine, whole nodes (machines of eight and more, trays of a larger domain), or joined GPUs sold one by one.
-- Modules stand on boards that join them; of cards the source must say it. A machine of a marketplace is there once.
create or replace macro is_set_of(
    set_gpu_count, gpu_count, price_basis, market_family, form_factor, scale_up_gpu_count,
    interconnect, node_link
) as set_gpu_count = gpu_count
    or market_family <> 'marketplace'
    and case
        when gpu_count > 1 then
            set_gpu_count % gpu_count = 0
            and (gpu_count >= 8 or set_gpu_count <= coalesce(nullif(scale_up_gpu_count, 8), 0))
        else
            price_basis = 'gpu'
            and (
                coalesce(form_factor in ('SXM', 'OAM', 'superchip'), false)
                or interconnect is not null or node_link is not null
            )
    end;

-- The part of the world in which prices are compared; a price that names no place is one of the US.
create or replace macro reference_region_of(country, area) as
    case
        when country is null and area is null then 'us'
        when country = 'US' then 'us'
        when area in ('europe', 'asia') then area
    end;
