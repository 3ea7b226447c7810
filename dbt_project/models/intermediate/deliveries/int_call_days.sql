-- grain: day. The files its calls stand in, and how many calls they are
select charge_day, bit_xor({{ fingerprint(['path']) }}) as fingerprint, {{ isum('calls') }} as calls
from {{ ref('stg_lake__call_days') }}
group by charge_day
