"""Small numeric loops, one for each shape of heat: the ground on which each bet wins or loses."""
