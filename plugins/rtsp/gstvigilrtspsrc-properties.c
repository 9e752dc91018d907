/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/rtsp/gstvigilrtspsrc-private.h"

enum {
    PROP_0,
    PROP_LOCATION,
    PROP_USER,
    PROP_PASSWORD,
    PROP_CREDENTIALS,
    PROP_TRANSPORT,
    PROP_LATENCY,
    PROP_TIMEOUT,
    PROP_MAX_PAUSE,
    PROP_MAX_AGE,
    PROP_TLS_CA,
    PROP_TLS_VERIFY,
    PROP_CLOCK_GROUP,
    PROP_AUDIO,
    PROP_STATS,
};

#define DEFAULT_LATENCY_MS 200
#define DEFAULT_TIMEOUT_NS (4 * GST_SECOND)
#define DEFAULT_MAX_PAUSE_NS (3 * GST_SECOND)
#define DEFAULT_MAX_AGE_NS (3 * GST_SECOND)

static GType
transport_get_type(void)
{
    static const GEnumValue values[] = {
        {VIGIL_RTSP_AUTO, "TCP, and UDP in turn when that gives nothing or loses little", "auto"},
        {VIGIL_RTSP_TCP, "Within the TCP connection", "tcp"},
        {VIGIL_RTSP_UDP, "UDP", "udp"},
        {0, NULL, NULL},
    };
    static gsize type;

    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstVigilRtspTransport", values));
    return type;
}

void
gst_vigil_rtsp_options_init(GstVigilRtspOptions *self)
{
    *self = (GstVigilRtspOptions){
        .tls_verify = TRUE,
        .transport = VIGIL_RTSP_AUTO,
        .latency_ms = DEFAULT_LATENCY_MS,
        .timeout_ns = DEFAULT_TIMEOUT_NS,
        .max_pause_ns = DEFAULT_MAX_PAUSE_NS,
        .max_age_ns = DEFAULT_MAX_AGE_NS,
    };
}

void
gst_vigil_rtsp_options_copy(GstVigilRtspOptions *to, const GstVigilRtspOptions *from)
{
    *to = *from;
    to->login = (VigilRtspLogin){g_strdup(from->login.location), g_strdup(from->login.user),
                                 g_strdup(from->login.password)};
    to->wrong = g_strdup(from->wrong);
    to->credentials = g_strdup(from->credentials);
    to->tls_ca = g_strdup(from->tls_ca);
    to->clock_group = g_strdup(from->clock_group);
}

void
gst_vigil_rtsp_options_clear(GstVigilRtspOptions *self)
{
    vigil_rtsp_login_clear(&self->login);
    g_clear_pointer(&self->wrong, g_free);
    g_clear_pointer(&self->credentials, g_free);
    g_clear_pointer(&self->tls_ca, g_free);
    g_clear_pointer(&self->clock_group, g_free);
}

/* What logs in goes out of the address at once. */
static void
set_location(GstVigilRtspOptions *options, const gchar *url)
{
    g_auto(VigilRtspLogin) login = {0};
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&options->wrong, g_free);
    g_clear_pointer(&options->login.location, g_free);
    if (!url)
        return;
    if (!vigil_rtsp_login_parse(&login, url, &error)) {
        options->wrong = g_strdup(error->message);
        return;
    }
    options->login.location = g_steal_pointer(&login.location);
    if (!login.user)
        return;
    g_free(options->login.user);
    g_free(options->login.password);
    options->login.user = g_steal_pointer(&login.user);
    options->login.password = g_steal_pointer(&login.password);
}

static GstStructure *
make_stats(GstVigilRtspSrc *self)
{
    GstVigilRtspSessionStats now = {0};
    const GstVigilRtspCounts *counts = &self->counts;
    GstStructure *stats;

    g_mutex_lock(&self->lock);
    if (self->session)
        now = gst_vigil_rtsp_session_get_stats(self->session);
    stats = gst_structure_new(
        "vigilrtspsrc-stats", "state", G_TYPE_STRING, self->state, "frames", G_TYPE_UINT64,
        counts->frames, "stale", G_TYPE_UINT64, counts->stale, "before-key", G_TYPE_UINT64,
        counts->before_key, "dropped", G_TYPE_UINT64, counts->dropped, "drop-outs", G_TYPE_UINT64,
        counts->drop_outs, "attempts", G_TYPE_UINT64, counts->attempts, "packets", G_TYPE_UINT64,
        counts->session.packets + now.packets, "lost-packets", G_TYPE_UINT64,
        counts->session.lost + now.lost, "jumps", G_TYPE_UINT, counts->session.jumps + now.jumps,
        "transport", G_TYPE_STRING, self->patience.way.udp ? "udp" : "tcp", "udp-lost-permille",
        G_TYPE_UINT, self->patience.way.lossy ? self->patience.way.lost_permille : 0, "format",
        G_TYPE_STRING, self->summary, "sound-frames", G_TYPE_UINT64, self->sound.n_frames,
        "sound-stale", G_TYPE_UINT64, self->sound.n_stale, "sound-dropped", G_TYPE_UINT64,
        self->sound.n_dropped, "sound-packets", G_TYPE_UINT64,
        counts->session.sound_packets + now.sound_packets, "sound-lost-packets", G_TYPE_UINT64,
        counts->session.sound_lost + now.sound_lost, NULL);
    g_mutex_unlock(&self->lock);
    return stats;
}

static void
set_string(gchar **place, const GValue *value)
{
    g_free(*place);
    *place = g_value_dup_string(value);
}

static void
set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilRtspSrc *self = GST_VIGIL_RTSP_SRC(object);
    GstVigilRtspOptions *options = &self->options;

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_LOCATION: set_location(options, g_value_get_string(value)); break;
    case PROP_USER: set_string(&options->login.user, value); break;
    case PROP_PASSWORD: set_string(&options->login.password, value); break;
    case PROP_CREDENTIALS: set_string(&options->credentials, value); break;
    case PROP_TRANSPORT: options->transport = g_value_get_enum(value); break;
    case PROP_LATENCY: options->latency_ms = g_value_get_uint(value); break;
    case PROP_TIMEOUT: options->timeout_ns = g_value_get_uint64(value); break;
    case PROP_MAX_PAUSE: options->max_pause_ns = g_value_get_uint64(value); break;
    case PROP_MAX_AGE: options->max_age_ns = g_value_get_uint64(value); break;
    case PROP_TLS_CA: set_string(&options->tls_ca, value); break;
    case PROP_TLS_VERIFY: options->tls_verify = g_value_get_boolean(value); break;
    case PROP_CLOCK_GROUP: set_string(&options->clock_group, value); break;
    case PROP_AUDIO: options->audio = g_value_get_boolean(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilRtspSrc *self = GST_VIGIL_RTSP_SRC(object);
    const GstVigilRtspOptions *options = &self->options;

    if (id == PROP_STATS) {
        g_value_take_boxed(value, make_stats(self));
        return;
    }
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_LOCATION: g_value_set_string(value, options->login.location); break;
    case PROP_USER: g_value_set_string(value, options->login.user); break;
    case PROP_CREDENTIALS: g_value_set_string(value, options->credentials); break;
    case PROP_TRANSPORT: g_value_set_enum(value, options->transport); break;
    case PROP_LATENCY: g_value_set_uint(value, options->latency_ms); break;
    case PROP_TIMEOUT: g_value_set_uint64(value, options->timeout_ns); break;
    case PROP_MAX_PAUSE: g_value_set_uint64(value, options->max_pause_ns); break;
    case PROP_MAX_AGE: g_value_set_uint64(value, options->max_age_ns); break;
    case PROP_TLS_CA: g_value_set_string(value, options->tls_ca); break;
    case PROP_TLS_VERIFY: g_value_set_boolean(value, options->tls_verify); break;
    case PROP_CLOCK_GROUP: g_value_set_string(value, options->clock_group); break;
    case PROP_AUDIO: g_value_set_boolean(value, options->audio); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

static void
install_string(GObjectClass *klass, guint id, const gchar *name, const gchar *nick,
               const gchar *blurb)
{
    g_object_class_install_property(klass, id, g_param_spec_string(name, nick, blurb, NULL, FLAGS));
}

static void
install_time(GObjectClass *klass, guint id, const gchar *name, const gchar *nick,
             const gchar *blurb, guint64 value)
{
    g_object_class_install_property(
        klass, id, g_param_spec_uint64(name, nick, blurb, 0, G_MAXINT64, value, FLAGS));
}

static void
install_access(GObjectClass *klass)
{
    install_string(klass, PROP_LOCATION, "location", "Location",
                   "rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH or rtsps://…; reads without the login");
    install_string(klass, PROP_USER, "user", "User", "Who logs in; not set: nobody");
    g_object_class_install_property(
        klass, PROP_PASSWORD,
        g_param_spec_string("password", "Password", "Password of `user`; cannot be read", NULL,
                            G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
    install_string(klass, PROP_CREDENTIALS, "credentials", "Credentials",
                   "File with user:password, or the two on a line each, or, without a `/`, name of "
                   "a credential that systemd passes; read at each connection, and as soon as it "
                   "changes after a refusal; not set: `user` and `password`");
    install_string(klass, PROP_TLS_CA, "tls-ca", "Trusted certificates",
                   "PEM file with the certificates that the camera's is judged by, its own for "
                   "instance; not set: those of the system");
    g_object_class_install_property(
        klass, PROP_TLS_VERIFY,
        g_param_spec_boolean("tls-verify", "Verify certificate",
                             "Whether the certificate of an rtsps camera is judged; FALSE: "
                             "whoever is in between can be it",
                             TRUE, FLAGS));
}

void
gst_vigil_rtsp_src_install_properties(GObjectClass *klass)
{
    klass->set_property = set_property;
    klass->get_property = get_property;
    install_access(klass);
    g_object_class_install_property(
        klass, PROP_TRANSPORT,
        g_param_spec_enum("transport", "Transport",
                          "How frames come; auto: within the TCP connection, and by UDP in turn "
                          "when that gives none; UDP that loses 2 % of its packets or more for "
                          "10 s is left for TCP, once for each location while the process runs, "
                          "unless 10 connections give nothing then",
                          transport_get_type(), VIGIL_RTSP_AUTO, FLAGS));
    g_object_class_install_property(
        klass, PROP_LATENCY,
        g_param_spec_uint("latency", "Latency",
                          "How long missing packets are waited for, in ms; 0: not at all", 0, 60000,
                          DEFAULT_LATENCY_MS, FLAGS));
    install_time(klass, PROP_TIMEOUT, "timeout", "Timeout",
                 "A connection that gives no frame for so long, in ns, whatever it is doing, is "
                 "given up; 0: never",
                 DEFAULT_TIMEOUT_NS);
    install_time(klass, PROP_MAX_PAUSE, "max-pause", "Longest pause",
                 "Pauses between connections, in ns, grow from 0.5 s up to this; after a login "
                 "that was refused they are longer",
                 DEFAULT_MAX_PAUSE_NS);
    install_time(klass, PROP_MAX_AGE, "max-age", "Oldest frame",
                 "Frames that are older when they come, in ns, as after a stall of the network, "
                 "are left out up to the next keyframe that is not; 0: none",
                 DEFAULT_MAX_AGE_NS);
    install_string(klass, PROP_CLOCK_GROUP, "clock-group", "Clock group",
                   "Streams with the same name here come from one camera: where its RTCP tells the "
                   "time, their frames are put on one line by it; not set: each by when it came");
    g_object_class_install_property(
        klass, PROP_AUDIO,
        g_param_spec_boolean(
            "audio", "Audio",
            "Sound (AAC, Opus, G.711) is asked for, too, and comes as it is on the "
            "pad `audio`; FALSE: it is not even asked for",
            FALSE, FLAGS));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Since the element was started: state, frames, those left out as stale, "
                           "before-key (what they are made from is missing) and dropped "
                           "(downstream was busy); drop-outs and attempts of the connection; RTP "
                           "packets and those lost; of sound frames, those stale and dropped, and "
                           "packets; "
                           "transport and format at the moment; udp-lost-permille: of its "
                           "packets, for which UDP was left for TCP, 0: it was not",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}
