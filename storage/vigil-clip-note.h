/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/*
 * What a clip says of itself: its events, with their tracks, so that a database which is lost can be made again from the
 * clips alone. A note is a box of its own between the fragments of the MP4 file, of the type `uuid`, which players skip
 * (ISO/IEC 14496-12, 4.2 and 11.1):
 *
 *   u32     size of the box, big-endian
 *   "uuid"
 *   16 B    6b3c1f0e-58a4-4d0b-9c57-7669676c6e31
 *   u8      version, 1
 *   u8      kind: 2 an event's message, 3 the end of the clip, 4 a segment of a continuous recording; readers skip others
 *   8 B     the first bytes of the SHA-256 over version, kind and body
 *   body    a GVariant of type a{sv}, little-endian, in normal form; readers skip keys that they do not know
 *
 * Body of an event: id, type, end_reason, camera, rule, label (s), label_id (i), track (t), start_ns, trigger_ns, end_ns,
 * time_ns, start_us, end_us, pre_ns, post_ns, written_us (x), score, top_score (d), box (dddd), zones, lines (as),
 * model, model_sha256 (s), frames (uu: seen, inferred), record (b), path (ay, as in the table tracks) and snapshot (ay, JPEG), the
 * last two in an end alone; part (u): more than 0 in a clip that
 * the event did not begin in but goes on in. Of the end of a clip: start_ns, end_ns, start_us, end_us (x), size (uu), codec (s).
 * Of a segment: camera (s), start_us, written_us (x).
 * _ns are stream times, _us wall times since 1970.
 *
 * Each message is a note of its own, written when it is committed: begin, updates, end. The latest is what holds. A file
 * that ends with the note of its end is complete; one that does not was cut off.
 */
#define VIGIL_CLIP_NOTE_MAX_BYTES (4 * 1024 * 1024)

typedef enum {
    VIGIL_CLIP_NOTE_EVENT = 2,
    VIGIL_CLIP_NOTE_CLOSED = 3,
    VIGIL_CLIP_NOTE_FOOTAGE = 4,
} VigilClipNoteKind;

/** VigilClipNote: as it was read. */
typedef struct {
    VigilClipNoteKind kind;
    VigilEvent *event;      /* EVENT: owned */
    gint64 written_wall_us; /* EVENT, FOOTAGE: when it was committed */
    guint part;             /* EVENT: more than 0: the event began in an earlier clip */
    VigilClipInfo info;     /* CLOSED: codec is interned */
    const gchar *camera;    /* FOOTAGE: interned */
    gint64 start_wall_us;   /* FOOTAGE: of the first picture */
} VigilClipNote;

/**
 * vigil_clip_note_event: (transfer full): the box; a snapshot that is too large is left out.
 * @part: 0 in the clip that the event began in, more in one in which it goes on
 */
GBytes *vigil_clip_note_event(const VigilEvent *event, guint part, gint64 written_wall_us);
/** vigil_clip_note_footage: (transfer full): the box: the clip is a segment of a continuous recording. */
GBytes *vigil_clip_note_footage(const gchar *camera, gint64 start_wall_us, gint64 written_wall_us);
/** vigil_clip_note_closed: (transfer full): the box, the last one of a complete clip. */
GBytes *vigil_clip_note_closed(const VigilClipInfo *info);

/**
 * VigilClipScan: what a file is made of.
 * @bytes: its size
 * @n_fragments: whole ones
 * @n_notes: whole ones, of kinds that are known
 * @n_damaged: notes that are not what was written
 * @complete: it ends with the note of its end
 */
typedef struct {
    guint64 bytes;
    guint n_fragments, n_notes, n_damaged;
    gboolean complete;
} VigilClipScan;

/** VigilClipNoteFunc: @note is borrowed for the call. Returns: %FALSE to read no further */
typedef gboolean (*VigilClipNoteFunc)(const VigilClipNote *note, gpointer user_data);

/**
 * vigil_clip_notes_read:
 * @fd: a file for reading; its bytes are not trusted
 *
 * Goes from box to box and gives out the notes in the order of the file, up to where it was cut off or the
 * caller wants no more; then it is not complete.
 *
 * Returns: 0 or -errno
 */
gint
vigil_clip_notes_read(gint fd, VigilClipNoteFunc func, gpointer user_data, VigilClipScan *scan);

G_END_DECLS
