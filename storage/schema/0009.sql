-- SPDX-License-Identifier: Apache-2.0
-- Who deleted what: one row a purge, written before anything goes.
CREATE TABLE deletions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id        INTEGER NOT NULL REFERENCES runs (id),
    begun_wall_us INTEGER NOT NULL,
    ended_wall_us INTEGER,          -- NULL: it did not come to its end
    uid           INTEGER NOT NULL,
    user_name     TEXT    NOT NULL,
    command       TEXT    NOT NULL,
    camera        TEXT    NOT NULL,
    since_wall_us INTEGER NOT NULL,
    until_wall_us INTEGER NOT NULL,
    n_events      INTEGER NOT NULL DEFAULT 0,
    n_clips       INTEGER NOT NULL DEFAULT 0,
    n_messages    INTEGER NOT NULL DEFAULT 0,
    n_decisions   INTEGER NOT NULL DEFAULT 0
) STRICT;
