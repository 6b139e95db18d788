"""What feeds the decoders from files. What a file holds is found out from its content, never from its name."""

from ocppscope.sources.inputs import InputError, Source, SourceOptions, open_source

__all__ = ["InputError", "Source", "SourceOptions", "open_source"]
