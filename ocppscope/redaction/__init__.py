"""A capture without what nobody else should see: pseudonyms for who somebody is, nothing where secrets were.

Two passes over the same events. The first collects what is sensitive, the second replaces it wherever it stands:

    redactor = Redactor(Options(seed="…"))
    for batch in events(): redactor.learn(batch)
    redactor.seal()
    for batch in events(): decoder.feed(redactor.redact(batch))

Everything is replaced character by character, so that texts keep their length, and all else in them its bytes.
"""

from ocppscope.redaction.proof import Proof, compare
from ocppscope.redaction.redactor import Options, Redactor, Summary

__all__ = ["Options", "Proof", "Redactor", "Summary", "compare"]
