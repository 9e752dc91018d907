/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/videodev2.h>

#include "tests/support/vigil-fake-v4l2.h"

G_BEGIN_DECLS

#define FAKE_NODES 8
#define FAKE_FILES 64
#define FAKE_FIRST_FD 10000
#define FAKE_BUFFERS 32
#define FAKE_CONTROLS 16
#define FAKE_FRAME_NS (G_GINT64_CONSTANT(1000000000) / 30)
#define FAKE_REAL_FRAME_NS G_GINT64_CONSTANT(2000000)

/* Memory of one plane: there as long as the driver or a mapping has it. */
typedef struct {
    guint8 *data;
    gsize size;
    gint fd;
    guint refs;
} FakeMemory;

typedef struct {
    FakeMemory *planes[VIGIL_V4L2_MAX_PLANES];
    gboolean queued;
    guint order; /* of queueing: who waits longest is filled first */
} FakeBuffer;

typedef struct {
    guint number;
    VigilFakeCamera description;
    const VigilFakeCamera *camera; /* the description; NULL: unplugged */
    gint32 values[FAKE_CONTROLS];
    const VigilFakeFrame *script;
    guint n_script;
    gboolean silent;
} FakeNode;

typedef struct {
    gboolean open;
    gboolean closed; /* only its mappings hold it */
    gboolean gone;
    FakeNode *node;
    guint generation;
    struct v4l2_format format;
    struct v4l2_fract interval;
    guint n_planes, n_buffers;
    FakeBuffer buffers[FAKE_BUFFERS];
    guint next_order;
    gboolean streaming;
    guint32 sequence;
    gint64 next_ns; /* when the next frame is complete */
} FakeFile;

struct VigilFakeV4l2 {
    VigilV4l2System system;
    gchar *folder, *dev, *sys;
    gboolean real_time;

    GMutex lock;
    gint64 now_ns;
    FakeNode nodes[FAKE_NODES];
    FakeFile files[FAKE_FILES];
    GPtrArray *mappings; /* FakeMemory, one entry a mapping */
    guint fail_at;
    gint fail_error;
    VigilFakeCounts counts;
};

/* vigil-fake-v4l2-driver.c: one file's ioctls; 0 or -errno */
gint fake_driver_ioctl(VigilFakeV4l2 *self, FakeFile *file, gulong request, gpointer argument);
void fake_driver_release(VigilFakeV4l2 *self, FakeFile *file);
/** fake_driver_is_mapped: a file stays open as long as something of it is mapped. */
gboolean fake_driver_is_mapped(const FakeFile *file);
void fake_memory_unref(VigilFakeV4l2 *self, FakeMemory *memory);
/** fake_driver_has_frame: VIDIOC_DQBUF would give something. */
gboolean fake_driver_has_frame(const VigilFakeV4l2 *self, const FakeFile *file);
gint64 fake_now(const VigilFakeV4l2 *self);

/* vigil-fake-v4l2-sysfs.c */
void fake_sysfs_add(const VigilFakeV4l2 *self, guint number, const VigilFakeCamera *camera);
void fake_sysfs_remove(const VigilFakeV4l2 *self, guint number);
void fake_sysfs_clear(const VigilFakeV4l2 *self);

G_END_DECLS
