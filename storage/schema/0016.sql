-- SPDX-License-Identifier: Apache-2.0
-- Continuous recording: segments of a camera's whole stream are clips without an event.
ALTER TABLE clips ADD COLUMN continuous INTEGER NOT NULL DEFAULT 0 CHECK (continuous IN (0, 1));
CREATE INDEX clips_continuous ON clips (camera_id, id) WHERE continuous = 1;
CREATE INDEX clips_continuous_by_age ON clips (id) WHERE continuous = 1;
