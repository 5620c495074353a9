"""Methods that know, estimate or bound second derivatives."""
