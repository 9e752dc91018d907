/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-code-pages.h"

#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* An object whose code the loader has written into (a private copy would be lost). */
static gboolean
has_text_relocations(const struct dl_phdr_info *object)
{
    for (guint i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const ElfW(Dyn) * entry;

        if (header->p_type != PT_DYNAMIC)
            continue;
        entry = (const ElfW(Dyn) *)(object->dlpi_addr + header->p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_TEXTREL ||
                (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
                return TRUE;
    }
    return FALSE;
}

static int
release(struct dl_phdr_info *object, size_t size, void *user_data)
{
    const guintptr page = (guintptr)sysconf(_SC_PAGESIZE);

    /* the kernel's own is not of a file */
    if (strstr(object->dlpi_name, "vdso") || has_text_relocations(object))
        return 0;
    for (guint i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const guintptr begin = object->dlpi_addr + header->p_vaddr;
        /* the kernel maps whole pages; a page that a writable segment shares with this one is mapped twice */
        const guintptr from = (begin + page - 1) / page * page;
        const guintptr to = (begin + header->p_filesz) / page * page;

        if (header->p_type == PT_LOAD && !(header->p_flags & PF_W) && from < to)
            madvise((void *)from, to - from, MADV_DONTNEED);
    }
    return 0;
}

void
vigil_code_pages_release(void)
{
    dl_iterate_phdr(release, NULL);
}
