-- grain: charge with a link to a line its source knows. The line it adjusts, the first link that is known, and what it takes from it: each
-- of account, project, key, model and meter it does not tell, through chains of links (R15); rounds double the length of chain that is
-- followed
{% set taken = owner_dimensions() + ['model', 'meter'] %}
{% set rounds = 4 %}
with charges as (

    select charge_id, source, line_id, linked_line_ids, {{ listed(taken) }} from {{ ref('int_charges__named') }}

),

linked as (

    select * from charges where array_length(linked_line_ids) > 0

),

links as (

    select
        linked.charge_id, originals.charge_id as original_id, {{ listed(taken, 'linked.') }}{% for name in taken %},
        originals.{{ name }} as original_{{ name }}{% endfor %},
        row_number() over (partition by linked.charge_id order by place, originals.charge_id) as link_rank
    from linked
    {{ unnested_in_order('linked.linked_line_ids', 'linked_line_id', 'place') }}
    join charges as originals on linked.source = originals.source and linked_line_id = originals.line_id
        and linked.charge_id <> originals.charge_id

),

after_0 as (

    select charge_id, original_id, original_id as next_id{% for name in taken %}, coalesce({{ name }}, original_{{ name }}) as {{ name }}
        {%- endfor %}
    from links
    where link_rank = 1

),
{% for round in range(rounds) %}
after_{{ round + 1 }} as (

    select
        near.charge_id, near.original_id, far.next_id{% for name in taken %},
        coalesce(near.{{ name }}, far.{{ name }}) as {{ name }}{% endfor %}
    from after_{{ round }} as near
    left join after_{{ round }} as far on near.next_id = far.charge_id

),
{% endfor %}
final as (

    select charge_id, original_id, {{ listed(taken) }} from after_{{ rounds }}

)

select * from final
