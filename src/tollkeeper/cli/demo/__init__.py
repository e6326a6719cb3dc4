"""`tollkeeper demo`: real answers on a machine where nothing is set up."""
