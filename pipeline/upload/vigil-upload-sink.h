/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-upload-settings.h"
#include "storage/vigil-outbox.h"

G_BEGIN_DECLS

/*
 * What sends batches of messages to one destination, by one protocol. It lives in the thread of uploads, of which the main context is the
 * thread's default one: all functions are called there, and what it does later it does in sources of that context. Nothing may
 * block for longer than a look-up in memory or a small file.
 */
typedef struct VigilUploadSink VigilUploadSink;

/**
 * VigilUploadSite: what sinks may tell of this installation. Immutable.
 * @source: what it is called
 * @cameras: (element-type VigilCameraSettings): with the names of their rules
 * @id: (nullable): no other installation has the same, and it stays through restarts
 */
typedef struct {
    const gchar *source;
    const GPtrArray *cameras;
    const gchar *id;
} VigilUploadSite;

/**
 * VigilUploadItem: one message, borrowed until the result is told.
 * @snapshot: (nullable): JPEG; in ends only, and only where the configuration says so
 * @width: of the camera's frames, for forms that speak of pixels; 0: not known, as is @height
 */
typedef struct {
    const VigilOutboxMessage *message;
    GBytes *snapshot;
    gint width, height;
} VigilUploadItem;

typedef enum {
    VIGIL_UPLOAD_SENT,    /* all of it has arrived */
    VIGIL_UPLOAD_RETRY,   /* the same may be taken later: no connection, overload, a wrong token */
    VIGIL_UPLOAD_REFUSED, /* this will never be taken; of several messages maybe only one */
} VigilUploadOutcome;

/**
 * VigilUploadResult:
 * @n_sent: messages in front that have arrived all the same; of %VIGIL_UPLOAD_SENT not looked at
 * @retry_after_us: the destination asks for so much patience; 0: it said nothing
 * @reason: (nullable): one line, without secrets; of %VIGIL_UPLOAD_SENT not looked at
 */
typedef struct {
    VigilUploadOutcome outcome;
    guint n_sent;
    gint64 retry_after_us;
    const gchar *reason;
} VigilUploadResult;

/** VigilUploadDone: @result: borrowed for the call */
typedef void (*VigilUploadDone)(const VigilUploadResult *result, gpointer user_data);

/**
 * VigilUploadSinkFuncs:
 * @send: begins to send @n messages, at least one, in their order. Tells the result exactly once, by @done, later and not from
 *   within this call. The next call comes after that. When an attempt takes longer than the settings' timeout, the sink
 *   ends it itself (%VIGIL_UPLOAD_RETRY).
 * @cancel: (nullable): ends what is under way; @done is not called any more, and none of the items looked at
 * @leave: (nullable): what takes time when it is freed begins here, and is not waited for, so that many sinks do it at once; as
 *   @cancel, and only @free comes after it. @for_good: nobody takes the place of this destination: what it left with others for later is
 *   taken away
 * @free: ends everything at once, also what is under way; nothing is called afterwards
 * @skipped: (nullable): messages were dropped that this destination never gets, ends among them; may come while a batch is under way
 */
typedef struct {
    void (*send)(VigilUploadSink *self, const VigilUploadItem *items, guint n, VigilUploadDone done,
                 gpointer user_data);
    void (*cancel)(VigilUploadSink *self);
    void (*leave)(VigilUploadSink *self, gboolean for_good);
    void (*free)(VigilUploadSink *self);
    void (*skipped)(VigilUploadSink *self);
} VigilUploadSinkFuncs;

/** VigilUploadSink: the first member of each kind's own struct. */
struct VigilUploadSink {
    const VigilUploadSinkFuncs *funcs;
};

/**
 * VigilUploadSinkNew: makes a sink; may begin to connect.
 * @settings: a reference may be taken
 * @site: lives longer than the sink
 *
 * Returns: (transfer full) (nullable): %NULL with @error set is tried again later
 */
typedef VigilUploadSink *(*VigilUploadSinkNew)(VigilUploadSettings *settings,
                                               const VigilUploadSite *site, GError **error);

/** vigil_upload_sink_new: a #VigilUploadSinkNew: what speaks the protocol of the address. In vigil-upload-sinks.c. */
VigilUploadSink *
vigil_upload_sink_new(VigilUploadSettings *settings, const VigilUploadSite *site, GError **error);

G_END_DECLS
