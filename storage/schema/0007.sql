-- SPDX-License-Identifier: Apache-2.0
-- Whether the kernel's wall clock was kept by somebody (NTP, GPS) at an event's latest commit: how far its wall times are
-- to be trusted. With runs.boot_id and the monotonic time they can be corrected later. NULL: not known.
ALTER TABLE events ADD COLUMN clock_synced INTEGER CHECK (clock_synced IN (0, 1));
