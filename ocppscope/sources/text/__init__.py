"""Logs and any other text as a source: messages are found wherever they stand.

`scanner` finds arrays; a dialect, one small module in `dialects`, says how a program dates, names and directs
them; `reader` makes events of both.
"""
