/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-redact.h"

G_BEGIN_DECLS

#define VIGIL_SOURCE_ERROR (vigil_source_error_quark())
GQuark vigil_source_error_quark(void);

typedef enum {
    VIGIL_SOURCE_ERROR_INVALID,     /* not an address of a source */
    VIGIL_SOURCE_ERROR_UNSUPPORTED, /* a source that this version cannot read */
} VigilSourceError;

typedef enum {
    VIGIL_SOURCE_FILE,
    VIGIL_SOURCE_RTSP, /* rtsp:// and rtsps:// */
    VIGIL_SOURCE_V4L2,
} VigilSourceKind;

/**
 * VigilSource:
 * @kind: what it is
 * @location: absolute path of the file; what `device` of vigilv4l2src takes; the URL without who logs in, but with its parameters, which
 *   may be a password: only for the connection, never printed
 * @user: (nullable): decoded
 * @password: (nullable): decoded; never printed
 * @display: fit for logs, errors and JSON
 *
 * Where a camera's pictures come from, taken apart once, so that no other part of the program handles a URL with a
 * password in it.
 */
typedef struct {
    VigilSourceKind kind;
    gchar *location;
    gchar *user;
    gchar *password;
    gchar *display;
    VigilRedactHold *hold; /* (nullable): its secrets */
} VigilSource;

/**
 * vigil_source_parse:
 * @text: `file:///path`, `file:relative/path`, a bare path, `rtsp://[user:password@]host[:port]/path`,
 *   `rtsps://…`, `v4l2:/dev/video0`, `v4l2:serial=NUMBER`, `v4l2:path=PORT`
 * @base: directory that relative paths start from
 *
 * While the source lives, vigil_redact() hides its password, and those in the URL's parameters. Errors: %VIGIL_SOURCE_ERROR; messages show no secret.
 *
 * Returns: (transfer full): the source, or %NULL
 */
VigilSource *vigil_source_parse(const gchar *text, const gchar *base, GError **error);
void vigil_source_free(VigilSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSource, vigil_source_free)

/** vigil_source_is_live: it cannot be read again or faster than time goes. */
gboolean vigil_source_is_live(const VigilSource *self);
/** vigil_source_equal: either may be %NULL. */
gboolean vigil_source_equal(const VigilSource *a, const VigilSource *b);

G_END_DECLS
