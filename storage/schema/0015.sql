-- SPDX-License-Identifier: Apache-2.0
-- How far the chain of seals is closed: see vigil-seal.h. What counts stands in the signed checkpoint; this only helps to find it.
CREATE TABLE seal_chain (
    id             INTEGER PRIMARY KEY CHECK (id = 0),
    checkpoint_seq INTEGER NOT NULL DEFAULT 0, -- the latest; 0: there is none
    least          INTEGER NOT NULL DEFAULT 0  -- so many records there were when all had last been gone over
) STRICT;
INSERT INTO seal_chain (id) VALUES (0);
