"""What `reconcile new-source` begins a source with: one working source a room, read by linters and types like any other.

None is a kind of its own: the registry looks into the rooms only. Each asks over HTTP for one answer a UTC day.
"""
