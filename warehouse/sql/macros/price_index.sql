-- The index of a day as it was published by a day: the newest revision known then.
create or replace macro gpu_price_index_on(on_day, known_on := timestamp 'infinity') as table
    select * exclude (inputs)
    from marts.gpu_price_index_revision
    where day = cast(on_day as date) and recorded_at <= instant(known_on)
    qualify row_number() over (
        partition by gpu_id, purchase_model, commitment_months, market_family
        order by recorded_at desc, revision desc
    ) = 1;
