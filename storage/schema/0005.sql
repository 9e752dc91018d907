-- SPDX-License-Identifier: Apache-2.0
-- Why there is no event: what rules made of objects, and when cameras were there.

-- What a rule made of an object in a span of time: the furthest that it came. Written in batches, so the last seconds
-- before a crash are missing. Bounded by age and number, the oldest rows go first.
CREATE TABLE decisions (
    id                INTEGER PRIMARY KEY,   -- order of commits
    camera_id         INTEGER NOT NULL REFERENCES cameras (id),
    rule              TEXT    NOT NULL,
    track_id          INTEGER NOT NULL,
    label             TEXT,
    start_wall_us     INTEGER NOT NULL,
    end_wall_us       INTEGER NOT NULL,      -- at most one hour later, which bounds the search for what covers a moment
    reason            TEXT    NOT NULL,      -- 'class', 'score', …, 'fired'
    value             REAL    NOT NULL,      -- measured, and what the rule wants, in the unit of the reason
    wanted_value      REAL    NOT NULL,
    wanted            TEXT,                  -- names: classes, zones, a line
    event_id          TEXT,                  -- of what fired
    committed_wall_us INTEGER NOT NULL       -- by the clock as it is trusted; ages count from here
) STRICT;
-- Unique, so that the same file replayed twice leaves the same rows.
CREATE UNIQUE INDEX decisions_by_camera ON decisions (camera_id, end_wall_us, track_id, rule);

-- up: frames come; down: they do not, and the reason; off: nobody looks any more, since the program was told so.
CREATE TABLE camera_states (
    id                INTEGER PRIMARY KEY,
    camera_id         INTEGER NOT NULL REFERENCES cameras (id),
    run_id            INTEGER NOT NULL REFERENCES runs (id),
    since_wall_us     INTEGER NOT NULL,
    state             TEXT    NOT NULL CHECK (state IN ('up', 'down', 'off')),
    reason            TEXT,
    committed_wall_us INTEGER NOT NULL
) STRICT;
CREATE INDEX camera_states_by_camera ON camera_states (camera_id, since_wall_us);
