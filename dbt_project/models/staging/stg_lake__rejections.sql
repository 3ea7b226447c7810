select source, unit, problem from {{ source('lake', 'rejections') }}
