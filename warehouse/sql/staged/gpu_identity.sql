-- One row per distinct printing of a GPU in the offers that are being loaded.
-- source_id | where it was printed
-- gpu_name_printed | the name as printed
-- gpu_memory_bytes | memory of one GPU as printed [byte]
-- form_factor | form factor as printed
-- gpu_id | the accelerator; null where the name is not known, not a whole GPU, or contradicted
-- identity_method | own_alias (spelling known from this source) or alias (spelling on which all sources agree), with _memory, _form where these told the variant
-- identity_reason | unknown_name, mig_slice, excluded, ambiguous_name, memory_mismatch, form_factor_mismatch or coarse; null where all is clear
-- check: select * from {this} where gpu_id is null and identity_reason is null
-- check: select * from {this} where gpu_id is not null and gpu_id not in (select gpu_id from core.gpu)
with printed as (
    select
        row_number() over () as printing,
        source_id,
        gpu_name_printed,
        gpu_memory_bytes,
        form_factor,
        -- Case, spaces, dashes and the maker's name tell no card from another; every letter and
        -- digit does. Names are compared whole: a part of a name is another name.
        regexp_replace(
            regexp_replace(lower(trim(gpu_name_printed)), '^(nvidia|amd)[ _-]+', ''),
            '[ _-]+', '', 'g'
        ) as folded,
        case
            when form_factor ilike '%sxm%' then 'SXM'
            when form_factor ilike 'pci%' then 'PCIE'
            when upper(form_factor) = 'NVL' then 'NVL'
        end as form
    from (
        select distinct source_id, gpu_name_printed, gpu_memory_bytes, form_factor
        from staged.offer_observation
    )
),
-- Spellings that a source shares with a family of another name.
shared_spelling (source_id, source_family) as (
    values
    ('anycloud_catalog', 'skypilot_catalog'), ('aws', 'aws_gpuinfo_name'),
    ('aws', 'aws_instance_family'), ('aws_bulk', 'aws_gpuinfo_name'),
    ('aws_bulk', 'aws_instance_family'), ('aws_spot', 'aws_gpuinfo_name'),
    ('aws_spot', 'aws_instance_family'), ('azure', 'azure_armSkuName_regex'),
    ('azure', 'azure_sku_family'), ('digitalocean', 'digitalocean_gpu_model'),
    ('digitalocean_api', 'digitalocean_gpu_model'),
    ('epoch_training_cost', 'epoch_hardware_prices'), ('gcp_billing', 'gcp_billing_sku_text'),
    ('gcp_billing', 'gcp_accelerator'), ('gcp_pricing_yml', 'gcp_accelerator'),
    ('gcp_pricing_yml', 'gcp_machine_family'), ('gpuhunt', 'gpuhunt_catalog'),
    ('hyperstack_api', 'hyperstack'),
    ('jarvislabs_api', 'jarvislabs'), ('lambda_api', 'lambda_instance_type'),
    ('linode', 'linode_label'), ('lium', 'lium_gpu_model'), ('nebius', 'nebius_platform'),
    ('oci', 'oci_part_number'), ('oci', 'oci_shape'), ('ovh', 'ovh_planCode'),
    ('runpod', 'runpod_displayName'), ('runpod', 'runpod_id'), ('seeweb_api', 'seeweb'),
    ('tensordock', 'tensordock_v0'), ('vast', 'vastai'), ('vultr', 'vultr_gpu_type'),
    ('vultr', 'vultr_plan_id')
),
spelling as (
    select
        source_family,
        gpu_name_printed as pattern,
        canonical,
        regexp_replace(
            regexp_replace(lower(trim(gpu_name_printed)), '^(nvidia|amd)[ _-]+', ''),
            '[ _-]+', '', 'g'
        ) as folded
    from (
        select source_family, gpu_name_printed, canonical from core.gpu_alias
        union all
        select 'reference', gpu_id, gpu_id from core.gpu
        union all
        select 'reference', name, gpu_id from core.gpu
    )
),
known as (
    select p.printing, p.source_id, s.source_family, s.canonical
    from printed as p
    inner join spelling as s on p.folded = s.folded
    union all
    select p.printing, p.source_id, s.source_family, s.canonical
    from printed as p
    inner join spelling as s
        on
            s.source_family like '%\_regex' escape '\'
            and p.gpu_name_printed like 'Standard\_%' escape '\'
            and regexp_full_match(p.gpu_name_printed, s.pattern)
),
voted as (
    select
        k.printing,
        count(distinct k.canonical) filter (where is_own) as own_count,
        min(k.canonical) filter (where is_own) as own_canonical,
        count(distinct k.canonical) as all_count,
        min(k.canonical) as all_canonical,
        coalesce(
            min(k.canonical) filter (where k.source_family = 'generic_text'),
            min(k.canonical) filter (where k.source_family = 'reference')
        ) as generic_canonical
    from (
        select
            known.*,
            known.source_id = known.source_family or shared_spelling.source_id is not null
                as is_own
        from known
        left join shared_spelling
            on
                known.source_id = shared_spelling.source_id
                and known.source_family = shared_spelling.source_family
    ) as k
    group by k.printing
),
named as (
    select
        p.printing,
        p.gpu_name_printed,
        p.folded,
        p.gpu_memory_bytes,
        p.form,
        case when v.own_count = 1 then 'own_alias' else 'alias' end as method,
        v.printing is not null as is_known,
        case
            -- Three cards are called RTX 6000; memory tells them apart.
            when p.folded = 'rtx6000' and p.gpu_memory_bytes is not null
                then case
                    when p.gpu_memory_bytes between 22e9 and 27e9 then 'QUADRORTX6000-24GB'
                    when p.gpu_memory_bytes between 44e9 and 54e9 then 'RTX6000ADA-48GB'
                    when p.gpu_memory_bytes between 89e9 and 107e9 then 'RTXPRO6000-96GB'
                    else 'AMBIGUOUS_RTX6000'
                end
            when v.own_count = 1 then v.own_canonical
            when v.own_count = 0 and v.all_count = 1 then v.all_canonical
            else v.generic_canonical
        end as canonical
    from printed as p
    left join voted as v on p.printing = v.printing
),
card as (
    select
        gpu_id,
        is_coarse,
        memory_bytes,
        words,
        words[1] as family,
        list_filter(words, lambda word: not regexp_full_match(word, '\d+GB')) as words_but_memory,
        list_filter(words, lambda word: word in ('SXM', 'PCIE', 'NVL'))[1] as form
    from (
        select
            *,
            string_split(regexp_replace(gpu_id, '^(RTXPRO6000)(SE|WS|MAXQ)', '\1-\2'), '-')
                as words
        from core.gpu
    )
),
-- Whether the printed memory is that of a card of the family, within 7 %: as sold, in decimal or
-- binary gigabytes; or, where no card fits so, a binary figure printed as a decimal one.
memory_fit as (
    select
        *,
        bool_or(fits_strictly) over (partition by printing) as is_strict
    from (
        select
            n.printing,
            f.gpu_id,
            least(
                abs(n.gpu_memory_bytes / f.memory_bytes - 1),
                abs(n.gpu_memory_bytes / f.memory_bytes / 1.073741824 - 1)
            ) <= 0.07 as fits_strictly,
            abs(n.gpu_memory_bytes * 1.073741824 / f.memory_bytes - 1) <= 0.07 as fits_loosely
        from named as n
        inner join card as c on n.canonical = c.gpu_id
        inner join card as f on c.family = f.family
        where n.gpu_memory_bytes is not null and f.memory_bytes is not null
    )
),
-- The fine cards that the name may stand for: itself, or the variants of a coarse one.
candidate as (
    select
        n.printing,
        c.gpu_id as named_id,
        c.is_coarse,
        n.gpu_memory_bytes is not null or n.form is not null as tells_variant,
        f.gpu_id,
        f.memory_bytes,
        n.gpu_memory_bytes is null or m.fits_strictly or (m.fits_loosely and not m.is_strict)
            as fits_memory,
        coalesce(n.form = f.form, true) as fits_form,
        -- A card of the same name with other memory, where the name says nothing of memory.
        f.gpu_id <> c.gpu_id and not c.is_coarse as is_sibling
    from named as n
    inner join card as c on n.canonical = c.gpu_id
    inner join card as f
        on
            c.family = f.family
            and (
                c.gpu_id = f.gpu_id
                or (not f.is_coarse and c.is_coarse and list_has_all(f.words, c.words))
                or (
                    not f.is_coarse and not c.is_coarse
                    and f.words_but_memory = c.words_but_memory
                    and not regexp_matches(
                        n.gpu_name_printed, '(^|\D)' || (c.memory_bytes // 1000000000)::varchar || '(\D|$)'
                    )
                )
            )
    left join memory_fit as m on n.printing = m.printing and f.gpu_id = m.gpu_id
),
-- Memory beyond every card of the family is no memory of one GPU (a total, the host's): it is
-- left aside, and said so. Memory below is a slice or another card.
family_memory as (
    select
        n.printing,
        n.gpu_memory_bytes > 1.16 * max(f.memory_bytes) as is_beyond
    from named as n
    inner join card as c on n.canonical = c.gpu_id
    inner join card as f on c.family = f.family
    group by n.printing, n.gpu_memory_bytes
),
narrowed as (
    select
        d.printing,
        min(d.named_id) as named_id,
        bool_or(d.is_coarse) as is_coarse,
        bool_or(d.tells_variant) as tells_variant,
        coalesce(any_value(m.is_beyond), false) as is_beyond,
        count(*) filter (where d.is_coarse and d.gpu_id <> d.named_id) as variant_count,
        list(d.gpu_id order by d.gpu_id) filter (
            where (d.fits_memory or m.is_beyond) and d.fits_form
            and case
                when d.is_coarse then d.gpu_id <> d.named_id
                else not (d.is_sibling and m.is_beyond)
            end
        ) as fitting,
        bool_or(
            d.gpu_id = d.named_id and (d.fits_memory or coalesce(m.is_beyond, false))
        ) as named_fits_memory,
        bool_or(d.gpu_id = d.named_id and d.fits_form) as named_fits_form,
        bool_or(d.fits_memory and (d.gpu_id <> d.named_id or not d.is_coarse)) as any_fits_memory
    from candidate as d
    left join family_memory as m on d.printing = m.printing
    group by d.printing
),
-- The coarse cards that stand for exactly the variants that are left.
coarse_variants as (
    select c.gpu_id, list(f.gpu_id order by f.gpu_id) as variants
    from card as c
    inner join card as f
        on c.family = f.family and not f.is_coarse and list_has_all(f.words, c.words)
    where c.is_coarse
    group by c.gpu_id
),
decided as (
    select
        w.*,
        case
            when not w.is_coarse and w.named_fits_memory and w.named_fits_form then w.named_id
            when not w.is_coarse and len(w.fitting) = 1 then w.fitting[1]
            when not w.is_coarse then null
            when not w.tells_variant then w.named_id
            when w.variant_count = 0
                then case when w.named_fits_memory and w.named_fits_form then w.named_id end
            when len(w.fitting) = 1 then w.fitting[1]
            when len(w.fitting) > 1 then coalesce(v.gpu_id, w.named_id)
        end as gpu_id
    from narrowed as w
    left join (
        select variants, min(gpu_id) as gpu_id from coarse_variants group by variants
    ) as v on w.fitting = v.variants and w.is_coarse
)
select
    p.source_id,
    p.gpu_name_printed,
    p.gpu_memory_bytes,
    p.form_factor,
    d.gpu_id,
    case
        when d.gpu_id is not null then n.method || case
            when d.gpu_id = d.named_id then ''
            else
                case when p.gpu_memory_bytes is not null and not d.is_beyond then '_memory' else '' end
                || case when p.form is not null then '_form' else '' end
        end
    end as identity_method,
    case
        when not n.is_known and regexp_matches(
            lower(p.gpu_name_printed), '\bmig\b|\b\d+g\.\d+gb|\b1/\d+\b|\bvgpu\b|\bfraction'
        ) then 'mig_slice'
        when not n.is_known and n.canonical is null then 'unknown_name'
        when n.canonical = 'EXCLUDE_MIG' then 'mig_slice'
        when starts_with(n.canonical, 'EXCLUDE_') then 'excluded'
        when n.canonical is null or starts_with(n.canonical, 'AMBIGUOUS_') then 'ambiguous_name'
        when d.gpu_id is null and not coalesce(d.any_fits_memory, false) and not d.is_beyond
            then 'memory_mismatch'
        when d.gpu_id is null and d.is_coarse and not d.named_fits_memory then 'memory_mismatch'
        when d.gpu_id is null and not d.is_coarse and not d.named_fits_memory
            then 'memory_mismatch'
        when d.gpu_id is null then 'form_factor_mismatch'
        when d.is_beyond then 'memory_mismatch'
        when c.is_coarse then 'coarse'
    end as identity_reason
from printed as p
inner join named as n on p.printing = n.printing
left join decided as d on p.printing = d.printing
left join card as c on d.gpu_id = c.gpu_id
