/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/record/vigil-ring.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIN_BYTES (64 * 1024)
#define MIN_FRAMES 64

typedef struct {
    VigilRingFrame frame;
    gsize offset;
} Slot;

struct VigilRing {
    guint8 *bytes;
    gsize capacity;
    gsize max_bytes;

    Slot *slots; /* circular; frame seq is at seq & (n_slots - 1) */
    guint n_slots;
    guint64 first_seq, next_seq;

    gsize write_offset;
    guint32 epoch; /* of the newest keyframe */
    gboolean has_epoch;
    VigilRingStats stats;
};

VigilRing *
vigil_ring_new(gsize max_bytes)
{
    VigilRing *self = g_new0(VigilRing, 1);

    self->max_bytes = MAX(max_bytes, MIN_BYTES);
    self->capacity = MIN_BYTES;
    self->bytes = g_malloc(self->capacity);
    self->n_slots = MIN_FRAMES;
    self->slots = g_new0(Slot, self->n_slots);
    return self;
}

void
vigil_ring_free(VigilRing *self)
{
    if (!self)
        return;
    g_free(self->bytes);
    g_free(self->slots);
    g_free(self);
}

static Slot *
slot_at(const VigilRing *self, guint64 seq)
{
    return &self->slots[seq & (self->n_slots - 1)];
}

/* End of the front group: the next keyframe, or the end of the ring. */
static guint64
next_group(const VigilRing *self, guint64 seq)
{
    for (seq++; seq < self->next_seq; seq++)
        if (slot_at(self, seq)->frame.key)
            break;
    return MIN(seq, self->next_seq);
}

/* Whole pages only: they are zeros when they are written to again. That it fails costs memory and nothing else. */
static void
give_back(const VigilRing *self, gsize from, gsize to)
{
    const gsize page = (gsize)sysconf(_SC_PAGESIZE);
    const guintptr begin = ((guintptr)self->bytes + from + page - 1) / page * page;
    const guintptr end = ((guintptr)self->bytes + to) / page * page;

    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/*
 * What was dropped is free for new frames. Where much more is free than these need soon, since the analysis was late once, or the block
 * grew by more than was of use, the system gets it back; a ring that is full writes there again at once.
 */
static void
give_back_dropped(const VigilRing *self, gsize from)
{
    const gsize to = self->first_seq == self->next_seq ? self->write_offset
                                                       : slot_at(self, self->first_seq)->offset;

    if (self->capacity - self->stats.bytes <= self->capacity / 16 + MIN_BYTES)
        return;
    if (from <= to) {
        give_back(self, from, to);
    } else {
        give_back(self, from, self->capacity);
        give_back(self, 0, to);
    }
}

static void
drop_until(VigilRing *self, guint64 seq)
{
    gsize from;

    if (self->first_seq >= seq)
        return;
    from = slot_at(self, self->first_seq)->offset;
    for (; self->first_seq < seq; self->first_seq++)
        self->stats.bytes -= slot_at(self, self->first_seq)->frame.size;
    give_back_dropped(self, from);
}

/*
 * Where @size bytes in one piece fit when the oldest frame is @first. Frames lie in the block in order, and wrap
 * around when the rest of the block is too short for the next one.
 */
static gboolean
find_room(const VigilRing *self, guint64 first, gsize size, gsize *offset)
{
    gsize tail;

    if (first == self->next_seq) {
        *offset = 0;
        return size <= self->capacity;
    }
    tail = slot_at(self, first)->offset;
    if (self->write_offset > tail) {
        if (self->capacity - self->write_offset >= size) {
            *offset = self->write_offset;
            return TRUE;
        }
        *offset = 0;
        return tail >= size;
    }
    *offset = self->write_offset;
    return tail - self->write_offset >= size;
}

static void
grow_bytes(VigilRing *self, gsize size)
{
    gsize capacity = self->capacity, offset = 0;
    guint8 *bytes;

    /*
     * Room for what is held is not yet room in one piece: in any case a quarter more. All of it is written to sooner or later, so that
     * doubling would take half as much memory again as is of use.
     */
    capacity += capacity / 4;
    while (capacity < self->max_bytes && capacity < self->stats.bytes + size)
        capacity += capacity / 4;
    capacity = MIN(capacity, self->max_bytes);
    bytes = g_malloc(capacity);
    for (guint64 seq = self->first_seq; seq < self->next_seq; seq++) {
        Slot *slot = slot_at(self, seq);

        memcpy(bytes + offset, self->bytes + slot->offset, slot->frame.size);
        slot->offset = offset;
        offset += slot->frame.size;
    }
    g_free(self->bytes);
    self->bytes = bytes;
    self->capacity = capacity;
    self->write_offset = offset;
}

static void
grow_slots(VigilRing *self)
{
    guint n_slots = self->n_slots * 2;
    Slot *slots = g_new0(Slot, n_slots);

    for (guint64 seq = self->first_seq; seq < self->next_seq; seq++)
        slots[seq & (n_slots - 1)] = *slot_at(self, seq);
    g_free(self->slots);
    self->slots = slots;
    self->n_slots = n_slots;
}

guint64
vigil_ring_would_drop(const VigilRing *self, gsize size)
{
    guint64 first = self->first_seq;
    gsize offset;

    if (size > self->max_bytes)
        return first;
    /* a block that can still grow to its limit drops nothing below it */
    if (self->capacity < self->max_bytes && self->stats.bytes + size <= self->max_bytes)
        return first;
    while (first < self->next_seq && !find_room(self, first, size, &offset))
        first = next_group(self, first);
    return first;
}

guint8 *
vigil_ring_push(VigilRing *self, const VigilRingFrame *frame)
{
    gsize offset = 0;
    guint64 first;
    Slot *slot;

    if (!frame->key && (!self->has_epoch || frame->epoch != self->epoch)) {
        self->stats.dropped_no_key++;
        return NULL;
    }
    if (frame->size == 0 || frame->size > self->max_bytes) {
        self->stats.dropped_size++;
        return NULL;
    }
    while (self->capacity < self->max_bytes &&
           !find_room(self, self->first_seq, frame->size, &offset))
        grow_bytes(self, frame->size);
    first = vigil_ring_would_drop(self, frame->size);
    self->stats.dropped_space += first - self->first_seq;
    drop_until(self, first);
    if (self->next_seq - self->first_seq == self->n_slots)
        grow_slots(self);
    find_room(self, self->first_seq, frame->size, &offset);

    slot = slot_at(self, self->next_seq);
    slot->frame = *frame;
    slot->frame.seq = self->next_seq++;
    slot->offset = offset;
    self->write_offset = offset + frame->size;
    self->stats.bytes += frame->size;
    self->epoch = frame->epoch;
    self->has_epoch = TRUE;
    return self->bytes + offset;
}

/* First keyframe of the epoch that began last. */
static gboolean
first_key_of_newest_epoch(const VigilRing *self, guint64 *key)
{
    gboolean found = FALSE;

    for (guint64 seq = self->next_seq; seq > self->first_seq; seq--) {
        const VigilRingFrame *frame = &slot_at(self, seq - 1)->frame;

        if (frame->epoch != self->epoch)
            break;
        if (frame->key) {
            *key = seq - 1;
            found = TRUE;
        }
    }
    return found;
}

void
vigil_ring_trim(VigilRing *self, gint64 before_ns, guint64 keep_seq)
{
    for (;;) {
        guint64 next = next_group(self, self->first_seq), newest = next;
        const VigilRingFrame *key;

        if (self->first_seq == self->next_seq || next == self->next_seq || next > keep_seq)
            return;
        key = &slot_at(self, next)->frame;
        if (key->epoch != self->epoch && first_key_of_newest_epoch(self, &newest))
            key = &slot_at(self, newest)->frame;
        if (key->pts_ns > before_ns)
            return;
        drop_until(self, next);
    }
}

/* The newest epoch that had begun by @trigger_ns; where none had, the oldest one. */
static gboolean
epoch_at(const VigilRing *self, gint64 trigger_ns, guint32 *epoch)
{
    gboolean found = FALSE;

    for (guint64 seq = self->next_seq; seq > self->first_seq; seq--) {
        const VigilRingFrame *frame = &slot_at(self, seq - 1)->frame;

        if (found && frame->epoch == *epoch && !frame->key)
            continue;
        if (!frame->key)
            continue;
        *epoch = frame->epoch;
        found = TRUE;
        if (frame->pts_ns <= trigger_ns)
            break;
    }
    return found;
}

gboolean
vigil_ring_find_key(const VigilRing *self, gint64 time_ns, gint64 trigger_ns, guint64 *seq,
                    gboolean *reaches)
{
    gboolean found = FALSE;
    guint32 epoch = 0;

    *reaches = FALSE;
    if (!epoch_at(self, trigger_ns, &epoch))
        return FALSE;
    for (guint64 i = self->next_seq; i > self->first_seq; i--) {
        const VigilRingFrame *frame = &slot_at(self, i - 1)->frame;

        if (frame->epoch != epoch || !frame->key)
            continue;
        *seq = i - 1;
        found = TRUE;
        *reaches = frame->pts_ns <= time_ns;
        if (*reaches)
            break;
    }
    return found;
}

const VigilRingFrame *
vigil_ring_get(const VigilRing *self, guint64 seq, const guint8 **data)
{
    const Slot *slot;

    if (seq < self->first_seq || seq >= self->next_seq)
        return NULL;
    slot = slot_at(self, seq);
    if (data)
        *data = self->bytes + slot->offset;
    return &slot->frame;
}

guint64
vigil_ring_get_first_seq(const VigilRing *self)
{
    return self->first_seq;
}

guint64
vigil_ring_get_next_seq(const VigilRing *self)
{
    return self->next_seq;
}

VigilRingStats
vigil_ring_get_stats(const VigilRing *self)
{
    VigilRingStats stats = self->stats;

    stats.frames = (guint)(self->next_seq - self->first_seq);
    return stats;
}
