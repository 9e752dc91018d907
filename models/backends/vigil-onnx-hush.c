/* SPDX-License-Identifier: Apache-2.0 */
#include "models/backends/vigil-onnx-hush-private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOISE "Schema error: Trying to register schema with name "

/* Two at once would take each other's file for standard error. */
static GMutex lock;

VigilOnnxHush
vigil_onnx_hush_begin(void)
{
    VigilOnnxHush self = {-1, -1};

    g_mutex_lock(&lock);
    self.file_fd = memfd_create("stderr", MFD_CLOEXEC);
    if (self.file_fd < 0)
        return self;
    fflush(stderr);
    self.stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (self.stderr_fd >= 0 && dup2(self.file_fd, STDERR_FILENO) >= 0)
        return self;
    if (self.stderr_fd >= 0)
        close(self.stderr_fd);
    close(self.file_fd);
    return (VigilOnnxHush){-1, -1};
}

/* Each of those lines is followed by an empty one. */
static void
write_rest(FILE *file)
{
    g_autofree gchar *line = NULL;
    gboolean after_noise = FALSE;
    gsize size = 0;

    while (TRUE) {
        char *buffer = line;
        const gssize n = getline(&buffer, &size, file);

        line = buffer;
        if (n < 0)
            return;
        if (g_str_has_prefix(line, NOISE)) {
            after_noise = TRUE;
            continue;
        }
        if (!after_noise || line[0] != '\n')
            fwrite(line, 1, (gsize)n, stderr);
        after_noise = FALSE;
    }
}

static void
restore(const VigilOnnxHush *self)
{
    FILE *file;

    fflush(stderr);
    dup2(self->stderr_fd, STDERR_FILENO);
    close(self->stderr_fd);
    lseek(self->file_fd, 0, SEEK_SET);
    file = fdopen(self->file_fd, "r");
    if (file) {
        write_rest(file);
        fclose(file);
    } else {
        close(self->file_fd);
    }
}

void
vigil_onnx_hush_end(VigilOnnxHush *self)
{
    if (self->stderr_fd >= 0)
        restore(self);
    *self = (VigilOnnxHush){-1, -1};
    g_mutex_unlock(&lock);
}
