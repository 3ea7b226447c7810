select path, charge_day, calls from {{ source('lake', 'call_days') }}
