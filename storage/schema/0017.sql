-- SPDX-License-Identifier: Apache-2.0
-- Seals say what rows of clips say, which a program of before does not know; and how many records the chain holds.
ALTER TABLE seal_chain ADD COLUMN n_records INTEGER NOT NULL DEFAULT 0; -- that were left when checkpoint_seq was written
UPDATE seal_chain SET n_records = (SELECT count(*) FROM seals WHERE seq <= checkpoint_seq);
