"""What feeds the analyzer live: recordings made between stations and their CSMS."""
