"""Traces: Open OCPP Trace, and whatever else keeps messages as JSON records or as CSV.

A trace goes through the same decoder as a pcap file; only the frames below its messages are not known.
"""

from ocppscope.sources.traces.recognition import shape_of, what_it_is
from ocppscope.sources.traces.trace_file import TraceFiles

__all__ = ["TraceFiles", "looks_like_trace", "what_it_is"]


def looks_like_trace(head: bytes) -> bool:
    """Whether a file that begins so is a trace: JSON records with messages in them, CSV with a column of messages,
    or HAR. JSON lines of any other kind are none.
    """
    return shape_of(head) is not None
