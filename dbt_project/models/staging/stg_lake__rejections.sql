select source, unit, problem, first_day, last_day from {{ source('lake', 'rejections') }}
