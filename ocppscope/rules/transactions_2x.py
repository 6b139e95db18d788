"""TX2: transactions of OCPP 2.0.1 and 2.1 (section H of the catalogue)."""
