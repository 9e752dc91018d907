-- SPDX-License-Identifier: Apache-2.0
-- Continuous recording: segments of a camera's whole stream are clips without an event.
ALTER TABLE clips ADD COLUMN continuous INTEGER NOT NULL DEFAULT 0 CHECK (continuous IN (0, 1));
CREATE INDEX clips_continuous ON clips (camera_id, id) WHERE continuous = 1;
CREATE INDEX clips_continuous_by_age ON clips (id) WHERE continuous = 1;
-- Ages count within a run.
CREATE INDEX clips_continuous_by_run ON clips (camera_id, run_id, done_mono_us) WHERE continuous = 1;

-- Sums that would take a look at every segment: of a camera those that are not lost, and the bytes of those that are not open.
CREATE TABLE footage_sums (
    camera_id  INTEGER PRIMARY KEY REFERENCES cameras (id),
    n_segments INTEGER NOT NULL,
    bytes      INTEGER NOT NULL
) STRICT;
CREATE TRIGGER footage_added AFTER INSERT ON clips WHEN new.continuous = 1 BEGIN
    INSERT OR IGNORE INTO footage_sums (camera_id, n_segments, bytes) VALUES (new.camera_id, 0, 0);
    UPDATE footage_sums
       SET n_segments = n_segments + (new.state <> 'lost'),
           bytes = bytes + iif(new.state = 'open', 0, new.bytes)
     WHERE camera_id = new.camera_id;
END;
CREATE TRIGGER footage_changed AFTER UPDATE OF state, bytes ON clips WHEN new.continuous = 1 BEGIN
    UPDATE footage_sums
       SET n_segments = n_segments - (old.state <> 'lost') + (new.state <> 'lost'),
           bytes = bytes - iif(old.state = 'open', 0, old.bytes) + iif(new.state = 'open', 0, new.bytes)
     WHERE camera_id = new.camera_id;
END;
CREATE TRIGGER footage_removed AFTER DELETE ON clips WHEN old.continuous = 1 BEGIN
    UPDATE footage_sums
       SET n_segments = n_segments - (old.state <> 'lost'),
           bytes = bytes - iif(old.state = 'open', 0, old.bytes)
     WHERE camera_id = old.camera_id;
END;
