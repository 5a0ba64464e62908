-- One row per published file: the newest day with prices.
-- day | the newest day, null without prices
select max(day) as day from marts.gpu_price_daily
