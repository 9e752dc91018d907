/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/jpeg/vigil-jpeg-private.h"

/* Of a coded block: a difference of DC and an end of block, or the former alone in the first scan of a progressive JPEG, each a
 * Huffman code of at least a bit. */
#define LEAST_BITS_BASELINE 2
#define LEAST_BITS_PROGRESSIVE 1

VigilJpegLimits
vigil_jpeg_limits_defaults(void)
{
    return (VigilJpegLimits){
        .max_side = 8192,
        .max_pixels = 8192 * 6144,
        .max_memory = 64 * 1024 * 1024,
        .max_scans = 32,
    };
}

/* --- what libjpeg calls ----------------------------------------------------------------------- */

void
vigil_jpeg_escape(VigilJpeg *self, const gchar *problem)
{
    g_strlcpy(self->problem, problem, sizeof self->problem);
    longjmp(self->escape, 1);
}

static void
on_error(j_common_ptr cinfo)
{
    VigilJpeg *self = cinfo->client_data;

    cinfo->err->format_message(cinfo, self->problem);
    longjmp(self->escape, 1);
}

/* What is wrong with the picture, and not only with what stands around it. */
static gboolean
is_damage(const VigilJpeg *self, gint code)
{
    switch (code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC: return TRUE;
    /* many cameras have some behind the picture; before a restart marker they are the rest of blocks that were not read */
    case JWRN_EXTRANEOUS_DATA: return self->in_picture;
    default: return FALSE;
    }
}

static void
on_message(j_common_ptr cinfo, int level)
{
    VigilJpeg *self = cinfo->client_data;

    if (level >= 0)
        return; /* a trace */
    cinfo->err->num_warnings++;
    /* the first is what is told */
    if (is_damage(self, cinfo->err->msg_code) && self->n_damages++ == 0)
        cinfo->err->format_message(cinfo, self->problem);
}

static void
on_print(j_common_ptr cinfo)
{
    /* libjpeg would write to standard error */
}

static void
on_progress(j_common_ptr cinfo)
{
    VigilJpeg *self = cinfo->client_data;

    if (self->cinfo.input_scan_number > (gint)self->limits.max_scans)
        vigil_jpeg_escape(self, "it has more scans than a frame may have");
}

static void
on_source(j_decompress_ptr cinfo)
{
    /* the whole frame is there from the begin, and nothing is to be done at the end */
}

/* A frame that is cut off ends. Before the picture is read only what has several scans is read so far, and lacks some then. */
static boolean
on_source_empty(j_decompress_ptr cinfo)
{
    static const JOCTET end[] = {0xff, JPEG_EOI};
    VigilJpeg *self = cinfo->client_data;

    if (self->target && !self->in_picture && self->n_damages++ == 0)
        g_strlcpy(self->problem, "it is cut off", sizeof self->problem);
    cinfo->src->next_input_byte = end;
    cinfo->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void
on_source_skip(j_decompress_ptr cinfo, long count)
{
    struct jpeg_source_mgr *source = cinfo->src;

    if (count <= 0)
        return;
    if ((gulong)count >= source->bytes_in_buffer) {
        on_source_empty(cinfo);
        return;
    }
    source->next_input_byte += count;
    source->bytes_in_buffer -= (gsize)count;
}

/* --- life ------------------------------------------------------------------------------------- */

/*
 * libjpeg leaves by longjmp() when something is wrong. Nothing stands between here and there but libjpeg and steps of ours, which
 * hold nothing: what lives on is all in @self.
 */
static gboolean
guard(VigilJpeg *self, void (*step)(VigilJpeg *self))
{
    if (setjmp(self->escape))
        return FALSE;
    step(self);
    return TRUE;
}

static void
create(VigilJpeg *self)
{
    jpeg_create_decompress(&self->cinfo);
}

VigilJpeg *
vigil_jpeg_new(const VigilJpegLimits *limits)
{
    VigilJpeg *self = g_new0(VigilJpeg, 1);

    self->limits = limits ? *limits : vigil_jpeg_limits_defaults();
    self->arena.limit = self->limits.max_memory;
    self->cinfo.err = jpeg_std_error(&self->errors);
    self->errors.error_exit = on_error;
    self->errors.emit_message = on_message;
    self->errors.output_message = on_print;
    self->cinfo.client_data = self;
    /* what can go wrong is a library of another version than its header, and memory, where GLib would end too */
    if (!guard(self, create))
        g_error("libjpeg: %s", self->problem);
    self->source = (struct jpeg_source_mgr){
        .init_source = on_source,
        .fill_input_buffer = on_source_empty,
        .skip_input_data = on_source_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = on_source,
    };
    self->progress.progress_monitor = on_progress;
    self->cinfo.src = &self->source;
    self->cinfo.progress = &self->progress;
    vigil_jpeg_memory_take_over(self);
    return self;
}

void
vigil_jpeg_free(VigilJpeg *self)
{
    if (!self)
        return;
    jpeg_destroy_decompress(&self->cinfo);
    vigil_jpeg_arena_finish(&self->arena);
    g_free(self->strips);
    g_free(self);
}

const gchar *
vigil_jpeg_get_problem(const VigilJpeg *self)
{
    return self->problem;
}

/* --- sizes ------------------------------------------------------------------------------------ */

guint
vigil_jpeg_scaled(guint pixels, guint scale)
{
    return pixels / scale + (pixels % scale != 0);
}

guint
vigil_jpeg_choose_scale(const VigilJpegHeader *header, guint width, guint height)
{
    for (guint scale = 8; scale > 1; scale /= 2)
        if (vigil_jpeg_scaled(header->width, scale) >= width &&
            vigil_jpeg_scaled(header->height, scale) >= height)
            return scale;
    return 1;
}

/* --- the header ------------------------------------------------------------------------------- */

static gboolean refuse(VigilJpeg *self, const gchar *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(VigilJpeg *self, const gchar *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_vsnprintf(self->problem, sizeof self->problem, format, arguments);
    va_end(arguments);
    return FALSE;
}

static gboolean
check_size(VigilJpeg *self)
{
    const struct jpeg_decompress_struct *cinfo = &self->cinfo;
    const guint per_block = cinfo->progressive_mode ? LEAST_BITS_PROGRESSIVE : LEAST_BITS_BASELINE;
    guint64 blocks = 0;

    if (cinfo->image_width > self->limits.max_side || cinfo->image_height > self->limits.max_side)
        return refuse(self, "it says to be %ux%u, a side may have %u pixels", cinfo->image_width,
                      cinfo->image_height, self->limits.max_side);
    if ((guint64)cinfo->image_width * cinfo->image_height > self->limits.max_pixels)
        return refuse(self, "it says to be %ux%u, a frame may have %" G_GUINT64_FORMAT " pixels",
                      cinfo->image_width, cinfo->image_height, self->limits.max_pixels);
    for (gint i = 0; i < cinfo->num_components; i++)
        blocks +=
            (guint64)cinfo->comp_info[i].width_in_blocks * cinfo->comp_info[i].height_in_blocks;
    if (self->source.bytes_in_buffer < blocks * per_block / 8)
        return refuse(self,
                      "it says to be %ux%u, which takes more than the %" G_GSIZE_FORMAT
                      " bytes of its picture",
                      cinfo->image_width, cinfo->image_height, self->source.bytes_in_buffer);
    return TRUE;
}

static gboolean
is_step(gint fine, gint coarse)
{
    return fine == coarse || fine == 2 * coarse || fine == 4 * coarse;
}

static gboolean
check_components(VigilJpeg *self)
{
    const struct jpeg_decompress_struct *cinfo = &self->cinfo;

    if (cinfo->data_precision != 8)
        return refuse(self, "its samples have %d bits, not 8", cinfo->data_precision);
    if (cinfo->arith_code)
        return refuse(self, "it is coded arithmetically, not by Huffman codes");
    if (!(cinfo->jpeg_color_space == JCS_GRAYSCALE && cinfo->num_components == 1) &&
        !(cinfo->jpeg_color_space == JCS_YCbCr && cinfo->num_components == 3))
        return refuse(self, "its %d components are neither gray nor Y'CbCr", cinfo->num_components);
    for (gint i = 0; i < cinfo->num_components; i++) {
        const jpeg_component_info *component = &cinfo->comp_info[i];

        if (!is_step(cinfo->max_h_samp_factor, component->h_samp_factor) ||
            !is_step(cinfo->max_v_samp_factor, component->v_samp_factor) ||
            (i == 0 && (component->h_samp_factor != cinfo->max_h_samp_factor ||
                        component->v_samp_factor != cinfo->max_v_samp_factor)))
            return refuse(self, "its components are sampled %dx%d of %dx%d, which no camera does",
                          component->h_samp_factor, component->v_samp_factor,
                          cinfo->max_h_samp_factor, cinfo->max_v_samp_factor);
    }
    return TRUE;
}

static void
read_header(VigilJpeg *self)
{
    jpeg_read_header(&self->cinfo, TRUE);
}

/* back to where a frame can be opened, whatever happened to the last */
static void
close_frame(VigilJpeg *self)
{
    jpeg_abort_decompress(&self->cinfo);
    self->opened = self->in_picture = FALSE;
    self->target = NULL;
}

gboolean
vigil_jpeg_open(VigilJpeg *self, const guint8 *data, gsize size, VigilJpegHeader *header)
{
    close_frame(self);
    self->n_damages = 0;
    self->problem[0] = 0;
    self->source.next_input_byte = data;
    self->source.bytes_in_buffer = size;
    if (!guard(self, read_header) || !check_components(self) || !check_size(self)) {
        close_frame(self);
        return FALSE;
    }
    header->width = self->cinfo.image_width;
    header->height = self->cinfo.image_height;
    header->gray = self->cinfo.num_components == 1;
    self->opened = TRUE;
    return TRUE;
}

/* --- the picture ------------------------------------------------------------------------------ */

static void
read_picture(VigilJpeg *self)
{
    struct jpeg_decompress_struct *cinfo = &self->cinfo;
    const gboolean rgb = self->target->format == VIGIL_PIXELS_RGB;

    cinfo->scale_num = 1;
    cinfo->scale_denom = self->scale;
    /* as jpegdec does: 5 % of the time of a whole picture for errors of a level, well below what the codes have */
    cinfo->dct_method = JDCT_IFAST;
    cinfo->do_fancy_upsampling = FALSE;
    cinfo->do_block_smoothing = FALSE;
    cinfo->raw_data_out = !rgb;
    if (rgb)
        cinfo->out_color_space = JCS_RGB;
    for (gint i = 1; i < cinfo->num_components; i++)
        cinfo->comp_info[i].component_needed = self->target->format != VIGIL_PIXELS_GRAY8;
    jpeg_start_decompress(cinfo);
    self->in_picture = TRUE;
    if (cinfo->output_width != self->target->width || cinfo->output_height != self->target->height)
        vigil_jpeg_escape(self, "its picture has another size than was expected");
    if (rgb)
        vigil_jpeg_output_rgb(self);
    else
        vigil_jpeg_output_yuv(self);
}

VigilJpegResult
vigil_jpeg_decode(VigilJpeg *self, guint scale, const VigilJpegTarget *target)
{
    gboolean done;

    g_return_val_if_fail(self->opened, VIGIL_JPEG_FAILED);
    g_return_val_if_fail(scale == 1 || scale == 2 || scale == 4 || scale == 8, VIGIL_JPEG_FAILED);
    g_return_val_if_fail(
        target->format == VIGIL_PIXELS_I420 || target->format == VIGIL_PIXELS_NV12 ||
            target->format == VIGIL_PIXELS_GRAY8 || target->format == VIGIL_PIXELS_RGB,
        VIGIL_JPEG_FAILED);
    self->scale = scale;
    self->target = target;
    done = guard(self, read_picture);
    close_frame(self);
    if (!done)
        return VIGIL_JPEG_FAILED;
    return self->n_damages > 0 ? VIGIL_JPEG_DAMAGED : VIGIL_JPEG_WHOLE;
}
