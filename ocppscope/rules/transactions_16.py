"""TX16: transactions of OCPP 1.6 (section G of the catalogue)."""
