/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-test-tflite.h"

#include <string.h>

#define MAX_FIELDS 16

typedef struct {
    VigilTestTensor info;
    GBytes *data;
    gfloat *scales;
} Tensor;

typedef struct {
    gint32 code, version;
    gchar *custom;
    GBytes *custom_options;
    GArray *inputs, *outputs;
    guint8 options_type;
    GArray *fields;
} Op;

struct VigilTestTflite {
    GByteArray *out;
    GPtrArray *tensors, *ops;
};

static void
tensor_free(gpointer data)
{
    Tensor *tensor = data;

    g_clear_pointer(&tensor->data, g_bytes_unref);
    g_free(tensor->scales);
    g_free(tensor);
}

static void
op_free(gpointer data)
{
    Op *op = data;

    g_free(op->custom);
    g_clear_pointer(&op->custom_options, g_bytes_unref);
    g_array_unref(op->inputs);
    g_array_unref(op->outputs);
    g_array_unref(op->fields);
    g_free(op);
}

VigilTestTflite *
vigil_test_tflite_new(void)
{
    VigilTestTflite *self = g_new0(VigilTestTflite, 1);

    self->out = g_byte_array_new();
    self->tensors = g_ptr_array_new_with_free_func(tensor_free);
    self->ops = g_ptr_array_new_with_free_func(op_free);
    return self;
}

gint32
vigil_test_tflite_tensor(VigilTestTflite *self, const VigilTestTensor *info)
{
    Tensor *tensor = g_new0(Tensor, 1);

    tensor->info = *info;
    if (info->data)
        tensor->data = g_bytes_new(info->data, info->bytes);
    if (info->n_scales)
        tensor->scales = g_memdup2(info->scales, info->n_scales * sizeof(gfloat));
    g_ptr_array_add(self->tensors, tensor);
    return (gint32)self->tensors->len - 1;
}

gint32
vigil_test_tflite_ints(VigilTestTflite *self, const gint32 *values, guint n)
{
    const VigilTestTensor info = {
        .type = 2, .n_dims = 1, .dims = {(gint32)n}, .data = values, .bytes = n * 4};

    return vigil_test_tflite_tensor(self, &info);
}

static GArray *
copy(gconstpointer data, guint n, guint size)
{
    GArray *array = g_array_new(FALSE, FALSE, size);

    return n ? g_array_append_vals(array, data, n) : array;
}

void
vigil_test_tflite_op(VigilTestTflite *self, gint32 code, gint32 version, const gint32 *inputs,
                     guint n_inputs, const gint32 *outputs, guint n_outputs, guint8 options_type,
                     const VigilTestField *fields, guint n_fields)
{
    Op *op = g_new0(Op, 1);

    op->code = code;
    op->version = version;
    op->inputs = copy(inputs, n_inputs, 4);
    op->outputs = copy(outputs, n_outputs, 4);
    op->options_type = options_type;
    op->fields = copy(fields, n_fields, sizeof *fields);
    g_ptr_array_add(self->ops, op);
}

void
vigil_test_tflite_custom(VigilTestTflite *self, const gchar *name, GBytes *options,
                         const gint32 *inputs, guint n_inputs, const gint32 *outputs,
                         guint n_outputs)
{
    Op *op;

    vigil_test_tflite_op(self, 32, 1, inputs, n_inputs, outputs, n_outputs, 0, NULL, 0);
    op = g_ptr_array_index(self->ops, self->ops->len - 1);
    op->custom = g_strdup(name);
    op->custom_options = g_bytes_ref(options);
}

/* The file is written front to back: a table first, with places for offsets that are filled in once what
 * they point to has been written behind it. */
static guint
pad(GByteArray *out, guint align)
{
    const guint8 zeros[16] = {0};

    g_byte_array_append(out, zeros, (align - out->len % align) % align);
    return out->len;
}

static void
point(GByteArray *out, guint from, guint to)
{
    const guint32 offset = GUINT32_TO_LE(to - from);

    memcpy(out->data + from, &offset, 4);
}

typedef struct {
    guint pos;                /* of the table */
    guint places[MAX_FIELDS]; /* of each field's value */
} Table;

/* A table of fields with the given sizes; 0: left out. Every field gets 8 bytes of room. */
static Table
begin_table(GByteArray *out, const guint8 *sizes, guint n)
{
    Table table = {0};
    guint16 vtable[MAX_FIELDS + 2] = {(guint16)(4 + 2 * n), (guint16)(8 + 8 * n)};
    guint at = pad(out, 8), vtable_pos = at;
    gint32 back;

    for (guint i = 0; i < n; i++)
        vtable[i + 2] = sizes[i] ? (guint16)(8 + 8 * i) : 0;
    g_byte_array_append(out, (const guint8 *)vtable, 4 + 2 * n);
    table.pos = pad(out, 8);
    g_byte_array_set_size(out, table.pos + 8 + 8 * n);
    memset(out->data + table.pos, 0, 8 + 8 * n);
    back = (gint32)(table.pos - vtable_pos);
    memcpy(out->data + table.pos, &back, 4);
    for (guint i = 0; i < n; i++)
        table.places[i] = table.pos + 8 + 8 * i;
    return table;
}

static void
put_i32(GByteArray *out, guint place, gint32 value)
{
    memcpy(out->data + place, &value, 4);
}

/* A vector of bytes, aligned to @align; or of anything else by @count. */
static void
put_vector(GByteArray *out, guint place, gconstpointer data, gsize bytes, guint count, guint align)
{
    const guint32 n = count;

    pad(out, 4);
    while ((out->len + 4) % align)
        g_byte_array_append(out, (const guint8 *)"\0\0\0\0", 4);
    point(out, place, out->len);
    g_byte_array_append(out, (const guint8 *)&n, 4);
    g_byte_array_append(out, data, (guint)bytes);
}

/* A vector of offsets; Returns: the place of the first. */
static guint
put_offsets(GByteArray *out, guint place, guint n)
{
    const guint32 count = n;
    guint first;

    pad(out, 4);
    point(out, place, out->len);
    g_byte_array_append(out, (const guint8 *)&count, 4);
    first = out->len;
    g_byte_array_set_size(out, first + 4 * n);
    return first;
}

static void
put_string(GByteArray *out, guint place, const gchar *text)
{
    put_vector(out, place, text, strlen(text), (guint)strlen(text), 4);
    g_byte_array_append(out, (const guint8 *)"", 1);
}

static void
put_tensor(GByteArray *out, guint place, const Tensor *tensor, guint index)
{
    static const guint8 sizes[] = {4, 1, 4, 4, 4}, quant_sizes[] = {0, 0, 4, 4, 0, 0, 4};
    const VigilTestTensor *info = &tensor->info;
    const guint n = info->n_scales ? info->n_scales : 1;
    g_autofree gchar *name = g_strdup_printf("t%u", index);
    g_autofree gint64 *zero_points = g_new0(gint64, n);
    Table table = begin_table(out, sizes, G_N_ELEMENTS(sizes)), quant;

    point(out, place, table.pos);
    out->data[table.places[1]] = (guint8)info->type;
    put_i32(out, table.places[2], (gint32)index + 1);
    put_vector(out, table.places[0], info->dims, info->n_dims * 4, info->n_dims, 4);
    put_string(out, table.places[3], name);
    quant = begin_table(out, quant_sizes, G_N_ELEMENTS(quant_sizes));
    point(out, table.places[4], quant.pos);
    put_i32(out, quant.places[6], info->channel_dim);
    zero_points[0] = info->zero_point;
    if (info->n_scales || info->scale > 0) {
        put_vector(out, quant.places[2], info->n_scales ? tensor->scales : &info->scale, n * 4, n,
                   4);
        put_vector(out, quant.places[3], zero_points, n * 8, n, 8);
    } else {
        put_vector(out, quant.places[2], "", 0, 0, 4);
        put_vector(out, quant.places[3], "", 0, 0, 8);
    }
}

static void
put_op(GByteArray *out, guint place, const Op *op, guint index)
{
    const guint8 sizes[] = {
        4, 4, 4, op->options_type ? 1 : 0, op->options_type ? 4 : 0, op->custom_options ? 4 : 0};
    guint8 option_sizes[MAX_FIELDS] = {0};
    const Table table = begin_table(out, sizes, G_N_ELEMENTS(sizes));
    Table options;

    point(out, place, table.pos);
    put_i32(out, table.places[0], (gint32)index);
    put_vector(out, table.places[1], op->inputs->data, op->inputs->len * 4, op->inputs->len, 4);
    put_vector(out, table.places[2], op->outputs->data, op->outputs->len * 4, op->outputs->len, 4);
    if (op->custom_options)
        put_vector(out, table.places[5], g_bytes_get_data(op->custom_options, NULL),
                   g_bytes_get_size(op->custom_options),
                   (guint)g_bytes_get_size(op->custom_options), 4);
    if (!op->options_type)
        return;
    out->data[table.places[3]] = op->options_type;
    for (guint i = 0; i < op->fields->len; i++)
        option_sizes[g_array_index(op->fields, VigilTestField, i).field] = 4;
    options = begin_table(out, option_sizes, 10);
    point(out, table.places[4], options.pos);
    for (guint i = 0; i < op->fields->len; i++) {
        const VigilTestField *field = &g_array_index(op->fields, VigilTestField, i);
        const gfloat number = (gfloat)field->value;

        if (field->kind == VIGIL_TEST_I8)
            out->data[options.places[field->field]] = (guint8)(gint8)field->value;
        else if (field->kind == VIGIL_TEST_I32)
            put_i32(out, options.places[field->field], (gint32)field->value);
        else
            memcpy(out->data + options.places[field->field], &number, 4);
    }
}

static void
put_op_codes(VigilTestTflite *self, guint place)
{
    static const guint8 sizes[] = {1, 4, 4, 4}, sizes_builtin[] = {1, 0, 4, 4};
    const guint offsets = put_offsets(self->out, place, self->ops->len);

    for (guint i = 0; i < self->ops->len; i++) {
        const Op *op = g_ptr_array_index(self->ops, i);
        const Table code = begin_table(self->out, op->custom ? sizes : sizes_builtin, 4);

        point(self->out, offsets + 4 * i, code.pos);
        self->out->data[code.places[0]] = (guint8)MIN(op->code, 127);
        put_i32(self->out, code.places[2], op->version);
        put_i32(self->out, code.places[3], op->code);
        if (op->custom)
            put_string(self->out, code.places[1], op->custom);
    }
}

static void
put_buffers(VigilTestTflite *self, guint place)
{
    static const guint8 with[] = {4}, without[] = {0};
    const guint offsets = put_offsets(self->out, place, self->tensors->len + 1);

    for (guint i = 0; i <= self->tensors->len; i++) {
        const Tensor *tensor = i > 0 ? g_ptr_array_index(self->tensors, i - 1) : NULL;
        const gboolean full = tensor && tensor->data;
        const Table buffer = begin_table(self->out, full ? with : without, 1);

        point(self->out, offsets + 4 * i, buffer.pos);
        if (full)
            put_vector(self->out, buffer.places[0], g_bytes_get_data(tensor->data, NULL),
                       g_bytes_get_size(tensor->data), (guint)g_bytes_get_size(tensor->data), 16);
    }
}

GBytes *
vigil_test_tflite_finish(VigilTestTflite *self, const gint32 *inputs, guint n_inputs,
                         const gint32 *outputs, guint n_outputs)
{
    static const guint8 sizes[] = {4, 4, 4, 0, 4}, graph_sizes[] = {4, 4, 4, 4};
    GByteArray *out = self->out;
    Table model, graph;
    guint offsets;

    g_byte_array_append(out, (const guint8 *)"\0\0\0\0TFL3", 8);
    model = begin_table(out, sizes, G_N_ELEMENTS(sizes));
    point(out, 0, model.pos);
    put_i32(out, model.places[0], 3);
    put_op_codes(self, model.places[1]);
    offsets = put_offsets(out, model.places[2], 1);
    graph = begin_table(out, graph_sizes, G_N_ELEMENTS(graph_sizes));
    point(out, offsets, graph.pos);
    put_vector(out, graph.places[1], inputs, n_inputs * 4, n_inputs, 4);
    put_vector(out, graph.places[2], outputs, n_outputs * 4, n_outputs, 4);
    offsets = put_offsets(out, graph.places[0], self->tensors->len);
    for (guint i = 0; i < self->tensors->len; i++)
        put_tensor(out, offsets + 4 * i, g_ptr_array_index(self->tensors, i), i);
    offsets = put_offsets(out, graph.places[3], self->ops->len);
    for (guint i = 0; i < self->ops->len; i++)
        put_op(out, offsets + 4 * i, g_ptr_array_index(self->ops, i), i);
    put_buffers(self, model.places[4]);
    g_ptr_array_unref(self->tensors);
    g_ptr_array_unref(self->ops);
    g_free(self);
    return g_byte_array_free_to_bytes(out);
}
