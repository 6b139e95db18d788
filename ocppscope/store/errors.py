"""What can be wrong with a store."""


class StoreError(Exception):
    """A store cannot be used. The text names it, what was found, and what to do."""
