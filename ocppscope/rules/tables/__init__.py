"""The state of stations, one module a table: what it holds, and what fills it from messages.

Rules read the tables as they were before the message at hand: learners run after rules. A learner sees only
messages from the side that may send them.
"""

from ocppscope.rules.tables import (
    authorizations,
    certificates,
    connectors,
    deliveries,
    firmware,
    flows,
    local_list,
    meters,
    profiles,
    registration,
    requests,
    reservations,
    transactions,
)

__all__ = [
    "authorizations",
    "certificates",
    "connectors",
    "deliveries",
    "firmware",
    "flows",
    "local_list",
    "meters",
    "profiles",
    "registration",
    "requests",
    "reservations",
    "transactions",
]
