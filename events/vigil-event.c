/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-event.h"

const gchar *
vigil_event_type_to_string(VigilEventType type)
{
    static const gchar *const names[] = {"begin", "update", "end"};

    return names[type];
}
