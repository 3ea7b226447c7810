"""What a person at a terminal sees: one module for each kind of answer; how things are written is `paper`."""
