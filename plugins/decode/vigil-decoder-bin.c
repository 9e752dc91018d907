/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/gstvigilprobe.h"
#include "plugins/decode/vigil-decoder-bin-private.h"
#include "plugins/decode/vigil-decoder-forms.h"

G_DEFINE_TYPE(VigilDecoderBin, vigil_decoder_bin, GST_TYPE_BIN)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));

/* --- what went wrong ------------------------------------------------------------------------- */

/* The first reason counts: later ones follow from it. */
static void
note_failure(VigilDecoderBin *self, const gchar *reason)
{
    g_mutex_lock(&self->lock);
    if (!self->failure)
        self->failure = g_strdup(reason);
    g_mutex_unlock(&self->lock);
}

static gboolean
has_failure(VigilDecoderBin *self)
{
    gboolean has;

    g_mutex_lock(&self->lock);
    has = self->failure != NULL;
    g_mutex_unlock(&self->lock);
    return has;
}

static void
push_eos(GstElement *element, gpointer user_data)
{
    gst_pad_push_event(VIGIL_DECODER_BIN(element)->src, gst_event_new_eos());
}

/* A decoder that breaks while it gives its last frames may forget to say that they were the last. */
static void
finish_eos(VigilDecoderBin *self)
{
    gboolean missing;

    g_mutex_lock(&self->lock);
    missing = self->eos_in && !self->eos_out && self->failure;
    if (missing)
        self->eos_out = TRUE;
    g_mutex_unlock(&self->lock);
    if (missing)
        gst_element_call_async(GST_ELEMENT(self), push_eos, NULL, NULL);
}

static void
handle_message(GstBin *bin, GstMessage *message)
{
    VigilDecoderBin *self = VIGIL_DECODER_BIN(bin);
    g_autoptr(GError) error = NULL;

    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) {
        GST_BIN_CLASS(vigil_decoder_bin_parent_class)->handle_message(bin, message);
        return;
    }
    gst_message_parse_error(message, &error, NULL);
    note_failure(self, error->message);
    finish_eos(self);
    gst_message_unref(message);
}

/* --- putting decoders in and taking them out (exchange held) ------------------------------------ */

static void
post_decoder(VigilDecoderBin *self)
{
    const VigilDecoderCandidate *candidate = &self->candidates[self->current];
    GstStructure *structure =
        gst_structure_new("vigil-decoder", "decoder", G_TYPE_STRING, candidate->factory, "hardware",
                          G_TYPE_BOOLEAN, candidate->hardware, NULL);

    if (self->last_failed)
        gst_structure_set(structure, "failed", G_TYPE_STRING, self->last_failed, "reason",
                          G_TYPE_STRING, self->last_reason, NULL);
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), structure));
}

static void
set_decoder(VigilDecoderBin *self, GstElement *decoder)
{
    self->decoder = decoder;
    g_mutex_lock(&self->lock);
    self->n_silent = 0;
    g_clear_pointer(&self->failure, g_free);
    g_mutex_unlock(&self->lock);
    self->fed_key = FALSE;
}

static void
take_out(VigilDecoderBin *self)
{
    GstElement *const parts[] = {self->decoder, self->after};

    gst_ghost_pad_set_target(GST_GHOST_PAD(self->sink), NULL);
    gst_ghost_pad_set_target(GST_GHOST_PAD(self->src), NULL);
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (!parts[i])
            continue;
        gst_element_set_locked_state(parts[i], TRUE);
        gst_element_set_state(parts[i], GST_STATE_NULL);
        gst_bin_remove(GST_BIN(self), parts[i]);
    }
    self->after = NULL;
    set_decoder(self, NULL);
}

static gboolean
set_target(GstPad *ghost, GstElement *element, const gchar *name)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(element, name);

    return pad && gst_ghost_pad_set_target(GST_GHOST_PAD(ghost), pad);
}

static gboolean
put_in(VigilDecoderBin *self)
{
    const VigilDecoderCandidate *candidate = &self->candidates[self->current];
    GstElement *decoder = gst_element_factory_make(candidate->factory, NULL);

    if (!decoder)
        return FALSE;
    /* frame threads would delay each frame by as many frames as there are threads, and cost a tenth more */
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(decoder), "max-threads"))
        g_object_set(decoder, "max-threads", 1, NULL);
    gst_bin_add(GST_BIN(self), decoder);
    set_decoder(self, decoder);
    if (candidate->after) {
        self->after = gst_element_factory_make(candidate->after, NULL);
        if (!self->after)
            return FALSE;
        gst_bin_add(GST_BIN(self), self->after);
        if (!gst_element_link(decoder, self->after))
            return FALSE;
    }
    return set_target(self->sink, decoder, "sink") &&
           set_target(self->src, self->after ? self->after : decoder, "src");
}

static gboolean
start(VigilDecoderBin *self, GstState state)
{
    return (!self->after ||
            gst_element_set_state(self->after, state) != GST_STATE_CHANGE_FAILURE) &&
           gst_element_set_state(self->decoder, state) != GST_STATE_CHANGE_FAILURE;
}

static void
give_up_current(VigilDecoderBin *self)
{
    const VigilDecoderCandidate *candidate = &self->candidates[self->current];

    g_free(self->last_reason);
    g_mutex_lock(&self->lock);
    self->last_reason = self->failure ? g_steal_pointer(&self->failure)
                                      : g_strdup("it cannot be put in or started");
    g_mutex_unlock(&self->lock);
    g_free(self->last_failed);
    self->last_failed = g_strdup(candidate->factory);
    g_string_append_printf(self->reasons, "%s%s: %s", self->reasons->len ? "; " : "",
                           self->last_failed, self->last_reason);
    if (self->failures)
        vigil_decoder_failures_add(self->failures, candidate->factory, g_get_monotonic_time());
    take_out(self);
    self->current++;
}

/* Returns: what it was. */
static gboolean
set_resting(VigilDecoderBin *self, gboolean resting)
{
    gboolean was;

    g_mutex_lock(&self->lock);
    was = self->resting;
    self->resting = resting;
    g_mutex_unlock(&self->lock);
    return was;
}

/* Until one is in and has reached @state. That the same is back from its rest is no news. */
static gboolean
ensure(VigilDecoderBin *self, GstState state)
{
    while (self->current < self->n) {
        const gboolean is_new = !self->decoder;

        if ((!is_new || put_in(self)) && start(self, state)) {
            if (!set_resting(self, FALSE) && is_new)
                post_decoder(self);
            return TRUE;
        }
        set_resting(self, FALSE);
        give_up_current(self);
    }
    GST_ELEMENT_ERROR(self, STREAM, DECODE,
                      ("No decoder works for this %s stream: %s",
                       vigil_codec_to_string(self->codec), self->reasons->str),
                      (NULL));
    return FALSE;
}

/* --- frames in ----------------------------------------------------------------------------------- */

static void
watch_silence(VigilDecoderBin *self, GstBuffer *buffer)
{
    guint n;

    if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
        self->fed_key = TRUE;
    if (!self->fed_key)
        return;
    g_mutex_lock(&self->lock);
    n = ++self->n_silent;
    g_mutex_unlock(&self->lock);
    /* where there is no other, better late than never */
    if (n > VIGIL_DECODER_SILENT_FRAMES && self->current + 1 < self->n)
        note_failure(self, "it gave no picture for many frames");
}

/* Returns: FALSE when the decoder is to be replaced. */
static gboolean
feed(VigilDecoderBin *self, GstBuffer *buffer, GstFlowReturn *flow)
{
    g_autofree gchar *reason = NULL;
    GstFlowReturn downstream;

    if (has_failure(self))
        return FALSE;
    watch_silence(self, buffer);
    *flow = gst_proxy_pad_chain_default(self->sink, GST_OBJECT(self), gst_buffer_ref(buffer));
    g_mutex_lock(&self->lock);
    downstream = self->downstream;
    g_mutex_unlock(&self->lock);
    if (*flow == GST_FLOW_NOT_NEGOTIATED && downstream >= GST_FLOW_OK) {
        note_failure(self, "it does not take this format of stream, or gives none that is of use");
    } else if (*flow < GST_FLOW_EOS && downstream >= GST_FLOW_OK) {
        reason = g_strdup_printf("it returned \"%s\" for a frame", gst_flow_get_name(*flow));
        note_failure(self, reason);
    }
    return !has_failure(self);
}

/* @next: instead of the current one; else the current one is back from its rest */
static GstFlowReturn
bring_in(VigilDecoderBin *self, gboolean next)
{
    GstFlowReturn flow = GST_FLOW_OK;
    GstState state;

    GST_OBJECT_LOCK(self);
    state = MAX(GST_STATE_TARGET(self), GST_STATE_PAUSED);
    GST_OBJECT_UNLOCK(self);
    g_mutex_lock(&self->exchange);
    g_mutex_lock(&self->lock);
    self->repeating = TRUE;
    self->skip_until = next ? self->last_pts : GST_CLOCK_TIME_NONE;
    g_mutex_unlock(&self->lock);
    if (self->closing) {
        flow = GST_FLOW_FLUSHING;
    } else {
        if (next)
            give_up_current(self);
        if (!ensure(self, state))
            flow = GST_FLOW_ERROR;
    }
    g_mutex_unlock(&self->exchange);
    return flow;
}

/* One of hardware stays: another program could take its place meanwhile. */
static void
rest(VigilDecoderBin *self)
{
    g_mutex_lock(&self->exchange);
    if (!self->closing && self->decoder && !self->candidates[self->current].hardware &&
        !has_failure(self)) {
        set_resting(self, TRUE);
        take_out(self);
        vigil_decoder_group_clear(&self->group);
    }
    g_mutex_unlock(&self->exchange);
}

/* The next decoder, from the last keyframe on, until one has taken all of it. */
static GstFlowReturn
replace(VigilDecoderBin *self)
{
    GstFlowReturn flow;
    guint i;

    do {
        flow = bring_in(self, TRUE);
        if (flow != GST_FLOW_OK)
            return flow;
        self->await_key = self->group.n == 0;
        for (i = 0; i < self->group.n && feed(self, self->group.frames[i], &flow); i++)
            ;
    } while (i < self->group.n);
    return flow;
}

static GstFlowReturn
chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    VigilDecoderBin *self = VIGIL_DECODER_BIN(parent);
    GstFlowReturn flow = GST_FLOW_OK;

    if (vigil_decoder_bin_is_resting(self))
        flow = bring_in(self, FALSE);
    if (flow != GST_FLOW_OK) {
        gst_buffer_unref(buffer);
        return flow;
    }
    /* for the next decoder, while there is one */
    if (self->current + 1 < self->n)
        vigil_decoder_group_add(&self->group, buffer);
    else
        vigil_decoder_group_clear(&self->group);
    if (self->await_key && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)) {
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
    }
    self->await_key = FALSE;
    if (!feed(self, buffer, &flow))
        flow = replace(self);
    gst_buffer_unref(buffer);
    return flow;
}

/* While there is no decoder: one is needed for what is to come out behind the pictures; a tag waits until then. */
static gboolean
event_past_rest(VigilDecoderBin *self, GstEvent *event)
{
    if (!GST_EVENT_IS_SERIALIZED(event))
        return gst_pad_push_event(self->src, gst_event_ref(event));
    if (GST_EVENT_TYPE(event) != GST_EVENT_TAG)
        bring_in(self, FALSE);
    return FALSE;
}

static gboolean
sink_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    VigilDecoderBin *self = VIGIL_DECODER_BIN(parent);
    const GstEventType type = GST_EVENT_TYPE(event);
    const gboolean is_rest = gst_vigil_event_is_rest(event);
    gboolean ok;

    if (is_rest)
        rest(self);
    if (is_rest || (vigil_decoder_bin_is_resting(self) && event_past_rest(self, event))) {
        gst_event_unref(event);
        return TRUE;
    }
    if (type == GST_EVENT_EOS && has_failure(self))
        replace(self);
    if (type == GST_EVENT_FLUSH_STOP)
        vigil_decoder_group_clear(&self->group);
    g_mutex_lock(&self->lock);
    if (type == GST_EVENT_FLUSH_STOP || type == GST_EVENT_SEGMENT)
        self->last_pts = self->skip_until = GST_CLOCK_TIME_NONE;
    if (type == GST_EVENT_FLUSH_STOP)
        self->eos_in = self->eos_out = FALSE;
    if (type == GST_EVENT_EOS)
        self->eos_in = TRUE;
    g_mutex_unlock(&self->lock);
    ok = gst_pad_event_default(pad, parent, event);
    if (type == GST_EVENT_EOS)
        finish_eos(self);
    return ok;
}

/* What a decoder takes may say less about the stream than it will refuse; the next one is to get its chance then. */
static gboolean
sink_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    VigilDecoderBin *self = VIGIL_DECODER_BIN(parent);
    g_autoptr(GstCaps) result = NULL;
    GstCaps *caps;

    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_CAPS:
        gst_query_parse_caps(query, &caps);
        result = caps ? gst_caps_intersect_full(caps, self->sink_caps, GST_CAPS_INTERSECT_FIRST)
                      : gst_caps_ref(self->sink_caps);
        gst_query_set_caps_result(query, result);
        return TRUE;
    case GST_QUERY_ACCEPT_CAPS:
        gst_query_parse_accept_caps(query, &caps);
        gst_query_set_accept_caps_result(query, gst_caps_can_intersect(caps, self->sink_caps));
        return TRUE;
    default:
        if (!vigil_decoder_bin_is_resting(self))
            return gst_pad_query_default(pad, parent, query);
        return GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION &&
               gst_pad_peer_query(self->src, query);
    }
}

/* --- states -------------------------------------------------------------------------------------- */

static void
reset(VigilDecoderBin *self)
{
    vigil_decoder_group_clear(&self->group);
    self->await_key = FALSE;
    g_mutex_lock(&self->lock);
    self->downstream = GST_FLOW_OK;
    self->last_pts = self->skip_until = GST_CLOCK_TIME_NONE;
    self->repeating = self->eos_in = self->eos_out = self->resting = FALSE;
    g_mutex_unlock(&self->lock);
}

static GstStateChangeReturn
change_state(GstElement *element, GstStateChange transition)
{
    VigilDecoderBin *self = VIGIL_DECODER_BIN(element);
    const GstState next = GST_STATE_TRANSITION_NEXT(transition);
    const GstState current = GST_STATE_TRANSITION_CURRENT(transition);
    const gboolean up = next > current;
    GstStateChangeReturn result = GST_STATE_CHANGE_FAILURE;

    if (next == current)
        return GST_ELEMENT_CLASS(vigil_decoder_bin_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        reset(self);
    g_mutex_lock(&self->exchange);
    /* while it is paused its thread goes on: it would not begin again if it were told that it is to stop */
    self->closing = next < GST_STATE_PAUSED && !up;
    if (up) {
        if (ensure(self, next))
            result = GST_ELEMENT_CLASS(vigil_decoder_bin_parent_class)
                         ->change_state(element, transition);
        g_mutex_unlock(&self->exchange);
        return result;
    }
    /* not held: a thread that brings frames may want it, and is waited for now */
    g_mutex_unlock(&self->exchange);
    result = GST_ELEMENT_CLASS(vigil_decoder_bin_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        reset(self);
    return result;
}

/* --- the making of it ---------------------------------------------------------------------------- */

static GstPad *
add_ghost(VigilDecoderBin *self, GstStaticPadTemplate *static_template)
{
    g_autoptr(GstPadTemplate) template = gst_static_pad_template_get(static_template);
    GstPad *pad =
        gst_ghost_pad_new_no_target_from_template(static_template->name_template, template);

    gst_element_add_pad(GST_ELEMENT(self), pad);
    return pad;
}

static void
vigil_decoder_bin_init(VigilDecoderBin *self)
{
    g_mutex_init(&self->exchange);
    g_mutex_init(&self->lock);
    self->reasons = g_string_new(NULL);
    self->sink = add_ghost(self, &sink_template);
    self->src = add_ghost(self, &src_template);
    gst_pad_set_chain_function(self->sink, chain);
    gst_pad_set_event_function(self->sink, sink_event);
    gst_pad_set_query_function(self->sink, sink_query);
    vigil_decoder_bin_init_out(self);
    reset(self);
}

static void
finalize(GObject *object)
{
    VigilDecoderBin *self = VIGIL_DECODER_BIN(object);

    vigil_decoder_group_clear(&self->group);
    gst_clear_caps(&self->sink_caps);
    vigil_decoder_failures_unref(self->failures);
    g_string_free(self->reasons, TRUE);
    g_free(self->last_failed);
    g_free(self->last_reason);
    g_free(self->failure);
    g_mutex_clear(&self->exchange);
    g_mutex_clear(&self->lock);
    G_OBJECT_CLASS(vigil_decoder_bin_parent_class)->finalize(object);
}

static void
vigil_decoder_bin_class_init(VigilDecoderBinClass *klass)
{
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = finalize;
    GST_BIN_CLASS(klass)->handle_message = handle_message;
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Vigil decoder", "Codec/Decoder/Video",
                                          "A decoder that another one replaces when it fails",
                                          "The Vigil authors");
}

GstElement *
vigil_decoder_bin_new(const gchar *name, VigilCodec codec, const VigilDecoderCandidate *candidates,
                      guint n, VigilDecoderFailures *failures)
{
    VigilDecoderBin *self = g_object_new(VIGIL_TYPE_DECODER_BIN, "name", name, NULL);

    self->codec = codec;
    self->n = MIN(n, VIGIL_DECODER_CANDIDATES);
    for (guint i = 0; i < self->n; i++)
        self->candidates[i] = candidates[i];
    self->sink_caps = vigil_decoder_get_forms(codec, self->candidates, self->n);
    self->failures = failures ? vigil_decoder_failures_ref(failures) : NULL;
    return GST_ELEMENT(self);
}
