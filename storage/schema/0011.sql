-- SPDX-License-Identifier: Apache-2.0
-- Events that outlive a clip: the clips in which they go on, beside the first one, which is events.clip_id. Of an event whose
-- first clip is not known any more, one of these is.
CREATE TABLE event_parts (
    event_seq INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
    clip_id   INTEGER NOT NULL REFERENCES clips (id),
    PRIMARY KEY (event_seq, clip_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_parts_by_clip ON event_parts (clip_id);
