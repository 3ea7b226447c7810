select told_landing_id as landing_id, told_landing_row as landing_row, charge_day
from {{ source('lake', 'resolved_tellings') }}
