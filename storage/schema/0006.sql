-- SPDX-License-Identifier: Apache-2.0
-- Seals: a signed chain of what clips and events were when they were done; body and signature are described in
-- vigil-seal.h. The columns beside it only help to find things: what counts stands in the signed bodies.
CREATE TABLE seals (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    body      BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

ALTER TABLE clips ADD COLUMN hash BLOB;        -- BLAKE2b-256 of the whole file; NULL while it is written
ALTER TABLE clips ADD COLUMN seal_seq INTEGER; -- its seal; NULL: none
ALTER TABLE events ADD COLUMN seal_seq INTEGER;

-- The last clip and event of the time before there were seals.
CREATE TABLE seal_begin (
    clip_id   INTEGER NOT NULL,
    event_seq INTEGER NOT NULL
) STRICT;
INSERT INTO seal_begin (clip_id, event_seq)
    VALUES ((SELECT coalesce(max(id), 0) FROM clips), (SELECT coalesce(max(seq), 0) FROM events));
