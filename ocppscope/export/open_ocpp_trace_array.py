"""Open OCPP Trace v1.1 as one JSON array."""

from ocppscope.export.open_ocpp_trace import TraceArray

open_output = TraceArray
