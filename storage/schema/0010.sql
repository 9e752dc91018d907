-- SPDX-License-Identifier: Apache-2.0
-- A database that was made again from what the clips say of themselves: one row, or none.
-- Its events belong to the run 1, whose wall clock is that of their commits. Their seq lie below those of the events that
-- came since, newest first, so that "oldest" means what it meant before.
CREATE TABLE rebuild (
    id            INTEGER PRIMARY KEY CHECK (id = 0),
    set_aside     TEXT,                -- name of the damaged database; NULL: there was none
    begun_wall_us INTEGER NOT NULL,
    ended_wall_us INTEGER,             -- NULL: it goes on
    clips         INTEGER NOT NULL DEFAULT 0,
    events        INTEGER NOT NULL DEFAULT 0,
    unknown       INTEGER NOT NULL DEFAULT 0 -- files that name no event: left alone
) STRICT;
