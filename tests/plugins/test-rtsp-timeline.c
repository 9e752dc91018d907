/* SPDX-License-Identifier: Apache-2.0 */
/* When a frame was taken, by what came when; and when to try again. */
#include <check.h>
#include <stdlib.h>

#include "plugins/rtsp/vigil-rtsp-patience.h"
#include "plugins/rtsp/vigil-rtsp-timeline.h"

#define RATE 90000
#define MS G_GINT64_CONSTANT(1000000)
#define FRAME_NS (40 * MS)
#define FRAME_TICKS 3600
/* 2026-01-01T00:00:00Z as NTP has it */
#define NTP_SECONDS (G_GUINT64_CONSTANT(1767225600) + G_GUINT64_CONSTANT(2208988800))

static gint64
add(VigilRtspTimeline *line, gint64 frame, gint64 now_ns)
{
    return vigil_rtsp_timeline_add(line, (guint32)(4294960000u + frame * FRAME_TICKS), now_ns);
}

START_TEST(test_steady_across_wrap)
{
    g_autoptr(VigilRtspTimeline) line = vigil_rtsp_timeline_new(RATE, NULL);

    for (gint64 i = 0; i < 100; i++) {
        const gint64 now_ns = 5000 * MS + i * FRAME_NS;

        ck_assert_int_eq(add(line, i, now_ns), now_ns);
        /* the frame's other packets */
        ck_assert_int_eq(add(line, i, now_ns + 3 * MS), now_ns);
    }
    ck_assert_uint_eq(vigil_rtsp_timeline_get_jumps(line), 0);
}
END_TEST

/* Nothing for 4 s, then all of it at once. */
START_TEST(test_burst_after_stall)
{
    g_autoptr(VigilRtspTimeline) line = vigil_rtsp_timeline_new(RATE, NULL);
    gint64 time_ns;

    for (gint64 i = 0; i < 250; i++)
        add(line, i, i * FRAME_NS);
    for (gint64 i = 250; i < 350; i++) {
        time_ns = add(line, i, 350 * FRAME_NS + (i - 250) * MS / 10);
        ck_assert_int_ge(time_ns, i * FRAME_NS - 5 * MS);
        ck_assert_int_le(time_ns, i * FRAME_NS + 5 * MS);
    }
    time_ns = add(line, 350, 350 * FRAME_NS + 10 * MS);
    ck_assert_int_ge(time_ns, 350 * FRAME_NS - 10 * MS);
    ck_assert_uint_eq(vigil_rtsp_timeline_get_jumps(line), 0);
}
END_TEST

/* A server that begins with 2 s of what it has kept: soon nothing is in the future, and time never goes back. */
START_TEST(test_begins_with_the_past)
{
    g_autoptr(VigilRtspTimeline) line = vigil_rtsp_timeline_new(RATE, NULL);
    gint64 last_ns = -1, now_ns = 0, time_ns = 0;

    for (gint64 i = 0; i < 400; i++) {
        now_ns = i < 50 ? i * MS : 50 * MS + (i - 50) * FRAME_NS;
        time_ns = add(line, i, now_ns);
        ck_assert_int_gt(time_ns, last_ns);
        last_ns = time_ns;
    }
    ck_assert_int_le(ABS(time_ns - now_ns), 2 * MS);
}
END_TEST

static gint64
run_with_drift(gdouble ppm, gint64 seconds)
{
    g_autoptr(VigilRtspTimeline) line = vigil_rtsp_timeline_new(RATE, NULL);
    gint64 worst_ns = 0;

    for (gint64 i = 0; i < seconds * 25; i++) {
        const gint64 now_ns = (gint64)((gdouble)(i * FRAME_NS) * (1 + ppm * 1e-6));
        const gint64 jitter_ns = (i * 7919 % 20) * MS;
        const gint64 off_ns = add(line, i, now_ns + jitter_ns) - now_ns;

        worst_ns = MAX(worst_ns, ABS(off_ns));
    }
    return worst_ns;
}

START_TEST(test_drift)
{
    ck_assert_int_le(run_with_drift(0, 600), 25 * MS);
    ck_assert_int_le(run_with_drift(200, 3600), 40 * MS);
    ck_assert_int_le(run_with_drift(-200, 3600), 40 * MS);
}
END_TEST

START_TEST(test_jump)
{
    g_autoptr(VigilRtspTimeline) line = vigil_rtsp_timeline_new(RATE, NULL);

    for (gint64 i = 0; i < 50; i++)
        add(line, i, i * FRAME_NS);
    /* RTP time begins anew, far ahead and then far back */
    ck_assert_int_eq(add(line, 100000, 50 * FRAME_NS), 50 * FRAME_NS);
    ck_assert_uint_eq(vigil_rtsp_timeline_get_jumps(line), 1);
    ck_assert_int_eq(add(line, 100001, 51 * FRAME_NS), 51 * FRAME_NS);
    ck_assert_int_eq(add(line, 0, 52 * FRAME_NS), 52 * FRAME_NS);
    ck_assert_uint_eq(vigil_rtsp_timeline_get_jumps(line), 2);
}
END_TEST

START_TEST(test_camera_time)
{
    g_autoptr(VigilRtspTimeline) line = vigil_rtsp_timeline_new(RATE, NULL);
    gint64 first_ns = add(line, 0, 0), time_ns;

    ck_assert_int_eq(vigil_rtsp_timeline_get_camera_ns(line, first_ns), VIGIL_RTSP_TIME_NONE);
    /* half a second past the full one at the first frame */
    vigil_rtsp_timeline_set_report(line, NTP_SECONDS << 32 | 0x80000000u, 4294960000u);
    time_ns = add(line, 25, 25 * FRAME_NS);
    ck_assert_int_eq(vigil_rtsp_timeline_get_camera_ns(line, time_ns),
                     G_GINT64_CONSTANT(1767225601500) * MS);
    ck_assert_int_eq(vigil_rtsp_timeline_get_camera_ns(line, time_ns + 1), VIGIL_RTSP_TIME_NONE);
}
END_TEST

/* Two streams of one camera, one of them 350 ms later through its encoder; @apart: what their clocks differ by */
static gint64
run_pair(const gchar *name, gint64 apart_s)
{
    VigilRtspSync *sync = vigil_rtsp_sync_get(name);
    g_autoptr(VigilRtspTimeline) main = vigil_rtsp_timeline_new(RATE, sync);
    g_autoptr(VigilRtspTimeline) sub = vigil_rtsp_timeline_new(RATE, sync);
    gint64 main_ns = 0, sub_ns = 0;

    for (gint64 i = 0; i < 250; i++) {
        main_ns = add(main, i, i * FRAME_NS + 20 * MS);
        sub_ns =
            vigil_rtsp_timeline_add(sub, (guint32)(77 + i * FRAME_TICKS), i * FRAME_NS + 370 * MS);
        if (i == 50) {
            vigil_rtsp_timeline_set_report(main, NTP_SECONDS << 32, 4294960000u);
            vigil_rtsp_timeline_set_report(sub, (NTP_SECONDS + (guint64)apart_s) << 32, 77);
        }
    }
    vigil_rtsp_sync_unref(sync);
    return sub_ns - main_ns;
}

START_TEST(test_one_camera)
{
    /* within the 5 ms that the clock may drift */
    ck_assert_int_le(ABS(run_pair("a", 0)), 5 * MS);
    /* clocks that differ are not believed */
    ck_assert_int_le(ABS(run_pair("b", 30) - 350 * MS), 10 * MS);
}
END_TEST

START_TEST(test_any_report)
{
    static const guint64 ntps[] = {0, 1, G_MAXUINT64, G_GUINT64_CONSTANT(1) << 63,
                                   NTP_SECONDS << 32};
    VigilRtspSync *sync = vigil_rtsp_sync_get("any");

    for (guint i = 0; i < 1000; i++) {
        g_autoptr(VigilRtspTimeline) line = vigil_rtsp_timeline_new(i % 3 ? RATE : 1, sync);

        vigil_rtsp_timeline_set_report(line, ntps[i % G_N_ELEMENTS(ntps)], i * 2654435761u);
        for (guint k = 0; k < 20; k++)
            ck_assert_int_ge(vigil_rtsp_timeline_add(line, i * k * 2246822519u, k * FRAME_NS), 0);
    }
    vigil_rtsp_sync_unref(sync);
}
END_TEST

#define S ((gint64)G_USEC_PER_SEC)

START_TEST(test_pauses)
{
    static const gint64 pauses[] = {S / 2, S, 2 * S, 3 * S, 3 * S};
    VigilRtspPatience patience;

    vigil_rtsp_patience_init(&patience, VIGIL_RTSP_TCP, 3 * S);
    for (guint i = 0; i < G_N_ELEMENTS(pauses); i++) {
        ck_assert(!vigil_rtsp_patience_begin(&patience, i * S));
        ck_assert_int_eq(vigil_rtsp_patience_get_deadline(&patience, 4 * S), i * S + 4 * S);
        ck_assert_int_eq(vigil_rtsp_patience_end(&patience, VIGIL_RTSP_LOST, i * S), pauses[i]);
    }
    /* frames for 10 s make it a good one */
    vigil_rtsp_patience_begin(&patience, 100 * S);
    vigil_rtsp_patience_note_frame(&patience, 110 * S);
    ck_assert_int_eq(vigil_rtsp_patience_get_deadline(&patience, 4 * S), 114 * S);
    ck_assert_int_eq(vigil_rtsp_patience_end(&patience, VIGIL_RTSP_LOST, 114 * S), S / 2);
}
END_TEST

START_TEST(test_refusals)
{
    VigilRtspPatience patience;
    gint64 sum_us = 0, pause_us = 0;

    vigil_rtsp_patience_init(&patience, VIGIL_RTSP_TCP, 3 * S);
    for (guint i = 0; i < 40; i++) {
        vigil_rtsp_patience_begin(&patience, i * S);
        pause_us = vigil_rtsp_patience_end(&patience, VIGIL_RTSP_REFUSED, i * S);
        sum_us += i < 4 ? pause_us : 0;
    }
    ck_assert_int_eq(sum_us, 20 * S);
    ck_assert_int_eq(pause_us, 60 * S);
}
END_TEST

START_TEST(test_auto_transport)
{
    VigilRtspPatience patience;

    vigil_rtsp_patience_init(&patience, VIGIL_RTSP_AUTO, 3 * S);
    ck_assert(!vigil_rtsp_patience_begin(&patience, 0));
    vigil_rtsp_patience_end(&patience, VIGIL_RTSP_AWAY, S);
    ck_assert(!vigil_rtsp_patience_begin(&patience, 2 * S));
    vigil_rtsp_patience_end(&patience, VIGIL_RTSP_LOST, 3 * S);
    ck_assert(vigil_rtsp_patience_begin(&patience, 4 * S));
    vigil_rtsp_patience_note_frame(&patience, 5 * S);
    vigil_rtsp_patience_end(&patience, VIGIL_RTSP_LOST, 6 * S);
    /* what worked is tried again */
    ck_assert(vigil_rtsp_patience_begin(&patience, 7 * S));
}
END_TEST

/* 100 packets a second, of which so many of a thousand are lost, for @seconds. Returns: after how many it had enough of it, 0: it had not */
static guint
lose(VigilRtspTransport asked, gboolean udp, const guint *permille, guint seconds)
{
    guint64 packets = 0, lost = 0;
    VigilRtspPatience patience;

    vigil_rtsp_patience_init(&patience, asked, 3 * S);
    patience.way.udp = udp;
    vigil_rtsp_patience_begin(&patience, 0);
    for (guint i = 1; i <= seconds; i++) {
        lost += permille[i - 1] / 10;
        packets += 100 - permille[i - 1] / 10;
        vigil_rtsp_patience_note_frame(&patience, i * S);
        if (vigil_rtsp_patience_note_packets(&patience, packets, lost, i * S))
            return i;
    }
    return 0;
}

START_TEST(test_losses)
{
    guint all[60], none[60], burst[60], apart[60];

    for (guint i = 0; i < 60; i++) {
        all[i] = 20;
        none[i] = 10;
        burst[i] = i == 7 ? 1000 : 0;
        apart[i] = i / 5 % 2 ? 500 : 0;
    }
    ck_assert_uint_eq(lose(VIGIL_RTSP_AUTO, TRUE, all, 60), 10);
    ck_assert_uint_eq(lose(VIGIL_RTSP_AUTO, TRUE, none, 60), 0);
    ck_assert_uint_eq(lose(VIGIL_RTSP_AUTO, TRUE, burst, 60), 0);
    ck_assert_uint_eq(lose(VIGIL_RTSP_AUTO, TRUE, apart, 60), 0);
    ck_assert_uint_eq(lose(VIGIL_RTSP_UDP, TRUE, all, 60), 0);
    ck_assert_uint_eq(lose(VIGIL_RTSP_AUTO, FALSE, all, 60), 0);
}
END_TEST

/* A camera that gives nothing by TCP keeps its bad UDP; and one that gives something sees UDP again when TCP gave nothing for long. */
START_TEST(test_lossy_once)
{
    VigilRtspPatience patience;

    vigil_rtsp_patience_init(&patience, VIGIL_RTSP_AUTO, 3 * S);
    patience.way.udp = TRUE;
    vigil_rtsp_patience_begin(&patience, 0);
    vigil_rtsp_patience_note_frame(&patience, S);
    ck_assert_int_eq(vigil_rtsp_patience_end(&patience, VIGIL_RTSP_LOSSY, 10 * S), 0);
    /* by UDP still, while the connection is taken down */
    vigil_rtsp_patience_note_frame(&patience, 10 * S);
    ck_assert(!vigil_rtsp_patience_begin(&patience, 10 * S));
    vigil_rtsp_patience_end(&patience, VIGIL_RTSP_LOST, 14 * S);
    ck_assert(vigil_rtsp_patience_begin(&patience, 15 * S));
    vigil_rtsp_patience_note_frame(&patience, 16 * S);
    for (gint64 i = 0; i < 10; i++)
        ck_assert(!vigil_rtsp_patience_note_packets(&patience, 100 * (guint64)i, 50 * (guint64)i,
                                                    (20 + 5 * i) * S));
    patience.way.udp = FALSE;
    ck_assert(!vigil_rtsp_patience_begin(&patience, 80 * S));
    vigil_rtsp_patience_note_frame(&patience, 80 * S);
    for (gint64 i = 0; i < 10; i++) {
        ck_assert(!vigil_rtsp_patience_begin(&patience, (100 + i) * S));
        vigil_rtsp_patience_end(&patience, VIGIL_RTSP_LOST, (100 + i) * S);
    }
    /* it does not work any more: as if nothing were known */
    ck_assert(vigil_rtsp_patience_begin(&patience, 110 * S));
    ck_assert(!patience.way.lossy && !patience.way.tcp_works);
}
END_TEST

START_TEST(test_way_is_kept)
{
    VigilRtspWay way = {.lost_permille = 7};

    ck_assert(!vigil_rtsp_way_recall("rtsp://a/", &way));
    ck_assert_uint_eq(way.lost_permille, 7);
    vigil_rtsp_way_keep("rtsp://a/", &(VigilRtspWay){.lossy = TRUE, .lost_permille = 31});
    ck_assert(!vigil_rtsp_way_recall("rtsp://b/", &way));
    ck_assert(vigil_rtsp_way_recall("rtsp://a/", &way));
    ck_assert(way.lossy);
    ck_assert_uint_eq(way.lost_permille, 31);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rtsp-timeline");
    TCase *tcase = tcase_create("rtsp-timeline");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tcase, test_steady_across_wrap);
    tcase_add_test(tcase, test_burst_after_stall);
    tcase_add_test(tcase, test_begins_with_the_past);
    tcase_add_test(tcase, test_drift);
    tcase_add_test(tcase, test_jump);
    tcase_add_test(tcase, test_camera_time);
    tcase_add_test(tcase, test_one_camera);
    tcase_add_test(tcase, test_any_report);
    tcase_add_test(tcase, test_pauses);
    tcase_add_test(tcase, test_refusals);
    tcase_add_test(tcase, test_auto_transport);
    tcase_add_test(tcase, test_losses);
    tcase_add_test(tcase, test_lossy_once);
    tcase_add_test(tcase, test_way_is_kept);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
