{#
  No two rows of a model are equal in these columns; two nulls are equal. Not asked nightly: tests ask it of stores they build, where it
  costs nobody a read of everything.
#}
{% test key(model, columns) %}
{{ config(tags=['shape']) }}
select {{ listed(columns) }}, count(*) as twins
from {{ model }}
group by {{ listed(columns) }}
having count(*) > 1
{% endtest %}
