/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "models/vigil-model.h"
#include "models/vigil-package.h"
#include "pipeline/vigil-command.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-model-compare.h"

#define NO_LEAST (-1.0)

typedef struct {
    const gchar *model;
    gchar *keys, *labels, *images, *against;
    gboolean allow_unsigned;
    gdouble least;
} Options;

static void
print_signature(const VigilPackage *package, const VigilKeys *keys)
{
    const VigilSealed *sealed = &package->sealed;

    if (sealed->trust == VIGIL_PACKAGE_TRUSTED)
        printf("signature  good, of key %s (%s)\n", sealed->key,
               vigil_keys_find_name(keys, sealed->key));
    else
        printf("signature  none\n");
    if (sealed->files)
        printf("hashes     good, of %u files with %" G_GSIZE_FORMAT " bytes; package %s\n",
               vigil_package_files_get_n(sealed->files),
               vigil_package_files_get_bytes(sealed->files), sealed->id);
    else
        printf("hashes     none: it has no %s\n", VIGIL_PACKAGE_SUMS);
}

static void
print_detector(const VigilDetector *detector)
{
    const guint n = vigil_detector_get_n_labels(detector);
    g_autoptr(GString) labels = g_string_new(NULL);

    for (guint i = 0; i < n && i < 8; i++)
        g_string_append_printf(labels, "%s%s", i ? ", " : "",
                               vigil_detector_get_label(detector, (gint32)i));
    printf("model      SHA-256 %s\n", vigil_detector_get_sha256(detector));
    printf("classes    %u: %s%s\n", n, labels->str, n > 8 ? ", …" : "");
    printf("threshold  %.2f, at most %u boxes a picture\n",
           (gdouble)vigil_detector_get_threshold(detector),
           vigil_detector_get_max_detections(detector));
}

/* Opens what is to be verified, and says what is known of it on the way. */
static VigilDetector *
open_model(const Options *options, GError **error)
{
    VigilDetectorOptions defaults = vigil_detector_options_defaults();
    g_autoptr(VigilKeys) keys = NULL;
    VigilPackage *package;
    gboolean golden;
    VigilDetector *detector;

    defaults.model = options->model;
    /* a package says what its classes are called */
    defaults.labels = vigil_package_is(options->model) ? NULL : options->labels;
    if (!vigil_package_is(options->model)) {
        printf("package    none: a bare model, so there are no signature, hashes and golden boxes "
               "to compare with\n");
        return vigil_detector_open(&defaults, error);
    }
    keys = vigil_keys_load(options->keys, error);
    package = keys ? vigil_package_open(options->model, keys,
                                        options->allow_unsigned ? VIGIL_PACKAGE_UNSIGNED
                                                                : VIGIL_PACKAGE_SIGNED,
                                        error)
                   : NULL;
    if (!package)
        return NULL;
    printf("package    %s, version %s, licence %s\n", package->name,
           package->version ? package->version : "not given",
           package->licence ? package->licence : "not given");
    if (package->provenance)
        printf("made by    %s\n", package->provenance);
    print_signature(package, keys);
    golden = package->golden_boxes != NULL;
    detector = vigil_detector_open_package(package, &defaults, error);
    if (detector)
        printf("golden     %s\n", golden ? "good: its boxes come out of its input"
                                         : "none: nothing says whether this machine finds what "
                                           "its maker found");
    return detector;
}

static VigilExit
compare(const Options *options, VigilDetector *detector, GError **error)
{
    VigilDetectorOptions other = vigil_detector_options_defaults();
    g_autoptr(VigilDetector) against = NULL;
    VigilModelComparison result;
    gdouble agreement;

    other.model = options->against;
    other.labels = options->against && !vigil_package_is(options->against) ? options->labels : NULL;
    if (!vigil_gst_init(error) ||
        (options->against && !(against = vigil_detector_open(&other, error))) ||
        !vigil_model_compare(detector, against, options->images, &result, error))
        return VIGIL_EXIT_FAILED;
    agreement = vigil_model_comparison_get_agreement(&result);
    printf("pictures   %u compared with %s\n", result.pictures,
           against ? vigil_detector_get_name(against) : "the boxes beside them");
    if (result.without)
        printf("           %u left out, without boxes beside them\n", result.without);
    printf("boxes      %" G_GUINT64_FORMAT " matched, %" G_GUINT64_FORMAT
           " missed, %" G_GUINT64_FORMAT " extra (overlap at least %.1f)\n",
           result.match.matched, result.match.missed, result.match.extra,
           (gdouble)VIGIL_MODEL_COMPARE_IOU);
    if (result.match.matched)
        printf("           mean overlap %.3f, mean difference of scores %.3f\n",
               result.match.overlap / (gdouble)result.match.matched,
               result.match.score_difference / (gdouble)result.match.matched);
    printf("agreement  %.3f", agreement);
    if (options->least < 0) {
        printf("\n");
        return VIGIL_EXIT_OK;
    }
    printf(", asked for %.3f: %s\n", options->least,
           agreement >= options->least ? "good" : "too low");
    return agreement >= options->least ? VIGIL_EXIT_OK : VIGIL_EXIT_FINDINGS;
}

static VigilExit
verify(const Options *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDetector) detector = open_model(options, &error);
    VigilExit code = detector ? VIGIL_EXIT_OK : VIGIL_EXIT_FAILED;

    if (detector) {
        print_detector(detector);
        if (options->images)
            code = compare(options, detector, &error);
    }
    if (error)
        vigil_command_error("%s", error->message);
    return code;
}

static void
options_clear(Options *self)
{
    g_free(self->keys);
    g_free(self->labels);
    g_free(self->images);
    g_free(self->against);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(Options) options = {.least = NO_LEAST};
    const GOptionEntry entries[] = {
        {"keys", 'k', 0, G_OPTION_ARG_FILENAME, &options.keys,
         "Directory of the trusted keys, *.pub (default " VIGIL_KEYS_DEFAULT_DIR ")", "DIR"},
        {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &options.labels,
         "The classes' names, for models that are no packages and do not tell", "FILE"},
        {"allow-unsigned", 0, 0, G_OPTION_ARG_NONE, &options.allow_unsigned,
         "Look at a package that nobody signed, too", NULL},
        {"images", 'i', 0, G_OPTION_ARG_FILENAME, &options.images,
         "Compare with the boxes beside the pictures in DIR: PICTURE.tsv or PICTURE.txt", "DIR"},
        {"against", 'a', 0, G_OPTION_ARG_FILENAME, &options.against,
         "Compare with the boxes of another model on these pictures", "MODEL"},
        {"agree", 0, 0, G_OPTION_ARG_DOUBLE, &options.least,
         "Fail (5) when fewer than this part of all boxes match, 0..1 (default: 0.9 with "
         "--against, "
         "else just say it)",
         "PART"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, 1, &args, &code))
        return code;
    if (options.against && !options.images)
        return vigil_command_usage_error(self, "--against needs --images DIR");
    if (options.least > 1.0 || (options.least < 0.0 && options.least != NO_LEAST))
        return vigil_command_usage_error(self, "--agree %g: write a number from 0 to 1",
                                         options.least);
    if (options.against && options.least < 0)
        options.least = 0.9;
    options.model = args[0];
    return verify(&options);
}

const VigilCommand vigil_cmd_model_verify = {
    "verify", "PACKAGE|MODEL", "Signature, hashes, golden boxes; comparison on pictures",
    "A package is a directory with a manifest.ini or a .vigil archive. Its signature is checked "
    "first, then\n"
    "its hashes, then it is read and its golden boxes are compared with what comes out here.\n\n"
    "A .tsv file has lines of label, score, x0, y0, x1, y1 with tabs between; a .txt file lines of "
    "class\n"
    "number, x, y, width, height; both in parts of the picture. Boxes of one class that overlap by "
    "0.5 match.\n",
    run};
