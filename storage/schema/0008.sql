-- SPDX-License-Identifier: Apache-2.0
-- Clips that go before their events.

-- When retention removed the file; its state is 'lost' then, and that is as it should be.
ALTER TABLE clips ADD COLUMN expired_wall_us INTEGER;
CREATE INDEX clips_with_file ON clips (id) WHERE state IN ('complete', 'cut');
