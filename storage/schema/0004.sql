-- SPDX-License-Identifier: Apache-2.0
-- What queries and retention look up with millions of events.

-- Any filter of a query leads to an index that is in the order of time.
CREATE INDEX events_by_camera_label ON events (camera_id, label, start_wall_us, seq);
CREATE INDEX events_by_label ON events (label, start_wall_us, seq);
CREATE INDEX events_by_rule ON events (rule, start_wall_us, seq);
-- Ages count within a run.
CREATE INDEX events_by_age ON events (run_id, committed_mono_us, seq);

-- The event's start, so that the events of a zone are found in the order of time.
ALTER TABLE event_places ADD COLUMN start_wall_us INTEGER NOT NULL DEFAULT 0;
UPDATE event_places
   SET start_wall_us = (SELECT e.start_wall_us FROM events e WHERE e.seq = event_seq);
DROP INDEX event_places_by_name;
CREATE INDEX event_places_by_name ON event_places (kind, name, start_wall_us, event_seq);

-- Sums that would take a look at every row.
--   clip_bytes  of all clips that are not open
CREATE TABLE sums (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sums (name, value)
SELECT 'clip_bytes', coalesce(sum(bytes), 0) FROM clips WHERE state <> 'open';
CREATE TRIGGER clips_added AFTER INSERT ON clips WHEN new.state <> 'open' BEGIN
    UPDATE sums SET value = value + new.bytes WHERE name = 'clip_bytes';
END;
CREATE TRIGGER clips_changed AFTER UPDATE OF state, bytes ON clips BEGIN
    UPDATE sums
       SET value = value - iif(old.state = 'open', 0, old.bytes) + iif(new.state = 'open', 0, new.bytes)
     WHERE name = 'clip_bytes';
END;
CREATE TRIGGER clips_removed AFTER DELETE ON clips WHEN old.state <> 'open' BEGIN
    UPDATE sums SET value = value - old.bytes WHERE name = 'clip_bytes';
END;
