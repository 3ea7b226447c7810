"""What hostile input gets: a table of inputs over every kind of source, what each must get, and who judges it."""
