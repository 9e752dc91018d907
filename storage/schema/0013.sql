-- SPDX-License-Identifier: Apache-2.0
-- When a clip was complete, by the monotonic clock of its run: the age of footage of an event that lasts still. NULL: cut, or older
-- than this.
ALTER TABLE clips ADD COLUMN done_mono_us INTEGER;
