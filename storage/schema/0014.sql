-- SPDX-License-Identifier: Apache-2.0
-- Where in the frame an event was: the bounds of its track's boxes, or its box where there is no track. In parts of the frame; a bit
-- larger than what they bound. Old events' rows are added by the program, which can read tracks. It
-- removes a row with its event, too.
CREATE VIRTUAL TABLE event_areas USING rtree (event_seq, x0, x1, y0, y1);
