-- One row per distinct printing of a GPU in the offers that are being loaded.
-- source_id | where it was printed
-- gpu_name_printed | the name as printed
-- gpu_memory_bytes | memory of one GPU as printed [byte]
-- form_factor | form factor as printed
-- gpu_id | the accelerator; null where the name is not known, not a whole GPU, or contradicted
-- identity_method | own_alias (spelling known from this source) or alias (spelling on which all sources agree), with _memory, _form where these decide the variant
-- identity_reason | unknown_name, mig_slice, excluded, ambiguous_name, memory_mismatch, modified_card, form_factor_mismatch or coarse; null where all is clear
-- check: an unknown name has its reason: select * from {this} where gpu_id is null and identity_reason is null
-- check: every GPU is in core.gpu: select * from {this} where gpu_id is not null and gpu_id not in (select gpu_id from core.gpu)
with printed as (
    select
        row_number() over () as printing,
        source_id,
        gpu_name_printed,
        gpu_memory_bytes,
        form_factor,
        -- Case, spaces, dashes, the maker's name and how the machine is let distinguish no cards;
        -- every other letter and digit does. Names are compared whole: a part of a name is
        -- another name.
        regexp_replace(
            regexp_replace(
                lower(trim(gpu_name_printed)), '^(nvidia|amd)[ _-]+|[ _-]+bare[ _-]?metal$', '', 'g'
            ),
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
-- Bare names that several generations of a card carry; memory tells them apart.
shared_name (folded, memory_bytes, canonical) as (
    values
    ('rtx4000', 8e9, 'QUADRORTX4000-8GB'),
    ('rtx4000', 20e9, 'RTX4000ADA-20GB'),
    ('rtx5000', 16e9, 'QUADRORTX5000-16GB'),
    ('rtx5000', 32e9, 'RTX5000ADA-32GB'),
    ('rtx6000', 24e9, 'QUADRORTX6000-24GB'),
    ('rtx6000', 48e9, 'RTX6000ADA-48GB'),
    ('rtx6000', 96e9, 'RTXPRO6000-96GB')
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
        ) as generic_canonical,
        min(k.canonical) filter (where k.source_family = 'reference' and k.is_coarse)
            as coarse_canonical
    from (
        select
            known.*,
            g.is_coarse,
            known.source_id = known.source_family or n.source_id is not null as is_own
        from known
        left join core.gpu as g on known.canonical = g.gpu_id
        left join core.gpu_name_source as n
            on
                known.source_id = n.source_id and known.source_family = n.source_family
    ) as k
    group by k.printing
),
meant as (
    select
        p.printing,
        p.source_id,
        p.gpu_name_printed,
        p.folded,
        p.gpu_memory_bytes,
        p.form,
        case when v.own_count = 1 then 'own_alias' else 'alias' end as method,
        v.printing is not null as is_known,
        case
            when s.folded is not null and p.gpu_memory_bytes is not null
                then coalesce(s.canonical, 'AMBIGUOUS_' || upper(p.folded))
            when v.own_count = 1 then v.own_canonical
            -- The bare name of several cards is none of them, whatever others mean by it.
            when v.own_count = 0 and v.coarse_canonical is not null then v.coarse_canonical
            when v.own_count = 0 and v.all_count = 1 then v.all_canonical
            else v.generic_canonical
        end as canonical,
        v.generic_canonical
    from printed as p
    left join voted as v on p.printing = v.printing
    left join (
        select n.folded, q.printing, min(c.canonical) as canonical
        from (select distinct folded from shared_name) as n
        inner join printed as q on n.folded = q.folded
        left join shared_name as c
            on
                n.folded = c.folded
                and q.gpu_memory_bytes between 0.91 * c.memory_bytes and 1.13 * c.memory_bytes
        group by n.folded, q.printing
    ) as s on p.printing = s.printing
),
-- What the name means, and, for a memory that contradicts the source's own meaning of it, what it
-- means elsewhere.
named as (
    select
        printing, source_id, gpu_name_printed, folded, gpu_memory_bytes, form, method, is_known,
        canonical, generic_canonical, 2 * printing as reading, false as is_second
    from meant
    union all
    select
        printing, source_id, gpu_name_printed, folded, gpu_memory_bytes, form, method, is_known,
        generic_canonical, generic_canonical, 2 * printing + 1, true
    from meant
    where
        method = 'own_alias' and generic_canonical <> canonical
        and gpu_memory_bytes is not null
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
        bool_or(fits_strictly) over (partition by reading) as is_strict
    from (
        select
            n.reading,
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
-- The exact cards that the name may mean: itself, or the variants of a coarse one.
candidate as (
    select
        n.reading,
        c.gpu_id as named_id,
        c.is_coarse,
        n.gpu_memory_bytes is not null or n.form is not null as tells_variant,
        f.gpu_id,
        f.memory_bytes,
        n.gpu_memory_bytes is null or m.fits_strictly or (m.fits_loosely and not m.is_strict)
            as fits_memory,
        coalesce(n.form = f.form, true) as fits_form,
        -- A card of the same name with other memory, if the name does not include memory.
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
    left join memory_fit as m on n.reading = m.reading and f.gpu_id = m.gpu_id
),
-- Memory above every card of the family: where the source prints that of one GPU, the card was
-- modified and is another good. Elsewhere it is a total, or the host's: it is ignored, with the
-- reason given. Memory below is a slice or another card.
family_memory as (
    select
        *,
        -- A memory that is part of the name (GH200 480GB) is no evidence.
        is_beyond and is_of_one_gpu and not regexp_matches(
            gpu_name_printed,
            '(^|\D)(' || round(gpu_memory_bytes / 1e9)::bigint::varchar || '|'
            || round(gpu_memory_bytes / 1073741824.0)::bigint::varchar || ')(\D|$)'
        ) as is_modified
    from (
        select
            n.reading,
            n.gpu_name_printed,
            n.gpu_memory_bytes,
            n.gpu_memory_bytes > 1.16 * max(f.memory_bytes) as is_beyond,
            n.source_id in (
                select source_id from core.gpu_name_source where is_memory_of_one_gpu
            ) as is_of_one_gpu
        from named as n
        inner join card as c on n.canonical = c.gpu_id
        inner join card as f on c.family = f.family
        group by n.reading, n.source_id, n.gpu_name_printed, n.gpu_memory_bytes
    )
),
narrowed as (
    select
        d.reading,
        min(d.named_id) as named_id,
        bool_or(d.is_coarse) as is_coarse,
        bool_or(d.tells_variant) as tells_variant,
        coalesce(any_value(m.is_beyond), false) as is_beyond,
        coalesce(any_value(m.is_modified), false) as is_modified,
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
    left join family_memory as m on d.reading = m.reading
    group by d.reading
),
-- The coarse cards whose variants are exactly those that are left.
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
            when w.is_modified then null
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
),
chosen as (
    select n.printing, n.canonical, n.method, n.is_known, d.*
    from named as n
    left join decided as d on n.reading = d.reading
    where not n.is_second or (d.gpu_id is not null and not d.is_beyond)
    qualify row_number() over (
        partition by n.printing order by d.gpu_id is null, n.is_second
    ) = 1
)
select
    p.source_id,
    p.gpu_name_printed,
    p.gpu_memory_bytes,
    p.form_factor,
    n.gpu_id,
    case
        when n.gpu_id is not null then n.method || case
            when n.gpu_id = n.named_id then ''
            else
                case when p.gpu_memory_bytes is not null and not n.is_beyond then '_memory' else '' end
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
        when n.is_modified then 'modified_card'
        when n.gpu_id is null and not coalesce(n.any_fits_memory, false) and not n.is_beyond
            then 'memory_mismatch'
        when n.gpu_id is null and n.is_coarse and not n.named_fits_memory then 'memory_mismatch'
        when n.gpu_id is null and not n.is_coarse and not n.named_fits_memory
            then 'memory_mismatch'
        when n.gpu_id is null then 'form_factor_mismatch'
        when n.is_beyond then 'memory_mismatch'
        when c.is_coarse then 'coarse'
    end as identity_reason
from printed as p
inner join chosen as n on p.printing = n.printing
left join card as c on n.gpu_id = c.gpu_id
