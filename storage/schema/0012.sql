-- SPDX-License-Identifier: Apache-2.0
-- What somebody wants to keep is counted and listed without looking at all events.
CREATE INDEX events_pinned ON events (start_wall_us, seq) WHERE pinned <> 0;
