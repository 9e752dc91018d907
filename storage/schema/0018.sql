-- SPDX-License-Identifier: Apache-2.0
-- Limits that a camera's segments were recorded with, for one that has none any more: 0: no limit, NULL: not known.
ALTER TABLE footage_sums ADD COLUMN max_age_us INTEGER;
ALTER TABLE footage_sums ADD COLUMN max_bytes INTEGER;
