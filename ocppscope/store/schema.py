"""The tables of a store, as `docs/store.md` describes them to users, and how one is recognised.

`events` grows at its end only, and its long columns come last: what lists and filters look at is read without
them.
"""

from typing import Final

APPLICATION: Final = 0x4F435053
"""SQLite's application_id of a store: `OCPS`."""
VERSION: Final = 1
"""SQLite's user_version: raised when an older program could not read what a newer one writes."""
MAGIC: Final = b"SQLite format 3\x00"
"""What every SQLite file begins with."""
BESIDE: Final = ("-wal", "-shm", "-journal")
"""What SQLite may keep beside a file: the ends of names."""

TABLES: Final = """
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value
) WITHOUT ROWID;

CREATE TABLE stations (
  station TEXT PRIMARY KEY,
  vendor TEXT,
  model TEXT,
  serial TEXT,
  firmware TEXT
) WITHOUT ROWID;

CREATE TABLE sessions (
  session INTEGER PRIMARY KEY,
  station TEXT,
  version TEXT,
  version_inferred INTEGER NOT NULL,
  late INTEGER NOT NULL,
  duplicate_of INTEGER,
  client TEXT NOT NULL,
  server TEXT NOT NULL,
  tls TEXT,
  auth TEXT,
  status INTEGER,
  start INTEGER,
  end INTEGER,
  messages INTEGER NOT NULL,
  closed TEXT,
  closed_by TEXT,
  close_code INTEGER
);

CREATE TABLE events (
  n INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  time INTEGER,
  event TEXT NOT NULL,
  direction TEXT,
  type TEXT,
  action TEXT,
  error TEXT,
  answers INTEGER,
  latency INTEGER,
  size INTEGER,
  severity TEXT,
  id TEXT,
  raw,
  wire BLOB,
  said TEXT,
  more TEXT
);

CREATE TABLE notices (
  after INTEGER NOT NULL,
  kind TEXT NOT NULL,
  time INTEGER,
  detail TEXT NOT NULL,
  subject TEXT NOT NULL
);

CREATE TABLE findings (
  finding INTEGER PRIMARY KEY,
  rule TEXT NOT NULL,
  severity TEXT NOT NULL,
  title TEXT NOT NULL,
  detail TEXT NOT NULL,
  hint TEXT NOT NULL,
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  session INTEGER,
  direction TEXT,
  count INTEGER NOT NULL,
  first INTEGER,
  last INTEGER
);

CREATE TABLE proofs (
  n INTEGER,
  finding INTEGER,
  detail TEXT,
  PRIMARY KEY (n, finding)
) WITHOUT ROWID;
CREATE INDEX proofs_by_finding ON proofs (finding, n);

CREATE TABLE transactions (
  number INTEGER PRIMARY KEY,
  station TEXT,
  session INTEGER NOT NULL,
  version TEXT,
  id TEXT,
  evse INTEGER,
  connector INTEGER,
  id_token TEXT,
  start INTEGER,
  stop INTEGER,
  meter_start INTEGER,
  meter_stop INTEGER,
  energy INTEGER,
  reason TEXT,
  start_n INTEGER,
  stop_n INTEGER,
  as_of INTEGER NOT NULL
);

CREATE TABLE connector_states (
  n INTEGER NOT NULL,
  station TEXT,
  evse INTEGER,
  connector INTEGER,
  time INTEGER,
  status TEXT NOT NULL
);

CREATE TABLE marks (
  n INTEGER PRIMARY KEY,
  comment TEXT NOT NULL
);

CREATE VIEW messages AS
SELECT
  n,
  strftime('%Y-%m-%dT%H:%M:%S', time / 1000000000, 'unixepoch')
    || printf('.%06dZ', time % 1000000000 / 1000) AS timestamp,
  station, session, direction, type, id, action, latency / 1e6 AS latency_ms, error, severity, raw
FROM events JOIN sessions USING (session)
WHERE event = 'message';
"""

INDEXES: Final = """
CREATE INDEX events_by_session ON events (session);
CREATE INDEX events_by_call ON events (answers) WHERE answers IS NOT NULL;
CREATE INDEX connector_states_by_station ON connector_states (station, time);
"""
"""Made when a store is complete: while it grows, they would cost a quarter of the writing."""
