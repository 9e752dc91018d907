/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "plugins/record/vigil-record-session.h"

#define S G_GINT64_CONSTANT(1000000000)
#define B VIGIL_EVENT_BEGIN
#define U VIGIL_EVENT_UPDATE
#define E VIGIL_EVENT_END

static VigilRecordSession *session;

static void
setup(void)
{
    const VigilRecordOptions options = {.max_clip_ns = 60 * S, .commit_timeout_us = 5000000};

    session = vigil_record_session_new(&options);
}

static void
teardown(void)
{
    g_clear_pointer(&session, vigil_record_session_free);
}

/* Seconds. Returns: the clip that is to be begun. */
static VigilRecordClip *
say(const gchar *id, VigilEventType type, gint start, gint now, gint pre, gint post)
{
    VigilEvent *event = vigil_event_new();
    VigilRecordClip *clip;

    g_strlcpy(event->id, id, sizeof event->id);
    event->type = type;
    event->camera = event->rule = event->label = g_intern_static_string("x");
    event->start_ns = start * S;
    event->trigger_ns = event->end_ns = event->time_ns = now * S;
    event->record = TRUE;
    event->pre_ns = pre * S;
    event->post_ns = post * S;
    clip = vigil_record_session_add(session, event, FALSE, NULL, now * G_USEC_PER_SEC);
    vigil_event_unref(event);
    return clip;
}

static const gchar *
next_id(gint now)
{
    const VigilRecordMessage *message =
        vigil_record_session_peek(session, now * G_USEC_PER_SEC, FALSE);

    return message ? message->event->id : NULL;
}

START_TEST(event_that_begins_during_another_joins_its_clip)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 5);

    ck_assert_ptr_nonnull(a);
    ck_assert_int_eq(a->want_ns, 5 * S);
    ck_assert_ptr_null(say("b", B, 12, 13, 5, 5));
    ck_assert_uint_eq(a->n_active, 2);
    say("a", E, 10, 20, 5, 5);
    ck_assert(!vigil_record_session_clip_is_over(session, a, 40 * S));
    say("b", E, 12, 30, 5, 8);
    ck_assert_int_eq(a->end_ns, 38 * S);
    ck_assert(!vigil_record_session_clip_is_over(session, a, 38 * S));
    ck_assert(vigil_record_session_clip_is_over(session, a, 38 * S + 1));
}
END_TEST

START_TEST(clip_that_does_not_reach_back_is_not_shared)
{
    VigilRecordClip *a = say("a", B, 10, 11, 2, 5), *b = say("b", B, 11, 12, 5, 5);

    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_ne(a, b);
    /* its keyframe happens to lie early enough */
    a->first_ns = 5 * S;
    ck_assert_ptr_null(say("c", B, 12, 13, 6, 5));
    ck_assert_uint_eq(a->n_active, 2);
}
END_TEST

START_TEST(clip_in_its_post_roll_is_not_shared)
{
    say("a", B, 10, 11, 5, 20);
    say("a", E, 10, 12, 5, 20);
    ck_assert_ptr_nonnull(say("b", B, 15, 16, 1, 1));
}
END_TEST

START_TEST(end_is_the_latest_of_its_events)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 30);

    say("b", B, 12, 13, 1, 1);
    say("a", E, 10, 20, 5, 30);
    say("b", E, 12, 30, 1, 1);
    ck_assert_int_eq(a->end_ns, 50 * S);
    ck_assert_int_eq(vigil_record_session_get_clip_limit(session, a, 31 * S), 50 * S);
}
END_TEST

START_TEST(end_is_not_before_the_trigger)
{
    g_autoptr(VigilEvent) event = vigil_event_new();
    VigilRecordClip *clip;

    g_strlcpy(event->id, "a", sizeof event->id);
    event->camera = event->rule = event->label = g_intern_static_string("x");
    event->start_ns = event->end_ns = 10 * S;
    event->trigger_ns = event->time_ns = 70 * S;
    event->record = TRUE;
    event->pre_ns = event->post_ns = 5 * S;
    event->type = VIGIL_EVENT_BEGIN;
    clip = vigil_record_session_add(session, event, FALSE, NULL, 0);
    event->type = VIGIL_EVENT_END;
    vigil_record_session_add(session, event, FALSE, NULL, 0);
    ck_assert_int_eq(clip->end_ns, 70 * S);
}
END_TEST

START_TEST(clip_of_an_active_event_follows_the_analysis)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 3);

    ck_assert_int_eq(vigil_record_session_get_clip_limit(session, a, 14 * S), 14 * S);
    ck_assert_int_eq(vigil_record_session_get_clip_limit(session, a, G_MAXINT64), 65 * S);
}
END_TEST

START_TEST(longest_clip)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 3);

    ck_assert(!vigil_record_session_clip_is_over(session, a, 65 * S));
    ck_assert(vigil_record_session_clip_is_over(session, a, 65 * S + 1));
    /* what begins then needs one of its own, though the first event still goes on */
    ck_assert_ptr_nonnull(say("b", B, 66, 67, 1, 1));
    vigil_record_session_close_clip(session, a, VIGIL_RECORD_CLIP_CLOSED);
    say("a", E, 10, 80, 5, 3);
    ck_assert_uint_eq(vigil_record_session_get_n_queued(session), 3);
}
END_TEST

/* What is active, and a post-roll that found no room, goes on in the next one; in its order, before what comes then. */
START_TEST(events_go_on_in_the_next_clip)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 3), *next;
    const VigilRecordMessage *message;

    say("b", B, 12, 13, 5, 3);
    say("c", B, 20, 21, 5, 20);
    say("d", B, 20, 21, 5, 3);
    say("d", E, 20, 30, 5, 3);
    say("c", E, 20, 60, 5, 20);
    ck_assert(!vigil_record_session_clip_is_full(session, a, 65 * S));
    ck_assert(vigil_record_session_clip_is_full(session, a, 65 * S + 1));
    a->state = VIGIL_RECORD_CLIP_RECORDING;
    next = vigil_record_session_continue_clip(session, a, 66 * G_USEC_PER_SEC);
    ck_assert_ptr_nonnull(next);
    ck_assert_str_eq(next->name, "a-p1");
    ck_assert_int_eq(next->want_ns, 65 * S);
    ck_assert_int_eq(next->start_wall_us - a->start_wall_us, 55 * G_USEC_PER_SEC);
    ck_assert_uint_eq(a->n_active, 0);
    ck_assert_uint_eq(next->n_active, 2);
    ck_assert_int_eq(next->end_ns, 80 * S);
    ck_assert(vigil_record_session_clip_is_over(session, a, 65 * S + 1));
    /* begins and ends */
    for (guint i = 0; i < 6; i++) {
        message = vigil_record_session_peek(session, 0, FALSE);
        ck_assert(message && message->clip == a && !message->goes_on);
        vigil_record_session_pop(session, TRUE);
    }
    ck_assert_ptr_null(vigil_record_session_peek(session, 0, FALSE));
    say("a", E, 10, 70, 5, 3);
    next->state = VIGIL_RECORD_CLIP_RECORDING;
    for (guint i = 0; i < 3; i++) {
        static const gchar *const ids[] = {"a", "b", "c"};

        message = vigil_record_session_peek(session, 0, FALSE);
        ck_assert(message->goes_on && message->clip == next);
        ck_assert_uint_eq(message->part, 1);
        ck_assert_str_eq(message->event->id, ids[i]);
        vigil_record_session_pop(session, TRUE);
    }
    message = vigil_record_session_peek(session, 0, FALSE);
    ck_assert(!message->goes_on && message->clip == next && message->first == a);
    ck_assert_int_eq(message->event->type, E);
    vigil_record_session_pop(session, TRUE);
    say("b", E, 12, 100, 5, 3);
    ck_assert_int_eq(next->end_ns, 103 * S);
    ck_assert_uint_eq(next->n_committed, 4);
}
END_TEST

START_TEST(clip_of_which_nothing_goes_on_is_the_last)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 3), *next;

    next = vigil_record_session_continue_clip(session, a, 0);
    ck_assert_ptr_nonnull(next);
    say("a", E, 10, 70, 5, 3);
    ck_assert_ptr_null(vigil_record_session_continue_clip(session, next, 0));
    ck_assert(next->full);
}
END_TEST

/* The store failed: only what was said of events is taken again. */
START_TEST(continuations_are_not_taken_back)
{
    VigilEvent *event;

    vigil_record_session_continue_clip(session, say("a", B, 10, 11, 5, 3), 0);
    event = vigil_record_session_take_last(session);
    ck_assert_int_eq(event->type, B);
    vigil_event_unref(event);
    ck_assert_ptr_null(vigil_record_session_take_last(session));
}
END_TEST

START_TEST(longest_clip_has_no_room_for_a_stump)
{
    VigilRecordClip *a = say("a", B, 10, 10, 5, 5), *c;

    ck_assert_ptr_null(say("b", B, 58, 60, 5, 5));
    ck_assert_int_eq(a->last_trigger_ns, 60 * S);
    c = say("c", B, 60, 61, 5, 5);
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(c->want_ns, 55 * S);
    ck_assert_int_eq(a->last_trigger_ns, 60 * S);
    /* more than there is room for in any clip */
    ck_assert_ptr_null(say("d", B, 62, 62, 5, 3600));
}
END_TEST

/* One that goes on for ever is continued; what began just before that ends, since nothing joins it any more. */
START_TEST(clip_beside_a_continued_one_comes_to_an_end)
{
    VigilRecordClip *a = say("a", B, 10, 10, 5, 5), *b = say("b", B, 63, 63, 5, 5), *next;

    ck_assert_ptr_nonnull(b);
    next = vigil_record_session_continue_clip(session, a, 66 * G_USEC_PER_SEC);
    vigil_record_session_close_clip(session, a, VIGIL_RECORD_CLIP_CLOSED);
    /* its pre-roll begins before the next one */
    ck_assert_ptr_null(say("c", B, 68, 68, 5, 5));
    ck_assert_uint_eq(b->n_active, 2);
    ck_assert_ptr_null(say("d", B, 70, 70, 5, 5));
    ck_assert_uint_eq(b->n_active, 2);
    ck_assert_uint_eq(next->n_active, 2);
    say("b", E, 63, 72, 5, 5);
    say("c", E, 68, 72, 5, 5);
    ck_assert(vigil_record_session_clip_is_over(session, b, 77 * S + 1));
    ck_assert(!vigil_record_session_clip_is_over(session, next, 77 * S + 1));
}
END_TEST

START_TEST(messages_wait_for_the_first_fragment_in_order)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 5), *b;

    say("a", U, 10, 12, 5, 5);
    say("a", E, 10, 13, 5, 5);
    b = say("b", B, 13, 13, 1, 1);
    b->state = VIGIL_RECORD_CLIP_RECORDING;
    ck_assert_ptr_null(next_id(13));
    ck_assert_uint_eq(a->n_queued, 3);
    a->state = VIGIL_RECORD_CLIP_RECORDING;
    for (guint i = 0; i < 3; i++) {
        ck_assert_str_eq(next_id(13), "a");
        vigil_record_session_pop(session, TRUE);
    }
    ck_assert_uint_eq(a->n_committed, 3);
    ck_assert_str_eq(next_id(13), "b");
    vigil_record_session_pop(session, FALSE);
    ck_assert_uint_eq(b->n_committed, 0);
    ck_assert_uint_eq(b->n_queued, 0);
    ck_assert_ptr_null(next_id(13));
}
END_TEST

START_TEST(message_does_not_wait_for_ever)
{
    say("a", B, 10, 11, 5, 5);
    ck_assert_ptr_null(next_id(15));
    ck_assert_str_eq(next_id(16), "a");
    ck_assert_ptr_nonnull(vigil_record_session_peek(session, 11 * G_USEC_PER_SEC, TRUE));
}
END_TEST

START_TEST(clip_that_failed_holds_nothing_up)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 5);

    say("a", E, 10, 12, 5, 5);
    vigil_record_session_close_clip(session, a, VIGIL_RECORD_CLIP_FAILED);
    ck_assert_str_eq(next_id(12), "a");
    vigil_record_session_pop(session, TRUE);
    ck_assert_uint_eq(a->n_committed, 0);
    ck_assert_ptr_nonnull(say("b", B, 12, 13, 1, 1));
}
END_TEST

START_TEST(messages_are_taken_back_newest_first)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 5);
    VigilEvent *event;

    say("b", B, 12, 13, 5, 5);
    say("a", E, 10, 14, 5, 5);
    ck_assert_uint_eq(a->n_queued, 3);
    event = vigil_record_session_take_last(session);
    ck_assert(event->type == E && g_str_equal(event->id, "a"));
    vigil_event_unref(event);
    event = vigil_record_session_take_last(session);
    ck_assert(event->type == B && g_str_equal(event->id, "b"));
    vigil_event_unref(event);
    ck_assert_uint_eq(a->n_queued, 1);
    vigil_event_unref(vigil_record_session_take_last(session));
    ck_assert_ptr_null(vigil_record_session_take_last(session));
}
END_TEST

START_TEST(event_without_clip_and_known_event)
{
    VigilEvent *event = vigil_event_new();

    g_strlcpy(event->id, "a", sizeof event->id);
    event->type = B;
    ck_assert_ptr_null(vigil_record_session_add(session, event, FALSE, NULL, 0));
    ck_assert_ptr_null(vigil_record_session_peek(session, 0, FALSE)->clip);
    vigil_record_session_pop(session, TRUE);
    vigil_event_unref(event);

    event = vigil_event_new();
    g_strlcpy(event->id, "b", sizeof event->id);
    event->type = B;
    event->record = TRUE;
    ck_assert_ptr_null(vigil_record_session_add(session, event, TRUE, "p.mp4", 0));
    /* its end is known as well */
    vigil_record_session_pop(session, TRUE);
    event->type = E;
    ck_assert_ptr_null(vigil_record_session_add(session, event, FALSE, NULL, 0));
    ck_assert(vigil_record_session_peek(session, 0, FALSE)->known);
    ck_assert_str_eq(vigil_record_session_peek(session, 0, FALSE)->known_path, "p.mp4");
    vigil_event_unref(event);
}
END_TEST

START_TEST(end_of_what_never_began_is_committed_all_the_same)
{
    ck_assert_ptr_null(say("a", E, 10, 11, 5, 5));
    ck_assert_str_eq(next_id(11), "a");
}
END_TEST

/* Its last frame was taken, but its messages still wait behind those of another clip. */
START_TEST(clip_that_takes_no_more_frames_is_not_shared)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 5);

    a->full = TRUE;
    ck_assert_ptr_nonnull(say("b", B, 12, 13, 1, 1));
    ck_assert_uint_eq(a->n_queued, 1);
}
END_TEST

START_TEST(events_that_nobody_ended_end_with_the_session)
{
    VigilRecordClip *a = say("b", B, 10, 11, 5, 5);
    const VigilRecordMessage *message;

    say("a", B, 9, 12, 1, 1);
    say("c", B, 11, 12, 1, 1);
    say("c", E, 11, 13, 1, 1);
    say("b", U, 10, 14, 5, 5);
    vigil_record_session_close_all_events(session, VIGIL_END_STOPPED, 0);
    vigil_record_session_close_all_events(session, VIGIL_END_STOPPED, 0);
    a->state = VIGIL_RECORD_CLIP_RECORDING;
    ck_assert_uint_eq(vigil_record_session_get_n_queued(session), 7);
    for (guint i = 0; i < 5; i++)
        vigil_record_session_pop(session, TRUE);
    message = vigil_record_session_peek(session, 0, TRUE);
    ck_assert_str_eq(message->event->id, "a");
    ck_assert_int_eq(message->event->type, E);
    ck_assert_int_eq(message->event->end_reason, VIGIL_END_STOPPED);
    vigil_record_session_pop(session, TRUE);
    message = vigil_record_session_peek(session, 0, TRUE);
    ck_assert_str_eq(message->event->id, "b");
    ck_assert_int_eq(message->event->end_ns, 14 * S);
    ck_assert_ptr_eq(message->clip, a);
    ck_assert_uint_eq(a->n_queued, 1);
}
END_TEST

START_TEST(stream_that_ends_ends_all_clips)
{
    VigilRecordClip *a = say("a", B, 10, 11, 5, 5);

    vigil_record_session_close_all_events(session, VIGIL_END_STREAM, 0);
    ck_assert_uint_eq(a->n_active, 0);
    /* all that there is belongs into it */
    ck_assert_int_eq(vigil_record_session_get_clip_limit(session, a, 0), 65 * S);
    ck_assert_ptr_nonnull(say("b", B, 12, 13, 1, 1));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("record-session");
    TCase *tcase = tcase_create("session");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, event_that_begins_during_another_joins_its_clip);
    tcase_add_test(tcase, clip_that_does_not_reach_back_is_not_shared);
    tcase_add_test(tcase, clip_in_its_post_roll_is_not_shared);
    tcase_add_test(tcase, end_is_the_latest_of_its_events);
    tcase_add_test(tcase, end_is_not_before_the_trigger);
    tcase_add_test(tcase, clip_of_an_active_event_follows_the_analysis);
    tcase_add_test(tcase, longest_clip);
    tcase_add_test(tcase, events_go_on_in_the_next_clip);
    tcase_add_test(tcase, clip_of_which_nothing_goes_on_is_the_last);
    tcase_add_test(tcase, continuations_are_not_taken_back);
    tcase_add_test(tcase, longest_clip_has_no_room_for_a_stump);
    tcase_add_test(tcase, clip_beside_a_continued_one_comes_to_an_end);
    tcase_add_test(tcase, messages_wait_for_the_first_fragment_in_order);
    tcase_add_test(tcase, message_does_not_wait_for_ever);
    tcase_add_test(tcase, clip_that_failed_holds_nothing_up);
    tcase_add_test(tcase, messages_are_taken_back_newest_first);
    tcase_add_test(tcase, event_without_clip_and_known_event);
    tcase_add_test(tcase, end_of_what_never_began_is_committed_all_the_same);
    tcase_add_test(tcase, clip_that_takes_no_more_frames_is_not_shared);
    tcase_add_test(tcase, events_that_nobody_ended_end_with_the_session);
    tcase_add_test(tcase, stream_that_ends_ends_all_clips);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
