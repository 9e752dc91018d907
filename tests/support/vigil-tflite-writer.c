/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-tflite-writer.h"

#include <string.h>

#define MAX_FIELDS 12

/* A field of a table: a number, or the offset of something that is written later. */
typedef struct {
    guint number, size;
    guint64 value;
    gsize *slot;
} Field;

typedef struct {
    gint raw_type;
    GArray *dims, *scales;
    GBytes *data;
    gint32 zero_point, dimension;
} Tensor;

typedef struct {
    gint32 code;
    gchar *custom;
    GBytes *custom_options;
    GArray *inputs, *outputs;
    Field options[MAX_FIELDS];
    GArray *option_ints[MAX_FIELDS];
    guint n_options;
} Operator;

struct VigilTfliteWriter {
    GPtrArray *tensors, *operators;
    GArray *inputs, *outputs;
    GByteArray *out;
};

static GArray *
ints_new(const gint32 *values, guint n)
{
    GArray *array = g_array_new(FALSE, FALSE, sizeof *values);

    g_array_append_vals(array, values, n);
    return array;
}

static void
tensor_free(gpointer data)
{
    Tensor *self = data;

    g_array_unref(self->dims);
    g_array_unref(self->scales);
    g_clear_pointer(&self->data, g_bytes_unref);
    g_free(self);
}

static void
operator_free(gpointer data)
{
    Operator *self = data;

    g_array_unref(self->inputs);
    g_array_unref(self->outputs);
    g_free(self->custom);
    g_clear_pointer(&self->custom_options, g_bytes_unref);
    for (guint i = 0; i < self->n_options; i++)
        g_clear_pointer(&self->option_ints[i], g_array_unref);
    g_free(self);
}

VigilTfliteWriter *
vigil_tflite_writer_new(void)
{
    VigilTfliteWriter *self = g_new0(VigilTfliteWriter, 1);

    self->tensors = g_ptr_array_new_with_free_func(tensor_free);
    self->operators = g_ptr_array_new_with_free_func(operator_free);
    self->inputs = ints_new(NULL, 0);
    self->outputs = ints_new(NULL, 0);
    self->out = g_byte_array_new();
    return self;
}

void
vigil_tflite_writer_free(VigilTfliteWriter *self)
{
    g_ptr_array_unref(self->tensors);
    g_ptr_array_unref(self->operators);
    g_array_unref(self->inputs);
    g_array_unref(self->outputs);
    g_byte_array_unref(self->out);
    g_free(self);
}

gint
vigil_tflite_writer_tensor(VigilTfliteWriter *self, VigilTensorType type, guint n_dims,
                           const gint32 *dims, const void *data, gsize bytes, gfloat scale,
                           gint32 zero_point)
{
    static const gint raw_types[] = {
        [VIGIL_TENSOR_FLOAT32] = 0, [VIGIL_TENSOR_INT32] = 2, [VIGIL_TENSOR_UINT8] = 3,
        [VIGIL_TENSOR_INT64] = 4,   [VIGIL_TENSOR_BOOL] = 6,  [VIGIL_TENSOR_INT16] = 7,
        [VIGIL_TENSOR_INT8] = 9,
    };
    Tensor *tensor = g_new0(Tensor, 1);

    tensor->raw_type = raw_types[type];
    tensor->dims = ints_new(dims, n_dims);
    tensor->scales = g_array_new(FALSE, FALSE, sizeof(gfloat));
    if (scale != 0.0f)
        g_array_append_val(tensor->scales, scale);
    tensor->zero_point = zero_point;
    tensor->data = data != NULL ? g_bytes_new(data, bytes) : NULL;
    g_ptr_array_add(self->tensors, tensor);
    return (gint)self->tensors->len - 1;
}

void
vigil_tflite_writer_set_channels(VigilTfliteWriter *self, gint index, const gfloat *scales, guint n,
                                 gint32 dimension)
{
    Tensor *tensor = g_ptr_array_index(self->tensors, index);

    g_array_set_size(tensor->scales, 0);
    g_array_append_vals(tensor->scales, scales, n);
    tensor->dimension = dimension;
}

gint
vigil_tflite_writer_ints(VigilTfliteWriter *self, const gint32 *values, guint n)
{
    const gint32 dim = (gint32)n;

    return vigil_tflite_writer_tensor(self, VIGIL_TENSOR_INT32, 1, &dim, values, n * sizeof *values,
                                      0.0f, 0);
}

void
vigil_tflite_writer_operator(VigilTfliteWriter *self, gint32 code, const gint32 *inputs,
                             guint n_inputs, const gint32 *outputs, guint n_outputs)
{
    Operator *op = g_new0(Operator, 1);

    op->code = code;
    op->inputs = ints_new(inputs, n_inputs);
    op->outputs = ints_new(outputs, n_outputs);
    g_ptr_array_add(self->operators, op);
}

static Operator *
add_option(VigilTfliteWriter *self, guint field, guint size, guint64 value)
{
    Operator *op = g_ptr_array_index(self->operators, self->operators->len - 1);

    g_assert(op->n_options < MAX_FIELDS);
    op->options[op->n_options++] = (Field){field, size, value, NULL};
    return op;
}

void
vigil_tflite_writer_option_i8(VigilTfliteWriter *self, guint field, gint8 value)
{
    add_option(self, field, 1, (guint8)value);
}

void
vigil_tflite_writer_option_i32(VigilTfliteWriter *self, guint field, gint32 value)
{
    add_option(self, field, 4, (guint32)value);
}

void
vigil_tflite_writer_option_float(VigilTfliteWriter *self, guint field, gfloat value)
{
    guint32 bits;

    memcpy(&bits, &value, sizeof bits);
    add_option(self, field, 4, bits);
}

void
vigil_tflite_writer_option_ints(VigilTfliteWriter *self, guint field, const gint32 *values, guint n)
{
    Operator *op = add_option(self, field, 4, 0);

    op->option_ints[op->n_options - 1] = ints_new(values, n);
}

void
vigil_tflite_writer_custom(VigilTfliteWriter *self, const gchar *name, const void *options,
                           gsize bytes)
{
    Operator *op = g_ptr_array_index(self->operators, self->operators->len - 1);

    op->code = 32;
    op->custom = g_strdup(name);
    op->custom_options = g_bytes_new(options, bytes);
}

void
vigil_tflite_writer_interface(VigilTfliteWriter *self, const gint32 *inputs, guint n_inputs,
                              const gint32 *outputs, guint n_outputs)
{
    g_array_append_vals(self->inputs, inputs, n_inputs);
    g_array_append_vals(self->outputs, outputs, n_outputs);
}

/* Zeros until the position is @remainder modulo @alignment. */
static void
align(VigilTfliteWriter *self, guint alignment, guint remainder)
{
    const guint8 zero = 0;

    while (self->out->len % alignment != remainder)
        g_byte_array_append(self->out, &zero, 1);
}

static gsize
put(VigilTfliteWriter *self, const void *data, gsize bytes)
{
    const gsize pos = self->out->len;

    g_byte_array_append(self->out, data, (guint)bytes);
    return pos;
}

/* What comes next is what the offset at @slot refers to. */
static void
patch(VigilTfliteWriter *self, gsize slot)
{
    const guint32 offset = (guint32)(self->out->len - slot);

    memcpy(self->out->data + slot, &offset, sizeof offset);
}

/* A table and, before it, its vtable; @slot (nullable) is made to refer to the table. */
static void
put_table(VigilTfliteWriter *self, gsize slot, const Field *fields, guint n)
{
    guint16 vtable[2 + 16] = {4, 4};
    guint8 table[4 + 8 * MAX_FIELDS + 8] = {0};
    gint32 back;

    for (guint i = 0; i < n; i++) {
        const guint at = (vtable[1] + fields[i].size - 1) / fields[i].size * fields[i].size;

        vtable[0] = MAX(vtable[0], (guint16)(4 + 2 * (fields[i].number + 1)));
        vtable[2 + fields[i].number] = (guint16)at;
        memcpy(table + at, &fields[i].value, fields[i].size);
        vtable[1] = (guint16)(at + fields[i].size);
    }
    align(self, 8, (8 - vtable[0] % 8) % 8);
    put(self, vtable, vtable[0]);
    back = vtable[0];
    memcpy(table, &back, sizeof back);
    patch(self, slot);
    const gsize pos = put(self, table, vtable[1]);

    for (guint i = 0; i < n; i++)
        if (fields[i].slot != NULL)
            *fields[i].slot = pos + vtable[2 + fields[i].number];
}

static void
put_vector(VigilTfliteWriter *self, gsize slot, const void *data, guint n, gsize element,
           guint alignment)
{
    const guint32 length = n;

    align(self, alignment, alignment - 4);
    patch(self, slot);
    put(self, &length, sizeof length);
    put(self, data, n * element);
}

static void
put_ints(VigilTfliteWriter *self, gsize slot, const GArray *ints)
{
    put_vector(self, slot, ints->data, ints->len, sizeof(gint32), 4);
}

static void
put_text(VigilTfliteWriter *self, gsize slot, const gchar *text)
{
    put_vector(self, slot, text, (guint)strlen(text), 1, 4);
    put(self, "", 1);
}

/* A vector of @n offsets; Returns: the position of the first. */
static gsize
put_offsets(VigilTfliteWriter *self, gsize slot, guint n)
{
    g_autofree guint32 *zeros = g_new0(guint32, n);

    put_vector(self, slot, zeros, n, sizeof *zeros, 4);
    return self->out->len - n * sizeof *zeros;
}

static void
put_quantization(VigilTfliteWriter *self, gsize slot, const Tensor *tensor)
{
    const guint n = tensor->scales->len;
    g_autofree gint64 *zero_points = g_new0(gint64, n);
    gsize scales_slot, zero_slot;
    const Field fields[] = {
        {2, 4, 0, &scales_slot}, {3, 4, 0, &zero_slot}, {6, 4, (guint32)tensor->dimension, NULL}};

    for (guint i = 0; i < n; i++)
        zero_points[i] = tensor->zero_point;
    put_table(self, slot, fields, G_N_ELEMENTS(fields));
    put_vector(self, scales_slot, tensor->scales->data, n, sizeof(gfloat), 4);
    put_vector(self, zero_slot, zero_points, n, sizeof *zero_points, 8);
}

static void
put_tensor(VigilTfliteWriter *self, gsize slot, const Tensor *tensor, guint index)
{
    g_autofree gchar *name = g_strdup_printf("t%u", index);
    gsize shape, name_slot, quantization;
    const Field fields[] = {{0, 4, 0, &shape},
                            {1, 1, (guint8)tensor->raw_type, NULL},
                            {2, 4, index + 1, NULL},
                            {3, 4, 0, &name_slot},
                            {4, 4, 0, &quantization}};
    const gboolean quantized = tensor->scales->len > 0;

    put_table(self, slot, fields, quantized ? 5 : 4);
    put_ints(self, shape, tensor->dims);
    put_text(self, name_slot, name);
    if (quantized)
        put_quantization(self, quantization, tensor);
}

/* Number of the options table in the schema's BuiltinOptions union; 0 where there is none to tell. */
static guint8
options_type(gint32 code)
{
    static const struct {
        gint32 code;
        guint8 type;
    } known[] = {{0, 11},  {1, 5},   {2, 10},  {3, 1},    {4, 2},   {9, 8},   {17, 5},  {18, 21},
                 {22, 17}, {23, 15}, {25, 9},  {36, 23},  {40, 27}, {41, 28}, {42, 29}, {43, 30},
                 {45, 32}, {49, 35}, {53, 37}, {56, 40},  {65, 48}, {67, 49}, {77, 55}, {83, 59},
                 {88, 64}, {97, 74}, {98, 75}, {100, 77}, {102, 79}};

    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        if (known[i].code == code)
            return known[i].type;
    return 0;
}

static void
put_operator(VigilTfliteWriter *self, gsize slot, const Operator *op, guint index)
{
    gsize inputs, outputs, options, custom, ints[MAX_FIELDS];
    Field fields[6] = {{0, 4, index, NULL}, {1, 4, 0, &inputs}, {2, 4, 0, &outputs}};
    Field option_fields[MAX_FIELDS];
    guint n = 3;

    if (op->n_options > 0) {
        fields[n++] = (Field){3, 1, options_type(op->code), NULL};
        fields[n++] = (Field){4, 4, 0, &options};
    }
    if (op->custom_options != NULL)
        fields[n++] = (Field){5, 4, 0, &custom};
    put_table(self, slot, fields, n);
    put_ints(self, inputs, op->inputs);
    put_ints(self, outputs, op->outputs);
    if (op->custom_options != NULL)
        put_vector(self, custom, g_bytes_get_data(op->custom_options, NULL),
                   (guint)g_bytes_get_size(op->custom_options), 1, 16);
    if (op->n_options == 0)
        return;
    memcpy(option_fields, op->options, sizeof option_fields);
    for (guint i = 0; i < op->n_options; i++)
        option_fields[i].slot = op->option_ints[i] != NULL ? &ints[i] : NULL;
    put_table(self, options, option_fields, op->n_options);
    for (guint i = 0; i < op->n_options; i++)
        if (op->option_ints[i] != NULL)
            put_ints(self, ints[i], op->option_ints[i]);
}

/* One operator code an operator: simple, and legal. */
static void
put_code(VigilTfliteWriter *self, gsize slot, const Operator *op)
{
    gsize custom;
    const Field fields[] = {{0, 1, (guint8)MIN(op->code, 127), NULL},
                            {2, 4, 1, NULL},
                            {3, 4, (guint32)op->code, NULL},
                            {1, 4, 0, &custom}};

    put_table(self, slot, fields, op->custom != NULL ? 4 : 3);
    if (op->custom != NULL)
        put_text(self, custom, op->custom);
}

static void
put_subgraph(VigilTfliteWriter *self, gsize slot)
{
    gsize tensors, inputs, outputs, operators, first;
    const Field fields[] = {
        {0, 4, 0, &tensors}, {1, 4, 0, &inputs}, {2, 4, 0, &outputs}, {3, 4, 0, &operators}};

    put_table(self, slot, fields, G_N_ELEMENTS(fields));
    put_ints(self, inputs, self->inputs);
    put_ints(self, outputs, self->outputs);
    first = put_offsets(self, tensors, self->tensors->len);
    for (guint i = 0; i < self->tensors->len; i++)
        put_tensor(self, first + 4 * i, g_ptr_array_index(self->tensors, i), i);
    first = put_offsets(self, operators, self->operators->len);
    for (guint i = 0; i < self->operators->len; i++)
        put_operator(self, first + 4 * i, g_ptr_array_index(self->operators, i), i);
}

/* Buffer 0 is empty; buffer i + 1 belongs to tensor i. */
static void
put_buffers(VigilTfliteWriter *self, gsize slot)
{
    const gsize first = put_offsets(self, slot, self->tensors->len + 1);

    put_table(self, first, NULL, 0);
    for (guint i = 0; i < self->tensors->len; i++) {
        const Tensor *tensor = g_ptr_array_index(self->tensors, i);
        gsize data;
        const Field field = {0, 4, 0, &data};

        put_table(self, first + 4 * (i + 1), &field, tensor->data != NULL ? 1 : 0);
        if (tensor->data != NULL)
            put_vector(self, data, g_bytes_get_data(tensor->data, NULL),
                       (guint)g_bytes_get_size(tensor->data), 1, 16);
    }
}

GBytes *
vigil_tflite_writer_finish(VigilTfliteWriter *self)
{
    gsize codes, subgraphs, buffers, first;
    const Field fields[] = {
        {0, 4, 3, NULL}, {1, 4, 0, &codes}, {2, 4, 0, &subgraphs}, {4, 4, 0, &buffers}};

    g_byte_array_set_size(self->out, 0);
    put(self, "\0\0\0\0TFL3", 8);
    put_table(self, 0, fields, G_N_ELEMENTS(fields));
    first = put_offsets(self, codes, self->operators->len);
    for (guint i = 0; i < self->operators->len; i++)
        put_code(self, first + 4 * i, g_ptr_array_index(self->operators, i));
    put_subgraph(self, put_offsets(self, subgraphs, 1));
    put_buffers(self, buffers);
    align(self, 16, 0);
    return g_bytes_new(self->out->data, self->out->len);
}
