-- SPDX-License-Identifier: Apache-2.0
-- Vigil's store. One numbered file a version; each is run once, in one transaction, and sets user_version to its number.
--
-- Log of versions
--   0001  cameras, runs, models, clips, events with their places, tracks and snapshots, outcomes, garbage
--   0002  the model of an event
--   0003  the outbox
--   0004  indexes for queries and ages, sums
--   0005  decisions of rules, states of cameras
--   0006  seals: hashes and signatures of clips and events
--   0007  whether the clock was synchronised
--   0008  clips that go before their events
--   0009  who deleted what
--   0010  a database made again from clips
--   0011  clips in which an event goes on
--   0012  an index of pinned events
--   0013  when a clip was complete
--   0014  where in the frame events were
--   0015  how far the chain of seals is closed
--   0016  continuous recording
--   0017  seals of what rows of clips say
--   0018  limits that segments of continuous recordings were recorded with
--
-- Units and conventions
--   *_wall_us   microseconds since 1970-01-01 UTC, by the wall clock
--   *_mono_us   microseconds since boot (CLOCK_BOOTTIME); only comparable within one boot id
--   *_ns        nanoseconds of the camera's stream
--   boxes       parts of the frame, origin top-left
--   paths       relative to the folder of clips, YYYY/MM/DD/CAMERA/NAME.mp4

-- One row each time a program opened the store for writing.
CREATE TABLE runs (
    id             INTEGER PRIMARY KEY,
    program        TEXT    NOT NULL,
    boot_id        TEXT    NOT NULL,
    begun_wall_us  INTEGER NOT NULL,
    begun_mono_us  INTEGER NOT NULL,
    -- wall minus monotonic clock, as last known: a clock that is set late (no RTC) corrects the whole run
    wall_offset_us INTEGER NOT NULL,
    ended_wall_us  INTEGER,                                       -- NULL while it runs
    how            TEXT    CHECK (how IN ('closed', 'died'))      -- NULL while it runs
) STRICT;

CREATE TABLE cameras (
    id   INTEGER PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE models (
    id     INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL,
    sha256 TEXT    NOT NULL,
    UNIQUE (name, sha256)
) STRICT;

-- Which model looked at a camera, from when on.
CREATE TABLE camera_models (
    id            INTEGER PRIMARY KEY,
    camera_id     INTEGER NOT NULL REFERENCES cameras (id),
    model_id      INTEGER NOT NULL REFERENCES models (id),
    run_id        INTEGER NOT NULL REFERENCES runs (id),
    since_wall_us INTEGER NOT NULL
) STRICT;
CREATE INDEX camera_models_by_camera ON camera_models (camera_id, since_wall_us);

-- open:     being written by the run; bytes is what was safely on disk when its row was made
-- complete: finished
-- cut:      kept as far as it was written when the program died
-- lost:     the file is gone (found by recovery or fsck); its events keep their metadata
CREATE TABLE clips (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id     INTEGER NOT NULL REFERENCES cameras (id),
    run_id        INTEGER NOT NULL REFERENCES runs (id),
    path          TEXT    NOT NULL UNIQUE,
    state         TEXT    NOT NULL CHECK (state IN ('open', 'complete', 'cut', 'lost')),
    bytes         INTEGER NOT NULL,
    codec         TEXT,
    width         INTEGER,
    height        INTEGER,
    start_ns      INTEGER,
    end_ns        INTEGER,
    start_wall_us INTEGER,
    end_wall_us   INTEGER
) STRICT;
CREATE INDEX clips_open ON clips (id) WHERE state = 'open';

CREATE TABLE events (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT, -- order of the first commit: what "oldest" means
    id                TEXT    NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 26),
    run_id            INTEGER NOT NULL REFERENCES runs (id),
    camera_id         INTEGER NOT NULL REFERENCES cameras (id),
    clip_id           INTEGER REFERENCES clips (id),     -- several events may share a clip
    rule              TEXT    NOT NULL,
    label             TEXT    NOT NULL,
    label_id          INTEGER NOT NULL,
    track_id          INTEGER NOT NULL,
    start_ns          INTEGER NOT NULL,
    trigger_ns        INTEGER NOT NULL,
    end_ns            INTEGER NOT NULL,
    time_ns           INTEGER NOT NULL,
    start_wall_us     INTEGER NOT NULL,
    end_wall_us       INTEGER NOT NULL,
    score             REAL    NOT NULL,
    top_score         REAL    NOT NULL,
    x0                REAL    NOT NULL,
    y0                REAL    NOT NULL,
    x1                REAL    NOT NULL,
    y1                REAL    NOT NULL,
    frames_seen       INTEGER NOT NULL,
    frames_inferred   INTEGER NOT NULL,
    record            INTEGER NOT NULL,
    pre_ns            INTEGER NOT NULL,
    post_ns           INTEGER NOT NULL,
    end_reason        TEXT,                              -- NULL while the event is open
    pinned            INTEGER NOT NULL DEFAULT 0,
    committed_wall_us INTEGER NOT NULL,                  -- of the latest commit; ages count from here
    committed_mono_us INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_start ON events (start_wall_us, seq);
CREATE INDEX events_by_camera ON events (camera_id, start_wall_us, seq);
CREATE INDEX events_by_clip ON events (clip_id);
CREATE INDEX events_open ON events (seq) WHERE end_reason IS NULL;

-- Zones entered and lines crossed ("gate:in"), in their order.
CREATE TABLE event_places (
    event_seq INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
    kind      TEXT    NOT NULL CHECK (kind IN ('zone', 'line')),
    position  INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    PRIMARY KEY (event_seq, kind, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_places_by_name ON event_places (kind, name, event_seq);

-- The track behind an event, with its detections. path, all little-endian:
--   byte    version, 1
--   varint  number of points (base 128, low groups first, high bit: more follow)
--   each point:
--     varint  stream time minus that of the point before (the first: minus 0) in ns, zigzag coded
--     4 × u16 x0 y0 x1 y1, as round ((v + 0.5) × 32767.5): -0.5..1.5 of the frame
--     byte    score × 255, rounded
CREATE TABLE tracks (
    event_seq INTEGER PRIMARY KEY REFERENCES events (seq) ON DELETE CASCADE,
    track_id  INTEGER NOT NULL,
    n_points  INTEGER NOT NULL,
    path      BLOB    NOT NULL
) STRICT;

-- The best view of the object, a JPEG.
CREATE TABLE snapshots (
    event_seq INTEGER PRIMARY KEY REFERENCES events (seq) ON DELETE CASCADE,
    jpeg      BLOB    NOT NULL
) STRICT;

-- What became of the frames of a camera in each minute. No row: no frame of that kind.
CREATE TABLE outcomes (
    camera_id      INTEGER NOT NULL REFERENCES cameras (id),
    minute_wall_us INTEGER NOT NULL,
    outcome        TEXT    NOT NULL,
    frames         INTEGER NOT NULL,
    PRIMARY KEY (camera_id, minute_wall_us, outcome)
) STRICT, WITHOUT ROWID;

-- Files that shall not be there: written down before a clip's file is made and taken away in the transaction that
-- makes its row ('pending'), or written down in the transaction that drops a clip's row ('deleted'). Whatever is
-- still listed at the next start is unlinked then, so no folder is ever searched for what may be deleted.
CREATE TABLE garbage (
    path          TEXT    PRIMARY KEY,
    reason        TEXT    NOT NULL CHECK (reason IN ('pending', 'deleted')),
    since_wall_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
