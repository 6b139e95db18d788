"""TRF, DER, V2X, SWP: tariffs, grid services, discharging and battery swap (section O)."""
