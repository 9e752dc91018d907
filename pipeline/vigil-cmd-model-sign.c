/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>

#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "models/vigil-package.h"
#include "models/vigil-version.h"
#include "pipeline/vigil-command.h"

typedef struct {
    gchar *key, *new_key, *output;
    gboolean no_key;
} Options;

static void
options_clear(Options *self)
{
    g_free(self->key);
    g_free(self->new_key);
    g_free(self->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* What is signed must be what can be used. */
static gboolean
check(VigilPackageFiles *files, const gchar *folder, gchar **name, gchar **version, GError **error)
{
    const VigilDetectorOptions defaults = vigil_detector_options_defaults();
    g_auto(VigilSealed) sealed = {0};
    g_autoptr(VigilPackage) package = NULL;
    g_autoptr(VigilDetector) detector = NULL;

    if (!vigil_sealed_check(&sealed, files, folder, NULL, VIGIL_PACKAGE_ANY, error) ||
        !(package = vigil_package_new(&sealed, folder, error)))
        return FALSE;
    if (!package->version || !vigil_version_is(package->version)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "%s: [model] version: a signed package needs one of 1 to 4 numbers, as 1.0.2",
                    folder);
        return FALSE;
    }
    *name = g_strdup(package->name);
    *version = g_strdup(package->version);
    detector = vigil_detector_open_package(g_steal_pointer(&package), &defaults, error);
    return detector != NULL;
}

static gboolean
write_bytes(const gchar *path, GBytes *bytes, GError **error)
{
    return g_file_set_contents(path, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes),
                               error);
}

static gboolean
write_seal(const VigilPackageFiles *files, const gchar *folder, GError **error)
{
    g_autofree gchar *sums = g_build_filename(folder, VIGIL_PACKAGE_SUMS, NULL);
    g_autofree gchar *signature = g_build_filename(folder, VIGIL_PACKAGE_SIGNATURE, NULL);
    GBytes *signed_by = vigil_package_files_get(files, VIGIL_PACKAGE_SIGNATURE);

    if (!write_bytes(sums, vigil_package_files_get(files, VIGIL_PACKAGE_SUMS), error))
        return FALSE;
    if (signed_by)
        return write_bytes(signature, signed_by, error);
    if (g_unlink(signature) == 0 || errno == ENOENT)
        return TRUE;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", signature,
                g_strerror(errno));
    return FALSE;
}

static gboolean
sign(const Options *options, const gchar *folder, const VigilSecretKey *key, GError **error)
{
    g_autoptr(VigilPackageFiles) files = vigil_package_read_directory(folder, error);
    g_autofree gchar *name = NULL, *version = NULL;
    g_autoptr(GBytes) archive = NULL;

    if (!files || !vigil_package_seal(files, key, error) ||
        !check(files, folder, &name, &version, error))
        return FALSE;
    if (options->output && (!(archive = vigil_package_pack(files, key, error)) ||
                            !write_bytes(options->output, archive, error)))
        return FALSE;
    if (!write_seal(files, folder, error))
        return FALSE;
    printf("%s %s: %u files, %" G_GSIZE_FORMAT " bytes, %s%s\n", name, version,
           vigil_package_files_get_n(files), vigil_package_files_get_bytes(files),
           key ? "signed by key " : "hashes only, not signed",
           key ? vigil_secret_key_get_id(key) : "");
    if (archive)
        printf("%s: %" G_GSIZE_FORMAT " bytes\n", options->output, g_bytes_get_size(archive));
    return TRUE;
}

static VigilSecretKey *
get_key(const Options *options, GError **error)
{
    VigilSecretKey *key;

    if (options->key)
        return vigil_secret_key_load(options->key, error);
    key = vigil_secret_key_create(options->new_key, error);
    if (key)
        printf("%s: a new secret key, %s; keep it to yourself\n"
               "%s.pub: the public key; copy it to " VIGIL_KEYS_DEFAULT_DIR
               " wherever packages of this key are to be taken\n",
               options->new_key, vigil_secret_key_get_id(key), options->new_key);
    return key;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"key", 'k', 0, G_OPTION_ARG_FILENAME, &options.key, "The secret key that signs", "FILE"},
        {"new-key", 0, 0, G_OPTION_ARG_FILENAME, &options.new_key,
         "Make a key first: FILE (secret) and FILE.pub (to be given away)", "FILE"},
        {"no-key", 0, 0, G_OPTION_ARG_NONE, &options.no_key, "Write hashes only", NULL},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
         "Also pack it into one file, NAME.vigil", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilSecretKey) key = NULL;
    g_autoptr(GError) error = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 1, &args, &code))
        return code;
    if (!options.key + !options.new_key + !options.no_key != 2)
        return vigil_command_usage_error(self, "give one of --key, --new-key and --no-key");
    if (!args[0] && (!options.new_key || options.output))
        return vigil_command_usage_error(self, "name the directory of the package");
    if ((!options.no_key && !(key = get_key(&options, &error))) ||
        (args[0] && !sign(&options, args[0], key, &error))) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    return VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_model_sign = {
    "sign", "[DIR]", "Hashes and a signature for a package; a .vigil archive of it",
    "DIR is a package: manifest.ini, the .tflite, labels, golden input and boxes, a model card …; "
    "no folders\n"
    "in it. It is loaded and its golden boxes are checked; then package.sums (a SHA-256 for each "
    "file) and\n"
    "package.sig (Ed25519 over it) are written into it.\n\n"
    "  vigil model sign --new-key site.key            makes a key: site.key and site.key.pub\n"
    "  vigil model sign DIR --key site.key -o NAME.vigil\n",
    run};
