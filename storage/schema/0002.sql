-- SPDX-License-Identifier: Apache-2.0
-- Which model looked at the frame on which an event's rule fired: one may take another's place at any frame.
-- NULL: not known (events of before, or another project's detector).
ALTER TABLE events ADD COLUMN model_id INTEGER REFERENCES models (id);
