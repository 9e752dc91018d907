/* SPDX-License-Identifier: Apache-2.0 */
/* The fake decoder for a whole program: a plugin that GST_PLUGIN_PATH leads to. */
#include "tests/plugins/fake-decoder.h"

#define PACKAGE "vigil-tests"

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, fakedecoder, "A decoder that breaks",
                  fake_decoder_register, "1", "Proprietary", "vigil-tests", "https://vigil.invalid")
