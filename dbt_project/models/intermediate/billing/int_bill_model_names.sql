-- a usage report names models as the bill of its source does: aliases of the provider the bill's lines name
select distinct charges.source, names.alias, names.model
from {{ ref('int_charges__named') }} as charges
join {{ ref('int_model_names') }} as names on charges.provider is not distinct from names.provider and charges.model = names.alias
