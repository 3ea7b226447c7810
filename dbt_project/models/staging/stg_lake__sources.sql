select source, room from {{ source('lake', 'sources') }}
