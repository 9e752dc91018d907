/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "events/vigil-schedule.h"

static VigilSchedule *
read_schedule(const gchar *text, GError **error)
{
    g_autoptr(VigilYaml) root = vigil_yaml_parse(text, strlen(text), "s.yaml", error);

    return root ? vigil_schedule_from_yaml(root, error) : NULL;
}

static VigilSchedule *
read_good(const gchar *text)
{
    g_autoptr(GError) error = NULL;
    VigilSchedule *schedule = read_schedule(text, &error);

    ck_assert_msg(schedule != NULL, "%s", error ? error->message : "no error");
    return schedule;
}

static gint64
utc(const gchar *text)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, zone);

    ck_assert_ptr_nonnull(time);
    return g_date_time_to_unix(time) * G_USEC_PER_SEC;
}

/* "+29T23:00 -30T04:00": when it begins to hold and ceases to, day and time in UTC, minute by minute. */
static gchar *
changes(const VigilSchedule *schedule, gint64 from_us, gint64 to_us)
{
    GString *out = g_string_new("");
    gboolean before = vigil_schedule_contains(schedule, from_us - 1);

    g_string_append(out, before ? "on" : "off");
    for (gint64 t = from_us; t < to_us; t += 60 * G_USEC_PER_SEC) {
        const gboolean now = vigil_schedule_contains(schedule, t);
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(t / G_USEC_PER_SEC);
        g_autofree gchar *shown = g_date_time_format(time, "%dT%H:%M");

        ck_assert_int_eq(now, vigil_schedule_contains(schedule, t + 60 * G_USEC_PER_SEC - 1));
        if (now != before)
            g_string_append_printf(out, " %c%s", now ? '+' : '-', shown);
        before = now;
    }
    return g_string_free(out, FALSE);
}

#define BERLIN "timezone: Europe/Berlin"
#define SYDNEY "timezone: Australia/Sydney"
#define SANTIAGO "timezone: America/Santiago"

static const struct {
    const gchar *text, *from, *to, *changes;
} times[] = {
    /* without daylight saving: 2026-06-01 is a Monday */
    {"{timezone: UTC}", "2026-06-01T00:00:00", "2026-06-08T00:00:00", "on"},
    {"{from: \"08:00\", to: \"17:30\", timezone: UTC}", "2026-06-01T00:00:00",
     "2026-06-03T00:00:00", "off +01T08:00 -01T17:30 +02T08:00 -02T17:30"},
    {"{days: [tue, thu-fri], timezone: UTC}", "2026-06-01T00:00:00", "2026-06-08T00:00:00",
     "off +02T00:00 -03T00:00 +04T00:00 -06T00:00"},
    {"{days: [sat-mon], timezone: UTC}", "2026-06-01T00:00:00", "2026-06-08T00:00:00",
     "on -02T00:00 +06T00:00"},
    {"{days: [fri], from: \"22:00\", to: \"06:00\", timezone: UTC}", "2026-06-01T00:00:00",
     "2026-06-08T00:00:00", "off +05T22:00 -06T06:00"},
    {"{days: [sun], from: \"22:00\", to: \"06:00\", timezone: UTC}", "2026-06-01T00:00:00",
     "2026-06-08T00:00:00", "on -01T06:00 +07T22:00"},
    {"{from: \"22:00\", to: \"00:00\", timezone: UTC}", "2026-06-01T00:00:00",
     "2026-06-02T00:00:00", "on -01T00:00 +01T22:00"},
    {"[{days: [mon], to: \"02:00\", timezone: UTC}, {days: [mon], from: \"02:00\", to: \"03:00\", "
     "timezone: Europe/Berlin}]",
     "2026-06-01T00:00:00", "2026-06-02T00:00:00",
     "off +01T00:00 -01T02:00"}, /* the second is the first hour in UTC */
    {"{from: \"09:00\", to: \"10:00\", timezone: Asia/Kolkata}", "2026-06-01T00:00:00",
     "2026-06-02T00:00:00", "off +01T03:30 -01T04:30"},
    {"{days: [thu], timezone: UTC}", "1970-01-01T00:00:00", "1970-01-03T00:00:00",
     "off +01T00:00 -02T00:00"},
    {"{days: [wed], timezone: UTC}", "1969-12-30T00:00:00", "1970-01-02T00:00:00",
     "off +31T00:00 -01T00:00"},

    /* Berlin, 2026-03-29: 02:00 to 03:00 is skipped, at 01:00 UTC */
    {"{from: \"22:00\", to: \"06:00\", " BERLIN "}", "2026-03-28T12:00:00", "2026-03-30T12:00:00",
     "off +28T21:00 -29T04:00 +29T20:00 -30T04:00"},
    {"{from: \"02:15\", to: \"02:45\", " BERLIN "}", "2026-03-28T00:00:00", "2026-03-31T00:00:00",
     "off +28T01:15 -28T01:45 +30T00:15 -30T00:45"},
    {"{from: \"02:30\", to: \"03:30\", " BERLIN "}", "2026-03-29T00:00:00", "2026-03-29T12:00:00",
     "off +29T01:00 -29T01:30"},
    {"{from: \"01:30\", to: \"02:30\", " BERLIN "}", "2026-03-29T00:00:00", "2026-03-29T12:00:00",
     "off +29T00:30 -29T01:00"},
    {"{days: [sun], " BERLIN "}", "2026-03-28T00:00:00", "2026-03-30T12:00:00",
     "off +28T23:00 -29T22:00"}, /* a day of 23 hours */

    /* Berlin, 2026-10-25: 02:00 to 03:00 is repeated, at 01:00 UTC */
    {"{from: \"22:00\", to: \"06:00\", " BERLIN "}", "2026-10-24T12:00:00", "2026-10-26T12:00:00",
     "off +24T20:00 -25T05:00 +25T21:00 -26T05:00"},
    {"{from: \"02:15\", to: \"02:45\", " BERLIN "}", "2026-10-25T00:00:00", "2026-10-25T12:00:00",
     "off +25T00:15 -25T00:45 +25T01:15 -25T01:45"},
    {"{from: \"01:30\", to: \"03:30\", " BERLIN "}", "2026-10-24T23:00:00", "2026-10-25T12:00:00",
     "off +24T23:30 -25T02:30"},
    {"{days: [sun], " BERLIN "}", "2026-10-24T00:00:00", "2026-10-26T12:00:00",
     "off +24T22:00 -25T23:00"}, /* a day of 25 hours */

    /* Sydney, 2026-04-05: 02:00 to 03:00 is repeated, at 16:00 UTC of the day before */
    {"{from: \"22:00\", to: \"06:00\", " SYDNEY "}", "2026-04-04T00:00:00", "2026-04-05T13:00:00",
     "off +04T11:00 -04T20:00 +05T12:00"},
    {"{days: [sun], from: \"02:15\", to: \"02:45\", " SYDNEY "}", "2026-04-04T00:00:00",
     "2026-04-06T00:00:00", "off +04T15:15 -04T15:45 +04T16:15 -04T16:45"},
    /* Sydney, 2026-10-04: 02:00 to 03:00 is skipped, at 16:00 UTC of the day before */
    {"{from: \"02:15\", to: \"02:45\", " SYDNEY "}", "2026-10-03T12:00:00", "2026-10-05T12:00:00",
     "off +04T15:15 -04T15:45"},
    {"{from: \"01:30\", to: \"03:30\", " SYDNEY "}", "2026-10-03T12:00:00", "2026-10-04T12:00:00",
     "off +03T15:30 -03T16:30"},

    /* Santiago changes at midnight. 2026-04-05 at 03:00 UTC: 23:00 to 24:00 of Saturday the 4th is repeated */
    {"{days: [sat], from: \"23:15\", to: \"23:45\", " SANTIAGO "}", "2026-04-04T12:00:00",
     "2026-04-06T12:00:00", "off +05T02:15 -05T02:45 +05T03:15 -05T03:45"},
    {"{days: [sat], from: \"22:00\", to: \"01:00\", " SANTIAGO "}", "2026-04-04T12:00:00",
     "2026-04-06T12:00:00", "off +05T01:00 -05T05:00"},
    /* 2026-09-06 at 04:00 UTC: 00:00 to 01:00 of Sunday is skipped */
    {"{days: [sun], from: \"00:30\", to: \"02:00\", " SANTIAGO "}", "2026-09-05T12:00:00",
     "2026-09-07T12:00:00", "off +06T04:00 -06T05:00"},
    {"{days: [sat], from: \"23:00\", to: \"00:30\", " SANTIAGO "}", "2026-09-05T12:00:00",
     "2026-09-07T12:00:00", "off +06T03:00 -06T04:00"},

    /* Lord Howe moves by half an hour. 2026-10-04 at 15:30 UTC of the 3rd: 02:00 to 02:30 is skipped */
    {"{from: \"01:45\", to: \"02:45\", timezone: Australia/Lord_Howe}", "2026-10-03T12:00:00",
     "2026-10-04T12:00:00", "off +03T15:15 -03T15:45"},
};

START_TEST(test_times)
{
    g_autoptr(VigilSchedule) schedule = read_good(times[_i].text);
    g_autofree gchar *found = changes(schedule, utc(times[_i].from), utc(times[_i].to));

    ck_assert_msg(g_str_equal(found, times[_i].changes), "%s: %s, not %s", times[_i].text, found,
                  times[_i].changes);
}
END_TEST

static const struct {
    const gchar *text, *message;
} mistakes[] = {
    {"x", "s.yaml:1: wants a mapping (key: value), this is \"x\""},
    {"[]", "s.yaml:1: a schedule has 1 to 32 spans, this has 0"},
    {"{}", "s.yaml:1: a schedule needs a timezone, for instance Europe/Berlin"},
    {"[{timezone: UTC}, {}]",
     "s.yaml:1: [1]: a schedule needs a timezone, for instance Europe/Berlin"},
    {"{timezon: UTC, timezone: UTC}",
     "s.yaml:1: unknown key \"timezon\"; did you mean \"timezone\"?"},
    {"timezone: Europe/Belrin",
     "s.yaml:1: timezone: wants the name of a time zone that this "
     "machine knows, as Europe/Berlin or UTC, this is \"Europe/Belrin\""},
    {"timezone: +01:00", "s.yaml:1: timezone: wants the name of a time zone that this machine "
                         "knows, as Europe/Berlin or UTC, this is \"+01:00\""},
    {"timezone: CET-1CEST", "s.yaml:1: timezone: wants the name of a time zone that this machine "
                            "knows, as Europe/Berlin or UTC, this is \"CET-1CEST\""},
    {"timezone: a/../Europe/Berlin",
     "s.yaml:1: timezone: wants the name of a time zone that this machine knows, as Europe/Berlin "
     "or UTC, this is \"a/../Europe/Berlin\""},
    {"timezone: [UTC]", "s.yaml:1: timezone: wants a text, this is a list"},
    {"{days: mon, timezone: UTC}",
     "s.yaml:1: days: wants a list of days of the week, for instance [mon-fri], this is \"mon\""},
    {"{days: [], timezone: UTC}",
     "s.yaml:1: days: wants a list of days of the week, for instance [mon-fri], this is a list"},
    {"{days: [mon-], timezone: UTC}",
     "s.yaml:1: days[0]: wants mon, tue, wed, thu, fri, sat, sun or two of them as in mon-fri, "
     "this is \"mon-\""},
    {"{days: [fri, Monday], timezone: UTC}",
     "s.yaml:1: days[1]: wants mon, tue, wed, thu, fri, sat, sun or two of them as in mon-fri, "
     "this is \"Monday\""},
    {"{days: [mo], timezone: UTC}",
     "s.yaml:1: days[0]: wants mon, tue, wed, thu, fri, sat, sun or two of them as in mon-fri, "
     "this is \"mo\""},
    {"{from: \"24:00\", timezone: UTC}",
     "s.yaml:1: from: wants a time of day from 00:00 to 23:59, this is \"24:00\""},
    {"{to: \"24:01\", timezone: UTC}",
     "s.yaml:1: to: wants a time of day from 00:00 to 24:00, this is \"24:01\""},
    {"{to: \"12:60\", timezone: UTC}",
     "s.yaml:1: to: wants a time of day from 00:00 to 24:00, this is \"12:60\""},
    {"{to: 6:00, timezone: UTC}",
     "s.yaml:1: to: wants a time of day from 00:00 to 24:00, this is \"6:00\""},
    {"{to: 6pm, timezone: UTC}",
     "s.yaml:1: to: wants a time of day from 00:00 to 24:00, this is \"6pm\""},
    {"from: \"06:00\"\nto: \"06:00\"\ntimezone: UTC",
     "s.yaml:2: to: from and to are the same time; leave both out for whole days"},
    {"days: [x]\nfrom: y\nto: z\nhours: 3",
     "s.yaml:4: unknown key \"hours\"; known are: days, from, to, timezone\n"
     "s.yaml:1: days[0]: wants mon, tue, wed, thu, fri, sat, sun or two of them as in mon-fri, "
     "this is \"x\"\n"
     "s.yaml:2: from: wants a time of day from 00:00 to 23:59, this is \"y\"\n"
     "s.yaml:3: to: wants a time of day from 00:00 to 24:00, this is \"z\"\n"
     "s.yaml:1: a schedule needs a timezone, for instance Europe/Berlin"},
};

START_TEST(test_mistakes)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(read_schedule(mistakes[_i].text, &error));
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_VALUE));
    ck_assert_str_eq(error->message, mistakes[_i].message);
}
END_TEST

START_TEST(test_most_spans)
{
    for (guint n = VIGIL_SCHEDULE_MAX_SPANS; n <= VIGIL_SCHEDULE_MAX_SPANS + 1; n++) {
        g_autoptr(GString) text = g_string_new("[");
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilSchedule) schedule = NULL;

        for (guint i = 0; i < n; i++)
            g_string_append_printf(text, "{from: \"00:%02u\", to: \"00:%02u\", timezone: UTC},", i,
                                   i + 1);
        g_string_append(text, "]");
        schedule = read_schedule(text->str, &error);
        ck_assert_int_eq(schedule != NULL, n == VIGIL_SCHEDULE_MAX_SPANS);
        if (error)
            ck_assert_str_eq(error->message, "s.yaml:1: a schedule has 1 to 32 spans, this has 33");
    }
}
END_TEST

START_TEST(test_equal)
{
    static const gchar *const texts[] = {
        "{timezone: UTC}",
        "{timezone: Europe/Berlin}",
        "{days: [mon], timezone: UTC}",
        "{from: \"01:00\", timezone: UTC}",
        "{to: \"01:00\", timezone: UTC}",
        "[{timezone: UTC}, {timezone: UTC}]",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(VigilSchedule) a = read_good(texts[i]);
        g_autoptr(VigilSchedule) same = vigil_schedule_ref(a);

        ck_assert(vigil_schedule_equal(a, same));
        ck_assert(!vigil_schedule_equal(a, NULL));
        ck_assert(!vigil_schedule_equal(NULL, a));
        for (guint k = 0; k < G_N_ELEMENTS(texts); k++) {
            g_autoptr(VigilSchedule) b = read_good(texts[k]);

            ck_assert_int_eq(vigil_schedule_equal(a, b), i == k);
        }
    }
    ck_assert(vigil_schedule_equal(NULL, NULL));
    ck_assert_ptr_null(vigil_schedule_ref(NULL));
    vigil_schedule_unref(NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tc = tcase_create("schedule");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, test_times, 0, G_N_ELEMENTS(times));
    tcase_add_loop_test(tc, test_mistakes, 0, G_N_ELEMENTS(mistakes));
    tcase_add_test(tc, test_most_spans);
    tcase_add_test(tc, test_equal);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
