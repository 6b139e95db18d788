"""The terminal browser, `ocppscope view`. It reads a store, and follows one that grows."""
