"""The inputs, one file for each room they come through. Every file makes its own; none is kept as bytes."""
