/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-seal-fate.h"

#include <sodium.h>
#include <string.h>

/* Two names are the same if 128 bits of BLAKE2b are: whoever could make two such could forge what is sealed, too. */
#define KEY_BYTES 16
#define NONE G_MAXUINT32

typedef struct {
    guint8 bytes[KEY_BYTES];
} Key;

typedef struct {
    guint8 type;
    gboolean ended;
} Item;

/* All items of one name, the last added first. */
typedef struct {
    guint32 item, next; /* index into items; into refs */
} Ref;

struct VigilSealFate {
    GArray *units;     /* (element-type VigilSealUnit) */
    GArray *items;     /* (element-type Item) */
    GArray *refs;      /* (element-type Ref) */
    GHashTable *names; /* Key → index into refs, and 1 */
};

static guint
key_hash(gconstpointer key)
{
    guint hash;

    memcpy(&hash, key, sizeof hash);
    return hash;
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, KEY_BYTES) == 0;
}

VigilSealFate *
vigil_seal_fate_new(void)
{
    VigilSealFate *self = g_new0(VigilSealFate, 1);

    self->units = g_array_new(FALSE, FALSE, sizeof(VigilSealUnit));
    self->items = g_array_new(FALSE, FALSE, sizeof(Item));
    self->refs = g_array_new(FALSE, FALSE, sizeof(Ref));
    self->names = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
    return self;
}

void
vigil_seal_fate_free(VigilSealFate *self)
{
    if (!self)
        return;
    g_array_unref(self->units);
    g_array_unref(self->items);
    g_array_unref(self->refs);
    g_hash_table_unref(self->names);
    g_free(self);
}

/* Clips and events have names of their own. */
static Key
make_key(gboolean of_clip, const gchar *name, gsize length)
{
    const guint8 kind = of_clip ? 'c' : 'e';
    crypto_generichash_state state;
    Key key;

    crypto_generichash_init(&state, NULL, 0, sizeof key);
    crypto_generichash_update(&state, &kind, 1);
    crypto_generichash_update(&state, (const guint8 *)name, length);
    crypto_generichash_final(&state, key.bytes, sizeof key);
    return key;
}

static void
add_ref(VigilSealFate *self, Key key, guint32 item)
{
    const guint32 before = GPOINTER_TO_UINT(g_hash_table_lookup(self->names, &key));
    const Ref ref = {item, before ? before - 1 : NONE};

    g_array_append_val(self->refs, ref);
    g_hash_table_insert(self->names, g_memdup2(&key, sizeof key),
                        GUINT_TO_POINTER(self->refs->len));
}

static gboolean
is_of_event(VigilSealItemType type)
{
    return type == VIGIL_SEAL_EVENT || type == VIGIL_SEAL_TRACK || type == VIGIL_SEAL_SNAPSHOT ||
           type == VIGIL_SEAL_PART;
}

/* @clip: (inout): the clip to which what follows belongs */
static void
add_item(VigilSealFate *self, const VigilSealItem *item, gboolean ended, Key *clip)
{
    const Item added = {item->type, ended};
    const guint32 index = self->items->len;

    g_array_append_val(self->items, added);
    if (item->type == VIGIL_SEAL_CLIP || item->type == VIGIL_SEAL_LINK)
        *clip = make_key(TRUE, item->name, item->name_length);
    if (ended)
        return;
    if (item->type == VIGIL_SEAL_CLIP || item->type == VIGIL_SEAL_CLIP_ROW ||
        item->type == VIGIL_SEAL_PART)
        add_ref(self, *clip, index);
    if (is_of_event(item->type))
        add_ref(self, make_key(FALSE, item->name, item->name_length), index);
}

void
vigil_seal_fate_add(VigilSealFate *self, const VigilSealRecord *record, const guint8 *link,
                    const gchar *mask, gboolean for_good)
{
    VigilSealUnit unit = {.seq = record->seq,
                          .for_good = for_good,
                          .first_item = self->items->len,
                          .n_items = record->n_items};
    Key clip = make_key(TRUE, "", 0);
    VigilSealItem item;
    gsize offset = 0;

    memcpy(unit.link, link, sizeof unit.link);
    g_array_append_val(self->units, unit);
    for (guint i = 0; vigil_seal_record_next(record, &offset, &item); i++)
        add_item(self, &item, mask && mask[i] == '0', &clip);
}

/* Ends those of a name whose type is in @types, a set of bits. */
static guint
end_items(VigilSealFate *self, gboolean of_clip, const VigilSealItem *item, guint types)
{
    const Key key = make_key(of_clip, item->name, item->name_length);
    guint32 at = GPOINTER_TO_UINT(g_hash_table_lookup(self->names, &key));
    guint n = 0;

    for (at = at ? at - 1 : NONE; at != NONE;) {
        const Ref *ref = &g_array_index(self->refs, Ref, at);
        Item *found = &g_array_index(self->items, Item, ref->item);

        if ((types & (1u << found->type)) && !found->ended) {
            found->ended = TRUE;
            n++;
        }
        at = ref->next;
    }
    return n;
}

#define BIT(type) (1u << (type))
#define CLIP_BITS (BIT(VIGIL_SEAL_CLIP) | BIT(VIGIL_SEAL_CLIP_ROW))
#define EVENT_BITS (BIT(VIGIL_SEAL_EVENT) | BIT(VIGIL_SEAL_TRACK) | BIT(VIGIL_SEAL_SNAPSHOT))

guint
vigil_seal_fate_take(VigilSealFate *self, const VigilSealRecord *record)
{
    const gboolean deletes = record->kind == VIGIL_SEAL_KIND_DELETION;
    VigilSealItem item;
    gsize offset = 0;
    guint n = 0;

    if (!deletes && record->kind != VIGIL_SEAL_KIND_SEAL)
        return 0;
    while (vigil_seal_record_next(record, &offset, &item))
        switch (item.type) {
        case VIGIL_SEAL_CLIP:
            /* a second seal ends nothing: that there are two is found for ever */
            if (deletes)
                n += end_items(self, TRUE, &item, CLIP_BITS | BIT(VIGIL_SEAL_PART));
            break;
        case VIGIL_SEAL_EVENT:
            n += end_items(self, FALSE, &item, EVENT_BITS | (deletes ? BIT(VIGIL_SEAL_PART) : 0));
            break;
        case VIGIL_SEAL_TRACK:
        case VIGIL_SEAL_SNAPSHOT: n += end_items(self, FALSE, &item, BIT(item.type)); break;
        default: break;
        }
    return n;
}

guint
vigil_seal_fate_get_n_items(const VigilSealFate *self)
{
    return self->items->len;
}

guint
vigil_seal_fate_get_n_units(const VigilSealFate *self)
{
    return self->units->len;
}

const VigilSealUnit *
vigil_seal_fate_get_unit(const VigilSealFate *self, guint unit)
{
    return &g_array_index(self->units, VigilSealUnit, unit);
}

/* A clip's name by itself says nothing that must be kept. */
gboolean
vigil_seal_fate_stands(const VigilSealFate *self, guint index)
{
    const VigilSealUnit *unit = vigil_seal_fate_get_unit(self, index);

    for (guint i = 0; i < unit->n_items; i++) {
        const Item *item = &g_array_index(self->items, Item, unit->first_item + i);

        if (!item->ended && (item->type == VIGIL_SEAL_CLIP || is_of_event(item->type)))
            return TRUE;
    }
    return unit->for_good;
}

gchar *
vigil_seal_fate_mask(const VigilSealFate *self, guint index)
{
    const VigilSealUnit *unit = vigil_seal_fate_get_unit(self, index);
    gchar *mask = g_strnfill(unit->n_items, '1');
    gboolean all = TRUE;

    for (guint i = 0; i < unit->n_items; i++)
        if (g_array_index(self->items, Item, unit->first_item + i).ended) {
            mask[i] = '0';
            all = FALSE;
        }
    if (all)
        g_clear_pointer(&mask, g_free);
    return mask;
}
