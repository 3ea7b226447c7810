select source, charge_day, landed, pulled_again from {{ source('lake', 'asked_days') }}
