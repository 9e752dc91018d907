-- SPDX-License-Identifier: Apache-2.0
-- Messages about events on their way to other machines, written in the transaction of their event.

-- Where messages go. Without any destination none are kept.
CREATE TABLE destinations (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    passed_seq   INTEGER NOT NULL,           -- all messages up to here were sent, refused or dropped
    passed_bytes INTEGER NOT NULL,           -- outbox.position of that message
    max_age_us   INTEGER NOT NULL,           -- 0: no bound
    max_bytes    INTEGER NOT NULL,           -- 0: no bound
    sent         INTEGER NOT NULL DEFAULT 0, -- messages
    refused      INTEGER NOT NULL DEFAULT 0,
    dropped      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What some destination has not passed yet. The order of seq is that of the commits, thus of each camera.
CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id   INTEGER NOT NULL REFERENCES runs (id),
    event_id TEXT    NOT NULL,
    type     TEXT    NOT NULL CHECK (type IN ('begin', 'update', 'end')),
    number   INTEGER NOT NULL,  -- of this message among those of its event, from 0
    camera   TEXT    NOT NULL,
    message  TEXT    NOT NULL,  -- one line of JSON
    position INTEGER NOT NULL,  -- bytes of all messages ever, up to the end of this one
    wall_us  INTEGER NOT NULL,
    mono_us  INTEGER NOT NULL
) STRICT;

-- Messages that a destination does not take: set aside, so that those behind them pass. The latest 1,000 of each.
CREATE TABLE refused (
    destination_id INTEGER NOT NULL REFERENCES destinations (id) ON DELETE CASCADE,
    seq            INTEGER NOT NULL,
    event_id       TEXT    NOT NULL,
    type           TEXT    NOT NULL,
    number         INTEGER NOT NULL,
    camera         TEXT    NOT NULL,
    message        TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    wall_us        INTEGER NOT NULL,
    PRIMARY KEY (destination_id, seq)
) STRICT, WITHOUT ROWID;

-- Commits of this event so far: what numbers its messages, also when it is replayed and takes its own place.
ALTER TABLE events ADD COLUMN n_commits INTEGER NOT NULL DEFAULT 0;
